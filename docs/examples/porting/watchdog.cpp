// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// An echo server that closes a connection after a number of milliseconds of
// silence: a watchdog runs beside it.

#include <weir.hpp>

#include "arguments.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <exception>

namespace asio = boost::asio;
using asio::deferred;
using asio::detached;
using asio::ip::tcp;
using std::chrono::milliseconds;
using weir::co_spawn;
using weir::task;
using time_point = std::chrono::steady_clock::time_point;

namespace {

task<> echo(tcp::socket& socket, time_point& deadline, milliseconds silence) {
  for (std::array<char, 1024> data;;) {
    deadline = std::chrono::steady_clock::now() + silence;
    const std::size_t n =
        co_await socket.async_read_some(asio::buffer(data), deferred);
    co_await async_write(socket, asio::buffer(data, n), deferred);
  }
}

task<> watch(const time_point& deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (deadline > std::chrono::steady_clock::now()) {
    timer.expires_at(deadline);
    co_await timer.async_wait(deferred);
  }
}

task<> serve(tcp::socket socket, milliseconds silence) {
  time_point deadline = std::chrono::steady_clock::now() + silence;
  // An echo that ends by an error waits for the watchdog, which ends well.
  co_await (echo(socket, deadline, silence) || watch(deadline));
}

task<> accept_all(unsigned short port, milliseconds silence) {
  auto executor = co_await asio::this_coro::executor;
  tcp::acceptor acceptor(executor, {tcp::v4(), port});
  announce(acceptor);
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(deferred);
    co_spawn(executor, serve(std::move(socket), silence), detached);
  }
}

} // namespace

int main(int argc, char** argv) {
  try {
    const milliseconds silence(number_at(argc, argv, 2, 1));
    weir::runtime runtime(1);
    weir::run_until_signal(runtime, accept_all(port_of(argc, argv), silence));
  } catch (const std::exception& error) {
    return failed(argv, error);
  }
}
