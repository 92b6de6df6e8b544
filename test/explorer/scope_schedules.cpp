// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Parts of tasks that are cancelled by themselves, under every schedule: what
// with_timeout() runs, the body of with_task_group(), a child in start().

#include <weir/channel.hpp>
#include <weir/detail/sync/channel_steps.hpp>
#include <weir/start.hpp>
#include <weir/started.hpp>
#include <weir/this_task.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "explorer/expect.hpp"
#include "explorer/group_models.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <string>

namespace weir::test::of_scope {

namespace {

// One task in a group of its own; two threads run what is ready.
class one_task {
protected:
  void start(task<> main) {
    start_child(group_, std::move(main));
    run_one();
    join_.start();
  }

  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
};

// The time of its work expires while the work receives a value.
class timeout_and_value : protected one_task {
public:
  static constexpr std::size_t threads = 2;

  void run(std::size_t thread) {
    if (thread == 0)
      fire_timers();
    else
      (void)values_.try_send(7);
    work_until(join_.done);
  }

protected:
  channel<int> values_{1};
  std::string how_;
};

// The limited work ends while its time expires.
class end_and_timeout : public timeout_and_value {
public:
  end_and_timeout() { start(main(values_, how_)); }
  std::string outcome() {
    // A value that was not received is still in the channel.
    const bool left = values_.try_receive().has_value();
    return left == (how_ == "value") ? "lost or twice" : how_;
  }

private:
  static task<int> receives(channel<int>& values) {
    const std::optional<int> value = co_await values.receive();
    co_return *value;
  }
  static task<> main(channel<int>& values, std::string& how) {
    try {
      task<int> work = receives(values);
      const int value =
          co_await with_timeout(std::chrono::milliseconds(1), std::move(work));
      how = value == 7 ? "value" : "another value";
    } catch (const boost::system::system_error& e) {
      how = e.code() == asio::error::timed_out ? "timed out" : e.what();
    }
  }
};

// 35: the body of a group ends while a child of it fails.
class body_and_failure : one_task {
public:
  static constexpr std::size_t threads = 2;

  body_and_failure() {
    start(main(body_, error_)); // The child is in the queue.
  }
  void run(std::size_t thread) {
    if (thread == 0)
      fire_timers();
    work_until(join_.done);
  }
  std::string outcome() const {
    return error_ + (body_ == nap::over ? ", body ended" : ", body cancelled");
  }

private:
  static task<> main(nap& how, std::string& error) {
    auto body = [&how](task_group& group) -> task<> {
      start_child(group, fails("a"));
      co_await naps(how);
    };
    try {
      co_await with_task_group(task_group_options{}, body);
    } catch (const std::exception& e) {
      error = e.what();
    }
  }

  nap body_ = nap::none;
  std::string error_;
};

// What a task that is unwound reads as the reason.
struct reads_the_reason {
  std::string& to;
  ~reads_the_reason() {
    const boost::system::error_code why = this_task::cancel_reason();
    to = why == asio::error::timed_out          ? "timed out"
         : why == asio::error::connection_reset ? "reset"
                                                : why.message();
  }
};

// Work that runs on while its time expires reads the deadline as the reason.
class reason_and_timeout : public timeout_and_value {
public:
  reason_and_timeout() { start(main(values_, how_)); }
  std::string outcome() const { return how_; }

private:
  static task<> waits(channel<int>& values, std::string& how) {
    const reads_the_reason reads{how};
    (void)co_await values.receive();
    (void)co_await values.receive(); // for ever
  }
  static task<> main(channel<int>& values, std::string& how) {
    task<> work = waits(values, how);
    co_await with_timeout(std::chrono::milliseconds(1), std::move(work));
  }
};

// A body that runs on while a child cancels its group for a reason reads it.
class reason_and_cancel : one_task {
public:
  static constexpr std::size_t threads = 2;

  reason_and_cancel() {
    start(main(values_, how_)); // Its children are in the queue.
  }
  void run(std::size_t) { work_until(join_.done); }
  std::string outcome() const { return how_; }

private:
  static task<> cancels(task_group& group) {
    group.cancel(asio::error::connection_reset);
    co_return;
  }
  static task<> main(channel<int>& values, std::string& how) {
    auto body = [&](task_group& group) -> task<> {
      const reads_the_reason reads{how};
      start_child(group, cancels(group));
      start_child(group, sends(values));
      (void)co_await values.receive();
      (void)co_await values.receive(); // for ever
    };
    co_await with_task_group(task_group_options{}, body);
  }
  static task<> sends(channel<int>& values) {
    (void)values.try_send(7);
    co_return;
  }

  channel<int> values_{1};
  std::string how_;
};

// A child reports that it is ready while its parent is cancelled.
class ready_and_cancel : one_task {
public:
  static constexpr std::size_t threads = 2;

  ready_and_cancel() {
    start(main(children_, how_)); // Its child is in the queue.
  }
  void run(std::size_t thread) {
    if (thread == 1)
      group_.cancel();
    work_until(join_.done);
  }
  std::string outcome() {
    joining join(core_of(children_));
    const bool ended = join.start();
    if (!ended || !result_of(join).empty())
      return "its child goes on";
    return how_;
  }

private:
  static task<> child(started<int>& ready) {
    ready.set(7);
    co_return;
  }
  static task<> main(task_group& children, std::string& how) {
    try {
      const int value = co_await weir::start(children, &child);
      how = value == 7 ? "ready" : "another value";
    } catch (const boost::system::system_error& e) {
      how = e.code() == asio::error::operation_aborted ? "aborted" : e.what();
      throw;
    }
  }

  task_group children_{engine_executor()};
  std::string how_;
};

// A child at the cap lends its slot while the group is cancelled.
class lend_and_cancel {
public:
  static constexpr std::size_t threads = 2;

  lend_and_cancel() {
    start_child(group_, parent(group_, other_, how_));
    join_.start();
  }
  void run(std::size_t thread) {
    if (thread == 1)
      group_.cancel();
    work_until(join_.done);
  }
  std::string outcome() {
    const task_group_stats stats = group_.stats();
    if (stats.in_flight != 0 || stats.waiting != 0)
      return "miscounted";
    return how_ + (other_ == nap::none ? ", not run" : ", run");
  }

private:
  static task<> other(nap& how) {
    how = nap::over;
    co_return;
  }
  static task<> parent(task_group& group, nap& ran, std::string& how) {
    how = "began";
    try {
      co_await group.spawn(other(ran));
      how = "spawned";
    } catch (const boost::system::system_error&) {
      how = "aborted";
      throw;
    }
  }

  task_group group_{engine_executor(), {.max_in_flight = 1}};
  joining join_{core_of(group_)};
  nap other_ = nap::none;
  std::string how_ = "not begun";
};

// A group is cancelled, joined, opened again and used while the cancellation is
// still in progress: it does not affect the new child.
class cancel_and_reopen {
public:
  static constexpr std::size_t threads = 2;

  cancel_and_reopen() {
    start_child(group_, naps(first_));
    run_ready();
  }
  void run(std::size_t thread) {
    if (thread == 0) {
      group_.cancel();
      return;
    }
    joining join(core_of(group_));
    join.start();
    work_until(join.done);
    join.wait();
    group_.reopen();
    start_child(group_, naps(second_));
    joining again(core_of(group_));
    again.start();
    run_ready();
    fire_timers();
    work_until(again.done);
    again.wait();
    result_ = result_of(again);
  }
  std::string outcome() const {
    if (first_ != nap::cut)
      return "not cancelled";
    return second_ == nap::over && result_.empty() ? "left alone" : "cancelled";
  }

private:
  task_group group_{engine_executor()};
  nap first_ = nap::none;
  nap second_ = nap::none;
  std::string result_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(scope_schedules)

BOOST_AUTO_TEST_CASE(work_beside_its_deadline_ends_or_is_timed_out) {
  expect_outcomes<end_and_timeout>(2, {"value", "timed out"});
}

BOOST_AUTO_TEST_CASE(a_body_beside_a_failure_ends_or_is_cancelled) {
  expect_outcomes<body_and_failure>(2, {"a, body ended", "a, body cancelled"});
}

BOOST_AUTO_TEST_CASE(work_beside_its_deadline_reads_it_as_the_reason) {
  expect_outcomes<reason_and_timeout>(2, {"timed out"});
}

BOOST_AUTO_TEST_CASE(a_body_beside_a_cancel_reads_its_reason) {
  expect_outcomes<reason_and_cancel>(2, {"reset"});
}

BOOST_AUTO_TEST_CASE(a_parent_beside_its_child_is_answered_or_cancelled) {
  expect_outcomes<ready_and_cancel>(2, {"ready", "aborted"});
}

BOOST_AUTO_TEST_CASE(a_slot_lent_comes_back_in_a_cancelled_group_too) {
  expect_outcomes<lend_and_cancel>(2,
                                   {"not begun, not run",
                                    "spawned, run",
                                    "spawned, not run",
                                    "aborted, not run"});
}

BOOST_AUTO_TEST_CASE(a_group_opened_again_is_not_cancelled_late) {
  expect_outcomes<cancel_and_reopen>(2, {"left alone"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_scope
