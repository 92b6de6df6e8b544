// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// task_group, from a task.

#include <weir/checkpoint.hpp>
#include <weir/limiter.hpp>
#include <weir/sleep.hpp>
#include <weir/start.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "attempt.hpp"
#include "support/until.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>

namespace weir::test {
namespace {

using namespace std::chrono_literals;

task<> child(attempt& a) {
  ++a.inside;
  on_scope_exit leave([&] { --a.inside; });
  co_await checkpoint();
}
task<> sleeper(attempt& a) {
  ++a.inside;
  on_scope_exit leave([&] { --a.inside; });
  co_await sleep_for(1h);
}
task<> fails(attempt& a) {
  ++a.inside;
  on_scope_exit leave([&] { --a.inside; });
  throw 1;
  co_return;
}

// Awaits `f(group)` with faults, in a task, while `running` children run, and
// then joins, also with faults.
template <typename F>
void in_a_group(attempt& a,
                task_group_options options,
                std::size_t running,
                F f) {
  auto main = [&]() -> task<> {
    task_group group(a.pool, options);
    for (std::size_t i = 0; i != running; ++i)
      co_await group.spawn(sleeper(a));
    co_await until([&] { return a.inside == static_cast<int>(running); });
    auto work = f(group);
    a.begin();
    try {
      co_await std::move(work);
    } catch (...) {
      a.note("call", std::current_exception());
      group.cancel(); // the sleepers
    }
    try {
      co_await group.join();
    } catch (...) {
      a.note("join", std::current_exception());
    }
    a.end();
    if (group.stats().in_flight != 0)
      a.note("stats", "a slot is lost");
  };
  a.run(main());
}

void spawns(attempt& a) {
  in_a_group(a, {}, 0, [&](task_group& group) -> task<> {
    for (int i = 0; i != 3; ++i)
      co_await group.spawn(child(a));
  });
}
void spawns_at_a_cap(attempt& a) {
  in_a_group(a, {.max_in_flight = 1}, 0, [&](task_group& group) -> task<> {
    for (int i = 0; i != 3; ++i)
      co_await group.spawn(child(a));
  });
}
void spawns_a_callable(attempt& a) {
  in_a_group(a, {}, 0, [&](task_group& group) -> task<> {
    co_await group.spawn(child, std::ref(a));
  });
}
asio::awaitable<void> child_in_asio(attempt& a) {
  ++a.inside;
  on_scope_exit leave([&] { --a.inside; });
  co_return;
}
void spawns_an_awaitable(attempt& a) {
  in_a_group(a, {}, 0, [&](task_group& group) -> task<> {
    co_await group.spawn(child_in_asio(a));
  });
}
void tries_to_spawn(attempt& a) {
  in_a_group(a, {.max_in_flight = 2}, 0, [&](task_group& group) -> task<> {
    for (int i = 0; i != 2; ++i)
      if (group.try_spawn(child(a)) != spawn_status::started)
        a.note("try_spawn", "refused");
    co_return;
  });
}
void tries_to_call(attempt& a) {
  in_a_group(a, {.max_in_flight = 2}, 0, [&](task_group& group) -> task<> {
    if (group.try_spawn(child, std::ref(a)) != spawn_status::started)
      a.note("try_spawn", "refused");
    co_return;
  });
}
void spawns_with_a_limiter(attempt& a) {
  weir::limiter l(2);
  in_a_group(a, {.limiter = &l}, 0, [&](task_group& group) -> task<> {
    for (int i = 0; i != 3; ++i)
      co_await group.spawn(child(a), {.weight = 2});
  });
  if (l.in_use() != 0)
    a.note("limiter", "a permit is lost");
}
void has_a_child_that_fails(attempt& a) {
  in_a_group(a, {}, 1, [&](task_group& group) -> task<> {
    co_await group.spawn(fails(a));
  });
}
void collects_errors(attempt& a) {
  in_a_group(a, {.errors = collect(5)}, 0, [&](task_group& group) -> task<> {
    co_await group.spawn(fails(a));
    co_await group.spawn(fails(a));
  });
}
void starts_a_service(attempt& a) {
  auto serves = [](started<int>& ready, attempt& at) -> task<> {
    ++at.inside;
    on_scope_exit leave([&] { --at.inside; });
    ready.set(1);
    co_await checkpoint();
  };
  in_a_group(a, {}, 0, [&](task_group& group) -> task<> {
    (void)co_await start(group, serves, std::ref(a));
  });
}

// --- what shall not allocate ---

// Calls `f(group)` and joins, with faults, in a task: the children have begun.
template <typename F>
void ends_a_group(attempt& a, task_group_options options, F f) {
  auto main = [&]() -> task<> {
    task_group group(a.pool, options);
    for (int i = 0; i != 3; ++i)
      co_await group.spawn(sleeper(a));
    co_await until([&] { return a.inside == 3; });
    a.begin();
    f(group);
    try {
      co_await group.join();
    } catch (...) {
      a.note("join", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}

void cancels(attempt& a) {
  ends_a_group(a, {.cancellation = on_cancel::unwind}, [](task_group& group) {
    group.cancel();
  });
}
void cancels_by_exceptions(attempt& a) {
  ends_a_group(a, {}, [](task_group& group) { group.cancel(); });
}
void sets_a_deadline(attempt& a) {
  ends_a_group(a, {.cancellation = on_cancel::unwind}, [](task_group& group) {
    group.cancel_after(1ms);
  });
}
void shuts_down(attempt& a) {
  auto main = [&]() -> task<> {
    task_group group(a.pool, {.cancellation = on_cancel::unwind});
    co_await group.spawn(sleeper(a));
    co_await until([&] { return a.inside == 1; });
    a.begin();
    try {
      co_await group.shutdown({.drain = 1ms, .soft = 1ms});
    } catch (...) {
      a.note("join", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}
void completes(attempt& a) {
  auto main = [&]() -> task<> {
    task_group group(a.pool);
    bool go = false;
    auto waits = [&]() -> task<> { co_await until([&] { return go; }); };
    for (int i = 0; i != 3; ++i)
      co_await group.spawn(waits);
    co_await checkpoint();
    a.begin();
    go = true;
    try {
      co_await group.wait_idle();
      co_await group.join();
    } catch (...) {
      a.note("join", std::current_exception());
    }
    group.reopen();
    a.end();
  };
  a.run(main());
}
void is_asked_to_stop(attempt& a) {
  auto main = [&]() -> task<> {
    task_group group(a.pool);
    auto waits = [&]() -> task<> { co_await group.wait_stopping(); };
    co_await group.spawn(waits);
    co_await checkpoint();
    a.begin();
    try {
      group.request_stop();
      co_await group.join();
    } catch (...) {
      a.note("join", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}
void changes_a_group(attempt& a) {
  task_group group(a.pool);
  a.begin();
  group.set_max_in_flight(3);
  (void)group.stats();
  group.close();
  group.cancel();
}

void makes_a_group(attempt& a) {
  weir::limiter l(1);
  a.begin();
  a.at("call", [&] { task_group group(a.pool, {.limiter = &l}); });
}
void sets_a_hook(attempt& a) {
  task_group group(a.pool);
  a.begin();
  a.at("call", [&] { group.set_error_hook([](const task_failure&) {}); });
}
void in_a_scope(attempt& a) {
  auto main = [&]() -> task<> {
    a.begin();
    try {
      co_await with_task_group({}, [&](task_group& group) -> task<> {
        co_await group.spawn(child(a));
        co_await group.spawn(child(a));
      });
    } catch (...) {
      a.note("await", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}

constexpr scenario all[] = {
    {"task_group", makes_a_group},
    {"spawn", spawns},
    {"spawn (at the cap)", spawns_at_a_cap},
    {"spawn (callable)", spawns_a_callable},
    {"spawn (asio::awaitable)", spawns_an_awaitable},
    {"spawn (limiter)", spawns_with_a_limiter},
    {"try_spawn", tries_to_spawn},
    {"try_spawn (callable)", tries_to_call},
    {"a child fails", has_a_child_that_fails},
    {"children fail (collect)", collects_errors},
    {"start", starts_a_service},
    {"cancel and join (unwind)", cancels},
    {"cancel and join", cancels_by_exceptions},
    {"cancel_after and join", sets_a_deadline},
    {"shutdown", shuts_down},
    {"completion and join", completes},
    {"request_stop and join", is_asked_to_stop},
    {"set_max_in_flight and stats and close and cancel", changes_a_group},
    {"set_error_hook", sets_a_hook},
    {"with_task_group", in_a_scope},
};

} // namespace

std::span<const scenario> group_scenarios() { return all; }

} // namespace weir::test
