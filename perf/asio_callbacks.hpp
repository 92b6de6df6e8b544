// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "cases.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <thread>
#include <vector>

// The best of bare Asio, where its user gives up what tasks offer: functions
// that are called back instead of coroutines, and the work divided among the
// threads before it begins. Nobody helps a thread that has more to do, and
// there is no group to cancel.

namespace weir::perf {

namespace asio = boost::asio;

/// A context for each thread, which no other thread uses meanwhile. So it needs
/// no locks, and its handlers need no strand.
class contexts {
public:
  explicit contexts(std::size_t threads) {
    for (std::size_t i = 0; i != threads; ++i)
      all_.emplace_back(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  }

  std::size_t size() const { return all_.size(); }
  asio::io_context& operator[](std::size_t i) { return all_[i]; }

  /// Calls `start(i)` on each thread and runs the context `i` there, until it
  /// has no more work or is stopped.
  template <typename Start>
  void run(Start start) {
    const auto run_one = [&](std::size_t i) {
      start(i);
      all_[i].run();
      all_[i].restart();
    };
    std::vector<std::thread> others;
    for (std::size_t i = 1; i != size(); ++i)
      others.emplace_back([&run_one, i] { run_one(i); });
    run_one(0);
    for (std::thread& each : others)
      each.join();
  }

private:
  std::deque<asio::io_context> all_;
};

/// How many of `tasks` the `i`-th of `parts` does.
inline std::size_t
share_of(std::size_t tasks, std::size_t i, std::size_t parts) {
  return tasks * (i + 1) / parts - tasks * i / parts;
}

sample run_callbacks_sleep10(const workload& load);
sample run_callbacks_spawn_join(const workload& load);
sample run_callbacks_yield(const workload& load);
sample run_callbacks_timeout_churn(const workload& load);
sample run_deadline_timeout_churn(const workload& load);
sample run_callbacks_flow(const workload& load);
sample run_callbacks_ping(const workload& load);
sample run_callbacks_echo(const workload& load);
sample run_callbacks_skynet(const workload& load);
sample run_callbacks_fib(const workload& load);
sample run_callbacks_groups_8(const workload& load);

/// The same on one thread, however many there are.
template <sample (*Run)(const workload&)>
sample on_one_thread(const workload& load) {
  workload less = load;
  less.threads = 1;
  return Run(less);
}

/// The two ways of a case that can be divided.
template <sample (*Run)(const workload&)>
std::vector<contender> with_callbacks(std::vector<contender> contenders) {
  contenders.push_back({"asio callbacks, a context per thread", Run});
  contenders.push_back({"asio callbacks, one thread", on_one_thread<Run>});
  return contenders;
}

} // namespace weir::perf
