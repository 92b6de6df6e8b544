// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Groups that share a limiter, under every schedule: every spawn that waits for
// a permit gets one, whichever group gives it back, and no permit is lost.

#include <weir/limiter.hpp>

#include "explorer/expect.hpp"
#include "explorer/group_models.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace weir::test::of_limited {

namespace {

// Two groups and their limiter of one permit, which a child of the first has.
class two_groups {
protected:
  two_groups() { start_child(first_, writes(ran_[0])); }

  // Call after all threads: runs what is left; `n` children in all. Returns "",
  // or what is wrong.
  std::string broken(int n) {
    run_ready();
    for (task_group* each : {&first_, &second_}) {
      joining join(core_of(*each));
      if (!join.start())
        return "forgotten";
    }
    if (limiter_.in_use() != 0 || limiter_.waiting() != 0)
      return "a permit is lost";
    return ran_[0] + ran_[1] + ran_[2] == n ? "" : "miscounted";
  }

  limiter limiter_{1};
  task_group first_{engine_executor(), {.limiter = &limiter_}};
  task_group second_{engine_executor(), {.limiter = &limiter_}};
  std::array<int, 3> ran_{};
  std::array<bool, 3> at_once_{};
  spawning a_{core_of(first_), writes(ran_[1])};
  spawning b_{core_of(second_), writes(ran_[2])};
};

// The child ends while each of the groups wants to start another.
class spawn_in_both : two_groups {
public:
  static constexpr std::size_t threads = 3;

  void run(std::size_t thread) {
    if (thread == 0)
      run_one();
    else
      at_once_[thread] = (thread == 1 ? a_ : b_).start();
  }
  std::string outcome() {
    std::string seen;
    seen += at_once_[1] ? 'a' : a_.is_done() ? 's' : 'q';
    seen += at_once_[2] ? 'a' : b_.is_done() ? 's' : 'q';
    const std::string wrong = broken(3);
    return wrong.empty() ? seen : wrong;
  }
};

// The first waiter is withdrawn while it gets the permit.
class permit_and_withdraw : two_groups {
public:
  static constexpr std::size_t threads = 3;

  permit_and_withdraw() { a_.start(); }
  void run(std::size_t thread) {
    if (thread == 0)
      run_one();
    else if (thread == 1)
      withdrew_ = a_.cancel();
    else
      b_.start();
  }
  std::string outcome() {
    const std::string wrong = broken(withdrew_ ? 2 : 3);
    if (!wrong.empty())
      return wrong;
    return withdrew_ ? "gave up" : "granted";
  }

private:
  bool withdrew_ = false;
};

// A spawn that wants two permits is withdrawn while it gets them; behind it in
// the same group waits a spawn that wants only one.
class weight_and_withdraw {
public:
  static constexpr std::size_t threads = 2;

  weight_and_withdraw() {
    if (group_.try_spawn(writes(ran_[0]), {.weight = 2}) !=
        spawn_status::started)
      throw std::logic_error("a model's child was refused");
    heavy_.start();
    light_.start();
  }
  void run(std::size_t thread) {
    if (thread == 0)
      run_one();
    else
      withdrew_ = heavy_.cancel();
  }
  std::string outcome() {
    run_ready();
    joining join(core_of(group_));
    if (!join.start())
      return "forgotten";
    if (limiter_.in_use() != 0)
      return "a permit is lost";
    if (ran_[2] != 1 || ran_[1] == withdrew_)
      return "miscounted";
    return withdrew_ ? "gave up" : "granted";
  }

private:
  limiter limiter_{2};
  task_group group_{engine_executor(), {.limiter = &limiter_}};
  std::array<int, 3> ran_{};
  spawning heavy_{core_of(group_), writes(ran_[1]), std::size_t(2)};
  spawning light_{core_of(group_), writes(ran_[2]), std::size_t(1)};
  bool withdrew_ = false;
};

} // namespace

BOOST_AUTO_TEST_SUITE(limited_schedules)

BOOST_AUTO_TEST_CASE(a_permit_goes_to_a_group_that_waits) {
  // started a(t once), s(tarted by the end), still q(ueued).
  expect_outcomes<spawn_in_both>(2, {"aq", "qa", "sq", "qs"});
}

BOOST_AUTO_TEST_CASE(a_permit_for_one_who_gives_up_is_passed_on) {
  expect_outcomes<permit_and_withdraw>(2, {"gave up", "granted"});
}

BOOST_AUTO_TEST_CASE(permits_for_one_who_gives_up_fit_the_next) {
  expect_outcomes<weight_and_withdraw>(3, {"gave up", "granted"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_limited
