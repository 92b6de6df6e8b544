// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/checkpoint.hpp>
#include <weir/clock.hpp>
#include <weir/detail/base/framed.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/group/element_errors.hpp>
#include <weir/for_each_options.hpp>
#include <weir/task.hpp>
#include <weir/with_task_group.hpp>

#include "element_function.hpp"
#include "element_source.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <utility>

namespace weir::detail {

// How many tiny elements a worker takes at once: enough that the cost of taking
// them is negligible, and few enough that cancellation is prompt and the other
// workers get elements.
class chunk_size final {
public:
  std::size_t get() const noexcept { return size_; }
  void begin() noexcept { begun_ = clock::now(); }
  void end() noexcept {
    const auto took = clock::now() - begun_;
    if (took < std::chrono::microseconds(10))
      size_ = std::min(size_ * 2, most);
    else if (took > std::chrono::microseconds(40))
      size_ = std::max(size_ / 2, std::size_t{1});
  }

private:
  static constexpr std::size_t most = 4096;
  clock::time_point begun_;
  std::size_t size_ = 1;
};

// For a loop that does not keep the function's results.
struct no_outputs {
  static constexpr bool wanted = false;
  no_outputs& make() noexcept { return *this; }
  template <typename G>
  void put(std::size_t, G g) {
    (void)g();
  }
  bool fail(std::size_t, const std::exception_ptr&) noexcept { return false; }
};

// One loop: its elements, its function, and a fixed number of workers, each a
// child of one group, that take elements until there are none.
template <typename Source, typename F, typename Outputs>
class element_job final {
public:
  using batch = typename Source::batch;
  using element = typename Source::element;
  using result_type = element_result<F, element>;
  static constexpr bool is_async = work<result_type>;

  template <typename Elements>
  element_job(Elements& elements,
              F& f,
              Outputs& outputs,
              const for_each_options& options)
      : source(elements), f_(f), outputs_(outputs), errors_(options.errors),
        keeps_going_(options.errors.siblings() == on_error::keep_going),
        options_(options) {}
  element_job(const element_job&) = delete;
  element_job& operator=(const element_job&) = delete;

  // Runs the loop to its end. Throws what it ended with.
  task<> run() {
    task_core& self = co_await this_core();
    const std::size_t threads = threads_of(self);
    std::size_t workers = options_.max_in_flight;
    if (workers == per_thread || !is_async)
      workers = std::min(workers, threads);
    if constexpr (Source::is_indexed) {
      workers = std::min(workers, source.size());
    } else {
      unborn_ = workers - 1;
      workers = 1;
    }
    auto body = [&](task_group& group) -> task<> {
      group_ = &group;
      for (std::size_t i = 0; i != workers && !source.is_exhausted(); ++i)
        co_await group.spawn(worker(*this));
    };
    const task_group_options inner{.errors = on_error::cancel_siblings,
                                   .cancellation = options_.cancellation,
                                   .name = options_.name};
    outcome<void> ended =
        co_await outcome_of<void>(with_task_group(inner, body));
    if (std::exception_ptr error = errors_.get())
      std::rethrow_exception(std::move(error));
    if (ended.is_stopped())
      co_await pass_on_stop();
    ended.get();
  }

  Source source;

private:
  static task<> worker(element_job& job) {
    if constexpr (is_async)
      return async_worker(job);
    else
      return plain_worker(job);
  }

  static task<> plain_worker(element_job& job) {
    auto& out = job.outputs_.make();
    batch b;
    chunk_size chunk;
    for (;;) {
      chunk.begin();
      if constexpr (Source::is_indexed) {
        if (!job.source.claim(b, chunk.get()))
          co_return;
      } else {
        const bool more = co_await job.source.pull(b, chunk.get());
        job.check_source(b);
        if (!more)
          co_return;
        job.begin_next();
      }
      if (!job.run_batch(b, out))
        co_return;
      chunk.end();
      co_await checkpoint();
      job.seek();
    }
  }

  // Between the elements the function's own task is the cancellation point.
  static task<> async_worker(element_job& job) {
    auto& out = job.outputs_.make();
    batch b;
    for (unsigned n = 1; !job.must_stop(); ++n) {
      if constexpr (Source::is_indexed) {
        if (!job.source.claim(b, 1))
          co_return;
      } else {
        const bool more = co_await job.source.pull(b, 1);
        job.check_source(b);
        if (!more)
          co_return;
        job.begin_next();
      }
      bool goes_on = true;
      try {
        // Named: an element made by the range must outlive the call's work.
        framed<element> e = take(b);
        if constexpr (Outputs::wanted) {
          framed<typename element_value<result_type>::type> value =
              co_await call_element<element>(
                  job.f_, b.index - 1, static_cast<element&&>(unframed(e)));
          out.put(b.index - 1, [&]() -> decltype(auto) {
            return std::move(unframed(value));
          });
        } else {
          (void)co_await call_element<element>(
              job.f_, b.index - 1, static_cast<element&&>(unframed(e)));
        }
      } catch (...) {
        goes_on = job.failed(b.index - 1, std::current_exception(), out);
      }
      if (!goes_on)
        co_return;
      job.seek();
      if (n % 64 == 0) // Bodies that never suspend must not keep the thread.
        co_await checkpoint();
    }
  }

  // For a source that serves one worker at a time and may take long: at most
  // one worker is started beyond those that have an element. A worker that
  // takes an element starts another worker if none is left waiting for one.
  //
  // relaxed, here and below: only counts; they publish no elements.
  void begin_next() {
    if (seeking_.fetch_sub(1, std::memory_order_relaxed) != 1)
      return;
    std::size_t left = unborn_.load(std::memory_order_relaxed);
    do {
      if (left == 0 || source.is_exhausted() || must_stop())
        return;
    } while (!unborn_.compare_exchange_weak(
        left, left - 1, std::memory_order_relaxed));
    seeking_.fetch_add(1, std::memory_order_relaxed);
    // There is no limit: refused only once the group is cancelled.
    (void)group_->try_spawn(worker(*this));
  }
  void seek() noexcept {
    if constexpr (!Source::is_indexed)
      seeking_.fetch_add(1, std::memory_order_relaxed);
  }

  // The one element of `b`.
  static element take(batch& b) {
    ++b.index;
    if constexpr (requires { b.values; })
      return static_cast<element>(b.values.front());
    else
      return *b.at;
  }

  bool must_stop() const noexcept {
    // relaxed: a hint; no element is begun long after an error.
    return stopped_.load(std::memory_order_relaxed) || group_->is_cancelled();
  }

  // False: the worker ends.
  template <typename Out>
  bool run_batch(batch& b, Out& out) {
    constexpr std::size_t between_looks = 64;
    while (b.left != 0) {
      if (must_stop())
        return false;
      try {
        b.run(std::min(b.left, between_looks),
              [&](std::size_t index, auto&& e) {
                out.put(index, [&]() -> decltype(auto) {
                  return call_element<element>(
                      f_, index, static_cast<element&&>(e));
                });
              });
      } catch (...) {
        if (!failed(b.index - 1, std::current_exception(), out))
          return false;
      }
    }
    return true;
  }

  void check_source(batch& b) {
    if (b.error)
      (void)failed(
          b.index + b.left, std::exchange(b.error, nullptr), no_outputs_);
  }

  // The function or the source threw. True: the worker continues.
  template <typename Out>
  bool failed(std::size_t index, std::exception_ptr error, Out& out) {
    if (group_->is_cancelled() && is_aborted(error))
      return false; // It was cancelled.
    if (out.fail(index, error))
      return true;
    // Records the error before it stops the other workers.
    errors_.add(index, error);
    if (keeps_going_)
      return true;
    stopped_.store(true, std::memory_order_relaxed); // a hint
    source.stop();
    group_->cancel();
    return false;
  }

  F& f_;
  Outputs& outputs_;
  element_errors errors_;
  bool keeps_going_;
  const for_each_options& options_;
  task_group* group_ = nullptr; // constant while workers run
  sync::atomic<bool> stopped_{false};
  sync::atomic<std::size_t> seeking_{1}; // workers without an element
  sync::atomic<std::size_t> unborn_{0};  // workers that may still start
  [[no_unique_address]] no_outputs no_outputs_;
};

} // namespace weir::detail
