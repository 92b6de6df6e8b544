// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

// The policy (see <weir/detail/base/sync.hpp>) of a program that compiles the
// library itself: the same atomics, but threads pause at random before they
// access one, so that they interleave within operations that usually take a few
// nanoseconds.

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/wait_traits.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace weir::test::threads {

/// When threads pause. Each has a sequence of its own for every seed.
class pauses final {
public:
  /// From now on one operation in `one_in` is preceded by a pause; 0: none.
  static void begin(std::uint64_t seed, std::uint32_t one_in) noexcept {
    // relaxed, here and below: random numbers, which must order nothing.
    seed_.store(seed | 1, std::memory_order_relaxed);
    numbers_.store(0, std::memory_order_relaxed);
    one_in_.store(one_in, std::memory_order_relaxed);
  }

  static void here() noexcept {
    const std::uint32_t one_in = one_in_.load(std::memory_order_relaxed);
    if (one_in == 0)
      return;
    own& mine = own_;
    const std::uint64_t seed = seed_.load(std::memory_order_relaxed);
    if (mine.seed != seed) {
      mine.seed = seed;
      mine.state =
          seed + (numbers_.fetch_add(1, std::memory_order_relaxed) << 48);
    }
    const std::uint64_t drawn = next(mine.state);
    if (drawn % one_in == 0)
      pause(drawn >> 32);
  }

  /// How many pauses there were.
  static std::uint64_t taken() noexcept {
    return taken_.load(std::memory_order_relaxed);
  }

private:
  struct own {
    std::uint64_t seed;
    std::uint64_t state;
  };

  // Source: splitmix64, by Sebastiano Vigna.
  static std::uint64_t next(std::uint64_t& state) noexcept {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  static void pause(std::uint64_t drawn) noexcept {
    taken_.fetch_add(1, std::memory_order_relaxed);
    const std::uint64_t length = drawn / 64 % 64;
    if (drawn % 64 == 0) // as if preempted, perhaps with a lock held
      std::this_thread::sleep_for(std::chrono::microseconds(length));
    else if (drawn % 2 == 0)
      std::this_thread::yield();
    else
      for (volatile std::uint64_t i = 0; i < 4 * length;)
        i = i + 1;
  }

  static inline std::atomic<std::uint64_t> seed_{0};
  static inline std::atomic<std::uint64_t> numbers_{0};
  static inline std::atomic<std::uint32_t> one_in_{0};
  static inline std::atomic<std::uint64_t> taken_{0};
  // Trivial: locks are taken while threads end, too.
  static inline constinit thread_local own own_{};
};

struct pausing_sync {
  template <typename T>
  class atomic {
  public:
    constexpr atomic() noexcept : value_() {}
    constexpr atomic(T value) noexcept : value_(value) {}
    atomic(const atomic&) = delete;
    atomic& operator=(const atomic&) = delete;

    T load(std::memory_order order) const noexcept {
      pauses::here();
      return value_.load(order);
    }
    void store(T value, std::memory_order order) noexcept {
      pauses::here();
      value_.store(value, order);
    }
    T exchange(T value, std::memory_order order) noexcept {
      pauses::here();
      return value_.exchange(value, order);
    }
    T fetch_add(T n, std::memory_order order) noexcept {
      pauses::here();
      return value_.fetch_add(n, order);
    }
    T fetch_sub(T n, std::memory_order order) noexcept {
      pauses::here();
      return value_.fetch_sub(n, order);
    }
    T fetch_or(T n, std::memory_order order) noexcept {
      pauses::here();
      return value_.fetch_or(n, order);
    }
    T fetch_and(T n, std::memory_order order) noexcept {
      pauses::here();
      return value_.fetch_and(n, order);
    }
    bool compare_exchange_strong(T& expected,
                                 T value,
                                 std::memory_order success,
                                 std::memory_order failure) noexcept {
      pauses::here();
      return value_.compare_exchange_strong(expected, value, success, failure);
    }
    bool compare_exchange_weak(T& expected,
                               T value,
                               std::memory_order success,
                               std::memory_order failure) noexcept {
      pauses::here();
      return value_.compare_exchange_weak(expected, value, success, failure);
    }

  private:
    std::atomic<T> value_;
  };

  using mutex = std::mutex;
  using condition_variable = std::condition_variable;
  using timer = boost::asio::basic_waitable_timer<
      std::chrono::steady_clock,
      boost::asio::wait_traits<std::chrono::steady_clock>,
      boost::asio::thread_pool::executor_type>;

  static void fence_seq_cst() noexcept {
    pauses::here();
    // A fence that ThreadSanitizer understands, too.
    static std::atomic<int> ordered{0};
    ordered.fetch_add(1, std::memory_order_seq_cst);
  }

  static void pause(unsigned round) noexcept {
    pauses::here();
    if (round >= 64)
      std::this_thread::yield();
  }
};

} // namespace weir::test::threads
