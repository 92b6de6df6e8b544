// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "pool_fixture.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test {

// How an operation calls its handler: at once, through the handler's executor,
// or on a thread of no executor.
enum class how { inline_, posted, foreign };

inline constexpr how ways[] = {how::inline_, how::posted, how::foreign};

// Threads that end before the pool does: they hold handlers of tasks.
class foreign_threads final {
public:
  foreign_threads() = default;
  foreign_threads(const foreign_threads&) = delete;
  foreign_threads& operator=(const foreign_threads&) = delete;
  ~foreign_threads() {
    for (std::thread& t : threads_)
      t.join();
  }

  template <typename F>
  void start(F f) {
    std::lock_guard lock(mutex_);
    threads_.emplace_back(std::move(f));
  }

private:
  std::mutex mutex_;
  std::vector<std::thread> threads_; // guarded by mutex_
};

struct operations : pool_fixture {
  // An operation with this signature that completes with `values`.
  template <typename Signature, typename... Values>
  auto completes(how way, Values... values) {
    return asio::async_initiate<const asio::deferred_t, Signature>(
        [](auto handler, how by, foreign_threads* others, auto... arguments) {
          auto ex = asio::get_associated_executor(handler);
          auto call = [handler = std::move(handler),
                       ... arguments = std::move(arguments)]() mutable {
            std::move(handler)(std::move(arguments)...);
          };
          if (by == how::inline_)
            call();
          else if (by == how::posted)
            asio::post(ex, std::move(call));
          else
            others->start(std::move(call));
        },
        asio::deferred,
        way,
        &threads,
        std::move(values)...);
  }

  // Destroys its handler uncalled, in the initiation or later.
  auto drops_its_handler(how way) {
    return asio::async_initiate<const asio::deferred_t,
                                void(boost::system::error_code)>(
        [](auto handler, how by, foreign_threads* others) {
          auto ex = asio::get_associated_executor(handler);
          auto drop = [handler = std::move(handler)] {};
          if (by == how::posted)
            asio::post(ex, std::move(drop));
          else if (by == how::foreign)
            others->start(std::move(drop));
        },
        asio::deferred,
        way,
        &threads);
  }

  foreign_threads threads;
};

} // namespace weir::test
