// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The runtime, and what a single task may do.

#include <weir/as_stopped.hpp>
#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/finally.hpp>
#include <weir/quorum.hpp>
#include <weir/race.hpp>
#include <weir/reserve_tasks.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/unwinding.hpp>
#include <weir/when_all.hpp>
#include <weir/with_timeout.hpp>

#include "support/until.hpp"
#include "tries.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace weir::test {
namespace {

using namespace std::chrono_literals;

task<> returns() { co_return; }
// Awaits the result of `make()`, with faults.
template <typename Make>
void tries(attempt& a, const char* where, Make make) {
  auto main = [&]() -> task<> {
    a.begin();
    try {
      co_await make();
    } catch (...) {
      a.note(where, std::current_exception());
    }
    a.end();
  };
  a.run(main());
}

void makes_a_runtime(attempt& a) {
  a.begin();
  a.at("call", [] { weir::runtime brief(2); });
}

void destroys_a_runtime(attempt& a) {
  std::optional<weir::runtime> brief(std::in_place, 2u);
  int ended = 0;
  auto sleeps = [&]() -> task<> {
    on_scope_exit count([&] { ++ended; });
    ++a.inside;
    co_await sleep_for(1h);
  };
  auto ignores = [](std::exception_ptr) {};
  weir::co_spawn(*brief, sleeps(), ignores);
  block_until([&] { return a.inside == 1; });
  a.begin();
  brief.reset();
  a.end();
  a.inside -= ended;
}

void stops_a_runtime(attempt& a) {
  std::optional<weir::runtime> brief(std::in_place, 2u);
  auto sleeps = [&]() -> task<> {
    on_scope_exit count([&] { --a.inside; });
    ++a.inside;
    co_await sleep_for(1h);
  };
  weir::co_spawn(*brief, sleeps(), asio::detached);
  block_until([&] { return a.inside == 1; });
  a.begin();
  brief->stop();
  brief.reset();
}

void runs_a_task(attempt& a) {
  a.begin();
  a.at("call", [&] { a.pool.run(gives(1)); });
}

void co_spawns_detached(attempt& a) {
  bool called = false;
  auto calls = [&]() -> task<> {
    called = true;
    co_return;
  };
  a.begin();
  a.at("call", [&] {
    weir::co_spawn(a.pool, calls(), asio::detached);
    a.end();
    a.pool.run(returns()); // queued behind it
    if (!called)
      a.note("task", "lost");
  });
}

void stats(attempt& a) {
  a.begin();
  (void)a.pool.stats();
}

void sleeps(attempt& a) {
  tries(a, "await", [] { return sleep_for(2ms); });
}
void sleeps_first_of_all(attempt& a) {
  // The first timer of a runtime.
  weir::runtime brief(1);
  a.begin();
  a.at("run",
       [&] { brief.run([]() -> task<> { co_await sleep_for(1ms); }()); });
  a.end();
}
void yields(attempt& a) {
  tries(a, "await", [] { return checkpoint(); });
}
void awaits_a_task(attempt& a) {
  tries(a, "await", [] { return gives(1); });
}
void shields(attempt& a) {
  tries(a, "await", [] { return shield(returns()); });
}
void unwinds(attempt& a) {
  tries(a, "await", [] { return unwinding(returns()); });
}
void as_stopped_(attempt& a) {
  tries(a, "await", [] { return as_stopped(returns()); });
}
void finally_(attempt& a) {
  bool cleaned = false;
  auto cleanup = [&]() -> task<> {
    cleaned = true;
    co_return;
  };
  tries(a, "await", [&] { return finally(returns(), cleanup); });
}
void is_in_time(attempt& a) {
  tries(a, "await", [] { return with_timeout(1h, returns()); });
}
void is_late(attempt& a) {
  auto main = [&]() -> task<> {
    a.begin();
    try {
      co_await with_timeout(1ms, []() -> task<> { co_await sleep_for(1h); }());
    } catch (const boost::system::system_error& e) {
      if (e.code() != asio::error::timed_out)
        a.note("await", "error");
    } catch (...) {
      a.note("await", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}
void waits_for_all(attempt& a) {
  tries(a, "await", [] { return when_all(gives(1), gives(2)); });
}
void waits_for_all_of_a_range(attempt& a) {
  tries(a, "await", [] {
    std::vector<task<int>> all;
    all.push_back(gives(1));
    all.push_back(gives(2));
    return when_all(std::move(all));
  });
}
void races(attempt& a) {
  tries(a, "await", [] { return race(gives(1), gives(2)); });
}
void asks_a_quorum(attempt& a) {
  tries(a, "await", [] { return quorum(2, gives(1), gives(2), gives(3)); });
}
task<int> fails(int n) {
  co_await checkpoint();
  throw n;
}
// These end with an error even without a fault.
void waits_for_all_in_vain(attempt& a) {
  tries(a, "await", [] { return when_all(gives(1), fails(2)); });
}
void races_in_vain(attempt& a) {
  tries(a, "await", [] { return race(fails(1), fails(2)); });
}
void asks_a_quorum_in_vain(attempt& a) {
  tries(a, "await", [] { return quorum(2, gives(1), fails(2), fails(3)); });
}
void reserves(attempt& a) {
  a.begin();
  a.at("call", [] { reserve_tasks(5, gives, 1); });
}

// --- Asio ---

void waits_on_a_timer(attempt& a) {
  auto main = [&]() -> task<> {
    asio::steady_timer timer(a.pool.get_executor(), 1ms);
    a.begin();
    try {
      co_await timer.async_wait(asio::deferred);
    } catch (...) {
      a.note("await", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}
asio::awaitable<int> gives_in_asio() { co_return 1; }
void awaits_an_awaitable(attempt& a) {
  tries(a, "await", [] { return gives_in_asio(); });
}

constexpr scenario all[] = {
    {"runtime", makes_a_runtime},
    {"~runtime", destroys_a_runtime},
    {"runtime::stop", stops_a_runtime},
    {"runtime::run", runs_a_task},
    {"runtime::stats", stats},
    {"co_spawn (detached)", co_spawns_detached},
    {"sleep_for", sleeps},
    {"sleep_for (the first)", sleeps_first_of_all},
    {"checkpoint", yields},
    {"co_await task", awaits_a_task},
    {"co_await asio timer", waits_on_a_timer},
    {"co_await asio::awaitable", awaits_an_awaitable},
    {"shield", shields},
    {"unwinding", unwinds},
    {"as_stopped", as_stopped_},
    {"finally", finally_},
    {"with_timeout", is_in_time},
    {"with_timeout (expired)", is_late},
    {"when_all", waits_for_all},
    {"when_all (range)", waits_for_all_of_a_range},
    {"when_all (one fails)", waits_for_all_in_vain},
    {"race", races},
    {"race (all fail)", races_in_vain},
    {"quorum", asks_a_quorum},
    {"quorum (too many fail)", asks_a_quorum_in_vain},
    {"reserve_tasks", reserves},
};

} // namespace

std::span<const scenario> task_scenarios() { return all; }

} // namespace weir::test
