// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// How a group is cancelled, under every schedule. Numbers are those of the
// failure catalogue.

#include "explorer/expect.hpp"
#include "explorer/explore_sync.hpp"
#include "explorer/group_models.hpp"
#include "group/group_core.hpp"
#include "runtime/runtime_core.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace weir::test::of_cancel {

namespace {

// 9: the group is cancelled while its child ends by itself.
class cancel_and_end {
public:
  static constexpr std::size_t threads = 2;

  cancel_and_end() {
    start_child(group_, naps(child_));
    run_ready();
    join_.start();
  }
  void run(std::size_t thread) {
    if (thread == 0)
      fire_timers();
    else
      group_.cancel();
    work_until(join_.done);
  }
  std::string outcome() {
    if (!result_of(join_).empty())
      return result_of(join_);
    const task_group_stats stats = group_.stats();
    const bool slept = child_ == nap::over;
    if (stats.completed != slept || stats.cancelled + stats.completed != 1)
      return "miscounted";
    return slept ? "ended" : child_ == nap::cut ? "cancelled" : "neither";
  }

private:
  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
  nap child_ = nap::none;
};

// 10: the group is cancelled while its child starts.
class cancel_and_start {
public:
  static constexpr std::size_t threads = 2;

  cancel_and_start() {
    start_child(group_, naps(child_));
    join_.start();
  }
  void run(std::size_t thread) {
    if (thread == 1)
      group_.cancel();
    work_until(join_.done);
  }
  std::string outcome() const {
    return child_ == nap::none  ? "never ran"
           : child_ == nap::cut ? "saw it"
                                : "ran on";
  }

private:
  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
  nap child_ = nap::none;
};

// 11: the group is cancelled by several threads at once, one of them with a
// reason.
class cancelled_by_three {
public:
  static constexpr std::size_t threads = 3;

  cancelled_by_three() {
    start_child(group_, naps(child_));
    run_ready();
    join_.start();
  }
  void run(std::size_t thread) {
    if (thread == 2)
      core_of(group_).cancel(detail::group_state::cause::outside, {});
    else
      group_.cancel();
    if (thread == 0)
      work_until(join_.done);
  }
  std::string outcome() {
    if (child_ != nap::cut || group_.stats().cancelled != 1)
      return "not cancelled once";
    return result_of(join_).empty() ? "by the group" : "from outside";
  }

private:
  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
  nap child_ = nap::none;
};

// Two threads cancel a child whose awaits are all ready: as soon as one of the
// calls has returned, the child's next await throws.
class cancelled_between_ready_awaits {
public:
  static constexpr std::size_t threads = 3;

  cancelled_between_ready_awaits() {
    start_child(group_, awaits());
    join_.start();
  }
  void run(std::size_t thread) {
    if (thread == 0) {
      work_until(join_.done);
    } else {
      group_.cancel();
      has_returned_.store(true, std::memory_order_release); // see awaits()
    }
  }
  std::string outcome() const {
    return was_late_ ? "went on" : has_ended_ ? "not seen" : "seen";
  }

private:
  static task<> ready() { co_return; }
  task<> awaits() {
    for (int i = 0; i != 2; ++i) {
      // acquire: the call of cancel() happened before.
      const bool is_late = has_returned_.load(std::memory_order_acquire);
      co_await ready();
      was_late_ |= is_late;
    }
    has_ended_ = true;
  }

  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
  explore_sync::atomic<bool> has_returned_{false};
  bool was_late_ = false;
  bool has_ended_ = false;
};

// A deadline expires while the group is joined and destroyed.
class deadline_and_join {
public:
  static constexpr std::size_t threads = 3;

  deadline_and_join() {
    group_->cancel_after(std::chrono::milliseconds(1));
    start_child(*group_, writes(written_));
  }
  void run(std::size_t thread) {
    if (thread == 0) {
      fire_timers();
    } else if (thread == 1) {
      run_one();
    } else {
      joining join(core_of(*group_));
      join.start();
      join.wait();
      result_ = result_of(join);
      group_.reset();
    }
  }
  std::string outcome() const {
    return result_ + (written_ == 0 ? ", not run" : ", run");
  }

private:
  std::optional<task_group> group_{std::in_place, engine_executor()};
  int written_ = 0;
  std::string result_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(cancel_schedules)

BOOST_AUTO_TEST_CASE(a_cancelled_child_has_ended_or_sees_it) {
  expect_outcomes<cancel_and_end>(3, {"ended", "cancelled"});
}

BOOST_AUTO_TEST_CASE(a_cancelled_child_never_starts_or_sees_it) {
  expect_outcomes<cancel_and_start>(3, {"never ran", "saw it"});
}

BOOST_AUTO_TEST_CASE(the_first_who_cancels_counts) {
  expect_outcomes<cancelled_by_three>(2, {"by the group", "from outside"});
}

BOOST_AUTO_TEST_CASE(after_a_second_cancel_no_await_completes) {
  expect_outcomes<cancelled_between_ready_awaits>(2, {"seen", "not seen"});
}

BOOST_AUTO_TEST_CASE(
    a_deadline_beside_the_end_of_the_group_is_one_or_the_other) {
  expect_outcomes<deadline_and_join>(
      2, {", run", "timed out, run", "timed out, not run"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_cancel
