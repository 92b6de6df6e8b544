// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The children of when_all(), in the frame of their parent, under every
// schedule: they end, fail and are cancelled while the parent starts them and
// waits.

#include <weir/channel.hpp>
#include <weir/detail/sync/channel_steps.hpp>
#include <weir/when_all.hpp>

#include "explorer/expect.hpp"
#include "explorer/group_models.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
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
protected:
  void begin(task<std::tuple<int, int>> both) {
    start_child(group_, notes(std::move(both), how_));
  }

  // What the parent saw; a child that is left over is an error of its own.
  std::string outcome() const { return alive_ != 0 ? "a child goes on" : how_; }

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
  static task<int> returns(int value, std::atomic<int>& alive) {
    const presence here(alive);
    co_return value;
  }
  static task<int> throws(const char* what, std::atomic<int>& alive) {
    const presence here(alive);
    throw std::runtime_error(what);
    co_return 0;
  }
  static task<> notes(task<std::tuple<int, int>> both, std::string& how) {
    try {
      const std::tuple<int, int> values = co_await std::move(both);
      how = values == std::tuple(1, 2) ? "values" : "other values";
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

// One thread starts the children, which the other may run at once when it has
// cancelled the parent.
class start_and_cancel : one_parent {
public:
  static constexpr std::size_t threads = 2;

  start_and_cancel() {
    begin(when_all(returns(1, alive_), returns(2, alive_)));
    join_.start();
  }
  void run(std::size_t thread) {
    if (thread == 1)
      group_.cancel();
    work_until(join_.done);
  }
  std::string outcome() const { return one_parent::outcome(); }
};

// The children end while another thread cancels the parent.
class end_and_cancel : one_parent {
public:
  static constexpr std::size_t threads = 2;

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
  std::string outcome() const { return one_parent::outcome(); }
};

// A child fails while its sibling ends.
class fail_and_end : one_parent {
public:
  static constexpr std::size_t threads = 2;

  fail_and_end() {
    begin(when_all(receives(first_, alive_), fails_after(second_, alive_)));
    run_ready();
    join_.start();
  }
  void run(std::size_t thread) {
    if (thread == 0)
      (void)first_.try_send(1);
    else
      (void)second_.try_send(2);
    work_until(join_.done);
  }
  std::string outcome() const { return one_parent::outcome(); }

private:
  static task<int> fails_after(channel<int>& values, std::atomic<int>& alive) {
    (void)co_await receives(values, alive);
    co_return co_await throws("b", alive);
  }
};

// Both children fail, on two threads.
class fail_and_fail : one_parent {
public:
  static constexpr std::size_t threads = 2;

  fail_and_fail() {
    begin(when_all(throws("a", alive_), throws("b", alive_)));
    join_.start();
  }
  void run(std::size_t) { work_until(join_.done); }
  std::string outcome() const { return one_parent::outcome(); }
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

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_join
