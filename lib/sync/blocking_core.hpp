// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/blocking_pool.hpp>
#include <weir/detail/base/condition_variable.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/sync/offload_step.hpp>
#include <weir/detail/wait/wait_queue.hpp>

#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::detail {

// The threads of a blocking_pool and their queue. Functions last microseconds
// or more, so a mutex is fine.
class blocking_core {
public:
  explicit blocking_core(const blocking_pool_options& options);
  blocking_core(const blocking_core&) = delete;
  blocking_core& operator=(const blocking_core&) = delete;
  ~blocking_core();

  job_start submit(blocking_job& job, waiter& w, task_core* self);
  bool abandon(blocking_job& job) noexcept;
  void join();
  blocking_pool_stats stats() const noexcept;

  // What each thread does, until stop().
  void work() noexcept;
  // The threads end when nothing is queued; waits for them.
  void stop() noexcept;

private:
  void finish_one() noexcept;
  bool is_idle() const noexcept { // lock held
    return running_ + queued_ + completing_ == 0;
  }
  void complete_or_post(blocking_job& job) noexcept;
  void complete(blocking_job& job) noexcept;
  struct deferred_completion;
  void take_out(blocking_job& job) noexcept;
  void forget_waiter(blocking_job& job) noexcept;
  void forsake_all() noexcept;

  const std::size_t capacity_; // of jobs that run or wait; saturated
  mutable sync::mutex lock_;
  condition_variable ready_;     // a job, or the end
  condition_variable idle_;      // no job runs, waits or completes a waiter
  condition_variable completed_; // a job's waiter
  // Guarded by lock_.
  wait_queue<blocking_job> queue_;
  wait_queue<blocking_job> begun_; // run or have run, with a waiter
  std::size_t queued_ = 0;
  std::size_t running_ = 0;
  std::size_t abandoned_ = 0;  // of those that run
  std::size_t completing_ = 0; // threads that complete a waiter
  std::size_t waits_ = 0;      // jobs that have a waiter
  bool closing_ = false;

  std::vector<std::thread> threads_; // changed in constructor and destructor
};

} // namespace weir::detail
