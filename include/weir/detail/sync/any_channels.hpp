// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/channel.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/indexed_value.hpp>

#include "channel_core.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// The channels of a receive_any(), each with its entry for that channel's
// queue: a list of them, or a range.

namespace weir::detail {

// In the queue of one of the channels. Told by it once the claim is taken.
template <typename T>
struct any_receiver final : channel_receiver<T> {};

// Those whose types are known. Moved only before it is started.
template <typename... Ts>
class listed_channels final {
public:
  using result = std::optional<std::variant<Ts...>>;

  explicit listed_channels(channel_core<Ts>&... cores) noexcept
      : cores_(&cores...) {}
  listed_channels(listed_channels&& other) noexcept : cores_(other.cores_) {}

  // Of each channel, one may be there twice. Called once.
  std::array<spin_lock*, sizeof...(Ts)> locks() const noexcept {
    return std::apply(
        [](auto*... core) {
          return std::array<spin_lock*, sizeof...(Ts)>{&core->lock...};
        },
        cores_);
  }

  // Calls f(core, entry) for each in turn, until one returns true.
  template <typename F>
  bool each(F f) noexcept {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (f(*std::get<I>(cores_), std::get<I>(entries_)) || ...);
    }
    (std::index_sequence_for<Ts...>());
  }

  result received() noexcept {
    return received(std::index_sequence_for<Ts...>());
  }

private:
  template <std::size_t... I>
  result received(std::index_sequence<I...>) noexcept {
    result r;
    (void)((std::get<I>(entries_).value.has_value() &&
            (r.emplace(std::in_place_index<I>,
                       std::move(*std::get<I>(entries_).value)),
             true)) ||
           ...);
    return r;
  }

  std::tuple<channel_core<Ts>*...> cores_;
  std::tuple<any_receiver<Ts>...> entries_;
};

// --- a range ----------------------------------------------------------------

template <typename T>
channel<T>* channel_at(channel<T>& c) noexcept {
  return std::addressof(c);
}
template <typename T>
channel<T>* channel_at(const std::reference_wrapper<channel<T>>& c) noexcept {
  return std::addressof(c.get());
}
// A pointer, plain or smart.
template <typename P>
requires requires(const P& p) {
  static_cast<bool>(p);
  channel_at(*p);
}
auto channel_at(const P& p) noexcept -> decltype(channel_at(*p)) {
  return p ? channel_at(*p) : nullptr;
}

template <typename R>
concept channel_range = std::ranges::input_range<R> &&
    requires(std::ranges::range_reference_t<R> element) {
  channel_at(element);
};

template <typename C>
struct channel_value;
template <typename T>
struct channel_value<channel<T>*> {
  using type = T;
};
template <channel_range R>
using range_channel_value = typename channel_value<decltype(channel_at(
    std::declval<std::ranges::range_reference_t<R>>()))>::type;

template <typename T>
class ranged_channels final {
  struct place {
    channel_core<T>* core = nullptr;
    any_receiver<T> entry;
  };

public:
  using result = std::optional<indexed_value<T>>;

  template <channel_range R>
  explicit ranged_channels(R&& range) {
    std::vector<channel_core<T>*> cores;
    if constexpr (std::ranges::sized_range<R>)
      cores.reserve(static_cast<std::size_t>(std::ranges::size(range)));
    for (auto&& element : range) {
      channel<T>* const c = channel_at(element);
      if (c == nullptr)
        throw std::invalid_argument(
            "weir::receive_any: a pointer to a channel is null");
      cores.push_back(&channel_access::core(*c));
    }
    if (cores.empty())
      throw std::invalid_argument(
          "weir::receive_any: the range is empty, must have a channel");
    count_ = cores.size();
    places_ = std::make_unique<place[]>(count_);
    locks_.reserve(count_);
    for (std::size_t i = 0; i != count_; ++i) {
      places_[i].core = cores[i];
      locks_.push_back(&cores[i]->lock);
    }
  }

  std::vector<spin_lock*> locks() noexcept { return std::move(locks_); }

  template <typename F>
  bool each(F f) noexcept {
    return std::any_of(places_.get(), places_.get() + count_, [&](place& at) {
      return f(*at.core, at.entry);
    });
  }

  result received() noexcept {
    for (std::size_t i = 0; i != count_; ++i)
      if (auto& value = places_[i].entry.value)
        return result(std::in_place, i, std::move(*value));
    return std::nullopt;
  }

private:
  std::size_t count_ = 0;
  std::unique_ptr<place[]> places_;
  std::vector<spin_lock*> locks_; // until locks()
};

} // namespace weir::detail
