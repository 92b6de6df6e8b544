// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/clock.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/wait/timer_entry.hpp>

#include <cstdint>
#include <mutex>

namespace weir::detail {

class group_core;

// A timer of a group. It holds a reference on the group while it is set.
//
// Each setting has a ticket from the group; the action gets it and can check
// whether it is still current. Any thread; no lock is held during the action.
class group_timer final : private timer_function {
public:
  using action = void (group_core::*)(std::uint32_t ticket) noexcept;

  group_timer(group_core& group, action act) noexcept
      : timer_function(&group_timer::on_fire), group_(group), act_(act) {}
  group_timer(const group_timer&) = delete;
  group_timer& operator=(const group_timer&) = delete;

  // Replaces an earlier setting; one with an older ticket does nothing.
  void set(clock::time_point at, std::uint32_t ticket) noexcept;
  void clear() noexcept;
  // Clears the timer permanently: it cannot be set any more.
  void retire() noexcept;

private:
  static void on_fire(timer_function& timer) noexcept;
  void fire() noexcept;
  void clear(std::unique_lock<sync::mutex>& held) noexcept;

  // An entry that is out of the wheel but not yet in fire() can be neither
  // armed nor disarmed; fire() then does what `firing` says.
  enum class firing : std::uint8_t { acts, sets_again, does_nothing };

  group_core& group_;
  const action act_;
  sync::mutex lock_;
  bool armed_ = false; // all under lock_; holds a reference
  bool retired_ = false;
  firing then_ = firing::acts;
  std::uint32_t ticket_ = 0;
  clock::time_point again_;
};

} // namespace weir::detail
