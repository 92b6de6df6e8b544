// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Passes connections on to another port of this machine, at most a given
// number of bytes per second in each direction.

#include "arguments.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <string>

namespace asio = boost::asio;
using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace asio::experimental::awaitable_operators;
using boost::system::error_code;

namespace {

// How many bytes may be passed on next.
using budget = asio::experimental::channel<void(error_code, std::size_t)>;

awaitable<void> refill(budget& bytes, std::size_t bytes_per_second) {
  constexpr int turns_per_second = 50;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(std::chrono::milliseconds(1000 / turns_per_second));
    co_await timer.async_wait(use_awaitable);
    const std::size_t share = bytes_per_second / turns_per_second + 1;
    co_await bytes.async_send(error_code(), share, use_awaitable);
  }
}

awaitable<void> pass_on(tcp::socket& from, tcp::socket& to, budget& bytes) {
  for (std::string data;;) {
    data.resize(co_await bytes.async_receive(use_awaitable));
    const std::size_t n =
        co_await from.async_read_some(asio::buffer(data), use_awaitable);
    co_await async_write(to, asio::buffer(data, n), use_awaitable);
  }
}

awaitable<void>
serve(tcp::socket client, tcp::endpoint target, std::size_t rate) {
  try {
    auto executor = co_await asio::this_coro::executor;
    tcp::socket server(executor);
    co_await server.async_connect(target, use_awaitable);
    budget up(executor, 1);
    budget down(executor, 1);
    // The first that throws, as at the end of a stream, ends all.
    co_await (pass_on(client, server, up) && pass_on(server, client, down) &&
              refill(up, rate) && refill(down, rate));
  } catch (const std::exception&) {
    // A peer has closed its connection, or it broke.
  }
}

awaitable<void>
accept_all(unsigned short port, tcp::endpoint target, std::size_t rate) {
  auto executor = co_await asio::this_coro::executor;
  tcp::acceptor acceptor(executor, {tcp::v4(), port});
  announce(acceptor);
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
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
    asio::io_context context(1);
    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](auto, auto) { context.stop(); });
    co_spawn(context, accept_all(port, target, rate), detached);
    context.run();
  } catch (const std::exception& error) {
    return failed(argv, error);
  }
}
