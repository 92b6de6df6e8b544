// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Which errors count as the answer to a cancellation, in each place that tests
// it.

#include <weir/as_stopped.hpp>
#include <weir/co_spawn.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/for_each.hpp>
#include <weir/group_error.hpp>
#include <weir/quorum.hpp>
#include <weir/race.hpp>
#include <weir/result_group.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/with_result_group.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel_error.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/errc.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace weir::test::of_aborts {

BOOST_FIXTURE_TEST_SUITE(aborts, pool_fixture)

using boost::system::system_error;
using namespace std::chrono_literals;

std::exception_ptr aborted() {
  return std::make_exception_ptr(system_error(asio::error::operation_aborted));
}

template <typename E>
[[noreturn]] void throw_around(const std::exception_ptr& inner, E outer) {
  try {
    std::rethrow_exception(inner);
  } catch (...) {
    std::throw_with_nested(std::move(outer));
  }
}

struct not_a_std_exception {};

// The ways to report a cancellation.
const std::vector<void (*)()> forms = {
    [] { std::rethrow_exception(aborted()); },
    [] { throw system_error(asio::experimental::error::channel_cancelled); },
    [] {
      throw system_error(
          make_error_code(boost::system::errc::operation_canceled));
    },
    [] {
      throw std::system_error(
          std::make_error_code(std::errc::operation_canceled));
    },
    [] {
      throw std::system_error(
          boost::system::error_code(asio::error::operation_aborted));
    },
    [] { throw asio::multiple_exceptions(aborted()); },
    [] {
      throw asio::multiple_exceptions(
          std::make_exception_ptr(asio::multiple_exceptions(aborted())));
    },
    [] { throw_around(aborted(), std::runtime_error("while reading")); },
    [] { throw_around(aborted(), not_a_std_exception()); },
    [] {
      throw_around(std::make_exception_ptr(std::runtime_error("read")),
                   system_error(asio::error::operation_aborted));
    },
    [] {
      throw_around(
          std::make_exception_ptr(asio::multiple_exceptions(aborted())),
          std::runtime_error("while reading"));
    },
};

// Waits, and reports its cancellation by calling `says`.
task<> waits_and_says(gate& never, void (*says)()) {
  try {
    co_await never.wait();
  } catch (const system_error&) {
    says();
  }
}
task<int> waits_and_says_with_value(gate& never, void (*says)()) {
  co_await waits_and_says(never, says);
  co_return 0;
}

// As a connection of Asio's: both halves are aborted.
asio::awaitable<void> half(gate& never) {
  co_await never.wait(asio::use_awaitable);
}
asio::awaitable<void> both_halves(gate& never) {
  using namespace asio::experimental::awaitable_operators;
  co_await (half(never) && half(never));
}

// Calls `check(says)` for each form.
template <typename F>
void for_each_form(F check) {
  for (std::size_t i = 0; i != forms.size(); ++i)
    BOOST_TEST_CONTEXT("form " << i) { check(forms[i]); }
}

bool is_abort(void (*says)()) {
  try {
    says();
  } catch (...) {
    return detail::is_aborted(std::current_exception());
  }
  return false;
}

BOOST_AUTO_TEST_CASE(each_form_is_an_abort) {
  for_each_form([](void (*says)()) { BOOST_TEST(is_abort(says)); });
}

BOOST_AUTO_TEST_CASE(other_errors_are_none) {
  BOOST_TEST(!detail::is_aborted(nullptr));
  BOOST_TEST(!is_abort([] { throw 1; }));
  BOOST_TEST(!is_abort([] { throw system_error(asio::error::timed_out); }));
  BOOST_TEST(!is_abort([] { throw system_error(asio::error::eof); }));
  BOOST_TEST(!is_abort([] {
    throw std::system_error(std::make_error_code(std::errc::io_error));
  }));
  BOOST_TEST(!is_abort([] {
    throw asio::multiple_exceptions(
        std::make_exception_ptr(std::runtime_error("disk full")));
  }));
  BOOST_TEST(!is_abort([] { throw asio::multiple_exceptions(nullptr); }));
  BOOST_TEST(!is_abort([] {
    throw_around(std::make_exception_ptr(std::runtime_error("disk full")),
                 std::runtime_error("while writing"));
  }));
  BOOST_TEST(!is_abort([] {
    std::throw_with_nested(std::runtime_error("nested around nothing"));
  }));
}

BOOST_AUTO_TEST_CASE(endless_nesting_is_given_up) {
  auto deep = [] {
    std::exception_ptr error = aborted();
    for (int i = 0; i != 1000; ++i)
      error = std::make_exception_ptr(asio::multiple_exceptions(error));
    std::rethrow_exception(error);
  };
  BOOST_TEST(!is_abort(deep));
}

BOOST_AUTO_TEST_CASE(a_cancelled_child_that_says_so_has_not_failed) {
  for_each_form([&](void (*says)()) {
    gate never(pool.get_executor());
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(waits_and_says(never, says));
      co_await until([&] { return never.arrivals() == 1; });
      group.cancel();
    };
    BOOST_CHECK_NO_THROW(run(with_task_group({}, body)));
  });
}

BOOST_AUTO_TEST_CASE(a_cancelled_body_that_says_so_has_not_failed) {
  for_each_form([&](void (*says)()) {
    gate never(pool.get_executor());
    auto body = [&](task_group& group) -> task<> {
      auto cancels = [&]() -> task<> {
        co_await until([&] { return never.arrivals() == 1; });
        group.cancel();
      };
      co_await group.spawn(cancels);
      co_await waits_and_says(never, says);
    };
    BOOST_CHECK_NO_THROW(run(with_task_group({}, body)));
  });
}

BOOST_AUTO_TEST_CASE(both_halves_of_a_connection_may_be_aborted) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind}) {
    gate never(pool.get_executor());
    auto body = [&](task_group& group) -> task<> {
      co_await group.spawn(both_halves(never));
      co_await until([&] { return never.arrivals() == 2; });
      group.cancel();
    };
    BOOST_CHECK_NO_THROW(run(with_task_group({.cancellation = form}, body)));
  }
}

BOOST_AUTO_TEST_CASE(a_deadline_is_timed_out_whatever_the_work_says) {
  for_each_form([&](void (*says)()) {
    testing::deterministic_runtime virtually;
    gate never(virtually.get_executor());
    BOOST_CHECK_EXCEPTION(
        virtually.run(with_timeout(1s, waits_and_says(never, says))),
        system_error,
        has_code(asio::error::timed_out));
  });
}

BOOST_AUTO_TEST_CASE(as_stopped_makes_a_value_of_both_halves) {
  gate never(pool.get_executor());
  bool stopped = false;
  auto awaits = [&]() -> task<> { co_await both_halves(never); };
  auto child = [&]() -> task<> { stopped = !co_await as_stopped(awaits()); };
  auto body = [&](task_group& group) -> task<> {
    co_await group.spawn(child);
    co_await until([&] { return never.arrivals() == 2; });
    group.cancel();
  };
  BOOST_CHECK_NO_THROW(run(with_task_group({}, body)));
  BOOST_TEST(stopped);
}

std::atomic<int> unhandled{0};

BOOST_AUTO_TEST_CASE(a_detached_task_that_says_so_does_not_end_the_process) {
  for_each_form([&](void (*says)()) {
    unhandled = 0;
    {
      weir::runtime one(
          {.threads = 1,
           .on_unhandled = [](const std::exception_ptr&) noexcept {
             ++unhandled;
           }});
      gate never(one.get_executor());
      weir::co_spawn(one, waits_and_says(never, says), asio::detached);
      block_until([&] { return never.arrivals() == 1; });
    }
    BOOST_TEST(unhandled == 0);
  });
}

BOOST_AUTO_TEST_CASE(a_cancelled_co_spawn_completes_with_operation_aborted) {
  for_each_form([&](void (*says)()) {
    gate never(pool.get_executor());
    asio::cancellation_signal signal;
    auto result = weir::co_spawn(
        pool,
        waits_and_says(never, says),
        asio::bind_cancellation_slot(signal.slot(), asio::use_future));
    block_until([&] { return never.arrivals() == 1; });
    signal.emit(asio::cancellation_type::terminal);
    BOOST_CHECK_EXCEPTION(
        result.get(), system_error, has_code(asio::error::operation_aborted));
  });
}

BOOST_AUTO_TEST_CASE(a_channel_of_asio_is_cancelled_like_anything_else) {
  using inbox =
      asio::experimental::concurrent_channel<void(boost::system::error_code)>;
  inbox empty(pool.get_executor());
  asio::cancellation_signal signal;
  std::atomic<bool> begun{false};
  auto receives = [&]() -> task<> {
    begun = true;
    co_await empty.async_receive(asio::deferred);
  };
  auto result = weir::co_spawn(
      pool,
      receives(),
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  block_until([&] { return begun.load(); });
  signal.emit(asio::cancellation_type::terminal);
  BOOST_CHECK_EXCEPTION(
      result.get(), system_error, has_code(asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(a_task_that_nobody_cancelled_keeps_its_error) {
  for_each_form([&](void (*says)()) {
    auto fails = [&]() -> task<> {
      says();
      co_return;
    };
    auto result = weir::co_spawn(pool, fails(), asio::use_future);
    std::string thrown;
    try {
      says();
    } catch (...) {
      thrown = text_of(std::current_exception());
    }
    std::string arrived;
    try {
      result.get();
    } catch (...) {
      arrived = text_of(std::current_exception());
    }
    BOOST_TEST(arrived == thrown);
  });
}

BOOST_AUTO_TEST_CASE(a_result_group_drops_what_was_cancelled) {
  for_each_form([&](void (*says)()) {
    gate never(pool.get_executor());
    auto body = [&](result_group<int>& group) -> task<> {
      co_await group.spawn(waits_and_says_with_value(never, says));
      co_await until([&] { return never.arrivals() == 1; });
      group.cancel();
    };
    BOOST_CHECK_NO_THROW(run(with_result_group<int>({}, body)));
  });
}

BOOST_AUTO_TEST_CASE(losers_of_a_race_and_a_quorum_have_not_failed) {
  for_each_form([&](void (*says)()) {
    gate never(pool.get_executor());
    auto wins = [&]() -> task<int> {
      co_await until([&] { return never.arrivals() == 1; });
      co_return 7;
    };
    auto main = [&]() -> task<int> {
      auto won = co_await race(waits_and_says_with_value(never, says), wins());
      co_return won.value;
    };
    BOOST_TEST(run(main()) == 7);
    // The only errors are those of the tasks that failed by themselves.
    auto too_few = [&]() -> task<std::size_t> {
      gate other(pool.get_executor());
      auto fails_then = [&]() -> task<int> {
        co_await until([&] { return other.arrivals() == 1; });
        throw std::runtime_error("boom");
      };
      try {
        co_await quorum(
            2, waits_and_says_with_value(other, says), fails_then());
      } catch (const group_error& error) {
        co_return error.errors().size();
      }
      co_return 0;
    };
    BOOST_TEST(run(too_few()) == 1u);
  });
}

BOOST_AUTO_TEST_CASE(elements_of_a_cancelled_loop_have_not_failed) {
  for_each_form([&](void (*says_so)()) {
    gate never(pool.get_executor());
    std::vector<int> elements{0, 1};
    auto element = [&](int n) -> task<> {
      if (n == 0) {
        co_await waits_and_says(never, says_so);
      } else {
        co_await until([&] { return never.arrivals() == 1; });
        throw std::runtime_error("boom");
      }
    };
    auto loop = weir::for_each(elements, {.max_in_flight = 2}, element);
    BOOST_CHECK_EXCEPTION(
        run(std::move(loop)), std::runtime_error, says("boom"));
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_aborts
