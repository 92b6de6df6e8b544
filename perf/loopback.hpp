// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <cstddef>
#include <tuple>
#include <vector>

namespace weir::perf {

namespace asio = boost::asio;

using asio::ip::tcp;

/// Both ends of a connection over loopback.
template <typename Executor>
struct connection {
  explicit connection(const Executor& ex) : server(ex), client(ex) {}

  asio::basic_stream_socket<tcp, Executor> server;
  asio::basic_stream_socket<tcp, Executor> client;
};

/// Connections whose handlers run on `ex`.
template <typename Executor>
std::vector<connection<Executor>> connect(const Executor& ex,
                                          std::size_t count) {
  asio::io_context here; // never run: all of this blocks
  tcp::acceptor acceptor(here, {asio::ip::address_v4::loopback(), 0});
  std::vector<connection<Executor>> all;
  for (std::size_t i = 0; i != count; ++i) {
    connection<Executor>& made = all.emplace_back(ex);
    made.client.connect(acceptor.local_endpoint());
    acceptor.accept(made.server);
    made.client.set_option(tcp::no_delay(true));
    made.server.set_option(tcp::no_delay(true));
  }
  return all;
}

/// Sends back what it gets, until the client has no more.
template <typename Coroutine, typename Message, typename Socket>
Coroutine serve(Socket& peer) {
  Message data;
  for (;;) {
    const std::tuple<boost::system::error_code, std::size_t> got =
        co_await peer.async_read_some(asio::buffer(data),
                                      asio::as_tuple(asio::deferred));
    if (std::get<0>(got))
      co_return;
    co_await asio::async_write(
        peer, asio::buffer(data, std::get<1>(got)), asio::deferred);
  }
}

} // namespace weir::perf
