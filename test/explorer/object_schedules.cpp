// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Objects on which several callers wait, under every schedule: the work of a
// queue, the call for a key, a race.

#include <weir/detail/group/work_state.hpp>
#include <weir/detail/sync/flight_step.hpp>
#include <weir/flight_result.hpp>
#include <weir/race.hpp>

#include "explorer/expect.hpp"
#include "explorer/group_models.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <tuple>

namespace weir::test::of_object {

namespace {

using draining = outsider<detail::drain_step>;

// Two pieces of work end while a thread drains the queue and reads what they
// have written.
class drain_and_end {
public:
  static constexpr std::size_t threads = 3;

  drain_and_end() {
    state_.begin();
    state_.begin();
  }
  void run(std::size_t thread) {
    if (thread != 2) {
      done_[thread] = 1;
      state_.end();
      return;
    }
    draining drain(state_);
    at_once_ = drain.start();
    drain.wait();
    seen_ = done_[0] + done_[1];
  }
  std::string outcome() const {
    if (seen_ != 2)
      return "too early";
    return at_once_ ? "at once" : "told";
  }

private:
  detail::work_state state_;
  std::array<int, 2> done_{};
  int seen_ = 0;
  bool at_once_ = false;
};

// A drain is withdrawn while the work ends and the queue is cancelled.
class drain_and_abandon {
public:
  static constexpr std::size_t threads = 3;

  drain_and_abandon() {
    state_.begin();
    drain_.start();
  }
  void run(std::size_t thread) {
    if (thread == 0)
      state_.end();
    else if (thread == 1)
      state_.abandon();
    else
      withdrew_ = drain_.cancel();
  }
  std::string outcome() const {
    if (drain_.times() != 1)
      return "not told once";
    if (withdrew_)
      return "gave up";
    return drain_.step.ended_by_cancel() ? "abandoned" : "drained";
  }

private:
  detail::work_state state_;
  draining drain_{state_};
  bool withdrew_ = false;
};

// The calls for one key.
class flights {
protected:
  using table =
      detail::flight_table<int, int, std::hash<int>, std::equal_to<int>>;
  using fetch = task<int> (*)(flights&);
  using asking = outsider<
      detail::flight_step<table, fetch, std::reference_wrapper<flights>>>;

  flights()
      : table_(std::make_shared<table>(
            engine(), std::hash<int>(), std::equal_to<int>())) {}
  ~flights() { table_->handle_gone(); }

  std::unique_ptr<asking> ask(fetch f) {
    return std::make_unique<asking>(table_, 1, f, std::ref(*this));
  }
  // v(alue), l(eft).
  static char answer(asking& a) {
    if (!a.is_done() || a.times() != 1)
      return '?';
    const auto [error, result] = a.step.arguments();
    return error || *result != 7 ? 'l' : 'v';
  }
  static task<int> sleeps(flights& all) {
    ++all.calls_;
    co_await naps(all.how_);
    co_return 7;
  }
  static task<int> returns(flights& all) {
    ++all.calls_;
    co_return 7;
  }

  std::shared_ptr<table> table_;
  nap how_ = nap::none;
  int calls_ = 0;
};

// Both callers that wait for a call leave; the last one waits for the end of
// the call.
class both_leave : flights {
public:
  static constexpr std::size_t threads = 3;

  both_leave() {
    for (auto& each : asks_) {
      each = ask(&sleeps);
      each->start();
    }
  }
  void run(std::size_t thread) {
    if (thread == 2)
      run_ready();
    else
      withdrew_[thread] = asks_[thread]->cancel();
  }
  std::string outcome() {
    run_ready();
    const std::string seen{answer(*asks_[0]), answer(*asks_[1])};
    if (seen != "ll" || table_->in_flight() != 0 || how_ == nap::over)
      return "not cancelled";
    if (withdrew_[0] == withdrew_[1])
      return withdrew_[0] ? "nobody saw its end" : "both saw its end";
    return withdrew_[0] ? "the first left" : "the second left";
  }

private:
  std::array<std::unique_ptr<asking>, 2> asks_;
  std::array<bool, 2> withdrew_{};
};

// One caller leaves while the call ends and another one asks.
class leave_and_ask : flights {
public:
  static constexpr std::size_t threads = 3;

  leave_and_ask() {
    for (auto& each : asks_)
      each = ask(&returns);
    asks_[0]->start();
  }
  void run(std::size_t thread) {
    if (thread == 0)
      asks_[0]->cancel();
    else if (thread == 1)
      asks_[1]->start();
    else
      run_ready();
  }
  std::string outcome() {
    run_ready();
    if (table_->in_flight() != 0)
      return "in flight";
    return std::string{answer(*asks_[0]), answer(*asks_[1])} +
           std::to_string(calls_);
  }

private:
  std::array<std::unique_ptr<asking>, 2> asks_;
};

// Two entrants succeed at once: one has won.
class two_win {
public:
  static constexpr std::size_t threads = 2;

  two_win() {
    start_child(group_, main(won_));
    run_one();
    join_.start();
  }
  void run(std::size_t) { work_until(join_.done); }
  std::string outcome() const { return std::to_string(won_); }

private:
  static task<int> entrant(int value) { co_return value; }
  static task<> main(int& won) {
    task<int> first = entrant(1);
    task<int> second = entrant(2);
    const auto winner = co_await race(std::move(first), std::move(second));
    won = winner.value;
  }

  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
  int won_ = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(object_schedules)

BOOST_AUTO_TEST_CASE(who_drains_sees_what_the_work_has_done) {
  expect_outcomes<drain_and_end>(3, {"at once", "told"});
}

BOOST_AUTO_TEST_CASE(who_drains_is_told_once) {
  expect_outcomes<drain_and_abandon>(3, {"drained", "abandoned", "gave up"});
}

BOOST_AUTO_TEST_CASE(the_last_who_leaves_a_call_sees_its_end) {
  expect_outcomes<both_leave>(2, {"the first left", "the second left"});
}

BOOST_AUTO_TEST_CASE(who_asks_for_a_call_that_ends_gets_its_value) {
  // v(alue) or l(eft) of each, and how many calls were begun: a call that has
  // begun is not cancelled any more, because it never waits.
  expect_outcomes<leave_and_ask>(2, {"vv1", "vv2", "lv1"});
}

BOOST_AUTO_TEST_CASE(of_two_winners_one_counts) {
  expect_outcomes<two_win>(2, {"1", "2"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_object
