// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::test::model {

using bytes = std::vector<std::uint8_t>;

/// What a task does next.
enum class action : std::uint8_t {
  end, // the end of this script, the next begins
  checkpoint,
  sleep,
  spawn,
  try_spawn,
  join,
  fail,
  cancel,
  close,
  resize,
  cancel_root,
  reopen,
  shut_down,
  wait_idle,
  wait_stopping,
  request_stop,
  cancel_after,
  nest, // with_task_group
  time_out,
  protect, // shield
  acquire,
  try_acquire,
  capacity,
  send,
  receive,
  try_send,
  try_receive,
  close_channel,
  no_memory, // for the next spawn
  // Awaits that are ready at once, a few times.
  ready_task,
  ready_acquire,
  ready_receive,
  ready_send,
  ready_sleep,
  ready_asio,
  ready_loop, // of one of these or all, many times
};
constexpr int actions = 36;

struct step {
  action what = action::end;
  std::uint8_t low = 0;  // 0 .. 3: a group
  std::uint8_t high = 0; // 0 .. 63
};

/// A program, read from bytes: any bytes are a program. A header of 8 bytes, of
/// which missing ones are 0; then two bytes for each step. Only with the top
/// bit of header byte 5 set are there steps that are ready at once.
struct script {
  static constexpr std::size_t header = 8;
  static constexpr std::size_t most_groups = 3;

  explicit script(const bytes& program);

  std::uint64_t seed = 0; // of the schedule
  std::size_t groups = 1;
  std::size_t roots = 1;
  std::size_t stop_at = 0; // a step; 0: it is not stopped
  std::size_t caps[most_groups] = {};
  bool keeps_going[most_groups] = {};
  std::size_t max_waiting[most_groups] = {};
  bool unwinds = false;
  std::size_t permits = 1;
  std::size_t buffer = 0;
  // At least one; the tasks share them.
  std::vector<std::vector<step>> parts;

  /// One line for each step.
  std::string to_string() const;
};

/// A program for each seed. Each uses only some of the actions, so that the
/// combinations vary.
bytes program_of(std::uint64_t seed);

std::string to_hex(const bytes& program);
/// Throws: `std::invalid_argument` unless they are pairs of hexadecimal digits.
bytes from_hex(std::string_view digits);

} // namespace weir::test::model
