// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/// False once the other side has closed its half of the connection, or the
/// connection is broken; also while data are waiting to be read. Linux only.
inline bool is_connected(boost::asio::ip::tcp::socket& socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  const int asked =
      ::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size);
  return asked == 0 && info.tcpi_state == TCP_ESTABLISHED;
}

/// Completes when the other side has closed its half of the connection.
///
/// It reads nothing, so it may run beside work that does not use the socket.
/// While data wait to be read the socket is always ready: then it looks ten
/// times a second.
inline weir::task<> peer_has_left(boost::asio::ip::tcp::socket& socket) {
  using boost::asio::ip::tcp;
  for (;;) {
    co_await socket.async_wait(tcp::socket::wait_read, boost::asio::deferred);
    if (!is_connected(socket))
      co_return;
    co_await weir::sleep_for(std::chrono::milliseconds(100));
  }
}
