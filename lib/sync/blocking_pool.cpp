// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/blocking_pool.hpp>
#include <weir/detail/base/teardown.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/error.hpp>
#include <weir/executor.hpp>

#include "blocking_core.hpp"
#include "runtime/runtime_core.hpp"

#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <limits>
#include <stdexcept>
#include <utility>

namespace weir {

namespace detail {

blocking_core::blocking_core(const blocking_pool_options& options)
    : capacity_(
          options.threads +
          std::min(options.max_waiting,
                   std::numeric_limits<std::size_t>::max() - options.threads)) {
  threads_.reserve(options.threads);
  try {
    for (std::size_t i = 0; i != options.threads; ++i)
      threads_.emplace_back([this] { work(); });
  } catch (...) {
    stop();
    throw;
  }
}

blocking_core::~blocking_core() {
  if (in_teardown())
    forsake_all();
  {
    std::lock_guard held(lock_);
    if (waits_ != 0) {
      std::fprintf(stderr,
                   "weir: a blocking_pool was destroyed while %zu wait for a "
                   "function\n",
                   waits_);
      std::terminate();
    }
  }
  stop();
}

// For a pool in a frame that the end of a runtime destroys. Queued functions,
// none of which belongs to a task of that runtime, are not called any more;
// running functions are waited for.
void blocking_core::forsake_all() noexcept {
  const auto next = [this]() -> waiter* {
    std::lock_guard held(lock_);
    blocking_job* const job = queue_.first();
    if (job == nullptr)
      return nullptr;
    take_out(*job);
    job->is_orphaned = true;
    --waits_;
    return std::exchange(job->who, nullptr);
  };
  while (waiter* const who = next())
    who->complete(*who);
  stop();
  std::lock_guard held(lock_);
  while (blocking_job* const job = begun_.first()) {
    forget_waiter(*job);
    job->is_orphaned = true;
  }
}

void blocking_core::stop() noexcept {
  {
    std::lock_guard held(lock_);
    closing_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
  threads_.clear();
}

job_start blocking_core::submit(blocking_job& job, waiter& w, task_core* self) {
  {
    std::lock_guard held(lock_);
    if (running_ + queued_ >= capacity_)
      return job_start::overloaded;
    job.who = &w;
    job.runtime = self != nullptr ? &self->runtime() : nullptr;
    if (job.runtime != nullptr)
      job.runtime->outside_began();
    job.at = blocking_job::stage::queued;
    job.add_ref();
    queue_.push_back(job);
    ++queued_;
    ++waits_;
    // Under the lock: when the job is done *this may be destroyed.
    ready_.notify_one();
  }
  return job_start::waits;
}

// Lock held. For a job that has begun.
void blocking_core::forget_waiter(blocking_job& job) noexcept {
  begun_.erase(job);
  job.who = nullptr;
  --waits_;
}

// Lock held. The waiter still owns the job: it is not destroyed here.
void blocking_core::take_out(blocking_job& job) noexcept {
  queue_.erase(job);
  --queued_;
  job.at = blocking_job::stage::made;
  job.release();
  if (is_idle())
    idle_.notify_all();
}

// False: its completion follows, or was caused before.
bool blocking_core::abandon(blocking_job& job) noexcept {
  std::lock_guard held(lock_);
  if (job.who == nullptr)
    return false;
  switch (job.at) {
  case blocking_job::stage::queued:
    take_out(job);
    job.who = nullptr;
    --waits_;
    break;
  case blocking_job::stage::running:
    ++abandoned_;
    forget_waiter(job);
    break;
  case blocking_job::stage::made:
  case blocking_job::stage::done:
    return false;
  }
  if (job.runtime != nullptr)
    job.runtime->outside_ended();
  return true;
}

void blocking_core::work() noexcept {
  std::unique_lock held(lock_);
  for (;;) {
    ready_.wait(held, [this] { return closing_ || !queue_.empty(); });
    blocking_job* const job = queue_.pop_front();
    if (job == nullptr)
      return;
    job->at = blocking_job::stage::running;
    begun_.push_back(*job);
    --queued_;
    ++running_;
    held.unlock();
    job->call();
    held.lock();
    job->at = blocking_job::stage::done;
    const bool is_awaited = job->who != nullptr;
    job->is_completing = is_awaited;
    if (is_awaited) {
      // The thread counts as free before it completes the waiter, because the
      // waiter may submit again. It deregisters the waiter first, because a
      // joiner may destroy the pool, which must have no waiter then.
      ++completing_;
      finish_one();
      held.unlock();
      complete_or_post(*job);
      job->release();
      held.lock();
      --completing_;
      if (is_idle())
        idle_.notify_all();
    } else {
      held.unlock();
      job->release(); // May destroy the result of an abandoned function.
      held.lock();
      --abandoned_;
      finish_one();
    }
  }
}

// Lock held.
void blocking_core::finish_one() noexcept {
  --running_;
  if (is_idle())
    idle_.notify_all();
}

// In the pool of the task's runtime.
struct blocking_core::deferred_completion {
  using allocator_type = decltype(blocking_job::memory)::allocator_type;
  allocator_type get_allocator() const noexcept {
    return job->memory.allocator();
  }
  void operator()() const noexcept {
    {
      // The task may be the last of its runtime, and the runtime may be
      // destroyed while a thread of this pool is still posting.
      std::unique_lock held(self->lock_);
      self->completed_.wait(held, [&] { return !job->is_completing; });
    }
    job->runtime->outside_ended();
    self->complete(*job);
  }

  blocking_core* self;
  ref<blocking_job> job;
};

// A thread of the pool. The wait of a task ends in its own runtime's pool, so
// that the runtime is not destroyed while this thread still uses it.
void blocking_core::complete_or_post(blocking_job& job) noexcept {
  if (job.runtime == nullptr) {
    complete(job);
  } else {
    job.add_ref();
    asio::post(pool_of(*job.runtime),
               deferred_completion{this, ref<blocking_job>::adopt(&job)});
  }
  {
    std::lock_guard held(lock_);
    job.is_completing = false;
  }
  completed_.notify_all();
}

// May destroy *this, unless a thread of the pool calls it.
void blocking_core::complete(blocking_job& job) noexcept {
  waiter* who = nullptr;
  {
    std::lock_guard held(lock_);
    who = job.who;
    if (who != nullptr)
      forget_waiter(job);
  }
  if (who != nullptr)
    who->complete(*who);
}

void blocking_core::join() {
  for (const std::thread& thread : threads_)
    if (thread.get_id() == std::this_thread::get_id())
      throw boost::system::system_error(
          errc::would_deadlock,
          "weir::blocking_pool::join: called on one of the pool's own threads");
  std::unique_lock held(lock_);
  idle_.wait(held, [this] { return is_idle(); });
}

blocking_pool_stats blocking_core::stats() const noexcept {
  std::lock_guard held(lock_);
  return {threads_.size(), running_, queued_, abandoned_};
}

job_start
submit(blocking_core& pool, blocking_job& job, waiter& w, task_core* self) {
  return pool.submit(job, w, self);
}
bool abandon_job(blocking_core& pool, blocking_job& job) noexcept {
  return pool.abandon(job);
}
boost::system::error_code overloaded_code() noexcept {
  return errc::overloaded;
}

namespace {

blocking_pool_options checked(blocking_pool_options options) {
  if (options.threads == 0)
    throw std::invalid_argument(
        "weir::blocking_pool: threads is 0, must be at least 1");
  return options;
}

} // namespace
} // namespace detail

blocking_pool::blocking_pool(blocking_pool_options options)
    : core_(new detail::blocking_core(detail::checked(options)),
            [](detail::blocking_core* core) { delete core; }) {}

blocking_pool::~blocking_pool() = default;

void blocking_pool::join() { core_->join(); }

blocking_pool_stats blocking_pool::stats() const noexcept {
  return core_->stats();
}

} // namespace weir
