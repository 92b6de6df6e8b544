// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Passes connections on to another port of this machine, at most a given
// number of bytes per second in each direction.

#include <weir.hpp>

#include "arguments.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <exception>
#include <string>

namespace asio = boost::asio;
using asio::deferred;
using asio::detached;
using asio::ip::tcp;
using boost::system::error_code;
using weir::co_spawn;
using weir::task;

namespace {

// How many bytes may be passed on next.
using budget = asio::experimental::channel<void(error_code, std::size_t)>;

task<> refill(budget& bytes, std::size_t bytes_per_second) {
  constexpr int turns_per_second = 50;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(std::chrono::milliseconds(1000 / turns_per_second));
    co_await timer.async_wait(deferred);
    const std::size_t share = bytes_per_second / turns_per_second + 1;
    co_await bytes.async_send(error_code(), share, deferred);
  }
}

task<> pass_on(tcp::socket& from, tcp::socket& to, budget& bytes) {
  for (std::string data;;) {
    data.resize(co_await bytes.async_receive(deferred));
    const std::size_t n =
        co_await from.async_read_some(asio::buffer(data), deferred);
    co_await async_write(to, asio::buffer(data, n), deferred);
  }
}

task<> serve(tcp::socket client, tcp::endpoint target, std::size_t rate) {
  try {
    auto executor = co_await asio::this_coro::executor;
    tcp::socket server(executor);
    co_await server.async_connect(target, deferred);
    budget up(executor, 1);
    budget down(executor, 1);
    // The first that throws, as at the end of a stream, ends all.
    co_await (pass_on(client, server, up) && pass_on(server, client, down) &&
              refill(up, rate) && refill(down, rate));
  } catch (const std::exception&) {
    // A peer has closed its connection, or it broke.
  }
}

task<> accept_all(unsigned short port, tcp::endpoint target, std::size_t rate) {
  auto executor = co_await asio::this_coro::executor;
  tcp::acceptor acceptor(executor, {tcp::v4(), port});
  announce(acceptor);
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(deferred);
    co_spawn(executor, serve(std::move(socket), target, rate), detached);
  }
}

} // namespace

int main(int argc, char** argv) {
  try {
    const auto port = port_of(argc, argv);
    const tcp::endpoint target(asio::ip::address_v4::loopback(),
                               number_at<unsigned short>(argc, argv, 2, 1));
    const auto rate = number_at<std::size_t>(argc, argv, 3, 1);
    weir::runtime runtime(1);
    weir::run_until_signal(runtime, accept_all(port, target, rate));
  } catch (const std::exception& error) {
    return failed(argv, error);
  }
}
