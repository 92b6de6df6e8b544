// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/checkpoint.hpp>
#include <weir/clock.hpp>
#include <weir/detail/base/framed.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/group/element_errors.hpp>
#include <weir/detail/group/join_block.hpp>
#include <weir/for_each_options.hpp>
#include <weir/task.hpp>

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

// The workers of a loop. The errors of elements are kept apart, and are what
// the loop ends with even if it is cancelled.
class loop_workers final : public join_block {
public:
  loop_workers(task_core& self,
               const for_each_options& options,
               const element_errors& errors) noexcept
      : join_block(self, options.name), errors_(errors) {
    unwinds(options.cancellation == on_cancel::unwind);
  }
  loop_workers(const loop_workers&) = delete;
  loop_workers& operator=(const loop_workers&) = delete;
  ~loop_workers() { close(); }

  using join_block::is_cancelled;
  void cancel() noexcept {
    join_block::cancel(asio::error::operation_aborted, false);
  }

private:
  void keep(task_core&) override {} // A worker gives nothing.
  bool keeps_results() const noexcept override { return errors_.any(); }

  const element_errors& errors_;
};

// One loop: its elements, its function, and at most a number of workers that
// take elements until there are none.
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
    unborn_.store(most_workers(threads_of(self)) - 1,
                  std::memory_order_relaxed); // before the first worker
    loop_workers workers(self, options_, errors_);
    workers_ = &workers;
    if (!source.is_exhausted())
      workers.add(unstarted(worker(*this)));
    std::exception_ptr ended;
    try {
      co_await await_join(workers);
    } catch (...) {
      ended = std::current_exception();
    }
    // Before that of a worker which itself failed, as for want of memory.
    if (std::exception_ptr error = errors_.get())
      std::rethrow_exception(std::move(error));
    if (ended)
      std::rethrow_exception(std::move(ended));
  }

  Source source;

private:
  // At least 1.
  std::size_t most_workers(std::size_t threads) const noexcept {
    std::size_t workers = options_.max_in_flight;
    if (workers == per_thread || !is_async)
      workers = std::min(workers, threads);
    return workers;
  }

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
      }
      job.begin_next();
      if (!job.run_batch(b, out))
        co_return;
      chunk.end();
      job.seek();
      co_await checkpoint();
    }
  }

  // Between the elements the function's own task is the cancellation point.
  static task<> async_worker(element_job& job) {
    auto& out = job.outputs_.make();
    batch b;
    // Bodies that never suspend must not keep the thread: it rests after each
    // 64. An indexed source has an element at once, so only a worker that rests
    // is without one.
    bool seeks = true;
    for (unsigned n = 1; !job.must_stop(); ++n) {
      if constexpr (Source::is_indexed) {
        if (!job.source.claim(b, 1))
          co_return;
      } else {
        const bool more = co_await job.source.pull(b, 1);
        job.check_source(b);
        if (!more)
          co_return;
      }
      if (seeks)
        job.begin_next();
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
      const bool rests = n % 64 == 0;
      seeks = rests || !Source::is_indexed;
      if (seeks)
        job.seek();
      if (rests)
        co_await checkpoint();
    }
  }

  // A worker has taken elements. It starts another worker if no other is
  // without elements, so there is at most one beyond those that have some: a
  // source may take long, and workers that never suspend need no other on their
  // thread.
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
        left, left - 1, std::memory_order_relaxed, std::memory_order_relaxed));
    seek();
    workers_->spawn(unstarted(worker(*this)));
  }
  void seek() noexcept { seeking_.fetch_add(1, std::memory_order_relaxed); }

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
    return stopped_.load(std::memory_order_relaxed) || workers_->is_cancelled();
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
    if (workers_->is_cancelled() && is_aborted(error))
      return false; // It was cancelled.
    if (out.fail(index, error))
      return true;
    // Records the error before it stops the other workers.
    errors_.add(index, error);
    if (keeps_going_)
      return true;
    stopped_.store(true, std::memory_order_relaxed); // a hint
    source.stop();
    workers_->cancel();
    return false;
  }

  F& f_;
  Outputs& outputs_;
  element_errors errors_;
  bool keeps_going_;
  const for_each_options& options_;
  loop_workers* workers_ = nullptr; // constant while workers run
  sync::atomic<bool> stopped_{false};
  sync::atomic<std::size_t> seeking_{1}; // workers without an element
  sync::atomic<std::size_t> unborn_{0};  // workers that may still start
  [[no_unique_address]] no_outputs no_outputs_;
};

} // namespace weir::detail
