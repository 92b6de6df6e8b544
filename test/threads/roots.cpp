// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "roots.hpp"

#include <weir/with_task_group.hpp>

namespace weir::test::threads {

namespace {

task<> spawns(setting& s, task_group& group, errand e) {
  request asks(s.book);
  try {
    co_await spawn(s, group, e);
  } catch (...) {
    asks.ends(false);
    throw;
  }
  asks.ends(true);
}

} // namespace

task_group_options group_options(const plan& p, bool is_outer) {
  return {.max_in_flight = is_outer ? unlimited : p.where.cap,
          .cancellation = p.cancellation};
}

task<> root(setting& s, const plan& p, std::size_t i) {
  co_await with_task_group(
      group_options(p, false), [&](task_group& group) -> task<> {
        group.set_error_hook([&](const task_failure&) { ++s.book.hooked; });
        if (p.where.what == fault::deadline)
          group.cancel_after(p.deadline);
        for (; i < p.errands.size(); i += p.roots)
          co_await spawns(s, group, p.errands[i]);
      });
}

} // namespace weir::test::threads
