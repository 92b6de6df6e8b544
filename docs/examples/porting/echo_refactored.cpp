// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The echo server once more, with a coroutine for each part of a connection.

#include <weir.hpp>

#include "arguments.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <exception>
#include <string>

namespace asio = boost::asio;
using asio::deferred;
using asio::detached;
using asio::ip::tcp;
using weir::co_spawn;
using weir::task;

namespace {

task<std::string> receive(tcp::socket& socket) {
  std::string data(1024, '\0');
  data.resize(co_await socket.async_read_some(asio::buffer(data), deferred));
  co_return data;
}

task<> send(tcp::socket& socket, const std::string& data) {
  co_await async_write(socket, asio::buffer(data), deferred);
}

task<> echo_once(tcp::socket& socket) {
  const std::string data = co_await receive(socket);
  co_await send(socket, data);
}

task<> serve(tcp::socket socket) {
  try {
    for (;;)
      co_await echo_once(socket);
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
    co_spawn(executor, serve(std::move(socket)), detached);
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
