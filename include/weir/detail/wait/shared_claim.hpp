// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/sync.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>

namespace weir::detail {

// Of several waits that stand in the queues of several objects, at most
// `wanted` may take effect: those that take the claim which they share. An
// object asks for it, under its own lock, before it serves one. No lock is
// taken while a claim's is held but that of a second claim, in the order of
// their addresses.
class shared_claim {
public:
  explicit shared_claim(std::size_t wanted = 1) noexcept : left_(wanted) {}
  shared_claim(const shared_claim&) = delete;
  shared_claim& operator=(const shared_claim&) = delete;

  // True: the caller's wait is one of those that take effect.
  bool take() noexcept {
    std::lock_guard held(lock_);
    return take_locked();
  }
  bool is_spent() const noexcept {
    std::lock_guard held(lock_);
    return left_ == 0;
  }

  enum class meeting : std::uint8_t {
    agreed,       // both claims are taken
    arrives_late, // that of `arrives` is spent; neither was taken
    waits_late,   // that of `waits` is spent; neither was taken
    same,         // one claim, with one share left: they cannot both have it
  };
  // A caller arrives that a waiter could serve. Null: is in
  // no contest.
  static meeting meet(shared_claim* arrives, shared_claim* waits) noexcept {
    if (arrives == nullptr)
      return waits == nullptr || waits->take() ? meeting::agreed
                                               : meeting::waits_late;
    if (waits == nullptr)
      return arrives->take() ? meeting::agreed : meeting::arrives_late;
    if (arrives == waits)
      return arrives->meet_itself();
    const bool in_order = std::less<>()(arrives, waits);
    std::lock_guard first((in_order ? arrives : waits)->lock_);
    std::lock_guard second((in_order ? waits : arrives)->lock_);
    if (arrives->left_ == 0)
      return meeting::arrives_late;
    if (!waits->take_locked())
      return meeting::waits_late;
    arrives->take_locked();
    return meeting::agreed;
  }

private:
  meeting meet_itself() noexcept {
    std::lock_guard held(lock_);
    if (left_ < 2)
      return left_ == 0 ? meeting::arrives_late : meeting::same;
    left_ -= 2;
    return meeting::agreed;
  }
  bool take_locked() noexcept {
    if (left_ == 0)
      return false;
    --left_;
    return true;
  }

  mutable spin_lock lock_;
  std::size_t left_; // under lock_
};

} // namespace weir::detail
