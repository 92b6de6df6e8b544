// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Checks that the explorer finds errors. A hand-over in a toy protocol, once
// with an error that some schedule shows, once with a memory order that is too
// weak: no schedule of x86 shows the latter, ThreadSanitizer does.

#include "explorer/expect.hpp"
#include "explorer/explore_sync.hpp"
#include "explorer/explorer.hpp"
#include "support/forked.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <string>

namespace weir::test::of_order {

namespace {

// Thread 0 writes a value and publishes it; thread 1 reads it, if published.
template <std::memory_order publishes>
class hand_over {
public:
  static constexpr std::size_t threads = 2;

  void run(std::size_t thread) {
    if (thread == 0) {
      value_ = 1;
      published_.store(true, publishes);
    } else if (published_.load(std::memory_order_acquire)) {
      seen_ = value_;
    }
  }
  std::string outcome() const { return seen_ == 1 ? "seen" : "not yet"; }

private:
  explore_sync::atomic<bool> published_{false};
  int value_ = 0;
  int seen_ = 0;
};

// The last of two threads to leave sees what the other has written.
template <std::memory_order leaves>
class last_out {
public:
  static constexpr std::size_t threads = 2;

  void run(std::size_t thread) {
    written_[thread] = 1;
    if (inside_.fetch_sub(1, leaves) == 1)
      sum_ = written_[0] + written_[1];
  }
  std::string outcome() const { return std::to_string(sum_); }

private:
  explore_sync::atomic<int> inside_{2};
  int written_[threads] = {};
  int sum_ = 0;
};

// Looks and then sleeps, although something may have happened in between.
class look_and_sleep {
public:
  static constexpr std::size_t threads = 2;

  void run(std::size_t thread) {
    if (thread == 0) {
      came_.store(true, std::memory_order_release);
      if (sleeps_.load(std::memory_order_acquire))
        woken_.set();
    } else if (!came_.load(std::memory_order_acquire)) {
      sleeps_.store(true, std::memory_order_release);
      while (!woken_.is_set())
        explorer::active()->pause();
    }
  }
  std::string outcome() const { return "awake"; }

private:
  explore_sync::atomic<bool> came_{false};
  explore_sync::atomic<bool> sleeps_{false};
  mark woken_;
};

template <typename Model>
child_end explored_in_child() {
  return run_forked([] { explorer().explore<Model>(2); }, 60);
}

} // namespace

BOOST_AUTO_TEST_SUITE(order_schedules)

BOOST_AUTO_TEST_CASE(what_is_released_is_seen) {
  expect_outcomes<hand_over<std::memory_order_release>>(3, {"seen", "not yet"});
}

BOOST_AUTO_TEST_CASE(the_last_out_sees_what_all_have_written) {
  expect_outcomes<last_out<std::memory_order_acq_rel>>(3, {"2"});
}

BOOST_AUTO_TEST_CASE(who_looks_before_it_sleeps_may_sleep_for_ever) {
  expect_outcomes<look_and_sleep>(2, {"awake", "stuck"});
}

// Only ThreadSanitizer finds it, but it does so under each schedule.
BOOST_AUTO_TEST_CASE(an_order_too_weak_is_a_race) {
  const auto store = explored_in_child<hand_over<std::memory_order_relaxed>>();
  const auto count = explored_in_child<last_out<std::memory_order_relaxed>>();
  for (const child_end& end : {store, count}) {
    BOOST_TEST(end.signal == 0);
    BOOST_TEST((end.status != 0) == tsan_fibers);
    const bool raced = end.printed.find("data race") != std::string::npos;
    const bool named = end.printed.find("under schedule") != std::string::npos;
    BOOST_TEST((raced && named) == tsan_fibers);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_order
