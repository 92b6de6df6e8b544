// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/checkpoint.hpp>
#include <weir/group_error.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "high_water.hpp"
#include "on_scope_exit.hpp"
#include "pool_fixture.hpp"
#include "says.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test {

/// Shared by the ports of other libraries' suites. A panic there is an
/// exception here.
struct conformance : pool_fixture {
  /// What the operation throws; null if nothing.
  template <typename Step>
  std::exception_ptr error_of(operation<Step> op) {
    try {
      (void)wait(std::move(op));
    } catch (...) {
      return std::current_exception();
    }
    return nullptr;
  }

  static task<int> gives(int n) { co_return n; }
  static task<int> fails(const char* what) {
    throw std::runtime_error(what);
    co_return 0;
  }
  /// Counts itself in `inside` while it runs.
  static task<int> runs_in(high_water& inside) {
    inside.enter();
    on_scope_exit leave([&] { inside.leave(); });
    co_await checkpoint();
    co_await checkpoint();
    co_return 1;
  }
};

/// The texts of the errors in a group_error, in the order of their indices.
inline std::vector<std::string> texts_of(const std::exception_ptr& error) {
  std::vector<std::string> texts;
  try {
    if (error)
      std::rethrow_exception(error);
  } catch (const group_error& e) {
    for (const auto& each : e.errors())
      texts.push_back(text_of(each.error));
  } catch (...) {
    texts.push_back(text_of(error));
  }
  return texts;
}

/// The caps that conc tries.
inline constexpr std::size_t conc_limits[] = {1, 10, 100};

} // namespace weir::test
