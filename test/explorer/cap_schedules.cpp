// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A group's cap under every schedule: no child starts above it. Numbers are
// those of the failure catalogue.

#include "explorer/expect.hpp"
#include "explorer/waiting_group.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <string>

namespace weir::test::of_cap {

namespace {

// 61: the cap grows by one while three spawns wait and a child ends.
class grow_and_end : waiting_group {
public:
  static constexpr std::size_t threads = 2;

  grow_and_end() : waiting_group(1) {
    most_ = 2;
    start_child(group_, writes(first_));
    for (auto& each : spawns_)
      each->start();
  }
  void run(std::size_t thread) {
    if (thread == 0)
      group_.set_max_in_flight(2);
    else
      run_one();
  }
  std::string outcome() {
    const std::string seen{how(0), how(1), how(2)};
    const std::string wrong = broken(3);
    return wrong.empty() ? seen : wrong;
  }
};

// 62: the cap is lowered while a child ends and another is spawned.
class shrink_and_end : waiting_group {
public:
  static constexpr std::size_t threads = 3;

  shrink_and_end() : waiting_group(2) {
    most_ = 2;
    start_child(group_, writes(first_));
    start_child(group_, writes(first_));
    // Locks the word and opens it again. The word then contains no starts, so
    // that only its stamp distinguishes it from the word after the next time.
    group_.set_max_in_flight(2);
  }
  void run(std::size_t thread) {
    if (thread == 0) {
      group_.set_max_in_flight(1);
      lowered_ = group_.stats().in_flight;
    } else if (thread == 1) {
      run_one();
    } else {
      at_once_ = spawns_[0]->start();
    }
  }
  std::string outcome() {
    const bool granted = spawns_[0]->is_done() && !at_once_;
    // Children that were running when the cap was lowered continue.
    if (group_.stats().in_flight > std::max<std::size_t>(lowered_, 1))
      return "above the cap";
    const bool at_once = at_once_;
    if (const std::string wrong = broken(1); !wrong.empty())
      return wrong;
    return at_once ? "at once" : granted ? "granted" : "queued";
  }

private:
  std::size_t lowered_ = 0; // in flight just after that
  bool at_once_ = false;
};

// 45: under a cap of 1 children never overlap, without a cap they may.
template <std::size_t cap>
class spawn_and_run {
public:
  static constexpr std::size_t threads = 2;

  void run(std::size_t thread) {
    if (thread == 0) {
      for (spawning& each : spawns_)
        each.start();
      join_.start();
    }
    work_until(join_.done);
  }
  std::string outcome() const {
    return inside_ != 0 ? "miscounted" : overlapped_ ? "overlap" : "in turn";
  }

private:
  task<> child() {
    // In one step: only the positions of the children are explored.
    overlapped_ = overlapped_ || inside_ != 0;
    ++inside_;
    explorer::active()->step();
    --inside_;
    co_return;
  }

  task_group group_{engine_executor(), {.max_in_flight = cap}};
  bool overlapped_ = false;
  int inside_ = 0;
  spawning spawns_[2]{spawning(core_of(group_), child()),
                      spawning(core_of(group_), child())};
  joining join_{core_of(group_)};
};

} // namespace

BOOST_AUTO_TEST_SUITE(cap_schedules)

BOOST_AUTO_TEST_CASE(a_cap_that_grows_admits_just_the_new_slots_in_order) {
  expect_outcomes<grow_and_end>(3, {"ssq"});
}

BOOST_AUTO_TEST_CASE(no_spawn_starts_by_a_cap_that_was_lowered_before) {
  expect_outcomes<shrink_and_end>(2, {"at once", "queued", "granted"});
}

BOOST_AUTO_TEST_CASE(children_under_a_cap_of_one_run_in_turn) {
  expect_outcomes<spawn_and_run<1>>(2, {"in turn"});
}

BOOST_AUTO_TEST_CASE(children_without_a_cap_may_overlap) {
  if (!tsan_fibers) // which would report the race
    expect_outcomes<spawn_and_run<unlimited>>(3, {"in turn", "overlap"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_cap
