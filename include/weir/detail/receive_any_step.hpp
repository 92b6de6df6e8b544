// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "channel_impl.hpp"
#include "task_core.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace weir::detail {

// In the queue of one of the channels. Told by it once the claim is taken.
template <typename T>
struct any_receiver final : channel_receiver<T> {};

// weir::receive_any as an operation. It waits in all channels at once; whoever
// serves it takes the claim, under its channel's lock, and takes it out of the
// other queues before it is completed.
template <typename... Ts>
class receive_any_step final : waiter {
  static constexpr std::size_t n = sizeof...(Ts);

public:
  using result = std::optional<std::variant<Ts...>>;
  using signature = void(boost::system::error_code, result);
  static constexpr bool starts_cancelled = false;
  static constexpr bool yields = false;

  explicit receive_any_step(channel_core<Ts>&... cores) noexcept
      : waiter(&receive_any_step::served), cores_(&cores...) {}
  // Only before it is started.
  receive_any_step(receive_any_step&& other) noexcept
      : waiter(&receive_any_step::served), cores_(other.cores_) {}

  bool start(waiter& w, task_core*) noexcept {
    who_ = &w;
    // Nobody holds two of these locks but a step like this, in this order.
    locks held(cores_);
    std::size_t open = 0;
    if (each([&](auto& core, auto& entry) {
          const auto what = core.take();
          if (what.source == decltype(what.source)::nowhere) {
            open += !core.is_closed_now();
            return false;
          }
          claim_.taken.store(true, std::memory_order_relaxed); // by itself
          held.unlock();
          core.collect(what, entry.value);
          return true;
        }))
      return true;
    if (open == 0) {
      claim_.taken.store(true, std::memory_order_relaxed); // as above
      return true;
    }
    // relaxed: published by the locks.
    claim_.open.store(open, std::memory_order_relaxed);
    each([&](auto& core, auto& entry) {
      if (!core.is_closed_now()) {
        entry.claim = &claim_;
        core.wait(entry, *this);
      }
      return false;
    });
    return false; // When the locks are released, *this may be gone.
  }

  bool on_cancel(waiter&) noexcept {
    if (!claim_.take())
      return false;
    leave_queues();
    abort();
    return true;
  }
  void withdraw(waiter& w) noexcept { (void)on_cancel(w); }

  void keep_alive() noexcept {}
  void abort() noexcept { code_ = asio::error::operation_aborted; }
  bool ended_by_cancel() const noexcept {
    return code_ == asio::error::operation_aborted;
  }
  result finish() {
    if (code_)
      throw boost::system::system_error(code_);
    return received(std::index_sequence_for<Ts...>());
  }
  std::tuple<boost::system::error_code, result> arguments() noexcept {
    return {code_, received(std::index_sequence_for<Ts...>())};
  }
  asio::system_executor fallback_executor() const noexcept { return {}; }

private:
  // The locks of all channels; of each once, should it be given twice.
  class locks {
  public:
    explicit locks(const std::tuple<channel_core<Ts>*...>& cores) noexcept {
      std::apply([this](auto*... core) { all_ = {&core->lock...}; }, cores);
      std::sort(all_.begin(), all_.end(), std::less<>());
      end_ = std::unique(all_.begin(), all_.end());
      std::for_each(all_.begin(), end_, [](spin_lock* l) { l->lock(); });
    }
    locks(const locks&) = delete;
    locks& operator=(const locks&) = delete;
    ~locks() { unlock(); }
    // The step and its channels are not touched between or after these.
    void unlock() noexcept {
      std::for_each(all_.begin(), end_, [](spin_lock* l) { l->unlock(); });
      end_ = all_.begin();
    }

  private:
    std::array<spin_lock*, n> all_;
    typename std::array<spin_lock*, n>::iterator end_;
  };

  // Calls f(core, entry) for each in turn, until one returns true.
  template <typename F>
  bool each(F f) noexcept {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (f(*std::get<I>(cores_), std::get<I>(entries_)) || ...);
    }
    (std::index_sequence_for<Ts...>());
  }

  void leave_queues() noexcept {
    each([](auto& core, auto& entry) {
      if (!entry.is_forsaken())
        (void)core.withdraw(entry);
      return false;
    });
  }

  // Any thread, no lock held, the claim taken.
  static void served(waiter& w) noexcept {
    auto& self = static_cast<receive_any_step&>(w);
    self.leave_queues();
    self.who_->complete(*self.who_);
  }

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
  shared_claim claim_;
  waiter* who_ = nullptr;
  boost::system::error_code code_;
};

} // namespace weir::detail
