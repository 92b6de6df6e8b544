// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>
#include <weir/task.hpp>

#include "async_mutex.hpp"
#include "element_function.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

// Where a loop's workers get their elements. A batch is what a worker took: a
// few elements in a row, and the index of the first that was not run yet.

namespace weir::detail {

// Elements that are visited where they are.
template <typename Iterator>
struct batch_in_place {
  // Calls `g(index, element)` for the next `n`. An exception leaves it behind
  // the element that threw.
  template <typename G>
  void run(std::size_t n, G g) {
    Iterator i = at;
    std::size_t k = index;
    const std::size_t end = k + n;
    left -= n;
    try {
      for (; k != end; ++k, ++i)
        g(k, *i);
    } catch (...) {
      left += end - (k + 1);
      index = k + 1;
      at = ++i;
      throw;
    }
    index = k;
    at = i;
  }

  Iterator at{};
  std::size_t index = 0;
  std::size_t left = 0;
  std::exception_ptr error; // of the source
};

// Elements that were taken out of their source.
template <typename Value, typename Element>
struct batch_of_values {
  template <typename G>
  void run(std::size_t n, G g) {
    for (; n != 0; --n) {
      --left;
      ++index;
      g(index - 1, static_cast<Element>(values[values.size() - left - 1]));
    }
  }

  std::vector<Value> values;
  std::size_t index = 0;
  std::size_t left = 0;
  std::exception_ptr error;
};

// A range with random access and a size.
template <typename View>
class indexed_source final {
public:
  using batch = batch_in_place<std::ranges::iterator_t<View>>;
  using element = std::ranges::range_reference_t<View>;
  static constexpr bool is_indexed = true;

  explicit indexed_source(View& view)
      : first_(std::ranges::begin(view)),
        size_(static_cast<std::size_t>(std::ranges::size(view))) {}

  std::size_t size() const noexcept { return size_; }

  // relaxed, here and below: it hands out numbers; the elements themselves
  // were published by the spawn of the workers.
  bool claim(batch& b, std::size_t want) {
    if (is_exhausted())
      return false;
    const std::size_t at = next_.fetch_add(want, std::memory_order_relaxed);
    if (at >= size_)
      return false;
    b.at =
        first_ +
        static_cast<std::iter_difference_t<std::ranges::iterator_t<View>>>(at);
    b.index = at;
    b.left = std::min(want, size_ - at);
    return true;
  }
  bool is_exhausted() const noexcept {
    return next_.load(std::memory_order_relaxed) >= size_;
  }
  void stop() noexcept { next_.store(size_, std::memory_order_relaxed); }

private:
  std::ranges::iterator_t<View> first_;
  std::size_t size_;
  sync::atomic<std::size_t> next_{0};
};

// Any other range: one worker at a time walks along it.
template <typename View, typename F>
class serial_source final {
  static constexpr bool keeps = std::ranges::forward_range<View>;
  using value = std::ranges::range_value_t<View>;
  using iterator = std::ranges::iterator_t<View>;

public:
  using element = element_of<View, F>;
  using batch = std::conditional_t<keeps,
                                   batch_in_place<iterator>,
                                   batch_of_values<value, element>>;
  static constexpr bool is_indexed = false;

  explicit serial_source(View& view)
      : next_(std::ranges::begin(view)), end_(std::ranges::end(view)) {}

  // False: there is no more. What the range throws is in the batch.
  task<bool> pull(batch& b, std::size_t want) {
    async_lock held = co_await mutex_.lock();
    b.left = 0;
    if (is_exhausted())
      co_return false;
    try {
      fill(b, want);
    } catch (...) {
      b.error = std::current_exception();
      stop();
    }
    co_return b.left != 0;
  }
  // relaxed, here and below: a hint; the task that holds the mutex looks again.
  bool is_exhausted() const noexcept {
    return exhausted_.load(std::memory_order_relaxed);
  }
  void stop() noexcept { exhausted_.store(true, std::memory_order_relaxed); }

private:
  void fill(batch& b, std::size_t want) {
    b.index = index_;
    if constexpr (keeps)
      b.at = next_;
    else
      b.values.clear();
    for (; b.left != want && next_ != end_; ++next_) {
      if constexpr (!keeps)
        b.values.push_back(*next_);
      ++b.left;
      ++index_;
    }
    if (next_ == end_)
      stop();
  }

  async_mutex mutex_;
  iterator next_;                     // these three: under mutex_
  std::ranges::sentinel_t<View> end_; //
  std::size_t index_ = 0;             //
  sync::atomic<bool> exhausted_{false};
};

// An asynchronous producer: called by one worker at a time.
template <typename P, typename F>
class produced_source final {
  using value = produced_by<P>;

public:
  using element = owned_element<value, F>;
  using batch = batch_of_values<value, element>;
  static constexpr bool is_indexed = false;

  explicit produced_source(P& produce) : produce_(produce) {}

  // One element at a time: the next one may depend on how this one is
  // processed.
  task<bool> pull(batch& b, std::size_t) {
    async_lock held = co_await mutex_.lock();
    b.left = 0;
    if (is_exhausted())
      co_return false;
    try {
      std::optional<value> got = co_await std::invoke(produce_);
      b.values.clear();
      if (got) {
        b.values.push_back(std::move(*got));
        b.left = 1;
        b.index = index_++;
      }
    } catch (...) {
      b.error = std::current_exception();
      b.index = index_;
    }
    if (b.left == 0)
      stop();
    co_return b.left != 0;
  }
  // relaxed, here and below: as in serial_source.
  bool is_exhausted() const noexcept {
    return exhausted_.load(std::memory_order_relaxed);
  }
  void stop() noexcept { exhausted_.store(true, std::memory_order_relaxed); }

private:
  async_mutex mutex_;
  P& produce_;
  std::size_t index_ = 0; // under mutex_
  sync::atomic<bool> exhausted_{false};
};

template <typename View, typename F>
using range_source =
    std::conditional_t<std::ranges::random_access_range<View> &&
                           std::ranges::sized_range<View>,
                       indexed_source<View>,
                       serial_source<View, F>>;

} // namespace weir::detail
