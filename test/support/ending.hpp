// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/co_spawn.hpp>
#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "counted.hpp"
#include "gate.hpp"
#include "loopback.hpp"
#include "until.hpp"
#include "until_gone.hpp"
#include "watchdog.hpp"
#include "work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <utility>

namespace weir::test {

// A runtime that the case ends, and tasks that are parked on it in every way.
// What they use lives on the runtime too: it belongs to their frames, and is
// destroyed with them.
struct ending {
  ending() {
    unhandled = 0;
    runtime_options options;
    options.threads = 2;
    options.on_unhandled = [](const std::exception_ptr&) noexcept {
      ++unhandled;
    };
    pool.emplace(options);
    never = std::make_shared<gate>(pool->get_executor());
    pair = std::make_shared<loopback>(pool->get_executor());
  }
  ~ending() { end(); }

  void end() {
    pair.reset();
    never.reset();
    pool.reset();
  }

  // Parked detached tasks, `kinds` in all.
  static constexpr int kinds = 8;
  void park() {
    start(in_sleep());
    start(in_timer());
    start(in_gate());
    start(in_socket());
    start(in_group());
    start(in_awaitable());
    start(in_join());
    start(in_spawn());
    // In the gate: two alone, four of the group, one each of join and spawn.
    block_until([&] { return begun == kinds && never->arrivals() == 8; });
  }

  void start(task<> work) {
    weir::co_spawn(*pool, std::move(work), asio::detached);
  }

  // Each of them holds this.
  class mark {
  public:
    explicit mark(ending& e)
        : never(e.never), pair(e.pair), e_(e), alive_(e.alive) {
      ++e.begun;
    }
    mark(const mark&) = delete;
    mark& operator=(const mark&) = delete;
    ~mark() { ++e_.ended; }

    const std::shared_ptr<gate> never;
    const std::shared_ptr<loopback> pair;

  private:
    ending& e_;
    counted alive_;
  };

  task<> in_sleep() {
    mark m(*this);
    co_await sleep_for(std::chrono::hours(1));
    ++went_on;
  }
  task<> in_timer() {
    mark m(*this);
    asio::steady_timer timer(pool->get_executor(), std::chrono::hours(1));
    co_await timer.async_wait(asio::deferred);
    ++went_on;
  }
  task<> in_gate() {
    mark m(*this);
    co_await m.never->wait();
    ++went_on;
  }
  task<> in_socket() {
    mark m(*this);
    char byte = 0;
    (void)co_await m.pair->here.async_read_some(asio::buffer(&byte, 1),
                                                asio::deferred);
    ++went_on;
  }
  task<> in_group() {
    mark m(*this);
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      for (int i = 0; i != 3; ++i)
        co_await group.spawn(waits_for(*m.never));
      co_await m.never->wait();
    });
    ++went_on;
  }
  static asio::awaitable<void> waits_in_asio(gate& door) {
    co_await door.wait();
  }
  task<> in_awaitable() {
    mark m(*this);
    co_await waits_in_asio(*m.never);
    ++went_on;
  }
  task<> in_join() {
    mark m(*this);
    task_group group(*pool);
    co_await group.spawn(waits_for(*m.never));
    co_await group.join();
    ++went_on;
  }
  task<> in_spawn() {
    mark m(*this);
    co_await with_task_group({.max_in_flight = 1},
                             [&](task_group& group) -> task<> {
                               co_await group.spawn(waits_for(*m.never));
                               co_await group.spawn(waits_for(*m.never));
                             });
    ++went_on;
  }

  static inline std::atomic<int> unhandled{0};

  watchdog dog;
  std::atomic<int> alive{0};
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  std::atomic<int> went_on{0};
  until_gone<weir::runtime> pool;
  std::shared_ptr<gate> never;
  std::shared_ptr<loopback> pair;
};

} // namespace weir::test
