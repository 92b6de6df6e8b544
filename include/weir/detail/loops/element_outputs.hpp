// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>
#include <weir/detail/base/sync.hpp>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

// Where a transform's workers put what the function gives.

namespace weir::detail {

// Results that a vector may hold before they are computed. Not bool: its
// neighbours in a vector share a byte.
template <typename R>
inline constexpr bool is_plain_result =
    std::is_trivially_copyable_v<R>&& std::default_initializable<R> &&
    !std::is_same_v<R, bool>;

// For a range whose size is known: each result is stored at its index.
template <typename R>
class outputs_in_place final {
public:
  static constexpr bool wanted = true;

  explicit outputs_in_place(std::size_t count) : all_(count) {}

  outputs_in_place& make() noexcept { return *this; }
  template <typename G>
  void put(std::size_t index, G g) {
    all_[index] = g();
  }
  bool fail(std::size_t, const std::exception_ptr&) noexcept { return false; }

  std::vector<R> take() { return std::move(all_); }

private:
  std::vector<R> all_;
};

// The results of one worker, in the order in which it made them, with the
// indices. With `Errors`, R is a result<T>, and an error is stored as one too.
template <typename R, bool Errors>
class worker_outputs final : public cached<worker_outputs<R, Errors>> {
public:
  struct run {
    std::size_t first; // index of the element
    std::size_t at;    // in `values`
    std::size_t count;
    worker_outputs* from;
  };

  template <typename G>
  void put(std::size_t index, G g) {
    reserve_run(index);
    if constexpr (Errors)
      values.emplace_back(std::in_place, g());
    else
      values.push_back(g());
    ++runs.back().count;
  }
  // The error is the element's result, if results can be errors.
  bool fail(std::size_t index, const std::exception_ptr& error) {
    if constexpr (Errors) {
      reserve_run(index);
      values.emplace_back(error);
      ++runs.back().count;
      return true;
    } else {
      return false;
    }
  }

  std::vector<R> values;
  std::vector<run> runs;
  worker_outputs* next = nullptr;

private:
  void reserve_run(std::size_t index) {
    if (!runs.empty() && runs.back().count == 0)
      runs.pop_back(); // of an element that failed
    if (runs.empty() || runs.back().first + runs.back().count != index)
      runs.push_back({index, values.size(), 0, this});
  }
};

// One for each worker; put together at the end.
template <typename R, bool Errors>
class outputs_by_worker final {
  using part = worker_outputs<R, Errors>;

public:
  static constexpr bool wanted = true;

  outputs_by_worker() = default;
  outputs_by_worker(const outputs_by_worker&) = delete;
  outputs_by_worker& operator=(const outputs_by_worker&) = delete;
  ~outputs_by_worker() {
    // relaxed: the workers have ended.
    part* p = head_.load(std::memory_order_relaxed);
    while (p != nullptr)
      delete std::exchange(p, p->next);
  }

  // Any thread.
  part& make() {
    auto* const p = new part;
    // relaxed: only compared, and stored in a part that is not published yet.
    p->next = head_.load(std::memory_order_relaxed);
    while (!head_.compare_exchange_weak(
        p->next,
        p,
        std::memory_order_release,    // publishes `next`
        std::memory_order_relaxed)) { // as above
    }
    return *p;
  }

  std::vector<R> take() {
    std::vector<typename part::run> runs;
    std::size_t count = 0;
    // acquire: pairs with make(). What the workers wrote after that was
    // published by their end.
    for (part* p = head_.load(std::memory_order_acquire); p != nullptr;
         p = p->next) {
      runs.insert(runs.end(), p->runs.begin(), p->runs.end());
      count += p->values.size();
    }
    std::sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) {
      return a.first < b.first;
    });
    std::vector<R> all;
    all.reserve(count);
    for (const auto& run : runs)
      for (std::size_t i = run.at; i != run.at + run.count; ++i)
        all.push_back(std::move(run.from->values[i]));
    return all;
  }

private:
  sync::atomic<part*> head_{nullptr};
};

} // namespace weir::detail
