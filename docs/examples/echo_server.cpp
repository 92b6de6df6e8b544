// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A TCP server that answers every line with the same line. SIGTERM or Ctrl-C
// ends it in good order: what was begun is finished, nothing is left behind.

#include <weir.hpp>

#include "echo_common.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <iostream>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::system_error;
using namespace std::chrono_literals;

namespace {

// What handlers return. Built with ECHO_ON_AWAITABLES the server uses Asio's
// own coroutines, and nothing else in it differs.
#if defined(ECHO_ON_AWAITABLES)
using handler = asio::awaitable<void>;
#else
using handler = weir::task<>;
#endif

struct connection {
  tcp::socket socket;
  line_echo lines;
};

// One read or write. Cancelled, it loses nothing: it has moved bytes or not.
handler step(connection& peer) {
  if (peer.lines.has_answer())
    peer.lines.sent(co_await peer.socket.async_write_some(peer.lines.answer(),
                                                          asio::deferred));
  else
    peer.lines.received(co_await peer.socket.async_read_some(peer.lines.space(),
                                                             asio::deferred));
}

handler echo(connection& peer, weir::task_group& group, seconds idle) {
  while (!peer.lines.is_too_long()) {
    group.cancel_after(idle); // replaces the deadline before
    co_await step(peer);
  }
}

handler finish(connection& peer) {
  peer.lines.begin_no_more();
  while (peer.lines.is_open())
    co_await step(peer);
  // A close with unread input is a reset, and may cost the peer its answers.
  peer.socket.shutdown(tcp::socket::shutdown_send);
  for (;;)
    co_await peer.socket.async_read_some(peer.lines.space(), asio::deferred);
}

weir::task<> serve(tcp::socket socket, echo_service& service) {
  ++service.connections;
  connection peer{std::move(socket), line_echo(service)};
  // A group of its own for each part: it has the deadline.
  auto echoing = [&](weir::task_group& group) -> weir::task<> {
    co_await group.spawn(echo(peer, group, service.idle));
  };
  auto finishing = [&](weir::task_group& group) -> weir::task<> {
    group.cancel_after(service.grace);
    co_await group.spawn(finish(peer));
  };
  try {
    co_await weir::as_stopped(weir::with_task_group({}, echoing));
    // The server stops, or a line was too long.
    co_await weir::shield(weir::with_task_group({}, finishing));
  } catch (const system_error& error) {
    if (error.code() != asio::error::eof)
      ++service.cut_off;
  }
}

weir::task<> accept_all(weir::task_group& connections, echo_service& service) {
  tcp::acceptor acceptor(connections.get_executor(), service.endpoint);
  const auto port = acceptor.local_endpoint().port();
  std::cout << "listening on " << port << std::endl;
  for (;;) {
    auto accepted =
        co_await acceptor.async_accept(asio::as_tuple(asio::deferred));
    auto& [error, socket] = accepted;
    if (!error) // waits at the cap
      co_await connections.spawn(serve(std::move(socket), service));
    else if (is_shortage(error)) // until some are closed; new ones wait
      co_await weir::sleep_for(20ms);
    else
      throw system_error(error, "accept");
  }
}

weir::task<> stop_on_signal(asio::signal_set& signals, weir::task_group& all) {
  co_await signals.async_wait(asio::deferred);
  signals.clear(); // The second signal ends the process.
  all.cancel();
}

weir::task<> run(echo_service& service) {
  asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
  auto accepting = [&](weir::task_group& connections) {
    return accept_all(connections, service);
  };
  auto server = [&](weir::task_group& all) -> weir::task<> {
    co_await all.spawn(stop_on_signal(signals, all));
    co_await weir::with_task_group({.max_in_flight = service.max_connections},
                                   accepting);
  };
  co_await weir::with_task_group({}, server);
}

} // namespace

int main(int argc, char** argv) { return echo_main(argc, argv, run); }
