// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The other operations with a completion token.

#include <weir/blocking_pool.hpp>
#include <weir/channel.hpp>
#include <weir/completion_group.hpp>
#include <weir/offload.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/receive_any.hpp>
#include <weir/result_group.hpp>
#include <weir/single_flight.hpp>
#include <weir/sleep.hpp>
#include <weir/task_group.hpp>
#include <weir/work_queue.hpp>

#include "token_tries.hpp"

#include <boost/asio/bind_executor.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>

namespace weir::test {
namespace {

using namespace std::chrono_literals;

task<int> gives(int n) { co_return n; }

// Bound to the runtime: a completion needs no memory there.
auto bound(attempt& a, handler h) {
  return asio::bind_executor(a.pool.get_executor(), h);
}

void sleeps(attempt& a) {
  tries_token(a, [&](handler h) { sleep_for(1ms)(bound(a, h)); });
}
void waits_until_idle(attempt& a) {
  task_group group(a.pool);
  tries_token(a, [&](handler h) { group.wait_idle()(h); });
}
void waits_for_a_stop(attempt& a) {
  task_group group(a.pool);
  tries_token(
      a,
      [&](handler h) { group.wait_stopping()(h); },
      [&] { group.request_stop(); });
}
void shuts_down(attempt& a) {
  task_group group(a.pool);
  tries_token(
      a, [&](handler h) { group.shutdown({.drain = 1ms, .soft = 1ms})(h); });
  a.run([](task_group& g) -> task<> { co_await g.join(); }(group));
}
void receives_any(attempt& a) {
  weir::channel<int> c(0);
  tries_token(
      a,
      [&](handler h) { receive_any(c)(bound(a, h)); },
      [&] { (void)c.try_send(1); });
}
void receives_any_of(attempt& a) {
  weir::channel<int> c(0);
  const std::array<weir::channel<int>*, 2> all{&c, &c};
  tries_token(
      a,
      [&](handler h) { receive_any(all)(bound(a, h)); },
      [&] { (void)c.try_send(1); });
}
void joins_results(attempt& a) {
  result_group<int> group(a.pool);
  a.pool.run([](result_group<int>& g) -> task<> {
    co_await g.spawn(gives(1));
  }(group));
  tries_token(a, [&](handler h) { group.join()(h); });
  a.run([](result_group<int>& g) -> task<> { (void)co_await g.join(); }(group));
}
void takes_the_next(attempt& a) {
  completion_group<int> group(a.pool);
  a.pool.run([](completion_group<int>& g) -> task<> {
    co_await g.spawn(gives(1));
  }(group));
  tries_token(a, [&](handler h) { group.next()(h); });
  group.cancel();
  a.run([](completion_group<int>& g) -> task<> {
    (void)co_await g.join();
  }(group));
}
void submits(attempt& a) {
  ordered_stream<int> stream(a.pool, {}, [](int) {});
  tries_token(a, [&](handler h) { stream.submit(gives(1))(h); });
  a.run([](ordered_stream<int>& s) -> task<> { co_await s.join(); }(stream));
}
void joins_a_stream(attempt& a) {
  ordered_stream<int> stream(a.pool, {}, [](int) {});
  tries_token(a, [&](handler h) { stream.join()(h); });
  a.run([](ordered_stream<int>& s) -> task<> { co_await s.join(); }(stream));
}
using queue = weir::work_queue<int>;
void pushes(attempt& a) {
  queue q(a.pool, {.consumers = 1, .capacity = 1}, [](int) {});
  tries_token(a, [&](handler h) { q.push(1)(h); });
  a.run([](queue& all) -> task<> { co_await all.join(); }(q));
}
void drains(attempt& a) {
  queue q(a.pool, {.consumers = 1, .capacity = 1}, [](int) {});
  tries_token(a, [&](handler h) { q.drain()(h); });
  a.run([](queue& all) -> task<> { co_await all.join(); }(q));
}
void flies(attempt& a) {
  weir::single_flight<int, int> calls(a.pool);
  tries_token(a, [&](handler h) { calls.run(1, gives, 1)(h); });
}
void offloads(attempt& a) {
  blocking_pool p({.threads = 1});
  tries_token(a, [&](handler h) { offload(p, [] { return 1; })(bound(a, h)); });
  p.join();
}

constexpr scenario all[] = {
    {"sleep_for (token)", sleeps},
    {"wait_idle (token)", waits_until_idle},
    {"wait_stopping (token)", waits_for_a_stop},
    {"shutdown (token)", shuts_down},
    {"receive_any (token)", receives_any},
    {"receive_any (range and token)", receives_any_of},
    {"result_group::join (token)", joins_results},
    {"completion_group::next (token)", takes_the_next},
    {"ordered_stream::submit (token)", submits},
    {"ordered_stream::join (token)", joins_a_stream},
    {"work_queue::push (token)", pushes},
    {"work_queue::drain (token)", drains},
    {"single_flight::run (token)", flies},
    {"offload (token)", offloads},
};

} // namespace

std::span<const scenario> object_token_scenarios() { return all; }

} // namespace weir::test
