// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>
#include <weir/unwinding.hpp>

#include <utility>

namespace weir::test {

/// `work`, whose cancelled awaits throw or, if `unwinds`, unwind.
template <typename T>
task<T> in_form(bool unwinds, task<T> work) {
  if (unwinds)
    co_return co_await unwinding(std::move(work));
  co_return co_await std::move(work);
}

} // namespace weir::test
