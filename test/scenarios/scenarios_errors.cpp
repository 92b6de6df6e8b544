// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Exceptions in unusual places.

#include <weir/co_spawn.hpp>
#include <weir/finally.hpp>
#include <weir/runtime.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/unwinding.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/death.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/sanitized.hpp"
#include "support/says.hpp"
#include "support/throws_when_moved.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <exception>
#include <future>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(scenarios_errors)

struct throws_when_destroyed {
  ~throws_when_destroyed() noexcept(false) { throw 1; }
};

BOOST_AUTO_TEST_CASE(a_destructor_that_throws_as_a_child_ends_terminates) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind}) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      const auto end = run_in_child([&] {
        weir::runtime pool(1);
        std::atomic<bool> waits{false};
        auto child = [&]() -> task<> {
          throws_when_destroyed local;
          waits = true;
          co_await sleep_for(std::chrono::hours(1));
        };
        task_group group(pool, {.cancellation = form});
        group.spawn(child)(asio::use_future).get();
        while (!waits)
          std::this_thread::yield();
        group.cancel();
        group.join()(asio::use_future).get();
      });
      BOOST_TEST(end.signal == SIGABRT);
      BOOST_TEST_CONTEXT("printed: " << end.printed)
      BOOST_TEST((end.printed.find(form == on_cancel::unwind
                                       ? "destructor"
                                       : "terminate") != std::string::npos));
    }
  }
}

// `attempt(n)` with a value that can be moved n times throws until n is enough.
template <typename Attempt>
void check_every_move(Attempt attempt) {
  int moves = 0;
  for (;; ++moves) {
    BOOST_TEST_REQUIRE(moves < 20);
    try {
      attempt(moves);
      break;
    } catch (const std::runtime_error& e) {
      BOOST_TEST(says("moved too often")(e));
    }
  }
  BOOST_TEST(moves > 0);
}

BOOST_FIXTURE_TEST_CASE(a_result_that_throws_when_moved_is_the_childs_error,
                        pool_fixture) {
  check_every_move([&](int moves) {
    std::atomic<int> calls{0};
    task_group group(pool,
                     {.max_in_flight = 1, .errors = on_error::keep_going});
    wait(group.spawn(gives_throwing(moves)));
    wait(group.spawn(counts(calls))); // in the same slot
    try {
      wait(group.join());
    } catch (...) {
      BOOST_TEST(group.stats().failed == 1u);
      BOOST_TEST(calls == 1);
      throw;
    }
  });
}

BOOST_FIXTURE_TEST_CASE(a_root_result_that_throws_when_moved_comes_as_error,
                        pool_fixture) {
  check_every_move([&](int moves) { (void)run(gives_throwing(moves)); });
  // ThreadSanitizer's std::call_once, in a future, does not survive a throw.
  if (!sanitized)
    check_every_move([&](int moves) {
      (void)weir::co_spawn(pool, gives_throwing(moves), asio::use_future).get();
    });
  check_every_move([&](int moves) {
    using value = std::optional<throws_when_moved>;
    std::promise<std::exception_ptr> ended;
    std::atomic<bool> had_value{false};
    auto handler = [&](std::exception_ptr error, const value& v) {
      had_value = v.has_value();
      ended.set_value(std::move(error));
    };
    weir::co_spawn(pool, gives_throwing(moves), handler);
    if (std::exception_ptr error = ended.get_future().get())
      std::rethrow_exception(error);
    BOOST_TEST(had_value);
  });
}

BOOST_FIXTURE_TEST_CASE(a_bad_alloc_in_a_child_is_its_error, pool_fixture) {
  gate never(pool.get_executor());
  auto starves = []() -> task<> {
    throw std::bad_alloc();
    co_return;
  };
  task_group group(pool, {.max_in_flight = 2});
  wait(group.spawn(waits_for(never)));
  wait(group.spawn(starves));
  BOOST_CHECK_THROW(wait(group.join()), std::bad_alloc);
  BOOST_TEST(group.stats().failed == 1u);
  BOOST_TEST(group.stats().cancelled == 1u);
}

struct throws_when_looked_at {
  explicit throws_when_looked_at(std::shared_ptr<int> h) : held(std::move(h)) {}
  throws_when_looked_at(const throws_when_looked_at& other) : held(other.held) {
    throw std::logic_error("copied");
  }
  const char* what() const { throw std::logic_error("read"); }

  std::shared_ptr<int> held;
};

BOOST_FIXTURE_TEST_CASE(an_error_that_cannot_be_copied_or_read_comes_through,
                        pool_fixture) {
  std::weak_ptr<int> held;
  auto child = [&]() -> task<> {
    auto payload = std::make_shared<int>(5);
    held = payload;
    throw throws_when_looked_at(std::move(payload));
    co_return;
  };
  {
    task_group group(pool);
    std::atomic<int> hooked{0};
    group.set_error_hook([&](const task_failure& f) { hooked += !!f.error; });
    wait(group.spawn(child));
    for (int i = 0; i != 3; ++i)
      BOOST_CHECK_EXCEPTION(
          wait(group.join()), throws_when_looked_at, [](const auto& e) {
            BOOST_CHECK_THROW((void)e.what(), std::logic_error);
            return *e.held == 5;
          });
    BOOST_TEST(hooked == 1);
  }
  // The thread that called the hook may release the error last.
  block_until([&] { return held.expired(); });
}

struct has_data {
  std::vector<int> data;
};

BOOST_FIXTURE_TEST_CASE(one_error_may_be_read_by_many_threads_at_once,
                        pool_fixture) {
  for (int round = 0; round != 100; ++round) {
    gate door(pool.get_executor());
    auto child = [&]() -> task<> {
      co_await door.wait();
      throw has_data{std::vector<int>(100, 1)};
    };
    task_group group(pool);
    wait(group.spawn(child));
    std::vector<std::future<void>> joins;
    for (int i = 0; i != 4; ++i)
      joins.push_back(group.join()(asio::use_future));
    door.open();
    std::atomic<int> sum{0};
    std::vector<std::thread> threads;
    for (auto& joined : joins)
      threads.emplace_back([&] {
        try {
          joined.get();
        } catch (const has_data& e) {
          sum += std::accumulate(e.data.begin(), e.data.end(), 0);
        }
      });
    for (std::thread& t : threads)
      t.join();
    BOOST_TEST_REQUIRE(sum == 400);
    BOOST_CHECK_THROW(wait(group.join()), has_data);
  }
}

// A function that runs work in a scope leaves the scope even if the value's
// move throws. Reading the cancellation state reads all scopes of a task.
BOOST_FIXTURE_TEST_CASE(a_result_that_throws_when_moved_leaves_no_scope_behind,
                        pool_fixture) {
  const auto check = [&](auto scoped) {
    check_every_move([&](int moves) {
      auto main = [&]() -> task<> {
        std::exception_ptr error;
        try {
          (void)co_await scoped(moves);
        } catch (const std::runtime_error&) {
          error = std::current_exception();
        }
        auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
          throw std::logic_error("cancelled");
        if (error)
          std::rethrow_exception(error);
      };
      run(main());
    });
  };
  check([](int moves) { return shield(gives_throwing(moves)); });
  check([](int moves) { return unwinding(gives_throwing(moves)); });
  check([](int moves) {
    return with_timeout(std::chrono::hours(1), gives_throwing(moves));
  });
  check([](int moves) { return finally(gives_throwing(moves), returns); });
  gate never(pool.get_executor());
  check([&](int moves) {
    return with_task_group(
        {}, [&, moves](task_group& group) -> task<throws_when_moved> {
          co_await group.spawn(waits_for(never));
          group.cancel();
          co_return throws_when_moved(moves);
        });
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
