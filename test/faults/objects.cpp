// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Objects built on groups and queues, used from a task.

#include <weir/blocking_pool.hpp>
#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/limiter.hpp>
#include <weir/offload.hpp>
#include <weir/receive_any.hpp>
#include <weir/single_flight.hpp>
#include <weir/with_work_queue.hpp>
#include <weir/work_queue.hpp>

#include "support/until.hpp"
#include "tries.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace weir::test {
namespace {

// --- limiter, channel ---

void makes_a_limiter(attempt& a) {
  makes(a, [] { return std::make_unique<weir::limiter>(1); });
}
// Another task holds the permit that this one waits for.
void acquires(attempt& a) {
  weir::limiter l(1);
  auto main = [&]() -> task<> {
    std::optional<permit> held = l.try_acquire();
    bool go = false;
    auto gives_back = [&]() -> task<> {
      co_await until([&] { return go; });
      held.reset();
    };
    task_group group(a.pool);
    co_await group.spawn(gives_back);
    co_await checkpoint();
    a.begin();
    go = true;
    try {
      permit mine = co_await l.acquire();
      permit none = l.try_acquire().value_or(permit());
    } catch (...) {
      a.note("await", std::current_exception());
    }
    l.set_capacity(2);
    a.end();
    co_await group.join();
  };
  a.run(main());
}
// The slot and permit of a child that cannot be made are given back.
void tries_to_spawn_with_a_permit(attempt& a) {
  weir::limiter l(1);
  auto main = [&]() -> task<> {
    task_group group(a.pool, {.limiter = &l});
    a.begin();
    a.at("call", [&] {
      if (group.try_spawn(nothing()) != spawn_status::started)
        a.note("try_spawn", "refused");
    });
    co_await group.join();
    a.end();
  };
  a.run(main());
  if (l.in_use() != 0)
    a.note("limiter", "a permit is lost");
}
void makes_a_channel(attempt& a) {
  makes(a, [] { return std::make_unique<weir::channel<int>>(10); });
}
template <typename Receive>
void sends_to(attempt& a, weir::channel<int>& c, Receive receive) {
  auto main = [&]() -> task<> {
    bool go = false;
    auto sends = [&]() -> task<> {
      co_await until([&] { return go; });
      for (int i = 0; i != 3; ++i)
        co_await c.send(i);
      c.close();
    };
    task_group group(a.pool);
    co_await group.spawn(sends);
    co_await checkpoint();
    auto work = receive();
    a.begin();
    go = true;
    try {
      co_await std::move(work);
    } catch (...) {
      a.note("await", std::current_exception());
    }
    a.end();
    while (co_await c.receive()) {
    }
    co_await group.join();
  };
  a.run(main());
}
void sends(attempt& a) {
  for (std::size_t capacity : {0u, 1u}) {
    weir::channel<int> c(capacity);
    auto receives = [&]() -> task<> {
      while (co_await c.receive()) {
      }
    };
    sends_to(a, c, receives);
  }
}
void receives_any(attempt& a) {
  weir::channel<int> c(0);
  weir::channel<int> other(0);
  other.close();
  auto receives = [&]() -> task<> {
    while (co_await receive_any(other, c)) {
    }
  };
  sends_to(a, c, receives);
}
void receives_any_of(attempt& a) {
  weir::channel<int> c(0);
  const std::array<weir::channel<int>*, 2> all{&c, &c};
  auto receives = [&]() -> task<> {
    while (co_await receive_any(all)) {
    }
  };
  sends_to(a, c, receives);
}

// --- work_queue, single_flight, offload ---

void makes_a_queue(attempt& a) {
  auto work = [](int) {};
  auto main = [&]() -> task<> {
    bool made = false;
    a.begin();
    try {
      weir::work_queue<int> q(a.pool, {.consumers = 2, .capacity = 3}, work);
      made = true;
      co_await q.join();
    } catch (...) {
      a.note(made ? "join" : "call", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}
void queues(attempt& a) {
  auto work = [](int) -> task<> { co_await checkpoint(); };
  weir::work_queue<int> q(a.pool, {.consumers = 2, .capacity = 1}, work);
  tries(
      a,
      [&]() -> task<> {
        for (int i = 0; i != 5; ++i)
          co_await q.push(i);
        (void)q.try_push(6);
        co_await q.drain();
      },
      [&]() -> task<> { co_await q.join(); });
}
void keeps_queueing(attempt& a) {
  auto work = [](int n) {
    if (n == 1)
      throw 1;
  };
  weir::work_queue<int> q(
      a.pool, {.consumers = 1, .errors = on_error::keep_going}, work);
  tries(
      a,
      [&]() -> task<> {
        for (int i = 0; i != 3; ++i)
          co_await q.push(i);
      },
      [&]() -> task<> { co_await q.join(); });
}
void scopes_a_queue(attempt& a) {
  auto work = [](int) {};
  auto body = [](weir::work_queue<int>& q) -> task<> { co_await q.push(1); };
  auto main = [&]() -> task<> {
    a.begin();
    try {
      co_await with_work_queue<int>({.consumers = 2}, work, body);
    } catch (...) {
      a.note("await", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}
void makes_a_flight(attempt& a) {
  makes(a, [&] { weir::single_flight<int, int> calls(a.pool); });
}
void flies(attempt& a) {
  weir::single_flight<int, int> calls(a.pool);
  auto main = [&]() -> task<> {
    task_group others(a.pool);
    bool go = false;
    auto follows = [&]() -> task<> {
      co_await until([&] { return go; });
      try {
        (void)co_await calls.run(1, gives, 1);
      } catch (...) {
        a.note("follower", std::current_exception());
      }
    };
    co_await others.spawn(follows);
    co_await checkpoint();
    a.begin();
    go = true;
    try {
      (void)co_await calls.run(1, gives, 1);
    } catch (...) {
      a.note("await", std::current_exception());
    }
    co_await others.join();
    a.end();
    if (calls.in_flight() != 0)
      a.note("stats", "a call is left");
  };
  a.run(main());
}
void makes_a_pool(attempt& a) {
  makes(a, [] {
    return std::make_unique<blocking_pool>(blocking_pool_options{.threads = 2});
  });
}
void offloads(attempt& a) {
  blocking_pool p({.threads = 1});
  tries(a, [&]() -> task<> {
    if (co_await offload(p, [] { return 1; }) != 1)
      a.note("await", "wrong");
  });
  p.join();
}

constexpr scenario all[] = {
    {"limiter", makes_a_limiter},
    {"limiter::acquire", acquires},
    {"try_spawn (limiter)", tries_to_spawn_with_a_permit},
    {"channel", makes_a_channel},
    {"channel::send and receive", sends},
    {"receive_any", receives_any},
    {"receive_any (range)", receives_any_of},
    {"work_queue", makes_a_queue},
    {"work_queue::push and drain and join", queues},
    {"work_queue (keep_going)", keeps_queueing},
    {"with_work_queue", scopes_a_queue},
    {"single_flight", makes_a_flight},
    {"single_flight::run", flies},
    {"blocking_pool", makes_a_pool},
    {"offload", offloads},
};

} // namespace

std::span<const scenario> object_scenarios() { return all; }

} // namespace weir::test
