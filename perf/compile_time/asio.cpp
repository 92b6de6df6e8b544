// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Asio with the header that includes all. Compiled by ../compile_time.cpp.

#include <boost/asio.hpp>

#include <iostream>

namespace asio = boost::asio;

asio::awaitable<void> hello() {
  std::cout << "hello\n";
  co_return;
}

int main() {
  asio::thread_pool pool(1);
  asio::co_spawn(pool, hello(), asio::detached);
  pool.join();
}
