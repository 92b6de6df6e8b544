// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include "support/allocation_faults.hpp"
#include "support/on_scope_exit.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <new>
#include <span>
#include <string>
#include <utility>

namespace weir::test {

/// One run of an operation in which an allocation fails. Records the outcome.
class attempt final {
public:
  /// The k-th allocation fails; if `sticky`, and all after it until end().
  attempt(std::int64_t k, bool sticky) : k_(k), sticky_(sticky) {}
  ~attempt() { end(); }

  /// Allocations fail from here on. Empties the calling thread's cache of
  /// frames.
  void begin() noexcept {
    detail::empty_cache();
    allocation_faults::arm(k_, sticky_, allocation_faults::of::all_threads);
  }
  void end() noexcept { allocation_faults::disarm(); }

  /// Any thread. Allocates nothing. `where`, `what`: literals.
  void note(const char* where, const char* what) noexcept {
    std::lock_guard held(lock_);
    if (count_ != notes_.size())
      notes_[count_++] = {where, what};
  }
  void note(const char* where, const std::exception_ptr& error) noexcept {
    note(where, kind_of(error));
  }
  /// Calls `f`, and records what it throws.
  template <typename F>
  void at(const char* where, F f) noexcept {
    try {
      f();
    } catch (...) {
      note(where, std::current_exception());
    }
  }
  /// Runs `work` to its end.
  void run(task<> work) noexcept {
    at("run", [&] { pool.run(std::move(work)); });
    end();
  }

  /// "done", or where it went wrong and how.
  std::string outcome() const {
    if (inside != 0)
      return "left a child behind";
    std::string all;
    for (std::size_t i = 0; i != count_; ++i)
      all += std::string(all.empty() ? "" : "+") + notes_[i].first + ":" +
             notes_[i].second;
    return all.empty() ? "done" : all;
  }

  /// Children that have begun but not ended.
  std::atomic<int> inside{0};

  weir::runtime pool{1};

private:
  static const char* kind_of(const std::exception_ptr& error) noexcept {
    try {
      std::rethrow_exception(error);
    } catch (const std::bad_alloc&) {
      return "bad_alloc";
    } catch (const boost::system::system_error& e) {
      return e.code() == asio::error::operation_aborted ? "aborted" : "error";
    } catch (...) {
      return "other";
    }
  }

  const std::int64_t k_;
  const bool sticky_;
  std::mutex lock_;
  std::array<std::pair<const char*, const char*>, 8> notes_; // under lock_
  std::size_t count_ = 0;                                    // under lock_
};

/// A public operation, and how it is tried.
struct scenario {
  const char* name;
  void (*run)(attempt&);
};
std::span<const scenario> task_scenarios();
std::span<const scenario> group_scenarios();
std::span<const scenario> object_scenarios();
std::span<const scenario> token_scenarios();
std::span<const scenario> object_token_scenarios();
std::span<const scenario> loop_scenarios();
std::span<const scenario> result_scenarios();
std::span<const scenario> deterministic_scenarios();

} // namespace weir::test
