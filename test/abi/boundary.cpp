// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A program whose own symbols are hidden uses the shared library: it catches
// what the library throws, and Asio's objects are the same in program and
// library. Exits with 0.

#include <weir.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/testing/deadlock.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/testing/explore_seeds.hpp>
#include <weir/testing/seed_failure.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/channel_error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

int failed = 0;

void check(bool holds, const char* what) {
  if (holds)
    return;
  std::fprintf(stderr, "failed: %s\n", what);
  ++failed;
}

// True if `f` throws an Error that is caught as one.
template <typename Error, typename F>
void check_throws(const char* what, F&& f) {
  try {
    f();
    check(false, what);
  } catch (const Error&) {
    check(true, what);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "caught another: %s\n", e.what());
    check(false, what);
  }
}

weir::task<> fails(const char* what) {
  co_await weir::checkpoint();
  throw std::runtime_error(what);
}

weir::task<> two_fail() {
  auto body = [](weir::task_group& group) -> weir::task<> {
    co_await group.spawn(fails("a"));
    co_await group.spawn(fails("b"));
  };
  co_await weir::with_task_group({.errors = weir::collect(2)}, body);
}

weir::task<> after_close() {
  weir::task_group group(co_await asio::this_coro::executor);
  group.close();
  std::exception_ptr error;
  try {
    co_await group.spawn(fails("never"));
  } catch (const boost::system::system_error&) {
    error = std::current_exception();
  }
  co_await group.join();
  if (error)
    std::rethrow_exception(error);
}

weir::task<> waits_for_ever() {
  weir::channel<int> never(1);
  (void)co_await never.receive();
}

// The reactor and its operations are code in the program; the threads run code
// of the library.
weir::task<std::string> through_a_pipe() {
  auto ex = co_await asio::this_coro::executor;
  asio::readable_pipe in(ex);
  asio::writable_pipe out(ex);
  asio::connect_pipe(in, out);
  asio::steady_timer timer(ex, 1ms);
  co_await timer.async_wait(asio::deferred);
  std::string text(4, ' ');
  auto reads = [&]() -> weir::task<> {
    co_await asio::async_read(in, asio::buffer(text), asio::deferred);
  };
  auto body = [&](weir::task_group& group) -> weir::task<> {
    co_await group.spawn(reads);
    co_await weir::sleep_for(1ms);
    co_await asio::async_write(out, asio::buffer("weir", 4), asio::deferred);
  };
  co_await weir::with_task_group({}, body);
  out.close();
  boost::system::error_code code;
  try {
    co_await asio::async_read(in, asio::buffer(text), asio::deferred);
  } catch (const boost::system::system_error& e) {
    code = e.code();
  }
  check(code == asio::error::eof, "the end of a pipe is asio::error::eof");
  co_return text;
}

} // namespace

int main() {
  weir::runtime pool(2);
  check_throws<std::invalid_argument>("invalid_argument",
                                      [] { weir::runtime none(0); });
  check_throws<boost::system::system_error>("system_error",
                                            [&] { pool.run(after_close()); });
  check_throws<weir::group_error>("group_error", [&] { pool.run(two_fail()); });
  check_throws<weir::testing::deadlock>("deadlock", [] {
    weir::testing::deterministic_runtime on;
    on.run(waits_for_ever());
  });
  // The category is an object in a function of Asio.
  check(
      weir::detail::is_abort_code(asio::experimental::error::channel_cancelled),
      "channel_cancelled is known to the library");
  check(pool.run(through_a_pipe()) == "weir", "four bytes through a pipe");
  return failed == 0 ? 0 : 1;
}
