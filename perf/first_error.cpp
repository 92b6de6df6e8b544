// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: ten thousand siblings wait and one throws. How long from the throw
// until all have ended and the error has come out of the join? They wait in
// weir's sleep, in Asio's timers, or for datagrams that do not come. Tasks are
// the siblings.

#include <weir/checkpoint.hpp>
#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/with_task_group.hpp>

#include "asio_groups.hpp"
#include "cases.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <sys/resource.h>

namespace weir::perf {

namespace {

using namespace std::chrono_literals;
using counter = std::atomic<std::size_t>;

struct failure : std::exception {};

using datagram = asio::local::datagram_protocol;

struct siblings {
  // Opened before, as to open and close them is not the question.
  std::deque<datagram::socket> sockets;
  counter parked = 0;
  counter ended = 0;
};

// One descriptor each, so the limit for this process is set to the highest.
void open_sockets(siblings& all,
                  const asio::any_io_executor& ex,
                  std::size_t count) {
  ::rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &descriptors);
  for (std::size_t i = 0; i != count; ++i)
    all.sockets.emplace_back(ex, datagram());
}

// Counts whichever way the frame goes.
struct end_mark {
  explicit end_mark(siblings& all) : all(all) {}
  end_mark(const end_mark&) = delete;
  end_mark& operator=(const end_mark&) = delete;
  ~end_mark() { all.ended.fetch_add(1, std::memory_order_relaxed); }

  siblings& all;
};

// --- weir ---

task<void> sleeps(siblings& all, std::size_t) {
  end_mark mark(all);
  all.parked.fetch_add(1, std::memory_order_relaxed);
  co_await sleep_for(1h);
}

task<void> waits_for_timer(siblings& all, std::size_t) {
  end_mark mark(all);
  asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
  all.parked.fetch_add(1, std::memory_order_relaxed);
  co_await timer.async_wait(asio::deferred);
}

task<void> reads(siblings& all, std::size_t index) {
  end_mark mark(all);
  char byte = 0;
  all.parked.fetch_add(1, std::memory_order_relaxed);
  co_await all.sockets[index].async_receive(asio::buffer(&byte, 1),
                                            asio::deferred);
}

task<void> fails(siblings& all, std::size_t count, stopwatch& watch) {
  while (all.parked.load(std::memory_order_relaxed) != count)
    co_await checkpoint();
  watch.start();
  throw failure();
}

template <task<void> (*Sibling)(siblings&, std::size_t), on_cancel Way>
sample run_weir_first_error(const workload& load) {
  runtime rt(load.threads);
  return measure(load, load.tasks, [&](std::size_t tasks, stopwatch& watch) {
    siblings all;
    if (Sibling == reads)
      open_sockets(all, rt.get_executor(), tasks);
    bool has_failed = false;
    try {
      rt.run(with_task_group({.cancellation = Way},
                             [&](task_group& group) -> task<void> {
                               for (std::size_t i = 0; i != tasks; ++i)
                                 co_await group.spawn(Sibling(all, i));
                               co_await group.spawn(fails(all, tasks, watch));
                             }));
    } catch (const failure&) {
      watch.stop();
      has_failed = true;
    }
    require(has_failed, "the error that came out of the join");
    require(all.ended == tasks, "siblings that ended");
  });
}

// --- bare Asio ---

// With as_tuple there is no exception in the sibling: as far as one goes by
// hand.
template <typename Token>
asio::awaitable<void> sleeps_in_asio(siblings& all, std::size_t) {
  end_mark mark(all);
  asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
  all.parked.fetch_add(1, std::memory_order_relaxed);
  co_await timer.async_wait(Token());
}

template <typename Token>
asio::awaitable<void> reads_in_asio(siblings& all, std::size_t index) {
  end_mark mark(all);
  char byte = 0;
  all.parked.fetch_add(1, std::memory_order_relaxed);
  co_await all.sockets[index].async_receive(asio::buffer(&byte, 1), Token());
}

using throwing = asio::deferred_t;
using not_throwing = asio::as_tuple_t<asio::deferred_t>;

asio::awaitable<void>
fails_in_asio(siblings& all, std::size_t count, stopwatch& watch) {
  while (all.parked.load(std::memory_order_relaxed) != count)
    co_await asio::post(asio::deferred);
  watch.start();
  throw failure();
}

template <asio::awaitable<void> (*Sibling)(siblings&, std::size_t)>
sample run_asio_first_error(const workload& load) {
  asio::thread_pool pool(load.threads);
  return measure(load, load.tasks, [&](std::size_t tasks, stopwatch& watch) {
    siblings all;
    if (Sibling == reads_in_asio<throwing> ||
        Sibling == reads_in_asio<not_throwing>)
      open_sockets(all, pool.get_executor(), tasks);
    bool has_failed = false;
    std::size_t made = 0;
    const auto next = [&] {
      const std::size_t i = made++;
      return i == tasks ? fails_in_asio(all, tasks, watch) : Sibling(all, i);
    };
    try {
      run_all<strand_group>(pool, tasks + 1, unlimited, next);
    } catch (const failure&) {
      watch.stop();
      has_failed = true;
    }
    require(has_failed, "the error that came out of the join");
    require(all.ended == tasks, "siblings that ended");
  });
}

perf_case case_of(const char* name,
                  const char* question,
                  std::vector<contender> contenders) {
  return {.name = name,
          .question = question,
          .loads = {{.tasks = 10'000, .cap = unlimited, .threads = 2}},
          .contenders = std::move(contenders)};
}

template <asio::awaitable<void> (*Throws)(siblings&, std::size_t),
          asio::awaitable<void> (*Returns)(siblings&, std::size_t)>
std::vector<contender> beside_asio(std::vector<contender> contenders) {
  contenders.push_back({.library = "asio co_spawn on strands",
                        .run = run_asio_first_error<Throws>,
                        .is_baseline = true});
  contenders.push_back(
      {"asio co_spawn on strands, as_tuple", run_asio_first_error<Returns>});
  return contenders;
}

} // namespace

perf_case first_error_case() {
  return case_of(
      "first_error",
      "sleeping siblings of a task that throws: until all ended",
      beside_asio<sleeps_in_asio<throwing>, sleeps_in_asio<not_throwing>>(
          {{"weir, raise", run_weir_first_error<sleeps, on_cancel::raise>},
           {"weir, unwind", run_weir_first_error<sleeps, on_cancel::unwind>}}));
}

perf_case first_error_timers_case() {
  return case_of(
      "first_error_timers",
      "the same, all of them in Asio's timers",
      beside_asio<sleeps_in_asio<throwing>, sleeps_in_asio<not_throwing>>(
          {{"weir, raise",
            run_weir_first_error<waits_for_timer, on_cancel::raise>},
           {"weir, unwind",
            run_weir_first_error<waits_for_timer, on_cancel::unwind>}}));
}

perf_case first_error_sockets_case() {
  return case_of(
      "first_error_sockets",
      "the same, all of them waiting for a datagram",
      beside_asio<reads_in_asio<throwing>, reads_in_asio<not_throwing>>(
          {{"weir, raise", run_weir_first_error<reads, on_cancel::raise>},
           {"weir, unwind", run_weir_first_error<reads, on_cancel::unwind>}}));
}

} // namespace weir::perf
