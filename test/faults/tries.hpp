// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/checkpoint.hpp>
#include <weir/task.hpp>

#include "attempt.hpp"

#include <exception>
#include <utility>

namespace weir::test {

inline task<int> gives(int n) {
  co_await checkpoint();
  co_return n;
}

/// Calls `make()`, with faults.
template <typename Make>
void makes(attempt& a, Make make) {
  a.begin();
  a.at("call", [&] { (void)make(); });
  a.end();
}
/// Awaits `work()`, a coroutine created without faults, and then `after()`,
/// both with faults.
template <typename Work, typename After>
void tries(attempt& a, Work work, After after) {
  auto main = [&]() -> task<> {
    auto first = work();
    auto last = after();
    a.begin();
    try {
      co_await std::move(first);
    } catch (...) {
      a.note("call", std::current_exception());
    }
    try {
      co_await std::move(last);
    } catch (...) {
      a.note("join", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}
inline task<> nothing() { co_return; }
template <typename Work>
void tries(attempt& a, Work work) {
  tries(a, work, nothing);
}

} // namespace weir::test
