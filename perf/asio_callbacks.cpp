// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "asio_callbacks.hpp"

#include <weir/task_group.hpp> // weir::unlimited

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>

namespace weir::perf {

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using counter = std::atomic<std::size_t>;

constexpr std::size_t hops = 10;

// No more than there may be tasks in flight.
std::size_t threads_of(const workload& load) {
  return std::min(load.threads, load.cap);
}

// How many a thread has in flight. Without a cap a thousand are enough to keep
// it busy; more only take memory.
std::size_t slots_of(const workload& load, std::size_t own, std::size_t i) {
  const std::size_t cap = load.cap == unlimited ? 1'000 : load.cap;
  return std::min(own, share_of(cap, i, threads_of(load)));
}

// Starts a task when one has ended. A task goes through the queue `turns`
// times.
class starter {
public:
  starter(asio::io_context& context,
          std::size_t tasks,
          std::size_t turns,
          counter& turned)
      : context_(context), left_(tasks), turns_(turns), turned_(turned) {}

  void start(std::size_t tasks) {
    for (std::size_t i = 0; i != tasks; ++i)
      start_one();
  }

private:
  void start_one() {
    --left_;
    turn(turns_);
  }
  void turn(std::size_t left) {
    asio::post(context_, [this, left] {
      if (left != 1)
        return turn(left - 1);
      turned_.fetch_add(turns_, std::memory_order_relaxed); // a number, no more
      if (left_ != 0)
        start_one();
    });
  }

  asio::io_context& context_;
  std::size_t left_;
  const std::size_t turns_;
  counter& turned_; // of all threads
};

sample run_turns(const workload& load, std::size_t warm_up, std::size_t turns) {
  contexts all(threads_of(load));
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    counter turned = 0;
    std::deque<starter> starters;
    for (std::size_t i = 0; i != all.size(); ++i)
      starters.emplace_back(
          all[i], share_of(tasks, i, all.size()), turns, turned);
    all.run([&](std::size_t i) {
      const std::size_t own = share_of(tasks, i, all.size());
      starters[i].start(slots_of(load, own, i));
    });
    require(turned == tasks * turns, "turns");
  });
}

// Arms each of its timers again while there are tasks left.
class sleeper {
public:
  sleeper(asio::io_context& context, std::size_t tasks, counter& done)
      : context_(context), left_(tasks), done_(done) {}

  void start(std::size_t tasks) {
    for (std::size_t i = 0; i != tasks; ++i)
      sleep(timers_.emplace_back(context_));
  }

private:
  using timer = asio::basic_waitable_timer<steady_clock,
                                           asio::wait_traits<steady_clock>,
                                           asio::io_context::executor_type>;

  void sleep(timer& slot) {
    --left_;
    slot.expires_after(10ms);
    slot.async_wait([this, &slot](boost::system::error_code) {
      done_.fetch_add(1, std::memory_order_relaxed);
      if (left_ != 0)
        sleep(slot);
    });
  }

  asio::io_context& context_;
  std::size_t left_;
  std::deque<timer> timers_;
  counter& done_; // of all threads
};

constexpr std::size_t pending_timers = 10'000;
constexpr std::size_t churn_warm_up = 10'000;

// The timers that are pending meanwhile, divided among the contexts.
std::deque<asio::steady_timer> start_pending(contexts& all) {
  std::deque<asio::steady_timer> pending;
  for (std::size_t i = 0; i != pending_timers; ++i)
    pending.emplace_back(all[i % all.size()], 60s)
        .async_wait([](boost::system::error_code) {});
  return pending;
}

// Arms a timer and cancels it, and goes on when the wait has been aborted.
class armer {
public:
  explicit armer(asio::io_context& context)
      : context_(context), timer_(context) {}

  void start(std::size_t operations) {
    left_ = operations;
    next();
  }
  std::size_t done() const { return done_; }

private:
  void next() {
    if (left_ == 0)
      return context_.stop(); // the others are pending
    --left_;
    timer_.expires_after(1s);
    timer_.async_wait([this](boost::system::error_code) {
      ++done_;
      next();
    });
    timer_.cancel();
  }

  asio::io_context& context_;
  asio::steady_timer timer_;
  std::size_t left_ = 0;
  std::size_t done_ = 0;
};

// Leaves its timer as it is and notes only until when the work has time. When
// the timer strikes, it asks whether that is now.
class watcher {
public:
  explicit watcher(asio::io_context& context)
      : context_(context), timer_(context) {}

  void start(std::size_t operations) {
    watch();
    left_ = operations;
    next();
  }
  std::size_t done() const { return done_; }

private:
  void watch() {
    timer_.expires_after(1s);
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error && steady_clock::now() < deadline_)
        watch(); // else nothing is in time: the count says so
    });
  }

  // A turn in the queue for some operations, so that the timer gets its own.
  void next() {
    for (std::size_t i = 0; i != 100 && left_ != 0; ++i, --left_) {
      deadline_ = steady_clock::now() + 1s;
      ++done_;
    }
    if (left_ == 0)
      return context_.stop();
    asio::post(context_, [this] { next(); });
  }

  asio::io_context& context_;
  asio::steady_timer timer_;
  steady_clock::time_point deadline_ = steady_clock::time_point::max();
  std::size_t left_ = 0;
  std::size_t done_ = 0;
};

template <typename Worker>
sample run_churn(const workload& load) {
  contexts all(load.threads);
  const std::deque<asio::steady_timer> pending = start_pending(all);
  return measure(load, churn_warm_up, [&](std::size_t tasks, stopwatch&) {
    std::deque<Worker> workers;
    for (std::size_t i = 0; i != all.size(); ++i)
      workers.emplace_back(all[i]);
    all.run([&](std::size_t i) {
      workers[i].start(share_of(tasks, i, all.size()));
    });
    std::size_t done = 0;
    for (const Worker& each : workers)
      done += each.done();
    require(done == tasks, "operations that ended in time");
  });
}

} // namespace

sample run_callbacks_spawn_join(const workload& load) {
  return run_turns(load, 100'000, 1);
}

sample run_callbacks_yield(const workload& load) {
  return run_turns(load, 10'000, hops + 1); // it starts, then it yields
}

sample run_callbacks_sleep10(const workload& load) {
  contexts all(threads_of(load));
  return measure(load, 0, [&](std::size_t tasks, stopwatch&) {
    counter done = 0;
    std::deque<sleeper> sleepers;
    for (std::size_t i = 0; i != all.size(); ++i)
      sleepers.emplace_back(all[i], share_of(tasks, i, all.size()), done);
    all.run([&](std::size_t i) {
      const std::size_t own = share_of(tasks, i, all.size());
      sleepers[i].start(slots_of(load, own, i));
    });
    require(done == tasks, "sleepers that woke up");
  });
}

sample run_callbacks_timeout_churn(const workload& load) {
  return run_churn<armer>(load);
}

sample run_deadline_timeout_churn(const workload& load) {
  return run_churn<watcher>(load);
}

} // namespace weir::perf
