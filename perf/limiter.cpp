// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what does it cost to take a permit and to give it back, when one
// is free, and when most must wait for one?

#include <weir/checkpoint.hpp>
#include <weir/limiter.hpp>
#include <weir/runtime.hpp>
#include <weir/with_task_group.hpp>

#include "asio_groups.hpp"
#include "cases.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace weir::perf {

namespace {

constexpr std::size_t warm_up = 10'000;

// What Asio's users write: a channel whose elements are the permits.
class asio_limiter {
public:
  asio_limiter(const asio::any_io_executor& ex, std::size_t capacity)
      : permits_(ex, capacity) {}

  bool try_acquire() { return permits_.try_send(boost::system::error_code()); }
  auto acquire() {
    return permits_.async_send(boost::system::error_code(), asio::deferred);
  }
  void release() {
    permits_.try_receive([](boost::system::error_code) {});
  }

private:
  asio::experimental::concurrent_channel<void(boost::system::error_code)>
      permits_;
};

// --- free ---

task<void> takes(limiter& l, std::size_t times) {
  for (std::size_t i = 0; i != times; ++i)
    permit held = co_await l.acquire();
}

asio::awaitable<void> takes_in_asio(asio_limiter& l, std::size_t times) {
  for (std::size_t i = 0; i != times; ++i) {
    if (!l.try_acquire())
      co_await l.acquire();
    l.release();
  }
}

sample run_weir_free_limiter(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    limiter l(8);
    rt.run(takes(l, tasks));
    require(l.in_use() == 0, "permits given back");
  });
}

sample run_asio_free_limiter(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    asio_limiter l(pool.get_executor(), 8);
    asio::co_spawn(pool, takes_in_asio(l, tasks), asio::use_future).get();
  });
}

// --- contended ---

// So many ask at once; each lets others run while it holds a permit.
constexpr std::size_t askers = 100;

std::size_t share(std::size_t tasks) {
  return std::max<std::size_t>(1, tasks / askers);
}

task<void> holds(limiter& l, std::size_t times, std::size_t& done) {
  for (; done != times; ++done) {
    permit held = co_await l.acquire();
    co_await checkpoint();
  }
}

asio::awaitable<void>
holds_in_asio(asio_limiter& l, std::size_t times, std::size_t& done) {
  for (; done != times; ++done) {
    if (!l.try_acquire())
      co_await l.acquire();
    co_await asio::post(asio::deferred);
    l.release();
  }
}

sample run_weir_contended_limiter(const workload& load) {
  runtime rt(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    limiter l(load.cap);
    std::vector<std::size_t> done(askers);
    rt.run(with_task_group({}, [&](task_group& group) -> task<void> {
      for (std::size_t& each : done)
        co_await group.spawn(holds(l, share(tasks), each));
    }));
    for (std::size_t each : done)
      require(each == share(tasks), "permits that were taken");
  });
}

sample run_asio_contended_limiter(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    asio_limiter l(pool.get_executor(), load.cap);
    std::vector<std::size_t> done(askers);
    std::size_t next = 0;
    run_all<pool_group>(pool, askers, unlimited, [&] {
      return holds_in_asio(l, share(tasks), done[next++]);
    });
    for (std::size_t each : done)
      require(each == share(tasks), "permits that were taken");
  });
}

} // namespace

perf_case limiter_free_case() {
  return {
      .name = "limiter_free",
      .question = "permits taken and given back by one task, always free",
      .loads = {{5'000'000, unlimited, 1}},
      .contenders = {{"weir", run_weir_free_limiter},
                     {.library = "asio channel as semaphore",
                      .run = run_asio_free_limiter,
                      .is_baseline = true}},
  };
}

perf_case limiter_contended_case() {
  return {
      .name = "limiter_contended",
      .question = "permits taken by a hundred tasks that each yield with one",
      .loads = {{1'000'000, 10, 2}, {1'000'000, 10, 1}},
      .contenders = {{"weir", run_weir_contended_limiter},
                     {.library = "asio channel as semaphore",
                      .run = run_asio_contended_limiter,
                      .is_baseline = true}},
  };
}

} // namespace weir::perf
