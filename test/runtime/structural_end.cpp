// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// runtime::stop() ends all waits first, and destroys frames when no task waits
// any more, children before parents. One file, because this is one promise.

#include <weir/channel.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/finally.hpp>
#include <weir/limiter.hpp>
#include <weir/runtime.hpp>
#include <weir/shield.hpp>
#include <weir/single_flight.hpp>
#include <weir/sleep.hpp>
#include <weir/start.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deadlock.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/testing/step_limit_exceeded.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>
#include <weir/work_queue.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/sanitized.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/until_gone.hpp"
#include "support/watchdog.hpp"
#include "support/work.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <string>
#include <thread>
#include <vector>

namespace weir::test {

struct structural_end_fixture {
  watchdog dog{std::chrono::seconds(120)};
};

BOOST_FIXTURE_TEST_SUITE(structural_end, structural_end_fixture)

using boost::system::system_error;

// An io_context that a thread of its own runs.
class foreign_context {
public:
  foreign_context() : work_(context.get_executor()) {
    thread_ = std::thread([this] { context.run(); });
  }
  foreign_context(const foreign_context&) = delete;
  foreign_context& operator=(const foreign_context&) = delete;
  ~foreign_context() {
    work_.reset();
    thread_.join();
  }
  asio::io_context context;

private:
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

BOOST_AUTO_TEST_CASE(waits_on_timers_of_another_context_are_awaited) {
  constexpr int tasks = sanitized ? 200 : 1000;
  for (int round = 0; round != 5; ++round) {
    foreign_context other;
    std::atomic<int> alive{0};
    std::atomic<int> waiting{0};
    std::atomic<int> went_on{0};
    until_gone<weir::runtime> pool(std::in_place, 2u);
    auto waits = [&]() -> task<> {
      const counted mine(alive);
      asio::steady_timer timer(other.context, std::chrono::hours(1));
      ++waiting;
      co_await timer.async_wait(asio::deferred);
      ++went_on;
    };
    for (int i = 0; i != tasks; ++i)
      weir::co_spawn(*pool, waits(), asio::detached);
    block_until([&] { return waiting == tasks; });
    pool->stop();
    BOOST_TEST(alive == 0);
    BOOST_TEST(went_on == 0);
    pool.reset();
  }
}

// Shields, filters, a clean-up that is in progress: nothing delays the end, and
// none of these continues.
BOOST_AUTO_TEST_CASE(nothing_hides_the_end) {
  std::atomic<int> waiting{0};
  std::atomic<int> left{0};
  std::atomic<int> went_on{0};
  until_gone<weir::runtime> pool(std::in_place, 2u);
  auto sleeps = [&]() -> task<> {
    on_scope_exit count([&] { ++left; });
    ++waiting;
    co_await sleep_for(std::chrono::hours(1));
    ++went_on;
  };
  auto shielded = [&]() -> task<> {
    co_await shield(sleeps());
    ++went_on;
  };
  auto filtered = [&]() -> task<> {
    co_await asio::this_coro::reset_cancellation_state(
        asio::disable_cancellation());
    co_await sleeps();
    ++went_on;
  };
  auto patient = [&]() -> task<> {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await sleeps();
    ++went_on;
  };
  auto in_clean_up = [&]() -> task<> {
    co_await finally(returns(), sleeps);
    ++went_on;
  };
  auto not_cleaned_up = [&]() -> task<> {
    auto cleans = [&]() -> task<> {
      ++went_on;
      co_return;
    };
    co_await finally(sleeps(), cleans);
  };
  auto with_a_deadline = [&]() -> task<> {
    co_await with_timeout(std::chrono::hours(1), sleeps());
    ++went_on;
  };
  auto starts = [&]() -> task<> {
    auto never_up = [&](started<>& up) -> task<> {
      co_await sleeps();
      up.set();
    };
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await weir::start(group, never_up);
    });
    ++went_on;
  };
  const std::function<task<>()> all[] = {shielded,
                                         filtered,
                                         patient,
                                         in_clean_up,
                                         not_cleaned_up,
                                         with_a_deadline,
                                         starts};
  int begun = 0;
  for (const auto& each : all) {
    weir::co_spawn(*pool, each(), asio::detached);
    ++begun;
  }
  block_until([&] { return waiting == begun; });
  pool->stop();
  BOOST_TEST(left == begun);
  BOOST_TEST(went_on == 0);
}

// Records the order in which the frames of a tree are destroyed.
struct order {
  std::mutex mutex;
  std::vector<std::string> names; // guarded by mutex
  void add(const char* name) {
    std::lock_guard held(mutex);
    names.push_back(name);
  }
  std::size_t of(const std::string& name) {
    std::lock_guard held(mutex);
    return static_cast<std::size_t>(
        std::find(names.begin(), names.end(), name) - names.begin());
  }
};

BOOST_AUTO_TEST_CASE(children_go_before_what_they_refer_to) {
  for (int round = 0; round != 50; ++round) {
    order gone;
    std::atomic<int> waiting{0};
    {
      weir::runtime pool(2);
      auto leaf = [&](const char* name) -> task<> {
        on_scope_exit note([&, name] { gone.add(name); });
        ++waiting;
        co_await sleep_for(std::chrono::hours(1));
      };
      auto scope = [&]() -> task<> {
        on_scope_exit note([&] { gone.add("scope"); });
        co_await with_task_group({}, [&](task_group& group) -> task<> {
          co_await group.spawn(leaf("child of the scope"));
        });
      };
      auto bare = [&]() -> task<> {
        on_scope_exit note([&] { gone.add("bare"); });
        task_group group(pool);
        co_await group.spawn(scope);
        ++waiting;
        co_await sleep_for(std::chrono::hours(1));
      };
      auto flies = [&]() -> task<> {
        on_scope_exit note([&] { gone.add("flies"); });
        single_flight<int, int> calls(pool);
        auto call = [&]() -> task<int> {
          co_await leaf("call");
          co_return 1;
        };
        (void)co_await calls.run(1, call);
      };
      auto queues = [&]() -> task<> {
        on_scope_exit note([&] { gone.add("queues"); });
        work_queue<int> jobs(pool,
                             work_queue_options{.consumers = 1},
                             [&](int) { return leaf("job"); });
        co_await jobs.push(1);
        co_await jobs.drain();
      };
      weir::co_spawn(pool, bare(), asio::detached);
      weir::co_spawn(pool, flies(), asio::detached);
      weir::co_spawn(pool, queues(), asio::detached);
      block_until([&] { return waiting == 4; });
      pool.stop();
    }
    BOOST_TEST_REQUIRE(gone.names.size() == 7u);
    BOOST_TEST(gone.of("child of the scope") < gone.of("scope"));
    BOOST_TEST(gone.of("scope") < gone.of("bare"));
    BOOST_TEST(gone.of("call") < gone.of("flies"));
    BOOST_TEST(gone.of("job") < gone.of("queues"));
  }
}

// Two frames are destroyed at the same time, so one of them by the thread of
// the pool and one by the thread that waits for the end.
BOOST_AUTO_TEST_CASE(a_destructor_may_call_stop) {
  for (const bool on_the_pool : {false, true}) {
    std::atomic<int> begun{0};
    std::atomic<int> left{0};
    std::atomic<int> waiting{0};
    std::atomic<bool> stopped{false};
    {
      weir::runtime pool(1);
      auto stops_again = [&]() -> task<> {
        on_scope_exit stop([&] {
          ++begun;
          block_until([&] { return begun == 2; });
          pool.stop();
          (void)pool.stats();
          ++left;
        });
        ++waiting;
        co_await sleep_for(std::chrono::hours(1));
      };
      for (int i = 0; i != 2; ++i)
        weir::co_spawn(pool, stops_again(), asio::detached);
      block_until([&] { return waiting == 2; });
      if (on_the_pool) {
        // Awaited, because a destructor that begins first cancels the tasks,
        // and then both unwind on the one worker.
        asio::post(pool.get_executor(), [&] {
          pool.stop();
          stopped = true;
        });
        block_until([&] { return stopped.load(); });
      } else {
        pool.stop();
      }
    }
    BOOST_TEST(left == 2);
  }
}

BOOST_AUTO_TEST_CASE(a_frame_may_own_a_thread_that_is_in_run) {
  for (const std::size_t threads : {1u, 2u}) {
    std::atomic<int> waiting{0};
    boost::system::error_code code;
    {
      weir::runtime pool(threads);
      auto sleeps = [&]() -> task<> {
        ++waiting;
        co_await sleep_for(std::chrono::hours(1));
      };
      auto owns = [&]() -> task<> {
        std::thread runs([&] {
          try {
            pool.run(sleeps());
          } catch (const system_error& e) {
            code = e.code();
          }
        });
        on_scope_exit joins([&] { runs.join(); });
        ++waiting;
        co_await sleep_for(std::chrono::hours(1));
      };
      weir::co_spawn(pool, owns(), asio::detached);
      block_until([&] { return waiting == 2; });
      pool.stop();
    }
    BOOST_TEST(code == errc::task_abandoned);
  }
}

// They wait by Asio operations, which complete when the other tasks have ended.
BOOST_AUTO_TEST_CASE(a_task_that_waits_by_a_token_for_others_goes_after_them) {
  for (int round = 0; round != 50; ++round) {
    order gone;
    std::atomic<int> waiting{0};
    {
      weir::runtime pool(2);
      auto sleeps = [&](const char* name) -> task<> {
        on_scope_exit note([&, name] { gone.add(name); });
        ++waiting;
        co_await sleep_for(std::chrono::hours(1));
      };
      auto spawns = [&]() -> task<> {
        on_scope_exit note([&] { gone.add("spawns"); });
        co_await weir::co_spawn(pool, sleeps("spawned"), asio::deferred);
      };
      auto joins = [&]() -> task<> {
        on_scope_exit note([&] { gone.add("joins"); });
        task_group group(pool);
        co_await group.spawn(sleeps("child"));
        co_await group.join()(asio::deferred);
      };
      weir::co_spawn(pool, spawns(), asio::detached);
      weir::co_spawn(pool, joins(), asio::detached);
      block_until([&] { return waiting == 2; });
      pool.stop();
    }
    BOOST_TEST_REQUIRE(gone.names.size() == 4u);
    BOOST_TEST(gone.of("spawned") < gone.of("spawns"));
    BOOST_TEST(gone.of("child") < gone.of("joins"));
  }
}

// No thread waits for the end.
BOOST_AUTO_TEST_CASE(a_pool_ends_by_itself) {
  for (const std::size_t threads : {1u, 2u}) {
    weir::runtime pool(threads);
    auto sleeps = []() -> task<> { co_await sleep_for(std::chrono::hours(1)); };
    auto result = weir::co_spawn(pool, sleeps(), asio::use_future);
    asio::post(pool.get_executor(), [&] { pool.stop(); });
    BOOST_CHECK_EXCEPTION(
        result.get(), system_error, has_code(errc::task_abandoned));
  }
}

BOOST_AUTO_TEST_CASE(others_may_complete_and_cancel_what_ends) {
  for (int round = 0; round != (sanitized ? 30 : 150); ++round) {
    std::atomic<int> alive{0};
    std::atomic<bool> stop{false};
    channel<int> values(1);
    limiter permits(1);
    until_gone<weir::runtime> pool(std::in_place, 2u);
    std::optional<task_group> group(std::in_place, *pool);
    auto receives = [&]() -> task<> {
      const counted mine(alive);
      while (co_await values.receive()) {
      }
    };
    auto acquires = [&]() -> task<> {
      const counted mine(alive);
      for (;;) {
        permit held = co_await permits.acquire();
        co_await sleep_for(std::chrono::microseconds(50));
      }
    };
    auto nested = [&]() -> task<> {
      const counted mine(alive);
      co_await with_task_group({}, [&](task_group& inner) -> task<> {
        co_await inner.spawn(receives);
        co_await inner.spawn(acquires);
      });
    };
    for (int i = 0; i != 4; ++i)
      group->spawn(nested)(asio::use_future).get();
    std::thread sends([&] {
      while (!stop)
        (void)values.try_send(1);
    });
    std::thread takes([&] {
      while (!stop)
        if (auto held = permits.try_acquire())
          std::this_thread::yield();
    });
    std::thread cancels([&] {
      for (int i = 0; i != round % 20; ++i)
        std::this_thread::yield();
      group->cancel();
    });
    for (int i = 0; i != round % 17; ++i)
      std::this_thread::yield();
    pool->stop();
    BOOST_TEST_REQUIRE(alive == 0);
    stop = true;
    sends.join();
    takes.join();
    cancels.join();
    group.reset();
    pool.reset();
  }
}

// A thread with little stack, as musl's.
void on_a_small_stack(std::function<void()> f) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, sanitized ? 1 << 20 : 128 << 10);
  pthread_t thread;
  BOOST_TEST_REQUIRE(pthread_create(
                         &thread,
                         &attributes,
                         [](void* p) -> void* {
                           (*static_cast<std::function<void()>*>(p))();
                           return nullptr;
                         },
                         &f) == 0);
  pthread_attr_destroy(&attributes);
  pthread_join(thread, nullptr);
}

constexpr int depth = sanitized ? 5'000 : 100'000;

task<> nest(int levels, std::atomic<bool>& is_deep) {
  if (levels == 0) {
    is_deep = true;
    co_await sleep_for(std::chrono::hours(1));
  }
  auto body = [&](task_group& group) -> task<> {
    co_await group.spawn(nest(levels - 1, is_deep));
  };
  co_await with_task_group({}, body);
}

BOOST_AUTO_TEST_CASE(cancelling_nested_groups_takes_no_stack) {
  weir::runtime pool(2);
  task_group group(pool);
  std::atomic<bool> is_deep{false};
  group.spawn(nest(depth, is_deep))(asio::use_future).get();
  block_until([&] { return is_deep.load(); });
  on_a_small_stack([&] { group.cancel(); });
  group.join()(asio::use_future).get();
}

BOOST_AUTO_TEST_CASE(the_end_of_nested_groups_takes_no_stack) {
  for (const bool stops : {true, false}) {
    until_gone<weir::runtime> pool(std::in_place, 2u);
    std::atomic<bool> is_deep{false};
    weir::co_spawn(*pool, nest(depth, is_deep), asio::detached);
    block_until([&] { return is_deep.load(); });
    on_a_small_stack([&] {
      if (stops)
        pool->stop();
      pool.reset();
    });
  }
}

BOOST_AUTO_TEST_CASE(a_deterministic_runtime_ends_after_a_deadlock) {
  std::atomic<int> alive{0};
  {
    testing::deterministic_runtime runtime;
    channel<int> nobody_sends(0);
    auto waits = [&]() -> task<> {
      const counted mine(alive);
      (void)co_await nobody_sends.receive();
    };
    auto main = [&]() -> task<> {
      co_await with_task_group({}, [&](task_group& group) -> task<> {
        co_await group.spawn(waits);
        co_await shield(waits());
      });
    };
    BOOST_CHECK_THROW(runtime.run(main()), testing::deadlock);
    BOOST_TEST(alive == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_deterministic_runtime_ends_after_its_last_step) {
  std::atomic<int> alive{0};
  testing::deterministic_runtime runtime({.max_steps = 1000});
  auto one = []() -> task<int> { co_return 1; };
  // Its awaits are all ready: the clock stands still, and the steps run out.
  auto loops = [&]() -> task<> {
    const counted mine(alive);
    for (;;)
      (void)co_await one();
  };
  BOOST_CHECK_THROW(runtime.run(with_timeout(std::chrono::hours(1), loops())),
                    testing::step_limit_exceeded);
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
