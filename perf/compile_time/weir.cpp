// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// weir with the header that includes all. Compiled by ../compile_time.cpp.

#include <weir.hpp>

#include <iostream>

weir::task<> hello() {
  std::cout << "hello\n";
  co_return;
}

int main() {
  weir::runtime runtime(1);
  runtime.run(hello());
}
