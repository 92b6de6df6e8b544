// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Limits on time, and what runs to its end all the same.

#include <weir.hpp>

#include <boost/system/system_error.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

weir::task<> request(std::string what, std::chrono::milliseconds duration) {
  co_await weir::sleep_for(duration); // in place of the network
  std::cout << what << " done\n";
}

weir::task<> one_call() {
  co_await weir::with_timeout(10s, request("quick call", 5ms));
  co_await weir::with_timeout(20ms, request("slow call", 1h));
}

weir::task<> whole_group() {
  co_await weir::with_task_group({},
                                 [](weir::task_group& group) -> weir::task<> {
                                   group.cancel_after(20ms);
                                   co_await group.spawn(request("first", 1h));
                                   co_await group.spawn(request("second", 1h));
                                 });
}

weir::task<> goodbye() {
  return weir::with_timeout(10s, request("goodbye", 5ms));
}

// The limit ends neither a write that must not be torn nor the clean-up. All
// wait for those, so they have limits of their own.
weir::task<> session() {
  co_await weir::shield(weir::with_timeout(10s, request("write", 50ms)));
  co_await request("work after it", 1h);
}

void run(weir::runtime& runtime, weir::task<> work) {
  try {
    runtime.run(std::move(work));
  } catch (const boost::system::system_error& error) {
    std::cout << error.code().message() << '\n'; // Connection timed out
  }
}

} // namespace

int main() {
  weir::runtime runtime;
  run(runtime, one_call());
  run(runtime, whole_group());
  run(runtime, weir::with_timeout(20ms, weir::finally(session(), goodbye)));
}
