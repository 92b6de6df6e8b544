// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "explorer.hpp"
#include "hand_timer.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>

namespace weir::test {

/// compare_exchange_weak() of such an atomic: fails spuriously if the explorer
/// chooses so.
template <typename Atomic, typename T>
bool exchange_weakly(Atomic& a,
                     T& expected,
                     T value,
                     std::memory_order success,
                     std::memory_order failure) noexcept {
  if (explorer* e = explorer::active(); e != nullptr && e->fault()) {
    expected = a.load(failure);
    return false;
  }
  return a.compare_exchange_strong(expected, value, success, failure);
}

/// An atomic whose stores may be late.
template <typename T>
class late_atomic {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));

public:
  late_atomic() noexcept : value_() {}
  late_atomic(T value) noexcept : value_(value) {}
  late_atomic(const late_atomic&) = delete;
  late_atomic& operator=(const late_atomic&) = delete;

  T load(std::memory_order) const noexcept {
    explorer* const e = explorer::active();
    if (e == nullptr)
      return value_;
    e->step();
    const explorer::store* const own = e->delayed(this);
    return own != nullptr ? from_bits(own->bits) : value_;
  }

  void store(T value, std::memory_order order) noexcept {
    explorer* const e = explorer::active();
    if (e == nullptr) {
      value_ = value;
      return;
    }
    e->step();
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    // Stores stay in order: one that is late delays all that follow.
    const bool is_first = e->delay({this, bits, &late_atomic::apply});
    if (order == std::memory_order_seq_cst)
      e->flush();
    else if (is_first && !e->fault())
      e->publish();
  }

  T exchange(T value, std::memory_order) noexcept {
    return modify([&](T) { return value; });
  }
  T fetch_add(T n, std::memory_order) noexcept {
    return modify([&](T v) { return static_cast<T>(v + n); });
  }
  T fetch_sub(T n, std::memory_order) noexcept {
    return modify([&](T v) { return static_cast<T>(v - n); });
  }
  T fetch_or(T n, std::memory_order) noexcept {
    return modify([&](T v) { return static_cast<T>(v | n); });
  }
  T fetch_and(T n, std::memory_order) noexcept {
    return modify([&](T v) { return static_cast<T>(v & n); });
  }

  bool compare_exchange_strong(T& expected,
                               T value,
                               std::memory_order,
                               std::memory_order) noexcept {
    bool equal = false;
    const T before = modify([&](T v) {
      equal = v == expected;
      return equal ? value : v;
    });
    expected = before;
    return equal;
  }
  bool compare_exchange_weak(T& expected,
                             T value,
                             std::memory_order success,
                             std::memory_order failure) noexcept {
    return exchange_weakly(*this, expected, value, success, failure);
  }

private:
  static T from_bits(std::uint64_t bits) noexcept {
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  static void apply(void* where, std::uint64_t bits) noexcept {
    static_cast<late_atomic*>(where)->value_ = from_bits(bits);
  }

  template <typename F>
  T modify(F f) noexcept {
    explorer* const e = explorer::active();
    if (e != nullptr) {
      e->flush();
      e->step();
    }
    const T before = value_;
    value_ = f(before);
    if (e != nullptr && value_ != before)
      e->wrote();
    return before;
  }

  T value_;
};

/// An atomic for the thread sanitizer: the real one with the orders given.
template <typename T>
class ordered_atomic {
public:
  ordered_atomic() noexcept : value_() {}
  ordered_atomic(T value) noexcept : value_(value) {}

  T load(std::memory_order order) const noexcept {
    const turn mine;
    return value_.load(order);
  }
  void store(T value, std::memory_order order) noexcept {
    const turn mine(turn::kind::writes);
    value_.store(value, order);
  }
  T exchange(T value, std::memory_order order) noexcept {
    const turn mine;
    return noted(value_.exchange(value, order), value);
  }
  T fetch_add(T n, std::memory_order order) noexcept {
    const turn mine(turn::kind::writes);
    return value_.fetch_add(n, order);
  }
  T fetch_sub(T n, std::memory_order order) noexcept {
    const turn mine(turn::kind::writes);
    return value_.fetch_sub(n, order);
  }
  T fetch_or(T n, std::memory_order order) noexcept {
    const turn mine(turn::kind::writes);
    return value_.fetch_or(n, order);
  }
  T fetch_and(T n, std::memory_order order) noexcept {
    const turn mine(turn::kind::writes);
    return value_.fetch_and(n, order);
  }
  bool compare_exchange_strong(T& expected,
                               T value,
                               std::memory_order success,
                               std::memory_order failure) noexcept {
    const turn mine;
    if (!value_.compare_exchange_strong(expected, value, success, failure))
      return false;
    noted(expected, value);
    return true;
  }
  bool compare_exchange_weak(T& expected,
                             T value,
                             std::memory_order success,
                             std::memory_order failure) noexcept {
    return exchange_weakly(*this, expected, value, success, failure);
  }

private:
  struct turn {
    enum class kind : bool { reads, writes };
    explicit turn(kind k = kind::reads) noexcept {
      if (explorer* const e = explorer::active(); e != nullptr) {
        e->step();
        // No other fiber runs before the access.
        if (k == kind::writes)
          e->wrote();
      }
    }
  };
  // A write of the same value is no change: no paused thread must look again.
  static T noted(T before, T after) noexcept {
    if (explorer* const e = explorer::active(); e != nullptr && before != after)
      e->wrote();
    return before;
  }

  std::atomic<T> value_;
};

/// A mutex of such atomics.
template <template <typename> class Atomic>
class explored_mutex {
public:
  void lock() noexcept {
    // acquire, release: as a mutex.
    while (locked_.exchange(true, std::memory_order_acquire))
      explorer::active()->pause();
  }
  void unlock() noexcept { locked_.store(false, std::memory_order_release); }

private:
  Atomic<bool> locked_{false};
};

/// As std::condition_variable, but notify_one() is notify_all(): more wake-ups
/// than necessary, never fewer.
class explored_condition {
public:
  void notify_all() noexcept {
    explorer* const e = explorer::active();
    if (e == nullptr)
      return;
    e->step();
    // relaxed: a condition orders nothing, its mutex does.
    notified_.fetch_add(1, std::memory_order_relaxed);
    e->wrote();
  }
  void notify_one() noexcept { notify_all(); }

  template <typename Lock, typename Predicate>
  void wait(Lock& held, Predicate done) {
    while (!done()) {
      const unsigned before = notified();
      held.unlock();
      while (notified() == before)
        explorer::active()->pause();
      held.lock();
    }
  }
  /// Time does not pass.
  template <typename Lock, typename Duration, typename Predicate>
  bool wait_for(Lock& held, Duration, Predicate done) {
    wait(held, done);
    return true;
  }

private:
  unsigned notified() const noexcept {
    return notified_.load(std::memory_order_relaxed); // as above
  }
  std::atomic<unsigned> notified_{0};
};

/// The policy that puts an engine's protocol under the explorer.
struct explore_sync {
#if defined(WEIR_TSAN_FIBERS)
  template <typename T>
  using atomic = ordered_atomic<T>;
#else
  template <typename T>
  using atomic = late_atomic<T>;
#endif
  using mutex = explored_mutex<atomic>;
  using condition_variable = explored_condition;
  using timer = hand_timer;

  static void fence_seq_cst() noexcept {
#if defined(WEIR_TSAN_FIBERS)
    // As in std_sync.
    static std::atomic<int> ordered{0};
    ordered.fetch_add(1, std::memory_order_seq_cst);
#endif
    if (explorer* const e = explorer::active(); e != nullptr)
      e->flush();
  }
  static void pause(unsigned) noexcept {
    if (explorer* const e = explorer::active(); e != nullptr)
      e->pause();
  }
};

} // namespace weir::test
