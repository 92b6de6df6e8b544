// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A runtime where Asio asks for an execution context.

#include <weir/co_spawn.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/testing/deterministic_runtime.hpp>

#include "support/deterministic.hpp"
#include "support/pool_fixture.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/defer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/high_resolution_timer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <latch>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::test::of_runtime_context {

BOOST_FIXTURE_TEST_SUITE(runtime_context, pool_fixture)

using asio::ip::tcp;

static_assert(std::is_convertible_v<runtime&, asio::execution_context&>);
static_assert(
    std::is_convertible_v<deterministic_runtime&, asio::execution_context&>);
// A separate context would have a second scheduler, which no thread runs.
static_assert(!std::is_base_of_v<asio::execution_context, runtime>);
static_assert(
    !std::is_base_of_v<asio::execution_context, deterministic_runtime>);

template <typename Runtime>
void context_is_that_of_the_executor(Runtime& on) {
  asio::execution_context& context = on;
  BOOST_TEST(&context ==
             &asio::query(on.get_executor(), asio::execution::context));
  static_assert(
      std::is_same_v<typename Runtime::executor_type,
                     std::remove_cvref_t<decltype(on.get_executor())>>);
}

BOOST_AUTO_TEST_CASE(it_is_the_context_of_the_executor) {
  context_is_that_of_the_executor(pool);
  deterministic_runtime steps;
  context_is_that_of_the_executor(steps);
}

// Accepts, resolves, waits and receives a signal, with objects constructed from
// the runtime itself.
template <typename Runtime>
task<std::string> uses_objects_of(Runtime& on) {
  asio::signal_set signals(on, SIGUSR1);
  tcp::acceptor acceptor(on,
                         tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  tcp::resolver resolver(on);
  tcp::socket there(on);
  const auto found = co_await resolver.async_resolve(
      "127.0.0.1",
      std::to_string(acceptor.local_endpoint().port()),
      asio::deferred);
  co_await there.async_connect(found.begin()->endpoint(), asio::deferred);
  tcp::socket here = co_await acceptor.async_accept(asio::deferred);
  co_await there.async_write_some(asio::buffer("x", 1), asio::deferred);
  std::string text(1, ' ');
  co_await here.async_read_some(asio::buffer(text), asio::deferred);
  asio::steady_timer timer(on, std::chrono::milliseconds(1));
  co_await timer.async_wait(asio::deferred);
  asio::high_resolution_timer other(on);
  other.expires_after(std::chrono::milliseconds(1));
  co_await other.async_wait(asio::deferred);
  asio::ip::udp::socket datagrams(
      on, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0));
  asio::posix::stream_descriptor nothing(on);
  std::raise(SIGUSR1);
  const int number = co_await signals.async_wait(asio::deferred);
  co_return text + std::to_string(number == SIGUSR1);
}

BOOST_AUTO_TEST_CASE(io_objects_are_made_from_it) {
  BOOST_TEST(run(uses_objects_of(pool)) == "x1");
}

BOOST_AUTO_TEST_CASE(io_objects_are_made_from_a_deterministic_one) {
  deterministic_runtime steps;
  BOOST_TEST(steps.run(uses_objects_of(steps)) == "x1");
}

BOOST_AUTO_TEST_CASE(functions_are_submitted_to_it) {
  std::latch done(4);
  const auto counts_down = [&] { done.count_down(); };
  const auto work = asio::make_work_guard(pool);
  asio::post(pool, counts_down);
  asio::dispatch(pool, counts_down);
  asio::defer(pool, counts_down);
  asio::post(asio::bind_executor(pool, counts_down));
  done.wait();
  asio::post(asio::make_strand(pool), asio::use_future).get();
}

BOOST_AUTO_TEST_CASE(an_awaitable_and_a_task_are_spawned_on_it) {
  auto of_asio = []() -> asio::awaitable<int> { co_return 1; };
  auto of_weir = []() -> task<int> { co_return 2; };
  using asio::co_spawn;
  using weir::co_spawn;
  BOOST_TEST(co_spawn(pool, of_asio(), asio::use_future).get() == 1);
  BOOST_TEST(co_spawn(pool, of_weir(), asio::use_future).get() == 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_runtime_context
