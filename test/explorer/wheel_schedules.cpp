// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The timing wheels and the one timer of Asio's that drives them, under every
// schedule: an entry that is armed fires once, even if other threads arm at the
// same time, and an entry that is disarmed does not fire.

#include "explorer/engine.hpp"
#include "explorer/expect.hpp"
#include "explorer/hand_timer.hpp"
#include "runtime/runtime_core.hpp"
#include "runtime/timer_service.hpp"
#include "testing/deterministic_driver.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

namespace weir::test::of_wheel {

namespace {

using namespace std::chrono_literals;

struct alarm : detail::timer_function {
  alarm() : timer_function(&alarm::fired) {}
  static void fired(detail::timer_function& timer) noexcept {
    ++static_cast<alarm&>(timer).times;
  }
  int times = 0;
};

// Wheels in which two entries are armed that are due.
class wheels {
protected:
  void arm(std::size_t i) {
    timers_.arm(alarms_[i], detail::deterministic_driver::start);
  }

  ~wheels() {
    detail::deterministic_driver::of(engine()).set_time(
        detail::deterministic_driver::start);
  }

  // Runs Asio's timer and pool while they have something to do. Time passes
  // only here: an entry that is armed late is due a tick later.
  void drive() {
    do
      detail::deterministic_driver::of(engine()).set_time(clock::now() + 1ms);
    while (hand_timer::expire() || run_handler());
  }

  detail::handler_memory memory_{1};
  detail::timer_service timers_{
      engine().pool(), 2, memory_, detail::deterministic_driver::start - 1s};
  std::array<alarm, 2> alarms_;
};

// Two threads arm entries while the timer of an earlier entry expires.
class arm_and_fire : wheels {
public:
  static constexpr std::size_t threads = 3;

  void run(std::size_t thread) {
    if (thread != 2)
      arm(thread);
    else
      drive();
  }
  std::string outcome() {
    const bool meanwhile = alarms_[0].times + alarms_[1].times != 0;
    drive();
    if (alarms_[0].times != 1 || alarms_[1].times != 1)
      return "not once each";
    if (timers_.pending() != 0)
      return "left over";
    return meanwhile ? "some at once" : "later";
  }
};

// One entry is disarmed while it fires and another is armed.
class disarm_and_fire : wheels {
public:
  static constexpr std::size_t threads = 3;

  disarm_and_fire() { arm(0); }
  void run(std::size_t thread) {
    if (thread == 0)
      disarmed_ = timers_.disarm(alarms_[0]);
    else if (thread == 1)
      arm(1);
    else
      drive();
  }
  std::string outcome() {
    drive();
    if (alarms_[0].times != !disarmed_ || alarms_[1].times != 1)
      return "lost or twice";
    return disarmed_ ? "disarmed" : "fired";
  }

private:
  bool disarmed_ = false;
};

} // namespace

BOOST_AUTO_TEST_SUITE(wheel_schedules)

BOOST_AUTO_TEST_CASE(what_is_armed_while_others_fire_fires_too) {
  expect_outcomes<arm_and_fire>(2, {"some at once", "later"});
}

BOOST_AUTO_TEST_CASE(what_is_disarmed_does_not_fire) {
  expect_outcomes<disarm_and_fire>(2, {"disarmed", "fired"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_wheel
