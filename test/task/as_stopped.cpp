// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// as_stopped() and finally().

#include <weir/as_stopped.hpp>
#include <weir/checkpoint.hpp>
#include <weir/finally.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/journal.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::test::of_as_stopped {

struct stopping : pool_fixture {
  // Runs `child` in a group of this kind and cancels it once it waits.
  template <typename Child>
  void cancel_when_parked(on_cancel form, Child child) {
    const std::size_t before = never.arrivals();
    task_group group(pool, {.cancellation = form});
    wait(group.spawn(child));
    block_until([&] { return never.arrivals() != before; });
    group.cancel();
    wait(group.join());
  }

  gate never{pool.get_executor()};
};

BOOST_FIXTURE_TEST_SUITE(as_stopped, stopping)

using boost::system::error_code;
using boost::system::system_error;
using weir::as_stopped;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(a_value_comes_through) {
  int object = 0;
  auto value = []() -> task<int> { co_return 4; };
  auto move_only = []() -> task<std::unique_ptr<int>> {
    co_return std::make_unique<int>(5);
  };
  auto refers = [&]() -> task<int&> { co_return object; };
  auto main = [&]() -> task<bool> {
    std::optional<int> a = co_await as_stopped(value());
    std::optional<std::unique_ptr<int>> b = co_await as_stopped(move_only());
    int* c = co_await as_stopped(refers());
    const bool d = co_await as_stopped(returns());
    co_return a == 4 && b&&** b == 5 && c == &object&& d;
  };
  BOOST_TEST(run(main()));
}

BOOST_AUTO_TEST_CASE(an_error_comes_through) {
  BOOST_CHECK_EXCEPTION(
      run(as_stopped(fails_with("boom"))), std::runtime_error, says("boom"));
}

BOOST_AUTO_TEST_CASE(a_cancellation_becomes_an_empty_value) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      int object = 0;
      std::atomic<bool> inner_handled{false};
      std::atomic<int> stopped{0};
      auto work = [&]() -> task<> {
        try {
          co_await never.wait();
        } catch (...) {
          inner_handled = true;
        }
      };
      auto value = [&]() -> task<int> {
        co_await work();
        co_return 1;
      };
      auto refers = [&]() -> task<int&> {
        co_await work();
        co_return object;
      };
      cancel_when_parked(form, [&]() -> task<> {
        const bool ended = co_await as_stopped(work());
        stopped += !ended;
      });
      cancel_when_parked(form, [&]() -> task<> {
        const std::optional<int> n = co_await as_stopped(value());
        stopped += !n;
      });
      cancel_when_parked(form, [&]() -> task<> {
        int* p = co_await as_stopped(refers());
        stopped += p == nullptr;
      });
      BOOST_TEST(stopped == 3);
      BOOST_TEST(!inner_handled);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_task_stays_cancelled) {
  for (on_cancel form : forms) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      std::atomic<bool> stopped{false};
      std::atomic<bool> shielded{false};
      std::atomic<bool> went_on{false};
      cancel_when_parked(form, [&]() -> task<> {
        const bool ended = co_await as_stopped(waits_for(never));
        stopped = !ended;
        auto says_goodbye = [&]() -> task<> {
          co_await checkpoint();
          shielded = true;
        };
        co_await shield(says_goodbye());
        co_await checkpoint();
        went_on = true;
      });
      BOOST_TEST(stopped);
      BOOST_TEST(shielded);
      BOOST_TEST(!went_on);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_timeout_inside_is_no_cancellation) {
  auto main = []() -> task<bool> {
    auto sleeps = []() -> task<> { co_await sleep_for(std::chrono::hours(1)); };
    co_return co_await as_stopped(
        with_timeout(std::chrono::milliseconds(1), sleeps()));
  };
  BOOST_CHECK_EXCEPTION(
      run(main()), system_error, has_code(asio::error::timed_out));
}

BOOST_AUTO_TEST_CASE(after_it_the_former_form_holds_again) {
  error_code code;
  cancel_when_parked(on_cancel::raise, [&]() -> task<> {
    (void)co_await as_stopped(returns());
    try {
      co_await never.wait();
    } catch (const system_error& e) {
      code = e.code();
    }
  });
  BOOST_TEST(code == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_as_stopped
