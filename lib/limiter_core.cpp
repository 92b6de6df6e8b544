// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "limiter_core.hpp"

#include <weir/detail/abandoning.hpp>

#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace weir::detail {

void limiter_core::handle_gone() noexcept {
  std::optional<rules_lock> held(std::in_place, *this);
  // Those that wait do so for what is in use: *this stays for them.
  if (state_.waiting() != 0 && !is_abandoning()) {
    std::fprintf(stderr,
                 "weir: a limiter was destroyed while somebody waits: "
                 "%zu acquires waiting, %zu of %zu in use\n",
                 state_.waiting(),
                 state_.in_use(),
                 state_.capacity());
    std::terminate();
  }
  orphaned_ = true;
  const bool unused = is_unused();
  held.reset();
  if (unused)
    delete this;
}

void limiter_core::remove_group() noexcept {
  std::optional<rules_lock> held(std::in_place, *this);
  --groups_;
  const bool unused = is_unused();
  held.reset();
  if (unused)
    delete this;
}

void limiter_core::release_slowly(std::size_t weight) noexcept {
  limiter_queue granted;
  std::optional<rules_lock> held(std::in_place, *this);
  state_.release(weight, granted);
  const bool unused = is_unused();
  held.reset();
  if (unused)
    delete this;
  settle(granted, true);
}

bool limiter_core::withdraw(limiter_node& n) noexcept {
  limiter_queue granted;
  std::optional<rules_lock> held(std::in_place, *this);
  const bool withdrawn = state_.withdraw(n, granted);
  held.reset();
  settle(granted, true);
  return withdrawn;
}

void limiter_core::release(std::size_t weight,
                           limiter_queue& granted) noexcept {
  rules_lock held(*this);
  state_.release(weight, granted);
}

bool limiter_core::withdraw(limiter_node& n, limiter_queue& granted) noexcept {
  rules_lock held(*this);
  return state_.withdraw(n, granted);
}

void limiter_core::set_capacity(std::size_t capacity) noexcept {
  limiter_queue granted;
  limiter_queue refused;
  std::optional<rules_lock> held(std::in_place, *this);
  // relaxed: as in capacity().
  capacity_.store(capacity, std::memory_order_relaxed);
  state_.set_capacity(capacity, granted, refused);
  held.reset();
  settle(granted, true);
  settle(refused, false);
}

std::size_t limiter_core::in_use() const noexcept {
  rules_lock held(*this);
  return state_.in_use();
}

std::size_t limiter_core::available() const noexcept {
  rules_lock held(*this);
  return state_.available();
}

std::size_t limiter_core::waiting() const noexcept {
  rules_lock held(*this);
  return state_.waiting();
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
