// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// weir with the headers of what is used. Compiled by ../compile_time.cpp.

#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include <iostream>

weir::task<> hello() {
  std::cout << "hello\n";
  co_return;
}

int main() {
  weir::runtime runtime(1);
  runtime.run(hello());
}
