// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The children of when_all(), race() and for_each(), in the frame of their
// parent, under every schedule: they end, fail, start one another and are
// cancelled while the parent starts them and waits.

#include <weir/channel.hpp>
#include <weir/detail/sync/channel_steps.hpp>
#include <weir/for_each.hpp>
#include <weir/indexed_value.hpp>
#include <weir/race.hpp>
#include <weir/when_all.hpp>

#include "explorer/expect.hpp"
#include "explorer/group_models.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

namespace weir::test::of_join {

namespace {

// One task in a group of its own, which waits for two children.
class one_parent {
public:
  static constexpr std::size_t threads = 2;

  // What the parent saw; a child that is left over is an error of its own.
  std::string outcome() const { return alive_ != 0 ? "a child goes on" : how_; }

protected:
  template <typename T>
  void begin(task<T> both) {
    start_child(group_, notes(std::move(both), how_));
  }

  struct presence {
    explicit presence(std::atomic<int>& n) : alive(n) { ++alive; }
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;
    ~presence() { --alive; }
    std::atomic<int>& alive;
  };
  static task<int> receives(channel<int>& values, std::atomic<int>& alive) {
    const presence here(alive);
    const std::optional<int> value = co_await values.receive();
    co_return *value;
  }
  // The first worker of the loop starts the second one.
  static task<std::tuple<int, int>>
  loop_of_two(channel<int>& a, channel<int>& b, std::atomic<int>& alive) {
    std::array<channel<int>*, 2> from{&a, &b};
    std::array<int, 2> got{};
    auto receive = [&](std::size_t i, channel<int>* values) -> task<> {
      got[i] = co_await receives(*values, alive);
    };
    co_await weir::for_each(from, {.max_in_flight = 2}, receive);
    co_return std::tuple(got[0], got[1]);
  }
  static task<int> returns(int value, std::atomic<int>& alive) {
    const presence here(alive);
    co_return value;
  }
  static task<int> throws(const char* what, std::atomic<int>& alive) {
    const presence here(alive);
    throw std::runtime_error(what);
    co_return 0;
  }
  static const char* seen(const std::tuple<int, int>& values) {
    return values == std::tuple(1, 2) ? "values" : "other values";
  }
  static const char* seen(const indexed_value<int>& won) {
    if (won.value != static_cast<int>(won.index) + 1)
      return "another value";
    return won.index == 0 ? "first" : "second";
  }
  static const char* seen(const indexed_value<std::optional<int>>& won) {
    return seen(indexed_value<int>{won.index, won.value.value_or(0)});
  }
  template <typename T>
  static task<> notes(task<T> both, std::string& how) {
    try {
      const T result = co_await std::move(both);
      how = seen(result);
    } catch (const boost::system::system_error& e) {
      how = e.code() == asio::error::operation_aborted ? "aborted" : e.what();
    } catch (const std::exception& e) {
      how = e.what();
    }
  }

  std::atomic<int> alive_{0}; // children run side by side
  std::string how_ = "nothing";
  channel<int> first_{1};
  channel<int> second_{1};
  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
};

// Each thread sends to one of the two children.
class each_sends_to_one : public one_parent {
public:
  void run(std::size_t thread) {
    if (thread == 0)
      (void)first_.try_send(1);
    else
      (void)second_.try_send(2);
    work_until(join_.done);
  }
};

// Both threads run what is ready.
class both_run : public one_parent {
public:
  void run(std::size_t) { work_until(join_.done); }
};

// Both threads run what is ready, one when it has cancelled the parent.
class one_cancels : public one_parent {
public:
  void run(std::size_t thread) {
    if (thread == 1)
      group_.cancel();
    work_until(join_.done);
  }
};

// One thread starts the children, which the other may run at once when it has
// cancelled the parent.
class start_and_cancel : public one_cancels {
public:
  start_and_cancel() {
    begin(when_all(returns(1, alive_), returns(2, alive_)));
    join_.start();
  }
};

// The children end while another thread cancels the parent.
class end_and_cancel : public one_parent {
public:
  end_and_cancel() {
    begin(when_all(receives(first_, alive_), receives(second_, alive_)));
    run_ready();
    join_.start();
  }
  void run(std::size_t thread) {
    if (thread == 0) {
      (void)first_.try_send(1);
      (void)second_.try_send(2);
    } else {
      group_.cancel();
    }
    work_until(join_.done);
  }
};

// A child fails while its sibling ends.
class fail_and_end : public each_sends_to_one {
public:
  fail_and_end() {
    begin(when_all(receives(first_, alive_), fails_after(second_, alive_)));
    run_ready();
    join_.start();
  }

private:
  static task<int> fails_after(channel<int>& values, std::atomic<int>& alive) {
    (void)co_await receives(values, alive);
    co_return co_await throws("b", alive);
  }
};

// Both children fail, on two threads.
class fail_and_fail : public both_run {
public:
  fail_and_fail() {
    begin(when_all(throws("a", alive_), throws("b", alive_)));
    join_.start();
  }
};

// Both entrants of a race succeed, on two threads.
class win_and_win : public each_sends_to_one {
public:
  win_and_win() {
    begin(race(receives(first_, alive_), receives(second_, alive_)));
    run_ready();
    join_.start();
  }
};

// An entrant fails while the other succeeds: it is no loss.
class win_and_fail : public both_run {
public:
  win_and_fail() {
    begin(race(returns(1, alive_), throws("b", alive_)));
    join_.start();
  }
};

// An operation wins while the parent is cancelled: what it has received is not
// lost.
class take_and_cancel : public one_parent {
public:
  take_and_cancel() {
    begin(race(first_.receive(), second_.receive()));
    run_ready();
    join_.start();
  }
  void run(std::size_t thread) {
    if (thread == 0)
      (void)first_.try_send(1);
    else
      group_.cancel();
    work_until(join_.done);
  }
  std::string outcome() {
    const bool is_there = first_.try_receive().has_value();
    if (is_there != (how_ == "aborted"))
      return "the value is lost, or there twice";
    return one_parent::outcome();
  }
};

// A worker of a loop ends while it starts the other one, or has started it.
class worker_ends_and_starts : public each_sends_to_one {
public:
  worker_ends_and_starts() {
    begin(loop_of_two(first_, second_, alive_));
    join_.start();
  }
};

// A worker starts the other one while the parent is cancelled.
class worker_starts_and_cancel : public one_cancels {
public:
  worker_starts_and_cancel() {
    (void)first_.try_send(1);
    (void)second_.try_send(2);
    begin(loop_of_two(first_, second_, alive_));
    run_one(); // The first worker is ready.
    join_.start();
  }
};

// The outcomes are these, and each happens.
template <typename Model>
void explore(unsigned liberties, std::initializer_list<const char*> possible) {
  const explorer::report seen = explored<Model>(liberties);
  for (const auto& [outcome, schedule] : seen.outcomes)
    BOOST_TEST(std::any_of(possible.begin(),
                           possible.end(),
                           [&](const char* p) { return outcome == p; }),
               outcome << " under " << schedule);
  for (const char* outcome : possible)
    expect(seen, outcome);
}

} // namespace

BOOST_AUTO_TEST_SUITE(join_schedules)

BOOST_AUTO_TEST_CASE(children_end_while_the_parent_starts_them) {
  explore<start_and_cancel>(2, {"values", "aborted", "nothing"});
}

BOOST_AUTO_TEST_CASE(children_end_while_the_parent_is_cancelled) {
  explore<end_and_cancel>(2, {"values", "aborted"});
}

BOOST_AUTO_TEST_CASE(a_child_fails_while_its_sibling_ends) {
  explore<fail_and_end>(3, {"b"});
}

BOOST_AUTO_TEST_CASE(the_error_of_the_child_that_fails_first_is_reported) {
  explore<fail_and_fail>(3, {"a", "b"});
}

BOOST_AUTO_TEST_CASE(of_two_that_succeed_one_wins) {
  explore<win_and_win>(3, {"first", "second"});
}

BOOST_AUTO_TEST_CASE(one_that_fails_does_not_end_a_race) {
  explore<win_and_fail>(3, {"first"});
}

BOOST_AUTO_TEST_CASE(what_a_winner_took_is_not_lost_to_a_cancellation) {
  explore<take_and_cancel>(2, {"first", "aborted"});
}

BOOST_AUTO_TEST_CASE(a_worker_that_ends_may_have_started_another) {
  explore<worker_ends_and_starts>(2, {"values"});
}

BOOST_AUTO_TEST_CASE(a_worker_starts_another_while_the_parent_is_cancelled) {
  explore<worker_starts_and_cancel>(2, {"values", "aborted"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_join
