// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task_group.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace weir::test::threads {

/// The fault that an iteration injects.
enum class fault {
  none,
  throws,    // one or two children throw
  cancel,    // one to eight threads cancel the group
  deadline,  // the deadline passes
  stop,      // the runtime is stopped
  swallow,   // as cancel, and children catch the cancellation
  bad_alloc, // an allocation of a child fails
};

inline constexpr std::array fault_names{
    "none",
    "throw",
    "cancel",
    "deadline",
    "stop",
    "swallow",
    "bad_alloc",
};
inline constexpr std::array<std::size_t, 4> thread_counts{1, 2, 4, 8};
inline constexpr std::array<std::size_t, 5> caps{1, 2, 7, 1000, unlimited};

inline constexpr std::size_t cells =
    thread_counts.size() * caps.size() * fault_names.size();

/// The combination that one iteration runs.
struct cell {
  std::size_t threads;
  std::size_t cap;
  fault what;

  static constexpr cell at(std::size_t index) {
    const std::size_t t = index % thread_counts.size();
    const std::size_t c = index / thread_counts.size() % caps.size();
    const std::size_t f = index / thread_counts.size() / caps.size();
    return {
        thread_counts[t], caps[c], static_cast<fault>(f % fault_names.size())};
  }
};

/// Where a child is when the fault happens.
enum class place {
  nowhere, // it returns at once
  checkpoint,
  sleep,
  timer,     // of Asio, on the pool
  own_timer, // of Asio, on the task's strand
  socket,
  channel,
  limiter,
  awaitable,  // it awaits an asio::awaitable
  asio_child, // it is an asio::awaitable
  offload,
  join, // of a group in it
  timeout,
  shield,
  spawn, // of a sibling, with its slot lent
  // In a loop of awaits that are ready at once.
  ready_limiter,
  ready_channel,
  ready_task,
  ready_asio,
};

inline constexpr std::array place_names{
    "nowhere",       "checkpoint",    "sleep",      "timer",      "own_timer",
    "socket",        "channel",       "limiter",    "awaitable",  "asio_child",
    "offload",       "join",          "timeout",    "shield",     "spawn",
    "ready_limiter", "ready_channel", "ready_task", "ready_asio",
};
inline constexpr std::size_t places = place_names.size();

/// Whether a child there never waits.
constexpr bool is_ready_at_once(place p) { return p >= place::ready_limiter; }

/// The index of `name`, if it is one of `names`.
template <std::size_t n>
std::optional<std::size_t> index_of(const std::array<const char*, n>& names,
                                    std::string_view name) {
  for (std::size_t i = 0; i != n; ++i)
    if (names[i] == name)
      return i;
  return std::nullopt;
}

} // namespace weir::test::threads
