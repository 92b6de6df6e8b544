// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Exceptions that escape detached tasks.

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include "support/counted.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>

namespace weir::test {

// What the hook of a runtime got.
std::atomic<int> unhandled_calls{0};
std::string unhandled_text;

struct spawning : pool_fixture {
  spawning() { unhandled_calls = 0; }

  static runtime_options with_hook() {
    runtime_options options;
    options.threads = 2;
    options.on_unhandled = [](const std::exception_ptr& error) noexcept {
      unhandled_text = text_of(error);
      ++unhandled_calls;
    };
    return options;
  }
};

BOOST_FIXTURE_TEST_SUITE(co_spawn_unhandled, spawning)

task<int> number(int n) {
  co_await checkpoint();
  co_return n;
}

BOOST_AUTO_TEST_CASE(a_detached_exception_goes_to_the_hook) {
  std::atomic<int> alive{0};
  {
    weir::runtime hooked(with_hook());
    auto fails = [&](counted) -> task<> {
      co_await checkpoint();
      throw std::runtime_error("nobody looks");
    };
    weir::co_spawn(hooked, fails(counted(alive)), asio::detached);
    block_until([&] { return unhandled_calls == 1; });
    // The runtime still works.
    BOOST_TEST(hooked.run(number(8)) == 8);
  }
  BOOST_TEST(unhandled_calls == 1);
  BOOST_TEST(unhandled_text == "nobody looks");
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(the_hook_is_called_however_detached_is_bound) {
  weir::runtime hooked(with_hook());
  asio::io_context context(1);
  weir::co_spawn(hooked,
                 fails_with("bound"),
                 asio::bind_executor(context, asio::detached));
  context.run();
  block_until([&] { return unhandled_calls == 1; });
  BOOST_TEST(unhandled_text == "bound");
}

BOOST_AUTO_TEST_CASE(
    the_hook_is_not_called_for_an_exception_that_is_delivered) {
  weir::runtime hooked(with_hook());
  auto result = weir::co_spawn(hooked, fails_with("boom"), asio::use_future);
  BOOST_CHECK_THROW(result.get(), std::runtime_error);
  BOOST_TEST(unhandled_calls == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
