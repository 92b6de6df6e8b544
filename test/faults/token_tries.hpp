// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>

#include "attempt.hpp"
#include "support/until.hpp"

#include <boost/asio/error.hpp>

#include <atomic>
#include <exception>
#include <type_traits>

namespace weir::test {

/// Records an error, and that it was called.
struct handler {
  template <typename Error, typename... Rest>
  void operator()(const Error& error, Rest&&...) const {
    if constexpr (std::is_same_v<Error, std::exception_ptr>) {
      if (error)
        a->note("handler", error);
    } else if (error) {
      a->note("handler",
              error == asio::error::operation_aborted ? "aborted" : "error");
    }
    ++*called;
  }
  attempt* a;
  std::atomic<int>* called;
};

/// Calls `start(handler)` and `then()`, with faults, from a thread outside of
/// the runtime. The handler is called once, or the call throws.
template <typename Start, typename Then>
void tries_token(attempt& a, Start start, Then then) {
  std::atomic<int> called{0};
  bool threw = false;
  a.begin();
  try {
    start(handler{&a, &called});
  } catch (...) {
    a.note("call", std::current_exception());
    threw = true;
  }
  then();
  if (!threw)
    block_until([&] { return called != 0; });
  a.end();
  if (threw) {
    // Runs what the call may have posted.
    a.pool.run([]() -> task<> { co_return; }());
    if (called != 0)
      a.note("handler", "called although the call threw");
  }
}
template <typename Start>
void tries_token(attempt& a, Start start) {
  tries_token(a, start, [] {});
}

} // namespace weir::test
