// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "explorer.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>

namespace weir::test {

/// The policy that puts an engine's protocol under the explorer.
struct explore_sync {
  template <typename T>
  class atomic {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));

  public:
    atomic() noexcept : value_() {}
    atomic(T value) noexcept : value_(value) {}
    atomic(const atomic&) = delete;
    atomic& operator=(const atomic&) = delete;

    T load(std::memory_order) const noexcept {
      explorer* const e = explorer::active();
      if (e == nullptr)
        return value_;
      e->step();
      for (auto s = e->delayed().rbegin(); s != e->delayed().rend(); ++s)
        if (s->where == this)
          return from_bits(s->bits);
      return value_;
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
      e->delayed().push_back({this, bits, &atomic::apply});
      // Stores stay in order: one that is late delays all that follow.
      if (order == std::memory_order_seq_cst)
        e->flush();
      else if (e->delayed().size() == 1 && !e->fault())
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
      if (explorer* e = explorer::active(); e != nullptr && e->fault()) {
        expected = load(failure);
        return false;
      }
      return compare_exchange_strong(expected, value, success, failure);
    }

  private:
    static T from_bits(std::uint64_t bits) noexcept {
      T value;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    }
    static void apply(void* where, std::uint64_t bits) {
      static_cast<atomic*>(where)->value_ = from_bits(bits);
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

  static void fence_seq_cst() noexcept { explorer::active()->flush(); }
  static void pause(unsigned) noexcept { explorer::active()->pause(); }
};

} // namespace weir::test
