// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The deterministic runtime, and what is explored with it.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/sleep.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/testing/explore_seeds.hpp>
#include <weir/testing/seed_failure.hpp>

#include "attempt.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <optional>

namespace weir::test {
namespace {

using namespace std::chrono_literals;
using testing::deterministic_runtime;

task<> child(attempt& a) {
  ++a.inside;
  on_scope_exit leave([&] { --a.inside; });
  co_await checkpoint();
  co_await sleep_for(1s);
}
task<> sleeper(attempt& a) {
  ++a.inside;
  on_scope_exit leave([&] { --a.inside; });
  co_await sleep_for(1h);
}
// More children than the driver has reserved room for.
constexpr int many = 20;
task<> has_children(attempt& a, executor on) {
  task_group group(on);
  try {
    for (int i = 0; i != many; ++i)
      co_await group.spawn(child(a));
  } catch (...) {
    a.note("call", std::current_exception());
  }
  try {
    co_await group.join();
  } catch (...) {
    a.note("join", std::current_exception());
  }
}
task<> waits_for_nobody(executor on) {
  task_group group(on);
  auto waits = [&]() -> task<> { co_await group.wait_stopping(); };
  co_await group.spawn(waits);
  co_await group.join();
}

void makes(attempt& a) {
  a.begin();
  a.at("call", [] { deterministic_runtime brief; });
}
void runs(attempt& a) {
  deterministic_runtime brief;
  auto work = has_children(a, brief.get_executor());
  a.begin();
  a.at("run", [&] { brief.run(std::move(work)); });
}
void posts(attempt& a) {
  deterministic_runtime brief;
  bool called = false;
  auto waits = [&]() -> task<> {
    while (!called)
      co_await sleep_for(1s);
  };
  auto work = waits();
  a.begin();
  a.at("call", [&] {
    asio::post(brief.get_executor(), [&] { called = true; });
    a.at("run", [&] { brief.run(std::move(work)); });
  });
}
// A deadlock is a different error.
void deadlocks(attempt& a) {
  deterministic_runtime brief;
  auto work = waits_for_nobody(brief.get_executor());
  a.begin();
  a.at("run", [&] { brief.run(std::move(work)); });
}
void takes_too_many_steps(attempt& a) {
  deterministic_runtime brief({.max_steps = 5});
  auto work = has_children(a, brief.get_executor());
  a.begin();
  a.at("run", [&] { brief.run(std::move(work)); });
}
void sets_a_step_hook(attempt& a) {
  deterministic_runtime brief;
  int calls = 0;
  auto work = child(a);
  a.begin();
  a.at("call", [&] {
    brief.set_step_hook([&a, &calls, to = &brief] {
      if (to->elapsed() > 0s)
        ++calls;
      (void)a;
    });
  });
  a.at("run", [&] { brief.run(std::move(work)); });
}

// Parks many tasks, while another one is run and ends.
void park(attempt& a, deterministic_runtime& on) {
  for (int i = 0; i != many; ++i)
    weir::co_spawn(on.get_executor(), sleeper(a), asio::detached);
  on.run(child(a));
}
void destroys(attempt& a) {
  std::optional<deterministic_runtime> brief(std::in_place);
  park(a, *brief);
  a.begin();
  brief.reset();
}
void stops(attempt& a) {
  deterministic_runtime brief;
  park(a, brief);
  a.begin();
  brief.stop();
}

void explores(attempt& a) {
  a.begin();
  a.at("call", [&] {
    testing::explore_seeds(3, [&](deterministic_runtime& brief) {
      brief.run(has_children(a, brief.get_executor()));
    });
  });
}
void finds_a_failure(attempt& a) {
  a.begin();
  try {
    testing::explore_seeds(3, [](deterministic_runtime&) { throw 1; });
  } catch (const testing::seed_failure&) {
    a.note("call", "found");
  } catch (...) {
    a.note("call", std::current_exception());
  }
}

constexpr scenario all[] = {
    {"deterministic_runtime", makes},
    {"~deterministic_runtime", destroys},
    {"deterministic_runtime::run", runs},
    {"deterministic_runtime::run (post)", posts},
    {"deterministic_runtime::run (deadlock)", deadlocks},
    {"deterministic_runtime::run (step limit)", takes_too_many_steps},
    {"deterministic_runtime::set_step_hook", sets_a_step_hook},
    {"deterministic_runtime::stop", stops},
    {"explore_seeds", explores},
    {"explore_seeds (a seed fails)", finds_a_failure},
};

} // namespace

std::span<const scenario> deterministic_scenarios() { return all; }

} // namespace weir::test
