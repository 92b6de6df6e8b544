// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <boost/context/fixedsize_stack.hpp>
#include <boost/fiber/condition_variable.hpp>
#include <boost/fiber/fiber.hpp>
#include <boost/fiber/mutex.hpp>
#include <boost/fiber/operations.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace weir::perf {

namespace fibers = boost::fibers;

/// Threads that share their fibers by `Algorithm`; the calling one is the
/// first of them, and the only one on which the pool may be destroyed.
template <typename Algorithm>
class fiber_pool {
public:
  explicit fiber_pool(std::size_t threads) {
    for (std::size_t i = 1; i < threads; ++i)
      threads_.emplace_back([this, threads] { serve(threads); });
    share_fibers(threads);
  }
  fiber_pool(const fiber_pool&) = delete;
  fiber_pool& operator=(const fiber_pool&) = delete;
  ~fiber_pool() {
    {
      std::lock_guard held(mutex_);
      is_over_ = true;
    }
    over_.notify_all();
    for (std::thread& each : threads_)
      each.join();
  }

private:
  static void share_fibers(std::size_t threads);

  void serve(std::size_t threads) {
    share_fibers(threads);
    std::unique_lock held(mutex_);
    over_.wait(held, [this] { return is_over_; });
  }

  fibers::mutex mutex_;
  fibers::condition_variable_any over_;
  bool is_over_ = false; // under mutex_
  std::vector<std::thread> threads_;
};

/// Stacks of 16 KiB that are used again: the default of 128 KiB would be too
/// much for tens of thousands, malloc would give each back to the kernel, and
/// the pool that the library offers is for one thread.
class cached_stack {
public:
  boost::context::stack_context allocate() {
    {
      std::lock_guard held(mutex_);
      if (!free_.empty()) {
        const boost::context::stack_context taken = free_.back();
        free_.pop_back();
        return taken;
      }
    }
    return boost::context::fixedsize_stack(std::size_t{16} * 1024).allocate();
  }

  void deallocate(boost::context::stack_context& given) noexcept {
    std::lock_guard held(mutex_);
    free_.push_back(given);
  }

private:
  static inline std::mutex mutex_;
  static inline std::vector<boost::context::stack_context> free_; // under it
};

/// A cap and a join by hand, as there are neither in the library.
class fiber_group {
public:
  explicit fiber_group(std::size_t cap) : cap_(cap) {}

  /// Waits for a slot, then starts `work()` in a fiber of its own.
  template <typename Work>
  void spawn(fibers::launch how, Work work) {
    {
      std::unique_lock held(mutex_);
      changed_.wait(held, [this] { return running_ < cap_; });
      ++running_;
    }
    fibers::fiber(how, std::allocator_arg, cached_stack(), [this, work] {
      work();
      std::lock_guard held(mutex_);
      --running_;
      changed_.notify_one(); // under the lock: *this may be gone after it
    }).detach();
  }

  void join() {
    std::unique_lock held(mutex_);
    changed_.wait(held, [this] { return running_ == 0; });
  }

private:
  std::size_t cap_;
  fibers::mutex mutex_;
  fibers::condition_variable_any changed_; // one waits, in spawn() or join()
  std::size_t running_ = 0;                // under mutex_
};

} // namespace weir::perf
