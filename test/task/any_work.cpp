// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The functions around a piece of work take all that spawn() takes.

#include <weir/as_stopped.hpp>
#include <weir/channel.hpp>
#include <weir/finally.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/unwinding.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/counted.hpp"
#include "support/deterministic.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace weir::test::of_any_work {

BOOST_FIXTURE_TEST_SUITE(any_work, watched)

using boost::system::error_code;
using boost::system::system_error;
using namespace std::chrono_literals;

using inbox = asio::experimental::concurrent_channel<void(error_code, int)>;

// The source of the 7 for each kind of work, ready at once or never.
struct sources {
  explicit sources(const executor& ex) : foreign(ex, 4), never(ex) {}

  void fill() {
    for (int i = 0; i != 4; ++i)
      (void)foreign.try_send(error_code(), 7);
    for (int i = 0; i != 4; ++i)
      (void)own.try_send(7);
  }
  task<int> in_task() { co_return (co_await own.receive()).value(); }
  asio::awaitable<int> in_awaitable() {
    co_return co_await foreign.async_receive(asio::use_awaitable);
  }

  inbox foreign;
  channel<int> own{8};
  gate never;
};

int plain(int n) { return n; }
int plain(const std::optional<int>& n) { return n.value(); }

enum class kind { task, own, foreign, awaitable, callable, of_operation };
constexpr kind kinds[] = {kind::task,
                          kind::own,
                          kind::foreign,
                          kind::awaitable,
                          kind::callable,
                          kind::of_operation};

// Calls `around` with a piece of work of that kind.
template <typename Around>
task<int> with_work(kind which, sources& from, Around around) {
  auto makes_task = [&from] { return from.in_task(); };
  auto makes_operation = [&from] { return from.own.receive(); };
  switch (which) {
  case kind::task:
    co_return plain(co_await around(from.in_task()));
  case kind::own:
    co_return plain(co_await around(from.own.receive()));
  case kind::foreign:
    co_return plain(
        co_await around(from.foreign.async_receive(asio::deferred)));
  case kind::awaitable:
    co_return plain(co_await around(from.in_awaitable()));
  case kind::callable:
    co_return plain(co_await around(makes_task));
  case kind::of_operation:
    co_return plain(co_await around(makes_operation));
  }
  co_return 0;
}

// Gives the result of each kind of work that is ready.
template <typename Around>
void gives_the_result(Around around) {
  for (kind which : kinds)
    BOOST_TEST_CONTEXT("kind " << static_cast<int>(which)) {
      deterministic_runtime runtime;
      sources from(runtime.get_executor());
      from.fill();
      BOOST_TEST(runtime.run(with_work(which, from, around)) == 7);
    }
}

// For each kind of work that never ends: it is cancelled with its task.
template <typename Around>
void is_cancelled(Around around) {
  for (kind which : kinds)
    BOOST_TEST_CONTEXT("kind " << static_cast<int>(which)) {
      deterministic_runtime runtime;
      sources from(runtime.get_executor());
      bool went_on = false;
      auto child = [&]() -> task<> {
        (void)co_await with_work(which, from, around);
        went_on = true;
      };
      auto body = [&](task_group& group) -> task<> {
        co_await group.spawn(child);
        co_await sleep_for(1s);
        group.cancel();
      };
      BOOST_CHECK_NO_THROW(runtime.run(with_task_group({}, body)));
      BOOST_TEST(!went_on);
    }
}

const auto in_timeout = []<typename W>(W&& work) {
  return with_timeout(1h, std::forward<W>(work));
};
const auto in_deadline = []<typename W>(W&& work) {
  return with_deadline(clock::time_point::max(), std::forward<W>(work));
};
const auto in_shield = []<typename W>(W&& work) {
  return shield(std::forward<W>(work));
};
const auto in_finally = []<typename W>(W&& work) {
  return finally(std::forward<W>(work), returns);
};
const auto in_unwinding = []<typename W>(W&& work) {
  return unwinding(std::forward<W>(work));
};
const auto unpacked = []<typename W>(W work) -> task<int> {
  auto result = co_await std::move(work);
  co_return plain(result.value());
};
const auto in_as_stopped = []<typename W>(W&& work) {
  return unpacked(as_stopped(std::forward<W>(work)));
};

BOOST_AUTO_TEST_CASE(a_timeout_takes_any_work) {
  gives_the_result(in_timeout);
  is_cancelled(in_timeout);
}

BOOST_AUTO_TEST_CASE(a_deadline_takes_any_work) {
  gives_the_result(in_deadline);
  is_cancelled(in_deadline);
}

BOOST_AUTO_TEST_CASE(a_shield_takes_any_work) { gives_the_result(in_shield); }

BOOST_AUTO_TEST_CASE(finally_takes_any_work) {
  gives_the_result(in_finally);
  is_cancelled(in_finally);
}

BOOST_AUTO_TEST_CASE(unwinding_takes_any_work) {
  gives_the_result(in_unwinding);
  is_cancelled(in_unwinding);
}

BOOST_AUTO_TEST_CASE(as_stopped_takes_any_work) {
  gives_the_result(in_as_stopped);
}

BOOST_AUTO_TEST_CASE(a_timeout_ends_any_work) {
  for (kind which : kinds)
    BOOST_TEST_CONTEXT("kind " << static_cast<int>(which)) {
      deterministic_runtime runtime;
      sources from(runtime.get_executor());
      auto around = []<typename W>(W&& work) {
        return with_timeout(1s, std::forward<W>(work));
      };
      BOOST_CHECK_EXCEPTION(runtime.run(with_work(which, from, around)),
                            system_error,
                            has_code(asio::error::timed_out));
    }
}

BOOST_AUTO_TEST_CASE(a_shield_hides_the_cancellation_from_an_operation) {
  deterministic_runtime runtime;
  channel<int> numbers(1);
  int received = 0;
  auto child = [&]() -> task<> {
    received = *co_await shield(numbers.receive());
  };
  auto body = [&](task_group& group) -> task<> {
    co_await group.spawn(child);
    co_await sleep_for(1s);
    group.cancel();
    (void)numbers.try_send(3);
  };
  runtime.run(with_task_group({}, body));
  BOOST_TEST(received == 3);
}

BOOST_AUTO_TEST_CASE(as_stopped_says_that_an_operation_was_cancelled) {
  deterministic_runtime runtime;
  bool stopped = false;
  auto child = [&]() -> task<> {
    stopped = !co_await as_stopped(sleep_for(1h));
  };
  auto body = [&](task_group& group) -> task<> {
    co_await group.spawn(child);
    co_await sleep_for(1s);
    group.cancel();
  };
  runtime.run(with_task_group({}, body));
  BOOST_TEST(stopped);
}

BOOST_AUTO_TEST_CASE(the_task_owns_its_operation_and_its_callable) {
  deterministic_runtime runtime;
  channel<int> numbers(1);
  std::atomic<int> alive{0};
  auto main = [&]() -> task<int> {
    std::optional<task<std::optional<int>>> received;
    std::optional<task<int>> called;
    {
      auto op = numbers.receive();
      received.emplace(with_timeout(1h, std::move(op)));
      auto callable = [kept = counted(alive)]() -> task<int> {
        co_await sleep_for(1s);
        co_return kept ? 5 : 0;
      };
      called.emplace(with_timeout(1h, callable));
    }
    (void)numbers.try_send(2);
    std::optional<int> two = co_await std::move(*received);
    int five = co_await std::move(*called);
    co_return *two + five;
  };
  BOOST_TEST(runtime.run(main()) == 7);
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(a_result_without_a_value_and_a_reference_remain) {
  static_assert(
      std::same_as<decltype(with_timeout(1s, sleep_for(1s))), task<>>);
  static_assert(
      std::same_as<decltype(shield(std::declval<task<int&>>())), task<int&>>);
  static_assert(std::same_as<decltype(as_stopped(sleep_for(1s))), task<bool>>);
  BOOST_TEST(true);
}

template <typename F>
bool is_refused(F call, const char* text) {
  try {
    (void)call();
  } catch (const std::invalid_argument& e) {
    return says(text)(e);
  }
  return false;
}

BOOST_AUTO_TEST_CASE(empty_work_is_refused_at_the_call) {
  using function = std::function<task<>()>;
  BOOST_TEST(is_refused([] { return with_timeout(1s, task<>()); },
                        "weir::with_timeout: the task is empty"));
  BOOST_TEST(is_refused([] { return with_deadline(clock::now(), task<>()); },
                        "weir::with_deadline: the task is empty"));
  BOOST_TEST(is_refused([] { return shield(task<>()); },
                        "weir::shield: the task is empty"));
  BOOST_TEST(is_refused([] { return weir::finally(task<>(), returns); },
                        "weir::finally: the task is empty"));
  BOOST_TEST(is_refused([] { return unwinding(task<>()); },
                        "weir::unwinding: the task is empty"));
  BOOST_TEST(is_refused([] { return as_stopped(task<>()); },
                        "weir::as_stopped: the task is empty"));
  const function none;
  BOOST_TEST(is_refused([&] { return with_timeout(1s, none); },
                        "weir::with_timeout: the callable is empty"));
  BOOST_TEST(is_refused([&] { return weir::finally(returns(), none); },
                        "weir::finally: the callable is empty"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_any_work
