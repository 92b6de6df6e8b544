// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The echo server once more, with a coroutine for each part of a connection.

#include "arguments.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <csignal>
#include <exception>
#include <string>

namespace asio = boost::asio;
using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using asio::ip::tcp;

namespace {

awaitable<std::string> receive(tcp::socket& socket) {
  std::string data(1024, '\0');
  data.resize(
      co_await socket.async_read_some(asio::buffer(data), use_awaitable));
  co_return data;
}

awaitable<void> send(tcp::socket& socket, const std::string& data) {
  co_await async_write(socket, asio::buffer(data), use_awaitable);
}

awaitable<void> echo_once(tcp::socket& socket) {
  const std::string data = co_await receive(socket);
  co_await send(socket, data);
}

awaitable<void> serve(tcp::socket socket) {
  try {
    for (;;)
      co_await echo_once(socket);
  } catch (const std::exception&) {
    // The peer has closed the connection, or it broke.
  }
}

awaitable<void> accept_all(unsigned short port) {
  auto executor = co_await asio::this_coro::executor;
  tcp::acceptor acceptor(executor, {tcp::v4(), port});
  announce(acceptor);
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    co_spawn(executor, serve(std::move(socket)), detached);
  }
}

} // namespace

int main(int argc, char** argv) {
  try {
    asio::io_context context(1);
    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](auto, auto) { context.stop(); });
    co_spawn(context, accept_all(port_of(argc, argv)), detached);
    context.run();
  } catch (const std::exception& error) {
    return failed(argv, error);
  }
}
