// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Operations of the runtime, groups, limiters and channels with a completion
// token.

#include <weir/channel.hpp>
#include <weir/co_spawn.hpp>
#include <weir/limiter.hpp>
#include <weir/sleep.hpp>
#include <weir/task_group.hpp>

#include "token_tries.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

namespace weir::test {
namespace {

using namespace std::chrono_literals;

task<> child(attempt& a) {
  ++a.inside;
  on_scope_exit leave([&] { --a.inside; });
  co_return;
}
task<> sleeper(attempt& a) {
  ++a.inside;
  on_scope_exit leave([&] { --a.inside; });
  co_await sleep_for(1h);
}

void co_spawns(attempt& a) {
  tries_token(a, [&](handler h) { weir::co_spawn(a.pool, child(a), h); });
}
void co_spawns_with_a_slot(attempt& a) {
  asio::cancellation_signal signal;
  tries_token(
      a,
      [&](handler h) {
        weir::co_spawn(
            a.pool, sleeper(a), asio::bind_cancellation_slot(signal.slot(), h));
      },
      [&] { signal.emit(asio::cancellation_type::terminal); });
}
void spawns(attempt& a) {
  task_group group(a.pool);
  tries_token(a, [&](handler h) { group.spawn(child(a))(h); });
  group.cancel();
  a.run([](task_group& g) -> task<> { co_await g.join(); }(group));
}
void joins(attempt& a) {
  task_group group(a.pool);
  std::atomic<bool> go{false};
  std::atomic<int> looks{0};
  auto waits = [&]() -> task<> {
    co_await until([&] {
      ++looks;
      return go.load();
    });
  };
  auto spawn = [&]() -> task<> { co_await group.spawn(waits); };
  a.pool.run(spawn());
  block_until([&] { return looks != 0; });
  tries_token(
      a, [&](handler h) { group.join()(h); }, [&] { go = true; });
  a.run([](task_group& g) -> task<> { co_await g.join(); }(group));
}
void acquires(attempt& a) {
  weir::limiter l(1);
  std::optional<permit> all = l.try_acquire();
  tries_token(
      a,
      [&](handler h) {
        l.acquire()(asio::bind_executor(a.pool.get_executor(), h));
      },
      [&] { all.reset(); });
  if (l.in_use() != 0)
    a.note("limiter", "a permit is lost");
}
void acquires_on_the_system_executor(attempt& a) {
  weir::limiter l(1);
  std::optional<permit> all = l.try_acquire();
  tries_token(
      a, [&](handler h) { l.acquire()(h); }, [&] { all.reset(); });
  block_until([&] { return l.in_use() == 0; });
}
void acquires_and_cancels(attempt& a) {
  weir::limiter l(1);
  permit all = *l.try_acquire();
  asio::cancellation_signal signal;
  tries_token(
      a,
      [&](handler h) {
        l.acquire()(asio::bind_cancellation_slot(
            signal.slot(), asio::bind_executor(a.pool.get_executor(), h)));
      },
      [&] { signal.emit(asio::cancellation_type::terminal); });
}
void receives(attempt& a) {
  weir::channel<int> c(0);
  tries_token(
      a,
      [&](handler h) {
        c.receive()(asio::bind_executor(a.pool.get_executor(), h));
      },
      [&] { (void)c.try_send(1); });
}
void sends(attempt& a) {
  weir::channel<int> c(0);
  tries_token(
      a,
      [&](handler h) {
        c.send(1)(asio::bind_executor(a.pool.get_executor(), h));
      },
      [&] { (void)c.try_receive(); });
}
void posts(attempt& a) {
  tries_token(a, [&](handler h) {
    asio::post(a.pool.get_executor(), [h] { h(std::exception_ptr()); });
  });
}

constexpr scenario all[] = {
    {"co_spawn (token)", co_spawns},
    {"co_spawn (token and slot)", co_spawns_with_a_slot},
    {"spawn (token)", spawns},
    {"join (token)", joins},
    {"limiter::acquire (token)", acquires},
    {"limiter::acquire (token on the system executor)",
     acquires_on_the_system_executor},
    {"limiter::acquire (token and cancelled)", acquires_and_cancels},
    {"channel::receive (token)", receives},
    {"channel::send (token)", sends},
    {"asio::post", posts},
};

} // namespace

std::span<const scenario> token_scenarios() { return all; }

} // namespace weir::test
