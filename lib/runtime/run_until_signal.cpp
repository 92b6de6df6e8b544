// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/clock.hpp>
#include <weir/co_spawn.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/error.hpp>
#include <weir/run_until_signal.hpp>

#include "runtime_core.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace weir {

namespace {

bool is_abandoned(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    return e.code() == errc::task_abandoned;
  } catch (...) {
    return false;
  }
}

// One call. Only the calling thread uses the members, except for those that
// poke() uses.
class signal_run final : public detail::rest_watch {
public:
  signal_run(runtime& on, const signal_options& options)
      : on_(on), core_(detail::executor_access::runtime(on.get_executor())),
        options_(options), signals_(context_) {
    if (core_.is_own_thread())
      throw boost::system::system_error(
          errc::would_deadlock,
          "weir::run_until_signal: called on one of the runtime's own threads");
    if (options.clean_up < clock::duration::zero())
      throw std::invalid_argument(
          "weir::run_until_signal: clean_up is negative (" +
          std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(
                             options.clean_up)
                             .count()) +
          " ns), must be at least 0");
    for (const int number : options.signals)
      add(number);
    core_.add_watch(*this);
  }
  signal_run(const signal_run&) = delete;
  signal_run& operator=(const signal_run&) = delete;
  ~signal_run() {
    core_.remove_watch(*this);
    if (is_cleaning_up_)
      core_.end_cancelling();
  }

  signal_end run(task<> main) {
    wait_for_signal();
    co_spawn(on_,
             std::move(main),
             asio::bind_executor(context_, [this](std::exception_ptr e) {
               main_ended(std::move(e));
             }));
    while (!is_over()) {
      if (deadline_ == clock::time_point::max())
        context_.run();
      else if (context_.run_until(deadline_); now() >= deadline_)
        stop();
      // is_over(), called after this, sees every change that poke() reported.
      context_.restart();
    }
    if (error_)
      std::rethrow_exception(error_);
    return end_;
  }

private:
  // Not weir::clock, which may show the time of a deterministic runtime.
  static clock::time_point now() noexcept {
    return std::chrono::steady_clock::now();
  }

  // Any thread, under the runtime's lock.
  void poke() noexcept override { context_.stop(); }

  void add(int number) {
    boost::system::error_code error;
    (void)signals_.add(number, error); // It returns `error`, too.
    if (error == boost::system::errc::invalid_argument)
      throw std::invalid_argument("weir::run_until_signal: signals has " +
                                  std::to_string(number) +
                                  ", must be signals that can be caught");
    if (error)
      throw boost::system::system_error(error, "weir::run_until_signal");
  }

  void wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code error, int number) {
      if (!error)
        signalled(number);
    });
  }

  void signalled(int number) noexcept {
    context_.stop(); // run() looks at what has changed.
    if (end_.signal != 0) {
      stop(); // It was not ignored, and did not end the process.
      return;
    }
    end_.signal = number;
    // First, so that it already applies to the next signal.
    if (options_.second == second_signal::ends_process)
      let_signals_end_process();
    if (options_.second == second_signal::stops_runtime)
      wait_for_signal();
    clean_up();
  }

  void let_signals_end_process() noexcept {
    boost::system::error_code error;
    (void)signals_.clear(error);
  }

  void main_ended(std::exception_ptr error) noexcept {
    context_.stop(); // As in signalled().
    has_main_ended_ = true;
    if (!error)
      return;
    // Caused by the cancellation here, or by the stop.
    const bool is_ours = (is_cleaning_up_ && detail::is_aborted(error)) ||
                         (end_.is_stopped && is_abandoned(error));
    if (!is_ours)
      error_ = std::move(error);
    clean_up();
  }

  void clean_up() noexcept {
    if (std::exchange(is_cleaning_up_, true))
      return;
    deadline_ = detail::deadline_after(options_.clean_up, now());
    core_.begin_cancelling();
  }

  void stop() noexcept {
    deadline_ = clock::time_point::max();
    end_.is_stopped = true;
    if (options_.second != second_signal::is_ignored)
      let_signals_end_process();
    core_.report_rest("run_until_signal stops the runtime, and with it");
    on_.stop();
  }

  bool is_over() noexcept {
    return has_main_ended_ &&
           (is_cleaning_up_ ? core_.is_at_rest() : !core_.has_roots());
  }

  runtime& on_;
  detail::runtime_core& core_;
  const signal_options& options_;
  asio::io_context context_{1}; // only the calling thread runs it
  const asio::executor_work_guard<asio::io_context::executor_type> work_{
      context_.get_executor()};
  asio::signal_set signals_;
  clock::time_point deadline_ = clock::time_point::max();
  std::exception_ptr error_;
  signal_end end_;
  bool has_main_ended_ = false;
  bool is_cleaning_up_ = false;
};

} // namespace

signal_end
run_until_signal(runtime& on, task<> main, const signal_options& options) {
  detail::require_task(main, "weir::run_until_signal");
  signal_run run(on, options);
  return run.run(std::move(main));
}

} // namespace weir
