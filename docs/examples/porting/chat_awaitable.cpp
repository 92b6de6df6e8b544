// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A chat server: a line from one client goes to all, and a client that comes
// later gets the last hundred.

#include "arguments.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <csignal>
#include <deque>
#include <exception>
#include <memory>
#include <set>
#include <string>

namespace asio = boost::asio;
using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using asio::ip::tcp;

namespace {

class guest {
public:
  virtual ~guest() = default;
  virtual void tell(const std::string& line) = 0;
};

// Not locked: everybody in it runs on one thread.
class room {
public:
  void enter(const std::shared_ptr<guest>& who) {
    guests_.insert(who);
    for (const std::string& line : history_)
      who->tell(line);
  }
  void leave(const std::shared_ptr<guest>& who) { guests_.erase(who); }
  void say(const std::string& line) {
    history_.push_back(line);
    if (history_.size() > 100)
      history_.pop_front();
    for (const auto& who : guests_)
      who->tell(line);
  }

private:
  std::set<std::shared_ptr<guest>> guests_;
  std::deque<std::string> history_;
};

class session final : public guest,
                      public std::enable_shared_from_this<session> {
public:
  session(tcp::socket socket, room& where)
      : socket_(std::move(socket)), wake_(socket_.get_executor()),
        room_(where) {
    wake_.expires_at(asio::steady_timer::time_point::max());
  }

  void start() {
    room_.enter(shared_from_this());
    co_spawn(
        socket_.get_executor(),
        [self = shared_from_this()] { return self->read(); },
        detached);
    co_spawn(
        socket_.get_executor(),
        [self = shared_from_this()] { return self->write(); },
        detached);
  }

  void tell(const std::string& line) override {
    lines_.push_back(line);
    wake_.cancel_one();
  }

private:
  awaitable<void> read() {
    try {
      for (std::string text;;) {
        const std::size_t n = co_await asio::async_read_until(
            socket_, asio::dynamic_buffer(text, 1024), '\n', use_awaitable);
        room_.say(text.substr(0, n));
        text.erase(0, n);
      }
    } catch (const std::exception&) {
      end();
    }
  }

  awaitable<void> write() {
    try {
      while (socket_.is_open())
        if (lines_.empty()) {
          boost::system::error_code ignored;
          co_await wake_.async_wait(
              asio::redirect_error(use_awaitable, ignored));
        } else {
          co_await asio::async_write(
              socket_, asio::buffer(lines_.front()), use_awaitable);
          lines_.pop_front();
        }
    } catch (const std::exception&) {
      end();
    }
  }

  void end() {
    room_.leave(shared_from_this());
    socket_.close();
    wake_.cancel();
  }

  tcp::socket socket_;
  asio::steady_timer wake_; // cancelled when there is something to write
  room& room_;
  std::deque<std::string> lines_;
};

awaitable<void> accept_all(unsigned short port) {
  tcp::acceptor acceptor(co_await asio::this_coro::executor, {tcp::v4(), port});
  announce(acceptor);
  room lobby;
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    std::make_shared<session>(std::move(socket), lobby)->start();
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
