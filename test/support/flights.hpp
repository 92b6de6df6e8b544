// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/runtime.hpp>
#include <weir/single_flight.hpp>
#include <weir/task.hpp>

#include "gate.hpp"
#include "on_scope_exit.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <string>

namespace weir::test {

using flights = weir::single_flight<std::string, int>;

/// A call that counts itself and waits at a gate.
struct fetcher {
  explicit fetcher(weir::runtime& on) : door(on.get_executor()) {}

  task<int> fetch(int value) {
    ++calls;
    on_scope_exit count([this] { ++ended; });
    co_await door.wait();
    co_return value;
  }
  auto work() {
    return [this](int value) { return fetch(value); };
  }

  gate door;
  std::atomic<int> calls{0};
  std::atomic<int> ended{0};
};

/// What the callers that wait saw.
struct seen {
  std::atomic<int> value{0};
  std::atomic<int> shared{0};
  std::atomic<int> aborted{0};
  std::atomic<int> ended{0};
};

inline task<> asks(flights& from, fetcher& f, seen& what, int value = 7) {
  on_scope_exit count([&] { ++what.ended; });
  auto work = f.work();
  try {
    auto result = co_await from.run("key", work, value);
    what.value += *result;
    what.shared += result.is_shared() ? 1 : 0;
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::operation_aborted)
      ++what.aborted;
    throw;
  }
}

} // namespace weir::test
