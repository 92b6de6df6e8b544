// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The stamp that distinguishes a group's word from an earlier word with the
// same counts.

#include "group/slot_counter.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace weir::test::of_slot_counter_stamp {

namespace {

// Atomics of a thread that is pre-empted once, just before it exchanges.
struct preempted_sync {
  inline static std::function<void()> meanwhile;

  template <typename T>
  struct atomic : std::atomic<T> {
    using std::atomic<T>::atomic;
    bool compare_exchange_weak(T& seen,
                               T wanted,
                               std::memory_order success,
                               std::memory_order failure) noexcept {
      if (const auto now = std::exchange(meanwhile, nullptr))
        now();
      return std::atomic<T>::compare_exchange_strong(
          seen, wanted, success, failure);
    }
  };
};

// For a word that is not new: its first member, the counts, is initialised to
// `word`.
struct preset_sync {
  inline static std::uint64_t word = 0;

  template <typename T>
  struct atomic : std::atomic<T> {
    explicit atomic(T value) noexcept : std::atomic<T>(value) {
      if constexpr (std::is_same_v<T, std::uint64_t>)
        if (word != 0)
          this->store(std::exchange(word, 0));
    }
  };
};

} // namespace

BOOST_AUTO_TEST_SUITE(slot_counter_stamp)

// As many openings as a power of two, or one less: whichever makes a short
// stamp repeat.
BOOST_AUTO_TEST_CASE(a_long_preemption_does_not_pass_a_lowered_cap) {
  for (const int openings : {(1 << 12) - 1, 1 << 12, (1 << 16) - 1, 1 << 16}) {
    detail::basic_slot_counter<preempted_sync> w(2);
    detail::basic_slot_counter<preempted_sync>::counts now{};
    BOOST_TEST((w.try_enter(now) == decltype(w)::entry::entered));
    preempted_sync::meanwhile = [&] {
      for (int i = 0; i != openings; ++i)
        w.unlock(w.lock(), false, 1);
    };
    BOOST_TEST((w.try_enter(now) == decltype(w)::entry::refused));
  }
}

BOOST_AUTO_TEST_CASE(a_long_preemption_gives_no_two_children_one_index) {
  for (const int openings : {(1 << 12) - 1, 1 << 12, (1 << 16) - 1, 1 << 16}) {
    detail::basic_slot_counter<preempted_sync> w(2);
    detail::basic_slot_counter<preempted_sync>::counts first{};
    detail::basic_slot_counter<preempted_sync>::counts second{};
    preempted_sync::meanwhile = [&] {
      bool idle = false;
      detail::group_waiter* joiner = nullptr;
      BOOST_TEST((w.try_enter(first) == decltype(w)::entry::entered));
      BOOST_TEST((w.try_leave(idle, joiner) == decltype(w)::exit::left));
      for (int i = 0; i != openings; ++i)
        w.unlock(w.lock(), false, 2);
    };
    BOOST_TEST((w.try_enter(second) == decltype(w)::entry::entered));
    BOOST_TEST(first.started == 1u);
    BOOST_TEST(second.started == 2u);
  }
}

// The stamp is full: the rules count once, and it restarts.
BOOST_AUTO_TEST_CASE(the_stamp_wraps_without_a_trace) {
  constexpr std::uint64_t begin = (std::uint64_t(1) << 36) - 3;
  preset_sync::word = begin << 24;
  detail::basic_slot_counter<preset_sync> w(1);
  detail::basic_slot_counter<preset_sync>::counts now{};
  bool idle = false;
  detail::group_waiter* joiner = nullptr;
  std::uint64_t refused = 0;
  for (std::uint64_t n = 1; n != 10; ++n) {
    while (w.try_enter(now) != decltype(w)::entry::entered) {
      ++refused;
      w.unlock(w.lock(), false, 1);
    }
    BOOST_TEST(now.started == begin + n);
    BOOST_TEST(now.running == 1u);
    BOOST_TEST((w.try_leave(idle, joiner) == decltype(w)::exit::left));
  }
  BOOST_TEST(refused == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_slot_counter_stamp
