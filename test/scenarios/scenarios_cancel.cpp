// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Cancelling from unusual places, and work that ignores cancellation.

#include <weir/channel.hpp>
#include <weir/executor.hpp>
#include <weir/named.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/deterministic.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/error_code.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <future>
#include <mutex>
#include <optional>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(scenarios_cancel, pool_fixture)

using boost::system::error_code;
using namespace std::chrono_literals;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

BOOST_AUTO_TEST_CASE(a_child_that_disabled_cancellation_is_waited_for) {
  for (on_cancel form : forms) {
    deterministic_runtime runtime;
    bool went_on = false;
    auto child = [&]() -> task<> {
      co_await asio::this_coro::reset_cancellation_state(
          asio::disable_cancellation());
      co_await sleep_for(1h);
      went_on = true;
    };
    auto main = [&]() -> task<> {
      task_group group(runtime.get_executor(), {.cancellation = form});
      co_await group.spawn(child);
      co_await sleep_for(1s);
      group.cancel();
      co_await group.join();
    };
    runtime.run(main());
    BOOST_TEST(went_on);
    BOOST_TEST((runtime.elapsed() >= 1h));
  }
}

BOOST_AUTO_TEST_CASE(a_child_that_never_heeds_its_deadline_is_named) {
  deterministic_runtime runtime;
  channel<int> never(1);
  bool was_cancelled = false;
  auto receives = [&]() -> task<> { (void)co_await never.receive(); };
  auto stubborn = [&]() -> task<> { co_await shield(receives()); };
  auto main = [&]() -> task<> {
    task_group group(runtime.get_executor(), {.name = "uploads"});
    co_await group.spawn(named("stubborn", stubborn()));
    auto looks = [&]() -> task<> {
      co_await sleep_for(1s);
      was_cancelled = group.is_cancelled();
    };
    task_group other(runtime.get_executor());
    co_await other.spawn(looks);
    group.cancel_after(500ms);
    co_await group.join();
  };
  BOOST_CHECK_EXCEPTION(
      runtime.run(main()), testing::deadlock, [](const auto& e) {
        return says("group uploads: 1 in flight")(e) &&
               says("stubborn waits: channel receive")(e);
      });
  BOOST_TEST(was_cancelled);
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_children_are_cancelled_in_linear_time) {
  constexpr std::size_t n = sanitized ? 10'000 : 100'000;
  for (on_cancel form : forms) {
    std::atomic<int> alive{0};
    std::atomic<std::size_t> parked{0};
    auto child = [&](counted) -> task<> {
      ++parked;
      co_await sleep_until(clock::time_point::max());
    };
    task_group group(pool, {.cancellation = form});
    auto spawns = [&]() -> task<> {
      for (std::size_t i = 0; i != n; ++i)
        co_await group.spawn(child, counted(alive));
    };
    run(spawns());
    block_until([&] { return parked == n; });
    // The watchdog bounds it: anything quadratic takes far longer.
    group.cancel();
    wait(group.join());
    BOOST_TEST(group.stats().cancelled == n);
    BOOST_TEST(alive == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_completion_handler_may_cancel) {
  for (int round = 0; round != 100; ++round) {
    gate never(pool.get_executor());
    task_group group(pool);
    task_group other(pool);
    wait(other.spawn(waits_for(never)));
    std::atomic<int> handled{0};
    for (int i = 0; i != 3; ++i)
      group.spawn(waits_for(never))([&](error_code) {
        group.cancel();
        ++handled;
      });
    std::promise<void> done;
    group.join()([&](const std::exception_ptr&) {
      group.cancel();
      other.cancel();
      done.set_value();
    });
    done.get_future().get();
    wait(other.join());
    // The handlers refer to the group.
    block_until([&] { return handled == 3; });
    BOOST_TEST_REQUIRE(other.stats().cancelled == 1u);
  }
}

// Cancels when it is destroyed, for example with the frame of a cancelled
// child.
struct cancels_last {
  explicit cancels_last(task_group& g) : group(&g) {}
  cancels_last(cancels_last&& other) noexcept
      : group(std::exchange(other.group, nullptr)) {}
  ~cancels_last() {
    if (group != nullptr)
      group->cancel();
  }
  task_group* group;
};

BOOST_AUTO_TEST_CASE(destructors_may_cancel) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    task_group outer(pool, {.cancellation = form});
    task_group group(pool, {.max_in_flight = 3, .cancellation = form});
    auto child = [&](cancels_last, cancels_last) -> task<> {
      co_await never.wait();
    };
    for (int i = 0; i != 3; ++i)
      wait(group.spawn(child, cancels_last(group), cancels_last(outer)));
    wait(outer.spawn(waits_for(never)));
    // A child that waits for a slot, and is destroyed unstarted.
    auto refused = group.spawn(child, cancels_last(group), cancels_last(outer))(
        asio::use_future);
    block_until([&] { return never.arrivals() == 4; });
    group.cancel();
    BOOST_CHECK_THROW(refused.get(), boost::system::system_error);
    wait(group.join());
    wait(outer.join());
    BOOST_TEST(group.stats().cancelled == 3u);
    BOOST_TEST(outer.stats().cancelled == 1u);
  }
}

BOOST_AUTO_TEST_CASE(the_handler_of_a_signal_set_may_cancel) {
  gate never(pool.get_executor());
  task_group group(pool);
  wait(group.spawn(waits_for(never)));
  asio::signal_set signals(pool.get_executor(), SIGUSR1);
  std::promise<void> handled;
  signals.async_wait([&](error_code, int) {
    group.cancel(asio::error::interrupted);
    handled.set_value();
  });
  std::raise(SIGUSR1);
  wait(group.join());
  handled.get_future().get();
  BOOST_TEST(group.stats().cancelled == 1u);
  BOOST_TEST(group.cancel_reason() == asio::error::interrupted);
}

// For two threads, one at a time.
struct guarded_timer {
  explicit guarded_timer(const executor& on)
      : timer(on, asio::steady_timer::time_point::max()) {}
  std::size_t cancel() {
    std::lock_guard held(lock);
    return timer.cancel();
  }

  std::mutex lock;
  asio::steady_timer timer;
  std::atomic<bool> is_waited_for{false};
};

// The slot of the handler is hidden from the timer.
auto waits_whatever_happens(guarded_timer& timer) {
  return asio::async_initiate<const asio::deferred_t, void(error_code)>(
      [](auto handler, guarded_timer* on) {
        std::lock_guard held(on->lock);
        on->timer.async_wait(
            [handler = std::move(handler)](error_code) mutable {
              std::move(handler)(error_code());
            });
        on->is_waited_for = true;
      },
      asio::deferred,
      &timer);
}

BOOST_AUTO_TEST_CASE(join_waits_for_an_operation_that_cannot_be_cancelled) {
  for (on_cancel form : forms) {
    guarded_timer timer(pool.get_executor());
    std::atomic<int> alive{0};
    auto child = [&](counted) -> task<> {
      co_await waits_whatever_happens(timer);
    };
    task_group group(pool, {.cancellation = form});
    wait(group.spawn(child, counted(alive)));
    block_until([&] { return timer.is_waited_for.load(); });
    group.cancel();
    auto joined = group.join()(asio::use_future);
    BOOST_TEST((joined.wait_for(2ms) == std::future_status::timeout));
    BOOST_TEST(alive == 1);
    block_until([&] { return timer.cancel() == 1; });
    joined.get();
    BOOST_TEST(alive == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
