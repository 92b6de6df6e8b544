// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir.hpp>

#include <atomic>
#include <iostream>

namespace {

weir::task<> add(std::atomic<int>& sum, int n) {
  sum += n;
  co_return;
}

weir::task<> add_up(std::atomic<int>& sum) {
  auto body = [&](weir::task_group& group) -> weir::task<> {
    for (int n = 1; n <= 100; ++n)
      co_await group.spawn(add(sum, n));
  };
  co_await weir::with_task_group({.max_in_flight = 4}, body);
}

} // namespace

int main() {
  std::atomic<int> sum = 0;
  weir::runtime runtime(2);
  runtime.run(add_up(sum));
  std::cout << "1 + ... + 100 = " << sum << '\n';
  return sum == 5050 ? 0 : 1;
}
