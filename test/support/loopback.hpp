// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <utility>

namespace weir::test {

/// Two sockets that are connected with each other.
struct loopback final {
  template <typename Executor>
  explicit loopback(const Executor& ex) : here(ex), there(ex) {
    using tcp = boost::asio::ip::tcp;
    tcp::acceptor acceptor(
        ex, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    here.connect(acceptor.local_endpoint());
    acceptor.accept(there);
  }

  boost::asio::ip::tcp::socket here;
  boost::asio::ip::tcp::socket there;
};

} // namespace weir::test
