// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A group's cap is lowered while a child is spawned, under every schedule.

#include "explorer/expect.hpp"
#include "explorer/group_models.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>

namespace weir::test::of_cap {

namespace {

class shrink_and_spawn {
public:
  static constexpr std::size_t threads = 2;

  shrink_and_spawn() {
    start_child(group_, writes(first_));
    // Locks the word and opens it again. The word then contains no starts, so
    // that only its stamp distinguishes it from the word after the next time.
    group_.set_max_in_flight(2);
  }
  void run(std::size_t thread) {
    if (thread == 1) {
      spawn_.start();
      return;
    }
    group_.set_max_in_flight(1);
    in_flight_then_ = group_.stats().in_flight;
  }
  std::string outcome() {
    const std::size_t in_flight = group_.stats().in_flight;
    run_ready();
    joining join(core_of(group_));
    if (!join.start() || first_ + second_ != 2)
      return "forgotten";
    if (in_flight != in_flight_then_)
      return "above the cap";
    return in_flight == 2 ? "before" : "after";
  }

private:
  task_group group_{engine_executor(), {.max_in_flight = 2}};
  int first_ = 0;
  int second_ = 0;
  spawning spawn_{core_of(group_), writes(second_)};
  std::size_t in_flight_then_ = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(slot_cap_schedules)

BOOST_AUTO_TEST_CASE(once_the_cap_is_lowered_nothing_starts_above_it) {
  expect_outcomes<shrink_and_spawn>(3, {"before", "after"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_cap
