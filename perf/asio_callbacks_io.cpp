// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "asio_callbacks.hpp"
#include "loopback.hpp"

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/read.hpp>

#include <array>
#include <cstring>

namespace weir::perf {

namespace {

using boost::system::error_code;
using executor = asio::io_context::executor_type;

// --- echo ---

using message = std::array<char, 1024>;
constexpr std::size_t most_connections = 5'000; // descriptors are few

// Both ends of a connection, on one context.
class echo_pair {
public:
  echo_pair(connection<executor>& peers, std::size_t requests)
      : peers_(peers), left_(requests) {}

  void start() {
    serve();
    ask();
  }
  std::size_t good() const { return good_; }

private:
  void serve() {
    peers_.server.async_read_some(
        asio::buffer(served_), [this](error_code error, std::size_t n) {
          if (error)
            return; // the client has no more
          asio::async_write(peers_.server,
                            asio::buffer(served_, n),
                            [this](error_code, std::size_t) { serve(); });
        });
  }

  void ask() {
    if (left_ == 0) {
      peers_.client.shutdown(tcp::socket::shutdown_both);
      return;
    }
    --left_;
    std::memcpy(
        data_.data() + data_.size() - sizeof left_, &left_, sizeof left_);
    asio::async_write(
        peers_.client, asio::buffer(data_), [this](error_code, std::size_t) {
          asio::async_read(peers_.client,
                           asio::buffer(answer_),
                           [this](error_code, std::size_t) {
                             good_ += data_ == answer_ ? 1 : 0;
                             ask();
                           });
        });
  }

  connection<executor>& peers_;
  std::size_t left_;
  std::size_t good_ = 0;
  message served_ = {};
  message data_ = {};
  message answer_ = {};
};

// --- channels ---

// Not for several threads, and without any_io_executor.
using number_channel =
    asio::experimental::basic_channel<executor,
                                      asio::experimental::channel_traits<>,
                                      void(error_code, std::size_t)>;

std::size_t sum_to(std::size_t n) { return n * (n - 1) / 2; }

class flow {
public:
  flow(asio::io_context& context, std::size_t count)
      : values_(context, 64), count_(count) {}

  void start() {
    send();
    receive();
  }
  std::size_t sum() const { return sum_; }

private:
  void send() {
    while (sent_ != count_ && values_.try_send(error_code(), sent_))
      ++sent_;
    if (sent_ != count_)
      values_.async_send(error_code(), sent_++, [this](error_code) { send(); });
  }

  void receive() {
    const auto add = [this](error_code, std::size_t n) {
      sum_ += n;
      ++received_;
    };
    while (received_ != count_ && values_.try_receive(add)) {
    }
    if (received_ != count_)
      values_.async_receive([this, add](error_code error, std::size_t n) {
        add(error, n);
        receive();
      });
  }

  number_channel values_;
  const std::size_t count_;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  std::size_t sum_ = 0;
};

class ping {
public:
  ping(asio::io_context& context, std::size_t count)
      : there_(context), back_(context), count_(count) {}

  void start() {
    answer();
    ask();
  }
  std::size_t sum() const { return sum_; }

private:
  void ask() {
    if (asked_ == count_)
      return there_.close();
    there_.async_send(error_code(), asked_++, [this](error_code) {
      back_.async_receive([this](error_code, std::size_t n) {
        sum_ += n;
        ask();
      });
    });
  }

  void answer() {
    there_.async_receive([this](error_code error, std::size_t n) {
      if (!error)
        back_.async_send(error_code(), n, [this](error_code) { answer(); });
    });
  }

  number_channel there_;
  number_channel back_;
  const std::size_t count_;
  std::size_t asked_ = 0;
  std::size_t sum_ = 0;
};

template <typename Talk>
sample run_channel(const workload& load) {
  contexts all(1);
  return measure(load, 10'000, [&](std::size_t tasks, stopwatch&) {
    Talk talk(all[0], tasks);
    all.run([&](std::size_t) { talk.start(); });
    require(talk.sum() == sum_to(tasks), "sum of what arrived");
  });
}

} // namespace

sample run_callbacks_echo(const workload& load) {
  contexts all(load.threads);
  const auto work = [&](std::size_t tasks, stopwatch& watch) {
    const std::size_t count = std::min({load.cap, tasks, most_connections});
    std::vector<std::vector<connection<executor>>> peers;
    std::deque<std::deque<echo_pair>> pairs;
    std::size_t made = 0;
    for (std::size_t i = 0; i != all.size(); ++i) {
      peers.push_back(
          connect(all[i].get_executor(), share_of(count, i, all.size())));
      pairs.emplace_back();
      for (connection<executor>& each : peers.back())
        pairs.back().emplace_back(each, share_of(tasks, made++, count));
    }
    watch.start();
    all.run([&](std::size_t i) {
      for (echo_pair& each : pairs[i])
        each.start();
    });
    watch.stop();
    std::size_t answered = 0;
    for (const std::deque<echo_pair>& each : pairs)
      for (const echo_pair& pair : each)
        answered += pair.good();
    require(answered == tasks, "requests that were answered");
  };
  sample seen = measure(load, 1'000, work);
  seen.figures = {
      {"requests_per_s", static_cast<double>(load.tasks) / seen.wall_s}};
  return seen;
}

sample run_callbacks_flow(const workload& load) {
  return run_channel<flow>(load);
}

sample run_callbacks_ping(const workload& load) {
  return run_channel<ping>(load);
}

} // namespace weir::perf
