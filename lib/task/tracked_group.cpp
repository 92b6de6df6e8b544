// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/tracked_group.hpp>

#include <cstddef>
#include <cstdio>

namespace weir::detail {

void tracked_group::report(std::FILE* out) const noexcept {
  const group_summary is = summary();
  const std::size_t alive = children();
  std::fprintf(out,
               "  group %s: %zu tasks in flight, %zu spawns waiting\n",
               is.name,
               alive,
               is.waiting);
  std::size_t named = 0;
  for_each_child([&](const task_core& task) {
    if (task.name == nullptr)
      return;
    std::fprintf(out, "    task %s\n", task.name);
    ++named;
  });
  if (alive > named)
    std::fprintf(out,
                 "    %zu %stasks without a name, or not suspended yet\n",
                 alive - named,
                 named == 0 ? "" : "more ");
}

} // namespace weir::detail
