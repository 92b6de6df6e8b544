// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What children do while a fault happens.

#include <weir/checkpoint.hpp>
#include <weir/offload.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "check.hpp"
#include "failing_allocator.hpp"
#include "loops.hpp"
#include "setting.hpp"
#include "support/on_scope_exit.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test::threads {

namespace {

using boost::system::system_error;
using std::chrono::microseconds;

microseconds time_of(errand e) {
  return e.for_ever ? std::chrono::hours(1) : microseconds(e.length);
}

task<> sleeps(microseconds time) { co_await sleep_for(time); }

task<> waits_in_checkpoint(errand e) {
  for (std::uint32_t i = 0; e.for_ever || i < e.length / 4; ++i)
    co_await checkpoint();
}

task<> waits_for_timer(const executor& ex, errand e) {
  asio::steady_timer timer(ex, time_of(e));
  co_await timer.async_wait(asio::deferred);
}

task<> waits_for_own_timer(errand e) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (int i = 0; i != 3; ++i) {
    timer.expires_after(time_of(e) / 3);
    co_await timer.async_wait(asio::deferred);
  }
}

task<> waits_for_socket(errand e) {
  using socket = asio::local::stream_protocol::socket;
  const auto ex = co_await asio::this_coro::executor;
  socket here(ex);
  socket there(ex);
  asio::local::connect_pair(here, there);
  std::array<char, 64> bytes{};
  for (std::uint32_t i = 0; i != 1 + e.length / 16; ++i) {
    (void)co_await asio::async_write(here, asio::buffer(bytes), asio::deferred);
    (void)co_await there.async_read_some(asio::buffer(bytes), asio::deferred);
  }
  if (e.for_ever)
    (void)co_await there.async_read_some(asio::buffer(bytes), asio::deferred);
}

// A child that receives has sent before, so there is a value for it: children
// wait for each other, but not for ever.
task<> waits_for_channel(setting& s, errand e) {
  counted value(s.book.values);
  co_await s.box.send(std::move(value));
  ++s.book.sent;
  const std::optional<counted> got = co_await s.box.receive();
  check(got.has_value(), "an open channel gave no value");
  ++s.book.received;
  if (e.for_ever)
    (void)co_await s.never.receive();
}

task<> waits_for_limiter(setting& s, errand e) {
  const std::size_t weight = 1 + e.number % 2;
  const permit held = co_await s.two.acquire(weight);
  check(s.two.in_use() <= 2, "a limiter gave more than it has");
  for (std::size_t i = 0; i != weight; ++i)
    s.holding.enter();
  const on_scope_exit leave([&] {
    for (std::size_t i = 0; i != weight; ++i)
      s.holding.leave();
  });
  co_await sleep_for(time_of(e) / 4);
}

asio::awaitable<void> waits_in_asio(errand e) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (int i = 0; i != 2; ++i) {
    timer.expires_after(time_of(e) / 2);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

task<> waits_for_offload(setting& s, errand e) {
  co_await offload(
      *s.outside,
      [](std::uint32_t us) { std::this_thread::sleep_for(microseconds(us)); },
      e.length);
  if (e.for_ever)
    co_await sleeps(time_of(e));
}

task<> waits_for_join(errand e) {
  co_await with_task_group({.max_in_flight = 2},
                           [&](task_group& group) -> task<> {
                             for (int i = 0; i != 3; ++i)
                               co_await group.spawn(sleeps, time_of(e) / 3);
                           });
}

task<> waits_for_timeout(errand e) {
  try {
    co_await with_timeout(time_of(e), sleeps(microseconds(e.length + 20)));
  } catch (const system_error& error) {
    if (error.code() != asio::error::timed_out)
      throw;
  }
  if (e.for_ever)
    co_await sleeps(time_of(e));
}

task<> spawns_sibling(setting& s, task_group& group, errand e, presence& here) {
  e.where = place::sleep;
  e.at_end = errand::then::returns;
  request asks(s.book);
  here.lends();
  try {
    co_await spawn(s, group, e);
  } catch (...) {
    asks.ends(false);
    throw;
  }
  asks.ends(true);
  if (!group.is_cancelled()) // No child waits for a slot then.
    here.has_slot();
}

task<> goes(setting& s, task_group& group, errand e, presence& here) {
  switch (e.where) {
  case place::nowhere:
  case place::asio_child:
    break;
  case place::checkpoint:
    co_await waits_in_checkpoint(e);
    break;
  case place::sleep:
    co_await sleeps(time_of(e));
    break;
  case place::timer:
    co_await waits_for_timer(s.pool->get_executor(), e);
    break;
  case place::own_timer:
    co_await waits_for_own_timer(e);
    break;
  case place::socket:
    co_await waits_for_socket(e);
    break;
  case place::channel:
    co_await waits_for_channel(s, e);
    break;
  case place::limiter:
    co_await waits_for_limiter(s, e);
    break;
  case place::awaitable:
    co_await waits_in_asio(e);
    break;
  case place::offload:
    co_await waits_for_offload(s, e);
    break;
  case place::join:
    co_await waits_for_join(e);
    break;
  case place::timeout:
    co_await waits_for_timeout(e);
    break;
  case place::shield:
    co_await shield(sleeps(microseconds(e.length)));
    break;
  case place::spawn:
    co_await spawns_sibling(s, group, e, here);
    break;
  case place::ready_limiter:
  case place::ready_channel:
  case place::ready_task:
  case place::ready_asio:
    co_await loops(s, e);
    break;
  }
}

// The last action of a child. May throw.
void finishes(errand e) {
  if (e.at_end == errand::then::throws)
    throw injected{e.number};
  if (e.at_end == errand::then::allocates) {
    unsigned allocations = e.number % 5;
    const failing_allocator<int> memory(allocations);
    std::vector<int, failing_allocator<int>> numbers(memory);
    for (int i = 0; i != 4; ++i)
      numbers.push_back(i); // three allocations
  }
}

void check_error(const setting& s, errand e, const system_error& error) {
  if (error.code() == asio::error::operation_aborted)
    return;
  // The child was running when the runtime was stopped.
  if (s.book.stopping && (error.code() == errc::task_abandoned ||
                          error.code() == errc::runtime_stopped))
    return;
  fail("a child in " +
       std::string(place_names[static_cast<std::size_t>(e.where)]) +
       " got: " + error.what());
}

} // namespace

task<> child(setting& s, task_group& group, errand e, counted) {
  presence here(s.book, s.seen, e.where);
  try {
    co_await goes(s, group, e, here);
    here.ends(child_end::threw);
    finishes(e);
    here.ends(child_end::returned);
  } catch (const system_error& error) {
    check_error(s, e, error);
    here.ends(e.swallows ? child_end::swallowed : child_end::aborted);
    if (!e.swallows)
      throw;
    s.seen.saw(outcome::swallowed);
  }
}

asio::awaitable<void> asio_child(setting& s, errand e, counted) {
  presence here(s.book, s.seen, e.where);
  try {
    co_await waits_in_asio(e);
    here.ends(child_end::threw);
    finishes(e);
    here.ends(child_end::returned);
  } catch (const system_error& error) {
    check_error(s, e, error);
    here.ends(e.swallows ? child_end::swallowed : child_end::aborted);
    if (!e.swallows)
      throw;
    s.seen.saw(outcome::swallowed);
  }
}

spawn_operation spawn(setting& s, task_group& group, errand e) {
  if (e.where == place::asio_child)
    return group.spawn(asio_child(s, e, counted(s.book.alive)));
  return group.spawn(child(s, group, e, counted(s.book.alive)));
}

} // namespace weir::test::threads
