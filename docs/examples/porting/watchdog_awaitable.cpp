// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// An echo server that closes a connection after a number of milliseconds of
// silence: a watchdog runs beside it.

#include "arguments.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <exception>

namespace asio = boost::asio;
using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace asio::experimental::awaitable_operators;
using std::chrono::milliseconds;
using time_point = std::chrono::steady_clock::time_point;

namespace {

awaitable<void>
echo(tcp::socket& socket, time_point& deadline, milliseconds silence) {
  for (std::array<char, 1024> data;;) {
    deadline = std::chrono::steady_clock::now() + silence;
    const std::size_t n =
        co_await socket.async_read_some(asio::buffer(data), use_awaitable);
    co_await async_write(socket, asio::buffer(data, n), use_awaitable);
  }
}

awaitable<void> watch(const time_point& deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (deadline > std::chrono::steady_clock::now()) {
    timer.expires_at(deadline);
    co_await timer.async_wait(use_awaitable);
  }
}

awaitable<void> serve(tcp::socket socket, milliseconds silence) {
  time_point deadline = std::chrono::steady_clock::now() + silence;
  // An echo that ends by an error waits for the watchdog, which ends well.
  co_await (echo(socket, deadline, silence) || watch(deadline));
}

awaitable<void> accept_all(unsigned short port, milliseconds silence) {
  auto executor = co_await asio::this_coro::executor;
  tcp::acceptor acceptor(executor, {tcp::v4(), port});
  announce(acceptor);
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    co_spawn(executor, serve(std::move(socket), silence), detached);
  }
}

} // namespace

int main(int argc, char** argv) {
  try {
    const milliseconds silence(number_at(argc, argv, 2, 1));
    asio::io_context context(1);
    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](auto, auto) { context.stop(); });
    co_spawn(context, accept_all(port_of(argc, argv), silence), detached);
    context.run();
  } catch (const std::exception& error) {
    return failed(argv, error);
  }
}
