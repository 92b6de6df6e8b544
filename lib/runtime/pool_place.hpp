// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/executor.hpp>

#include <boost/asio/thread_pool.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace weir::detail {

// Storage for a runtime's pool, accessible until the pool's destructor has
// returned: objects that this destructor destroys may still submit to the pool.
// A std::optional is empty while reset() runs, and libstdc++ asserts that it is
// not.
//
// On the thread that destroys the runtime; the pool itself takes care of
// others.
class pool_place final {
public:
  explicit pool_place(std::size_t threads) : pool_(threads) {}
  pool_place(const pool_place&) = delete;
  pool_place& operator=(const pool_place&) = delete;
  ~pool_place() { reset(); }

  asio::thread_pool& operator*() noexcept { return pool_; }
  const asio::thread_pool& operator*() const noexcept { return pool_; }
  asio::thread_pool* operator->() noexcept { return &pool_; }
  const asio::thread_pool* operator->() const noexcept { return &pool_; }

  // Destroys the pool, once.
  void reset() noexcept {
    if (std::exchange(is_there_, false))
      std::destroy_at(&pool_);
  }

private:
  union {
    asio::thread_pool pool_;
  };
  bool is_there_ = true;
};

} // namespace weir::detail
