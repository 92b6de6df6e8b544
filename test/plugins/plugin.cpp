// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A plug-in that contains its own copy of weir.

#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include <atomic>

namespace {

weir::task<> adds(std::atomic<int>& sum, int n) {
  sum += n;
  co_return;
}

weir::task<int> sum_to(weir::runtime& on, int n) {
  std::atomic<int> sum{0};
  weir::task_group group(on);
  for (int i = 1; i <= n; ++i)
    co_await group.spawn(adds(sum, i));
  co_await group.join();
  co_return sum.load();
}

} // namespace

extern "C" [[gnu::visibility("default")]] int plugin_sum(int n) {
  weir::runtime pool(2);
  return pool.run(sum_to(pool, n));
}
