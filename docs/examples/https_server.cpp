// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// HTTP over TLS with Boost.Beast: a limit on the time of each step, work that
// ends when its client has left, and an orderly end on SIGTERM.
//
//     https_server CERTIFICATE KEY    PEM files; prints `listening on PORT`
//
//     GET /hello       says hello
//     POST /echo       gives the body back
//     GET /slow        takes an hour, unless the client goes away before

#include <weir.hpp>

#include "peer_state.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <utility>

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::system_error;
using namespace std::chrono_literals;

namespace {

using request = http::request<http::string_body>;
using response = http::response<http::string_body>;

constexpr auto step_limit = 10s;
constexpr auto idle_limit = 60s;

struct connection {
  connection(tcp::socket socket, asio::ssl::context& tls)
      : stream(std::move(socket), tls) {}
  tcp::socket& socket() { return stream.next_layer(); }

  asio::ssl::stream<tcp::socket> stream;
  boost::beast::flat_buffer read; // what came behind the last request
};

weir::task<request> read_request(connection& peer) {
  http::request_parser<http::string_body> parser;
  parser.body_limit(1024 * 1024); // Beast answers more with an error
  auto read = http::async_read(peer.stream, peer.read, parser, asio::deferred);
  co_await weir::with_timeout(idle_limit, std::move(read));
  co_return parser.release();
}

// The work. It does not touch the connection, so another task may watch that.
weir::task<response> answer(const request& asked) {
  response out(http::status::ok, asked.version());
  out.keep_alive(asked.keep_alive());
  if (asked.target() == "/hello")
    out.body() = "hello\n";
  else if (asked.target() == "/echo")
    out.body() = asked.body();
  else if (asked.target() == "/slow")
    co_await weir::sleep_for(1h);
  else
    out.result(http::status::not_found);
  out.prepare_payload();
  co_return out;
}

weir::task<> serve_requests(connection& peer, weir::task_group& server) {
  for (;;) {
    auto next = co_await weir::first_completed(read_request(peer),
                                               server.wait_stopping());
    if (next.index() == 1)
      co_return; // between two requests
    const request asked = std::get<0>(std::move(next));

    auto done = co_await weir::first_completed(answer(asked),
                                               peer_has_left(peer.socket()));
    if (done.index() == 1) {
      std::cout << "client left" << std::endl;
      co_return; // the work was cancelled, and has ended
    }
    const response out = std::get<0>(std::move(done));
    auto write = http::async_write(peer.stream, out, asio::deferred);
    co_await weir::with_timeout(step_limit, std::move(write));
    if (!out.keep_alive())
      co_return;
  }
}

weir::task<>
session(tcp::socket socket, asio::ssl::context& tls, weir::task_group& server) {
  connection peer(std::move(socket), tls);
  try {
    auto shake = peer.stream.async_handshake(asio::ssl::stream_base::server,
                                             asio::deferred);
    co_await weir::with_timeout(step_limit, std::move(shake));
    co_await serve_requests(peer, server);
    // Says that the end is the end, and was not cut off. Many clients never
    // answer this: then the limit ends it.
    auto close = peer.stream.async_shutdown(asio::deferred);
    co_await weir::with_timeout(1s, std::move(close));
  } catch (const system_error&) {
    // This connection is over, whatever it was. The others go on.
  }
}

weir::task<> accept_all(tcp::acceptor& acceptor,
                        asio::ssl::context& tls,
                        weir::task_group& server) {
  for (;;) {
    auto accept = acceptor.async_accept(asio::deferred);
    auto next = co_await weir::first_completed(std::move(accept),
                                               server.wait_stopping());
    if (next.index() == 1)
      break;
    // The start_handshake is the child's affair: a slow one holds up nobody.
    co_await server.spawn(session(std::get<0>(std::move(next)), tls, server));
  }
  acceptor.close();
}

weir::task<> serve(tcp::acceptor& acceptor, asio::ssl::context& tls) {
  asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
  auto body = [&](weir::task_group& server) -> weir::task<> {
    co_await server.spawn(accept_all(acceptor, tls, server));
    co_await signals.async_wait(asio::deferred);
    signals.clear(); // a second one ends the process
    server.request_stop();
    co_await server.shutdown({.drain = 2s});
  };
  try {
    co_await weir::with_task_group({.max_in_flight = 1000}, body);
  } catch (const system_error& error) {
    if (error.code() != asio::error::timed_out)
      throw;
    std::cout << "cut off what took too long" << std::endl;
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: https_server CERTIFICATE KEY\n";
    return 2;
  }
  try {
    asio::ssl::context tls(asio::ssl::context::tls_server);
    tls.use_certificate_chain_file(argv[1]);
    tls.use_private_key_file(argv[2], asio::ssl::context::pem);
    weir::runtime runtime;
    const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);
    tcp::acceptor acceptor(runtime.get_executor(), any_port);
    const auto port = acceptor.local_endpoint().port();
    std::cout << "listening on " << port << std::endl;
    runtime.run(serve(acceptor, tls));
  } catch (const std::exception& error) {
    std::cerr << "https_server: " << error.what() << '\n';
    return 1;
  }
}
