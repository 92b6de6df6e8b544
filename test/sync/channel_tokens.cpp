// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A channel used from outside of weir's tasks.

#include <weir/channel.hpp>
#include <weir/receive_any.hpp>

#include "support/foreign.hpp"
#include "support/parcel.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(channel_tokens, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

static_assert(std::is_same_v<send_operation<int>::signature, void(error_code)>);
static_assert(std::is_same_v<receive_operation<int>::signature,
                             void(error_code, std::optional<int>)>);

BOOST_AUTO_TEST_CASE(futures_send_and_receive) {
  std::atomic<int> alive{0};
  weir::channel<parcel> c(0);
  auto received = c.receive()(asio::use_future);
  c.send(parcel(4, alive))(asio::use_future).get();
  BOOST_TEST(received.get()->number == 4);
  auto refused = c.send(parcel(5, alive))(asio::use_future);
  c.close();
  BOOST_CHECK_EXCEPTION(
      refused.get(), system_error, has_code(errc::channel_closed));
  BOOST_TEST(!c.receive()(asio::use_future).get().has_value());
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(awaitables_send_and_receive) {
  weir::channel<int> c(2);
  std::vector<int> got;
  asio::io_context context(1);
  auto sends = [&]() -> asio::awaitable<void> {
    for (int i = 0; i != 10; ++i)
      co_await c.send(i);
    c.close();
  };
  auto receives = [&]() -> asio::awaitable<void> {
    while (std::optional<int> n = co_await c.receive())
      got.push_back(*n);
  };
  asio::co_spawn(context, sends(), asio::detached);
  asio::co_spawn(context, receives(), asio::detached);
  context.run();
  BOOST_TEST((got == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

BOOST_AUTO_TEST_CASE(slots_cancel_those_that_wait) {
  std::atomic<int> alive{0};
  weir::channel<parcel> c(1);
  asio::io_context context(1);
  asio::cancellation_signal signal;
  error_code received;
  c.receive()(asio::bind_cancellation_slot(
      signal.slot(),
      asio::bind_executor(context, [&](error_code ec, std::optional<parcel>) {
        received = ec;
      })));
  BOOST_TEST(c.waiting_receivers() == 1u);
  signal.emit(asio::cancellation_type::terminal);
  BOOST_TEST(c.waiting_receivers() == 0u);
  context.run();
  BOOST_TEST(received == asio::error::operation_aborted);

  context.restart();
  error_code sent;
  BOOST_TEST((c.try_send(parcel(0, alive)) == send_status::sent));
  c.send(parcel(1, alive))(asio::bind_cancellation_slot(
      signal.slot(),
      asio::bind_executor(context, [&](error_code ec) { sent = ec; })));
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  BOOST_TEST(sent == asio::error::operation_aborted);
  BOOST_TEST(alive == 1);
}

BOOST_AUTO_TEST_CASE(a_value_whose_handler_is_dropped_is_destroyed) {
  std::atomic<int> alive{0};
  weir::channel<parcel> c(1);
  {
    asio::io_context context(1);
    c.receive()(
        asio::bind_executor(context, [](error_code, std::optional<parcel>) {}));
    BOOST_TEST((c.try_send(parcel(0, alive)) == send_status::sent));
    BOOST_TEST(alive == 1);
  }
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(receive_any_takes_tokens_too) {
  weir::channel<int> a(1);
  weir::channel<char> b(1);
  auto first = receive_any(a, b)(asio::use_future);
  BOOST_TEST((b.try_send('x') == send_status::sent));
  const std::optional<std::variant<int, char>> got = first.get();
  BOOST_TEST(got->index() == 1u);
  BOOST_TEST(std::get<char>(*got) == 'x');

  std::vector<int> sums;
  auto main = [&]() -> asio::awaitable<void> {
    (void)a.try_send(3);
    auto next = co_await receive_any(a, b);
    sums.push_back(std::get<int>(*next));
    a.close();
    b.close();
    next = co_await receive_any(a, b);
    sums.push_back(next.has_value());
  };
  run_foreign(main());
  BOOST_TEST((sums == std::vector<int>{3, 0}));
}

BOOST_AUTO_TEST_CASE(a_slot_cancels_receive_any) {
  weir::channel<int> a(1);
  weir::channel<char> b(1);
  asio::io_context context(1);
  asio::cancellation_signal signal;
  error_code code;
  receive_any(a, b)(asio::bind_cancellation_slot(
      signal.slot(),
      asio::bind_executor(context, [&](error_code ec, auto) { code = ec; })));
  BOOST_TEST(a.waiting_receivers() == 1u);
  BOOST_TEST(b.waiting_receivers() == 1u);
  signal.emit(asio::cancellation_type::terminal);
  BOOST_TEST(a.waiting_receivers() == 0u);
  BOOST_TEST(b.waiting_receivers() == 0u);
  context.run();
  BOOST_TEST(code == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_CASE(a_slot_emitted_once_it_is_over_changes_nothing) {
  weir::channel<int> a(1);
  (void)a.try_send(5);
  asio::io_context context(1);
  asio::cancellation_signal signal;
  int calls = 0;
  std::optional<std::variant<int>> got;
  receive_any(a)(asio::bind_cancellation_slot(
      signal.slot(), asio::bind_executor(context, [&](error_code, auto value) {
        ++calls;
        got = std::move(value);
      })));
  // It has its value; the handler is on its way.
  signal.emit(asio::cancellation_type::partial);
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  BOOST_TEST(calls == 1);
  BOOST_TEST(std::get<int>(got.value()) == 5);

  receive_any(a)(asio::bind_cancellation_slot(
      signal.slot(),
      asio::bind_executor(context, [&](error_code, auto) { ++calls; })));
  signal.emit(asio::cancellation_type::terminal);
  signal.emit(asio::cancellation_type::terminal);
  context.restart();
  context.run();
  BOOST_TEST(calls == 2);
}

BOOST_FIXTURE_TEST_CASE(a_handler_that_throws_when_moved_starts_nothing,
                        pool_fixture) {
  struct handler {
    handler(int moves, bool& said) : left(moves), called(said) {}
    handler(handler&& other) : left(other.left - 1), called(other.called) {
      if (left < 0)
        throw std::runtime_error("moved too often");
    }
    void operator()(error_code) { called = true; }
    int left;
    bool& called;
  };
  std::atomic<int> alive{0};
  bool called = false;
  int moves = 0;
  for (;; ++moves) {
    BOOST_TEST_REQUIRE(moves < 30);
    asio::io_context context(1);
    weir::channel<parcel> c(1);
    try {
      c.send(parcel(1, alive))(
          asio::bind_executor(context, handler(moves, called)));
    } catch (const std::runtime_error&) {
      BOOST_TEST(!c.try_receive().has_value());
      BOOST_TEST(alive == 0);
      continue;
    }
    try {
      context.run();
    } catch (const std::runtime_error&) {
      continue; // on its way to the call
    }
    break;
  }
  BOOST_TEST(moves > 0);
  BOOST_TEST(called);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
