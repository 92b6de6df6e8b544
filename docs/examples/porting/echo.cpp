// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A TCP server that sends back what it gets, until SIGTERM or Ctrl-C.

#include <weir.hpp>

#include "arguments.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <exception>

namespace asio = boost::asio;
using asio::deferred;
using asio::detached;
using asio::ip::tcp;
using weir::co_spawn;
using weir::task;

namespace {

task<> echo(tcp::socket socket) {
  try {
    for (std::array<char, 1024> data;;) {
      const std::size_t n =
          co_await socket.async_read_some(asio::buffer(data), deferred);
      co_await async_write(socket, asio::buffer(data, n), deferred);
    }
  } catch (const std::exception&) {
    // The peer has closed the connection, or it broke.
  }
}

task<> accept_all(unsigned short port) {
  auto executor = co_await asio::this_coro::executor;
  tcp::acceptor acceptor(executor, {tcp::v4(), port});
  announce(acceptor);
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(deferred);
    co_spawn(executor, echo(std::move(socket)), detached);
  }
}

} // namespace

int main(int argc, char** argv) {
  try {
    weir::runtime runtime(1);
    weir::run_until_signal(runtime, accept_all(port_of(argc, argv)));
  } catch (const std::exception& error) {
    return failed(argv, error);
  }
}
