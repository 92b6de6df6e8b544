// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "limiter_state.hpp"
#include "permit_counter.hpp"

#include <cstddef>
#include <optional>

namespace weir::detail {

// The rules of a limiter with their lock, and the counter that makes both
// unnecessary while permits are free. Any thread.
template <typename Sync>
class basic_guarded_limiter final {
public:
  using answer = limiter_state::answer;

  // Precondition: capacity is at least 1.
  explicit basic_guarded_limiter(std::size_t capacity) noexcept
      : word_(capacity), rules_(capacity) {}

  // Holds the lock, with the counts in the rules.
  class lock final {
  public:
    explicit lock(basic_guarded_limiter& of) noexcept : of_(of) {
      if (const std::optional<std::size_t> free = of_.word_.lock())
        of_.rules_.recount(*free);
    }
    lock(const lock&) = delete;
    lock& operator=(const lock&) = delete;
    ~lock() {
      std::optional<std::size_t> free;
      if (of_.rules_.is_countable() && of_.owners_ != 0)
        free = of_.rules_.available();
      of_.word_.unlock(free);
    }

    limiter_state* operator->() const noexcept { return &of_.rules_; }

    // After the last owner is removed, a thread that gives a permit back takes
    // the lock, to check whether it was the last permit.
    void add_owner() const noexcept { ++of_.owners_; }
    void remove_owner() const noexcept { --of_.owners_; }
    // No owner and nothing in use.
    bool is_unused() const noexcept {
      return of_.owners_ == 0 && of_.rules_.in_use() == 0;
    }

  private:
    basic_guarded_limiter& of_;
  };

  answer acquire(limiter_node& n) noexcept {
    if (word_.try_take(n.weight))
      return answer::granted;
    return lock(*this)->acquire(n);
  }
  bool try_acquire(std::size_t weight) noexcept {
    return word_.try_take(weight) || lock(*this)->try_acquire(weight);
  }
  // False: give it back under the lock. True: *this may be destroyed.
  bool try_release(std::size_t weight) noexcept {
    return word_.try_give(weight);
  }

private:
  basic_permit_counter<Sync> word_;
  limiter_state rules_;    // under the lock
  std::size_t owners_ = 1; // under the lock
};

} // namespace weir::detail
