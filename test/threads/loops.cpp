// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "loops.hpp"

#include "check.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include <cstdint>
#include <optional>
#include <utility>

namespace weir::test::threads {

namespace {

// One await: an await that begins after cancel() has returned must not
// complete.
class ready_await final {
public:
  explicit ready_await(const setting& s) : is_late_(s.book.cancelled) {}
  void completed() const {
    check(!is_late_, "an await of a cancelled child was ready and completed");
  }

private:
  const bool is_late_;
};

// Only the engine ends an endless loop: otherwise the iteration hangs, which
// watch() reports.
bool goes_on(errand e, std::uint32_t i) { return e.for_ever || i < e.length; }

task<> loops_over_limiter(setting& s, errand e) {
  for (std::uint32_t i = 0; goes_on(e, i); ++i) {
    const ready_await one(s);
    const permit held = co_await s.plenty.acquire();
    one.completed();
  }
}

task<> loops_over_channel(setting& s, errand e) {
  channel<std::uint32_t> own(1);
  for (std::uint32_t i = 0; goes_on(e, i); ++i) {
    const ready_await sent(s);
    co_await own.send(i);
    sent.completed();
    const ready_await received(s);
    const std::optional<std::uint32_t> got = co_await own.receive();
    received.completed();
    check(got == i, "a channel gave another value");
  }
}

task<std::uint32_t> descends(std::uint32_t depth) {
  if (depth == 0)
    co_return 0;
  co_return 1 + co_await descends(depth - 1);
}

task<> loops_over_tasks(setting& s, errand e) {
  for (std::uint32_t i = 0; goes_on(e, i); ++i) {
    const ready_await one(s);
    const std::uint32_t got = co_await descends(i % 4);
    one.completed();
    check(got == i % 4, "a task gave another value");
  }
}

// Completes inside its initiation.
auto completes_inline() {
  return asio::async_initiate<const asio::deferred_t, void()>(
      [](auto handler) { std::move(handler)(); }, asio::deferred);
}

task<> loops_over_asio(setting& s, errand e) {
  for (std::uint32_t i = 0; goes_on(e, i); ++i) {
    const ready_await one(s);
    co_await completes_inline();
    one.completed();
  }
}

} // namespace

task<> loops(setting& s, errand e) {
  if (e.where == place::ready_limiter)
    return loops_over_limiter(s, e);
  if (e.where == place::ready_channel)
    return loops_over_channel(s, e);
  if (e.where == place::ready_task)
    return loops_over_tasks(s, e);
  return loops_over_asio(s, e);
}

} // namespace weir::test::threads
