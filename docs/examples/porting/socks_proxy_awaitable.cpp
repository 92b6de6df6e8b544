// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A SOCKS 5 proxy (RFC 1928) for connections to IPv4 addresses, without
// authentication.

#include "arguments.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <csignal>
#include <exception>
#include <stdexcept>

namespace asio = boost::asio;
using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace asio::experimental::awaitable_operators;
using boost::system::error_code;

namespace {

using byte = unsigned char;

// Where the client wants to be connected to.
awaitable<tcp::endpoint> read_request(tcp::socket& client) {
  std::array<byte, 2> greeting;
  co_await async_read(client, asio::buffer(greeting), use_awaitable);
  if (greeting[0] != 5)
    throw std::runtime_error("not SOCKS 5");
  std::array<byte, 255> methods;
  co_await async_read(
      client, asio::buffer(methods, greeting[1]), use_awaitable);
  const std::array<byte, 2> no_authentication{5, 0};
  co_await async_write(client, asio::buffer(no_authentication), use_awaitable);

  std::array<byte, 10> request;
  co_await async_read(client, asio::buffer(request), use_awaitable);
  if (request[1] != 1 || request[3] != 1)
    throw std::runtime_error("not a connection to an IPv4 address");
  const asio::ip::address_v4 address(
      {request[4], request[5], request[6], request[7]});
  co_return tcp::endpoint(
      address, static_cast<unsigned short>(request[8] << 8 | request[9]));
}

// Copies until `from` ends, and then ends `to` as well.
awaitable<void> pass_on(tcp::socket& from, tcp::socket& to) {
  error_code end;
  for (std::array<char, 4096> data; !end;) {
    const std::size_t n = co_await from.async_read_some(
        asio::buffer(data), asio::redirect_error(use_awaitable, end));
    co_await async_write(to, asio::buffer(data, n), use_awaitable);
  }
  to.shutdown(tcp::socket::shutdown_send, end);
}

awaitable<void> serve(tcp::socket client) {
  try {
    const tcp::endpoint target = co_await read_request(client);
    tcp::socket server(co_await asio::this_coro::executor);
    error_code error;
    co_await server.async_connect(target,
                                  asio::redirect_error(use_awaitable, error));
    const byte status = error ? 5 : 0;
    const std::array<byte, 10> reply{5, status, 0, 1};
    co_await async_write(client, asio::buffer(reply), use_awaitable);
    if (!error)
      co_await (pass_on(client, server) && pass_on(server, client));
  } catch (const std::exception&) {
    // A connection has ended or broke, or the client speaks another protocol.
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
