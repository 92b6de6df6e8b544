// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace weir::test::model {

/// Some of the values of reference::answer, its first ones among them.
enum class reference_answer : std::uint8_t {
  waits,
  granted,
  cancelled,
  closed,
  full,
  overloaded,
  oversized,
};

/// The contract of a limiter. `told(task, answer, 0)` ends a wait.
class reference_limiter final {
public:
  reference_answer acquire(int who, std::size_t weight) {
    if (try_acquire(weight))
      return reference_answer::granted;
    queue.push_back({who, weight});
    return reference_answer::waits;
  }
  bool try_acquire(std::size_t weight) {
    if (!has_free(weight))
      return false;
    in_use += weight;
    return true;
  }
  template <typename Told>
  void release(std::size_t weight, Told told) {
    in_use -= weight;
    serve(told);
  }
  template <typename Told>
  void set_capacity(std::size_t n, Told told) {
    capacity = n;
    for (const entry& e : std::deque<entry>(queue))
      if (e.weight > n) {
        remove(e.who);
        told(e.who, reference_answer::oversized, 0);
      }
    serve(told);
  }
  template <typename Told>
  void withdraw(int who, Told told) {
    remove(who);
    serve(told);
  }

  bool has_free(std::size_t weight) const {
    return queue.empty() && weight <= available();
  }
  std::size_t available() const {
    return in_use < capacity ? capacity - in_use : 0;
  }

  struct entry {
    int who;
    std::size_t weight;
  };
  std::size_t capacity = 1, in_use = 0;
  std::deque<entry> queue;

private:
  void remove(int who) {
    std::erase_if(queue, [who](const entry& e) { return e.who == who; });
  }
  template <typename Told>
  void serve(Told told) {
    while (!queue.empty() && queue.front().weight <= available()) {
      const entry e = queue.front();
      queue.pop_front();
      in_use += e.weight;
      told(e.who, reference_answer::granted, 0);
    }
  }
};

} // namespace weir::test::model
