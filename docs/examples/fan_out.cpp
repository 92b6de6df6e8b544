// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Four requests at once. The first that fails cancels the others, and its
// error is what comes out, after all four have ended.

#include <weir.hpp>

#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <syncstream>

using namespace std::chrono_literals;

namespace {

// Lines of tasks on several threads do not mix.
std::osyncstream print() { return std::osyncstream(std::cout); }

weir::task<> fetch(std::string host, std::chrono::milliseconds duration) {
  try {
    co_await weir::sleep_for(duration); // in place of a request
  } catch (const boost::system::system_error& error) {
    print() << host << ": " << error.code().message() << '\n';
    throw;
  }
  if (host == "broken")
    throw std::runtime_error("no route to broken");
  print() << host << ": done\n";
}

weir::task<> fetch_all() {
  co_await weir::with_task_group({.max_in_flight = 10},
                                 [](weir::task_group& group) -> weir::task<> {
                                   co_await group.spawn(fetch("quick", 10ms));
                                   co_await group.spawn(fetch("broken", 50ms));
                                   co_await group.spawn(fetch("slow", 1h));
                                   co_await group.spawn(fetch("slower", 2h));
                                 }); // joins
}

} // namespace

int main() {
  weir::runtime runtime;
  try {
    runtime.run(fetch_all());
  } catch (const std::exception& error) {
    std::cout << "failed: " << error.what() << '\n';
  }
}
