// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A SOCKS 5 proxy (RFC 1928) for connections to IPv4 addresses, without
// authentication.

#include <weir.hpp>

#include "arguments.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <exception>
#include <stdexcept>
#include <tuple>

namespace asio = boost::asio;
using asio::deferred;
using asio::detached;
using asio::ip::tcp;
using boost::system::error_code;
using weir::co_spawn;
using weir::task;

namespace {

using byte = unsigned char;

// Where the client wants to be connected to.
task<tcp::endpoint> read_request(tcp::socket& client) {
  std::array<byte, 2> greeting;
  co_await async_read(client, asio::buffer(greeting), deferred);
  if (greeting[0] != 5)
    throw std::runtime_error("not SOCKS 5");
  std::array<byte, 255> methods;
  co_await async_read(client, asio::buffer(methods, greeting[1]), deferred);
  const std::array<byte, 2> no_authentication{5, 0};
  co_await async_write(client, asio::buffer(no_authentication), deferred);

  std::array<byte, 10> request;
  co_await async_read(client, asio::buffer(request), deferred);
  if (request[1] != 1 || request[3] != 1)
    throw std::runtime_error("not a connection to an IPv4 address");
  const asio::ip::address_v4 address(
      {request[4], request[5], request[6], request[7]});
  co_return tcp::endpoint(
      address, static_cast<unsigned short>(request[8] << 8 | request[9]));
}

// Copies until `from` ends, and then ends `to` as well.
task<> pass_on(tcp::socket& from, tcp::socket& to) {
  error_code end;
  for (std::array<char, 4096> data; !end;) {
    const auto got = co_await from.async_read_some(asio::buffer(data),
                                                   asio::as_tuple(deferred));
    end = std::get<0>(got);
    co_await async_write(to, asio::buffer(data, std::get<1>(got)), deferred);
  }
  to.shutdown(tcp::socket::shutdown_send, end);
}

task<> serve(tcp::socket client) {
  try {
    const tcp::endpoint target = co_await read_request(client);
    tcp::socket server(co_await asio::this_coro::executor);
    const auto connected =
        co_await server.async_connect(target, asio::as_tuple(deferred));
    const error_code error = std::get<0>(connected);
    const byte status = error ? 5 : 0;
    const std::array<byte, 10> reply{5, status, 0, 1};
    co_await async_write(client, asio::buffer(reply), deferred);
    if (!error)
      co_await (pass_on(client, server) && pass_on(server, client));
  } catch (const std::exception&) {
    // A connection has ended or broke, or the client speaks another protocol.
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
