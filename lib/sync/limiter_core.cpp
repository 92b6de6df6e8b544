// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "limiter_core.hpp"

#include <weir/detail/base/teardown.hpp>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

namespace weir::detail {

void limiter_core::handle_gone() noexcept {
  {
    const lock held(rules_);
    // The waiters wait for permits in use, which keep *this alive.
    if (held->waiting() != 0 && !in_teardown()) {
      std::fprintf(stderr,
                   "weir: a limiter was destroyed while somebody waits: "
                   "%zu acquires waiting, %zu of %zu in use\n",
                   held->waiting(),
                   held->in_use(),
                   held->capacity());
      std::terminate();
    }
  }
  remove_owner();
}

void limiter_core::remove_owner() noexcept {
  bool unused = false;
  {
    const lock held(rules_);
    held.remove_owner();
    unused = held.is_unused();
  }
  if (unused)
    delete this;
}

void limiter_core::release_slowly(std::size_t weight) noexcept {
  limiter_queue granted;
  bool unused = false;
  {
    const lock held(rules_);
    held->release(weight, granted);
    unused = held.is_unused();
  }
  if (unused)
    delete this;
  settle(granted, true);
}

bool limiter_core::withdraw(limiter_node& n) noexcept {
  limiter_queue granted;
  const bool withdrawn = withdraw(n, granted);
  settle(granted, true);
  return withdrawn;
}

void limiter_core::release(std::size_t weight,
                           limiter_queue& granted) noexcept {
  lock(rules_)->release(weight, granted);
}

bool limiter_core::withdraw(limiter_node& n, limiter_queue& granted) noexcept {
  return lock(rules_)->withdraw(n, granted);
}

void limiter_core::set_capacity(std::size_t capacity) noexcept {
  limiter_queue granted;
  limiter_queue refused;
  {
    const lock held(rules_);
    // relaxed: as in capacity().
    capacity_.store(capacity, std::memory_order_relaxed);
    held->set_capacity(capacity, granted, refused);
  }
  settle(granted, true);
  settle(refused, false);
}

std::size_t limiter_core::in_use() const noexcept {
  return lock(rules_)->in_use();
}

std::size_t limiter_core::available() const noexcept {
  return lock(rules_)->available();
}

std::size_t limiter_core::waiting() const noexcept {
  return lock(rules_)->waiting();
}

void limiter_core::refuse_weight(std::size_t weight, const char* who) const {
  if (weight == 0)
    throw std::invalid_argument(std::string(who) +
                                ": weight is 0, must be at least 1");
  throw std::invalid_argument(
      std::string(who) + ": weight is " + std::to_string(weight) +
      ", must be at most the capacity, which is " + std::to_string(capacity()));
}

} // namespace weir::detail
