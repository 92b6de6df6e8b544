// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A chat server: a line from one client goes to all, and a client that comes
// later gets the last hundred.

#include <weir.hpp>

#include "arguments.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <deque>
#include <exception>
#include <memory>
#include <set>
#include <string>

namespace asio = boost::asio;
using asio::deferred;
using asio::detached;
using asio::ip::tcp;
using weir::co_spawn;
using weir::task;

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
    co_spawn(socket_.get_executor(), read(shared_from_this()), detached);
    co_spawn(socket_.get_executor(), write(shared_from_this()), detached);
  }

  void tell(const std::string& line) override {
    lines_.push_back(line);
    wake_.cancel_one();
  }

private:
  task<> read(std::shared_ptr<session>) {
    try {
      for (std::string text;;) {
        const std::size_t n = co_await asio::async_read_until(
            socket_, asio::dynamic_buffer(text, 1024), '\n', deferred);
        room_.say(text.substr(0, n));
        text.erase(0, n);
      }
    } catch (const std::exception&) {
      end();
    }
  }

  task<> write(std::shared_ptr<session>) {
    try {
      while (socket_.is_open())
        if (lines_.empty()) {
          co_await wake_.async_wait(asio::as_tuple(deferred));
        } else {
          co_await asio::async_write(
              socket_, asio::buffer(lines_.front()), deferred);
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

task<> accept_all(unsigned short port, room& lobby) {
  tcp::acceptor acceptor(co_await asio::this_coro::executor, {tcp::v4(), port});
  announce(acceptor);
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(deferred);
    std::make_shared<session>(std::move(socket), lobby)->start();
  }
}

} // namespace

int main(int argc, char** argv) {
  try {
    room lobby;
    weir::runtime runtime(1);
    weir::run_until_signal(runtime, accept_all(port_of(argc, argv), lobby));
  } catch (const std::exception& error) {
    return failed(argv, error);
  }
}
