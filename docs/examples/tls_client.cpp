// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Many tasks that share a few TLS connections to a server which answers each
// line with a line, as `openssl s_server -rev` does.
//
//     tls_client PORT CA CONNECTIONS QUESTIONS
//
// Connects to localhost, whose certificate CA (a PEM file) must have signed.
// Prints the answers, then how many connections it has opened.

#include <weir.hpp>

#include "peer_state.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

using stream = asio::ssl::stream<tcp::socket>;

struct server {
  tcp::endpoint endpoint;
  asio::ssl::context tls{asio::ssl::context::tls_client};
};

weir::task<std::unique_ptr<stream>> connect(server& to) {
  auto made = std::make_unique<stream>(
      tcp::socket(co_await asio::this_coro::executor), to.tls);
  made->set_verify_callback(asio::ssl::host_name_verification("localhost"));
  SSL_set_tlsext_host_name(made->native_handle(), "localhost");
  co_await made->next_layer().async_connect(to.endpoint, asio::deferred);
  co_await made->async_handshake(asio::ssl::stream_base::client,
                                 asio::deferred);
  co_return made;
}

// At most `max` connections, which are lent and given back.
class pool {
public:
  pool(server& to, std::size_t max) : to_(to), free_(max) {}

  // Calls `use(stream&)` with a connection. It goes back to the pool if that
  // succeeds: after an error, or a cancellation, nobody knows what is on it.
  template <typename Use>
  weir::task<std::string> with_connection(Use use) {
    const weir::permit held = co_await free_.acquire();
    std::unique_ptr<stream> s = take_idle();
    if (!s) {
      s = co_await weir::with_timeout(5s, connect(to_));
      ++opened_;
    }
    std::string result = co_await use(*s);
    give_back(std::move(s));
    co_return result;
  }

  weir::task<> close() {
    while (auto s = take_idle()) {
      try {
        auto shutdown = s->async_shutdown(asio::deferred);
        co_await weir::with_timeout(1s, std::move(shutdown));
      } catch (const boost::system::system_error&) {
        // Not every server answers; it is closed now all the same.
      }
    }
  }
  [[nodiscard]] std::size_t opened() const { return opened_; }

private:
  // One that the server has closed meanwhile is dropped. It may still close it
  // in the next moment: a request that may be sent twice is tried again.
  std::unique_ptr<stream> take_idle() {
    const std::lock_guard held(mutex_);
    while (!idle_.empty()) {
      std::unique_ptr<stream> s = std::move(idle_.back());
      idle_.pop_back();
      if (is_connected(s->next_layer()))
        return s;
    }
    return nullptr;
  }
  void give_back(std::unique_ptr<stream> s) {
    const std::lock_guard held(mutex_);
    idle_.push_back(std::move(s));
  }

  server& to_;
  weir::limiter free_;
  std::atomic<std::size_t> opened_ = 0;
  std::mutex mutex_;
  std::vector<std::unique_ptr<stream>> idle_; // under mutex_
};

weir::task<std::string> ask(stream& s, std::string question) {
  co_await asio::async_write(s, asio::buffer(question), asio::deferred);
  std::string answer;
  co_await asio::async_read_until(
      s, asio::dynamic_buffer(answer, 4096), '\n', asio::deferred);
  co_return answer;
}

weir::task<> ask_all(server& to, std::size_t connections, int questions) {
  pool connected(to, connections);
  std::vector<std::string> lines;
  for (int n = 0; n != questions; ++n)
    lines.push_back("question " + std::to_string(n) + '\n');
  auto ask_one = [&](const std::string& line) -> weir::task<std::string> {
    auto use = [&](stream& s) { return ask(s, line); };
    co_return co_await weir::with_timeout(10s, connected.with_connection(use));
  };
  for (const std::string& answer : co_await weir::transform(
           lines, {.max_in_flight = weir::unlimited}, ask_one))
    std::cout << answer;
  co_await connected.close();
  std::cout << connected.opened() << " connections\n";
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: tls_client PORT CA CONNECTIONS QUESTIONS\n";
    return 2;
  }
  try {
    const auto port = static_cast<unsigned short>(std::stoi(argv[1]));
    server to;
    to.endpoint = tcp::endpoint(asio::ip::address_v4::loopback(), port);
    to.tls.load_verify_file(argv[2]);
    to.tls.set_verify_mode(asio::ssl::verify_peer);
    weir::runtime runtime;
    runtime.run(ask_all(to, std::stoul(argv[3]), std::stoi(argv[4])));
  } catch (const std::exception& error) {
    std::cerr << "tls_client: " << error.what() << '\n';
    return 1;
  }
}
