// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The counts of a group outside its lock, and how they pass to the rules.

#include "group/slot_counter.hpp"

#include "group/group_state.hpp"
#include "support/sanitized.hpp"
#include "support/watchdog.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::test::of_slot_counter {

namespace {

using word = detail::slot_counter;
using entry = word::entry;
using leaving = word::exit;
using joining = word::joining;

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

word::counts counted(std::uint64_t running, std::uint64_t started) {
  return {.running = running, .started = started};
}

struct one_word {
  explicit one_word(std::size_t cap) : w(cap) {}

  bool enter() { return w.try_enter(now) == entry::entered; }
  bool leave() { return w.try_leave(idle, joiner) == leaving::left; }

  word w;
  word::counts now{};
  bool idle = false;
  detail::group_waiter* joiner = nullptr;
};

} // namespace

BOOST_AUTO_TEST_SUITE(slot_counter)

BOOST_AUTO_TEST_CASE(children_enter_up_to_the_cap) {
  for (std::uint64_t cap : {1u, 2u, 100u}) {
    one_word o(cap);
    for (std::uint64_t n = 1; n <= cap; ++n) {
      BOOST_TEST(o.enter());
      BOOST_TEST(o.now.running == n);
      BOOST_TEST(o.now.started == n);
    }
    BOOST_TEST(!o.enter());
    BOOST_TEST(o.leave());
    BOOST_TEST(o.enter());
    BOOST_TEST(o.now.running == cap);
    BOOST_TEST(o.now.started == cap + 1);
  }
}

BOOST_AUTO_TEST_CASE(the_last_to_leave_is_told_so) {
  one_word o(3);
  for (int i = 0; i != 2; ++i)
    BOOST_TEST(o.enter());
  BOOST_TEST(o.leave());
  BOOST_TEST(!o.idle);
  BOOST_TEST(o.leave());
  BOOST_TEST(o.idle);
}

BOOST_AUTO_TEST_CASE(a_locked_word_refuses_everybody) {
  one_word o(3);
  BOOST_TEST(!o.w.is_locked());
  BOOST_TEST(o.enter());
  const word::counts counts = o.w.lock();
  BOOST_TEST(o.w.is_locked());
  BOOST_TEST(counts.running == 1u);
  BOOST_TEST(counts.started == 1u);
  BOOST_TEST(!o.enter());
  BOOST_TEST(!o.leave());
  BOOST_TEST(o.w.unlock(counts, false, 3));
  BOOST_TEST(!o.w.is_locked());
  BOOST_TEST(o.enter());
  BOOST_TEST(o.now.running == 2u);
  BOOST_TEST(o.now.started == 2u);
}

BOOST_AUTO_TEST_CASE(a_new_cap_holds_from_the_unlock_on) {
  one_word o(1);
  BOOST_TEST(o.enter());
  BOOST_TEST(!o.enter());
  BOOST_TEST(o.w.unlock(o.w.lock(), false, 2));
  BOOST_TEST(o.enter());
  BOOST_TEST(o.w.unlock(o.w.lock(), false, 1));
  BOOST_TEST(!o.enter());
  BOOST_TEST(o.leave());
  BOOST_TEST(!o.enter());
  BOOST_TEST(o.leave());
  BOOST_TEST(o.enter());
}

BOOST_AUTO_TEST_CASE(with_a_joiner_only_the_last_child_is_refused) {
  one_word o(3);
  for (int i = 0; i != 2; ++i)
    BOOST_TEST(o.enter());
  BOOST_TEST(o.w.unlock(o.w.lock(), true, 3));
  BOOST_TEST(o.leave());
  BOOST_TEST(!o.leave());
  BOOST_TEST(o.enter()); // The last one may still spawn,
  BOOST_TEST(o.leave()); // and is then not the last.
  BOOST_TEST(!o.leave());
  // The rules count it, and no joiner is left.
  const word::counts counts = o.w.lock();
  BOOST_TEST(counts.running == 1u);
  BOOST_TEST(counts.started == 3u);
  BOOST_TEST(o.w.unlock(counts, false, 3));
  BOOST_TEST(o.leave());
  BOOST_TEST(o.idle);
}

BOOST_AUTO_TEST_CASE(the_last_child_of_a_fresh_word_joins_it) {
  one_word o(3);
  detail::group_waiter w;
  for (int i = 0; i != 2; ++i)
    BOOST_TEST(o.enter());
  BOOST_TEST((o.w.try_join(w) == joining::waits));
  BOOST_TEST(o.enter()); // A child may still spawn.
  BOOST_TEST(o.leave());
  BOOST_TEST(o.leave());
  BOOST_TEST((o.joiner == nullptr));
  BOOST_TEST(!o.w.is_freshly_joined());
  BOOST_TEST(o.leave());
  BOOST_TEST(o.idle);
  BOOST_TEST((o.joiner == &w));
  BOOST_TEST(o.w.is_freshly_joined());
  BOOST_TEST(!o.enter());
  BOOST_TEST((o.w.try_join(w) == joining::joined));
}

BOOST_AUTO_TEST_CASE(a_fresh_word_without_children_is_joined_at_once) {
  one_word o(1);
  detail::group_waiter w;
  BOOST_TEST((o.w.try_join(w) == joining::joined));
  BOOST_TEST(o.w.is_freshly_joined());
  BOOST_TEST(o.w.lock().is_joined);
  BOOST_TEST(!o.w.is_freshly_joined());
  BOOST_TEST((o.w.try_join(w) == joining::refused));
}

BOOST_AUTO_TEST_CASE(the_rules_get_a_second_joiner_and_the_first_with_it) {
  one_word o(1);
  detail::group_waiter first;
  detail::group_waiter second;
  BOOST_TEST(o.enter());
  BOOST_TEST((o.w.try_join(first) == joining::waits));
  BOOST_TEST((o.w.try_join(second) == joining::refused));
  const word::counts counts = o.w.lock();
  BOOST_TEST((counts.joiner == &first));
  BOOST_TEST(!counts.is_joined);
  BOOST_TEST(o.w.unlock(counts, true, 1));
  BOOST_TEST((o.w.lock().joiner == nullptr)); // It has been handed over.
}

BOOST_AUTO_TEST_CASE(a_word_that_was_locked_is_joined_by_the_rules) {
  one_word o(1);
  detail::group_waiter w;
  BOOST_TEST(o.w.unlock(o.w.lock(), false, 1));
  BOOST_TEST((o.w.try_join(w) == joining::refused));
  BOOST_TEST(o.enter());
  BOOST_TEST((o.w.try_join(w) == joining::refused));
  BOOST_TEST(o.leave());
  BOOST_TEST((o.joiner == nullptr));
}

BOOST_AUTO_TEST_CASE(those_that_leave_see_how_many_ran_at_once) {
  one_word o(5);
  BOOST_TEST(o.w.peak() == 0u);
  for (const std::uint64_t most : {2u, 4u, 3u, 5u}) {
    const std::uint64_t before = o.w.peak();
    for (std::uint64_t i = 0; i != most; ++i)
      BOOST_TEST(o.enter());
    for (std::uint64_t i = 0; i != most; ++i) {
      BOOST_TEST(o.leave());
      BOOST_TEST(o.w.peak() == std::max(before, most));
    }
  }
  o.w.reset_peak();
  BOOST_TEST(o.w.peak() == 0u);
}

BOOST_AUTO_TEST_CASE(more_children_than_the_word_can_count_stay_locked) {
  constexpr std::uint64_t most = (std::uint64_t(1) << 24) - 1;
  one_word o(unlimited);
  o.w.lock();
  BOOST_TEST(!o.w.unlock(counted(most + 1, most + 1), false, unlimited));
  BOOST_TEST(o.w.is_locked());
  BOOST_TEST(o.w.unlock(counted(most - 1, most - 1), false, unlimited));
  BOOST_TEST(o.enter());
  BOOST_TEST(o.now.running == most);
  BOOST_TEST(!o.enter()); // Full at any cap.
  BOOST_TEST(o.leave());
  BOOST_TEST(o.enter());
}

BOOST_AUTO_TEST_CASE(the_number_started_outgrows_its_field) {
  constexpr std::uint64_t many = std::uint64_t(1) << 40;
  one_word o(1);
  o.w.lock();
  BOOST_TEST(o.w.unlock(counted(0, many), false, 1));
  BOOST_TEST(o.enter());
  BOOST_TEST(o.now.started == many + 1);
  BOOST_TEST(o.w.lock().started == many + 1);
}

BOOST_AUTO_TEST_CASE(the_counts_pass_2_to_the_31_and_to_the_32) {
  for (std::uint64_t power : {31u, 32u}) {
    const std::uint64_t begin = (std::uint64_t(1) << power) - 2;
    one_word o(1);
    o.w.lock();
    BOOST_TEST(o.w.unlock(counted(0, begin), false, 1));
    for (std::uint64_t i = 1; i != 5; ++i) {
      BOOST_TEST(o.enter());
      BOOST_TEST(o.now.started == begin + i);
      BOOST_TEST(o.leave());
      BOOST_TEST(o.idle);
    }
    const word::counts counts = o.w.lock();
    detail::group_state rules(1);
    rules.recount(counts.running, counts.started, 1);
    BOOST_TEST(rules.counted().spawned == begin + 4);
    BOOST_TEST(rules.counted().completed == begin + 4);
    std::uint64_t index = 0;
    BOOST_TEST((rules.admit(nullptr, {}, index) ==
                detail::group_state::admission::started));
    BOOST_TEST(index == begin + 4);
    BOOST_TEST(rules.counted().spawned == begin + 5);
  }
}

BOOST_AUTO_TEST_CASE(many_openings_leave_no_trace) {
  one_word o(2);
  BOOST_TEST(o.enter());
  for (int i = 0; i != 10'000; ++i) {
    const word::counts counts = o.w.lock();
    BOOST_TEST_REQUIRE(counts.running == 1u);
    BOOST_TEST_REQUIRE(counts.started == 1u);
    BOOST_TEST_REQUIRE(o.w.unlock(counts, i % 2 == 0, 2));
  }
  BOOST_TEST(!o.w.is_locked());
  BOOST_TEST(o.enter());
  BOOST_TEST(!o.enter());
}

BOOST_AUTO_TEST_CASE(the_rules_take_over_what_was_counted) {
  detail::group_state rules(3);
  detail::group_queue woken;
  BOOST_TEST(rules.is_countable());
  rules.recount(2, 10, 3);
  BOOST_TEST(rules.children() == 2u);
  BOOST_TEST(rules.counted().in_flight == 2u);
  BOOST_TEST(rules.counted().spawned == 10u);
  BOOST_TEST(rules.counted().completed == 8u);
  BOOST_TEST(rules.counted().peak == 3u);
  rules.end(detail::group_state::ending::failed, nullptr, woken);
  rules.recount(0, 12, 1);
  BOOST_TEST(rules.counted().failed == 1u);
  BOOST_TEST(rules.counted().completed == 11u);
  BOOST_TEST(rules.counted().peak == 3u);
}

BOOST_AUTO_TEST_CASE(the_rules_take_over_a_joiner_or_that_it_was_completed) {
  using rules = detail::group_state;
  detail::group_queue woken;
  detail::group_waiter waits;
  rules running(1);
  running.recount(1, 1, 1);
  running.take_over(waits);
  BOOST_TEST(running.has_joiner());
  BOOST_TEST(running.withdraw(waits, woken));
  BOOST_TEST(!running.has_joiner());
  running.take_over(waits);
  running.end(rules::ending::completed, nullptr, woken);
  BOOST_TEST((woken.pop_front() == &waits));
  BOOST_TEST(running.is_joined());

  // As group_core::join() leaves it, and the last child has completed it.
  detail::group_waiter completed;
  completed.role = detail::group_waiter::kind::joiner;
  completed.state = detail::group_waiter::wait_result::queued;
  rules joined(1);
  joined.recount(0, 1, 1);
  joined.take_over_joined();
  BOOST_TEST(joined.is_joined());
  BOOST_TEST(!joined.withdraw(completed, woken));
  BOOST_TEST(woken.empty());
}

BOOST_AUTO_TEST_CASE(only_a_group_with_nothing_to_decide_is_countable) {
  using rules = detail::group_state;
  detail::group_queue woken;
  std::uint64_t index = 0;
  detail::group_waiter waiter;
  rules waiting(1);
  waiting.admit(nullptr, {}, index);
  BOOST_TEST(waiting.is_countable());
  waiting.admit(&waiter, {}, index);
  BOOST_TEST(!waiting.is_countable());
  waiting.withdraw(waiter, woken);
  BOOST_TEST(waiting.is_countable());
  waiting.admit(&waiter, {rules::lends::all}, index);
  BOOST_TEST(!waiting.is_countable());
  waiting.end(rules::ending::completed, nullptr, woken);
  BOOST_TEST(waiting.is_countable());
  detail::group_waiter joiner;
  waiting.join(joiner, woken);
  BOOST_TEST(waiting.is_countable());
  BOOST_TEST(waiting.has_joiner());

  rules closed(1);
  closed.close();
  BOOST_TEST(!closed.is_countable());
  rules cancelled(1);
  cancelled.cancel(rules::cause::own, woken);
  BOOST_TEST(!cancelled.is_countable());
  rules joined(1);
  joined.join(joiner, woken);
  BOOST_TEST(!joined.is_countable());
}

BOOST_AUTO_TEST_CASE(no_child_is_lost_between_threads_and_the_lock) {
  constexpr int rounds = sanitized ? 10'000 : 100'000;
  constexpr std::uint64_t cap = 3;
  const watchdog limit;
  word w(cap);
  std::mutex lock;
  std::atomic<std::uint64_t> started{0};
  std::atomic<std::uint64_t> running{0};
  std::atomic<bool> above_cap{false};
  const auto children = [&] {
    for (int i = 0; i != rounds; ++i) {
      word::counts now{};
      if (w.try_enter(now) != entry::entered)
        continue;
      ++started;
      if (++running > cap || now.running > cap)
        above_cap = true;
      --running;
      bool idle = false;
      detail::group_waiter* joiner = nullptr;
      while (w.try_leave(idle, joiner) != leaving::left)
        std::this_thread::yield();
    }
  };
  const auto ruler = [&] {
    for (int i = 0; i != rounds / 10; ++i) {
      std::lock_guard held(lock);
      const word::counts counts = w.lock();
      w.unlock(counts, false, 1 + static_cast<std::size_t>(i) % cap);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i != 3; ++i)
    threads.emplace_back(children);
  threads.emplace_back(ruler);
  threads.emplace_back(ruler);
  for (std::thread& t : threads)
    t.join();
  const word::counts counts = w.lock();
  BOOST_TEST(counts.running == 0u);
  BOOST_TEST(counts.started == started);
  BOOST_TEST(!above_cap);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_slot_counter
