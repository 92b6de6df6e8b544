// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "script.hpp"

#include "../../lib/testing/seeded_choice.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace weir::test::model {

namespace {

constexpr std::array<const char*, actions> names = {
    "end",          "checkpoint",  "sleep",         "spawn",
    "try_spawn",    "join",        "fail",          "cancel",
    "close",        "resize",      "cancel_root",   "reopen",
    "shut_down",    "wait_idle",   "wait_stopping", "request_stop",
    "cancel_after", "nest",        "time_out",      "protect",
    "acquire",      "try_acquire", "capacity",      "send",
    "receive",      "try_send",    "try_receive",   "close_channel",
    "no_memory",    "ready_task",  "ready_acquire", "ready_receive",
    "ready_send",   "ready_sleep", "ready_asio",    "ready_loop",
};

// Codes without a name below 32 are spawns. Programs that contain awaits that
// are ready at once have 40 codes; the last 8 are those awaits.
constexpr std::uint8_t codes = 32;
constexpr std::uint8_t all_codes = 40;
constexpr std::uint8_t with_ready = 0x80; // in byte 5
constexpr auto first_ready = static_cast<std::uint8_t>(action::ready_task);
action action_of(std::uint8_t code, bool is_wide) {
  code %= is_wide ? all_codes : codes;
  if (code >= codes)
    code = std::min<std::uint8_t>(first_ready + (code - codes), actions - 1);
  else if (code >= first_ready)
    return action::spawn;
  return static_cast<action>(code);
}

} // namespace

script::script(const bytes& program) {
  const auto at = [&program](std::size_t i) -> std::size_t {
    return i < program.size() ? program[i] : 0;
  };
  seed = at(0) | at(1) << 8;
  groups = 1 + at(2) % most_groups;
  roots = 1 + (at(2) >> 2) % 4;
  unwinds = (at(2) >> 4) % 2 != 0;
  stop_at = at(3);
  for (std::size_t i = 0; i != most_groups; ++i) {
    caps[i] = 1 + (at(4) >> (2 * i)) % 4;
    keeps_going[i] = (at(5) >> i) % 2 != 0;
    max_waiting[i] = (at(6) >> (2 * i)) % 4;
  }
  const bool is_wide = (at(5) & with_ready) != 0;
  permits = 1 + at(7) % 4;
  buffer = (at(7) >> 2) % 3;
  parts.emplace_back();
  for (std::size_t i = header; i < program.size(); i += 2) {
    const auto arguments = static_cast<std::uint8_t>(at(i + 1));
    const step one{action_of(program[i], is_wide),
                   static_cast<std::uint8_t>(arguments % 4),
                   static_cast<std::uint8_t>(arguments / 4)};
    if (one.what == action::end)
      parts.emplace_back();
    else
      parts.back().push_back(one);
  }
}

std::string script::to_string() const {
  std::string text = "  schedule " + std::to_string(seed) + ", " +
                     std::to_string(roots) + " roots, permits " +
                     std::to_string(permits) + ", buffer " +
                     std::to_string(buffer) + (unwinds ? ", unwinds" : "");
  if (stop_at != 0)
    text += ", stops at step " + std::to_string(stop_at);
  text += '\n';
  for (std::size_t i = 0; i != groups; ++i) {
    text += "  group " + std::to_string(i) + ": cap " + std::to_string(caps[i]);
    if (keeps_going[i])
      text += ", keeps going";
    if (max_waiting[i] != 0)
      text += ", at most " + std::to_string(max_waiting[i]) + " wait";
    text += '\n';
  }
  for (std::size_t i = 0; i != parts.size(); ++i) {
    text += "  script " + std::to_string(i) + ':';
    for (const step& s : parts[i])
      text += std::string(" ") + names[static_cast<std::size_t>(s.what)] + '(' +
              std::to_string(s.low) + ", " + std::to_string(s.high) + ')';
    text += '\n';
  }
  return text;
}

bytes program_of(std::uint64_t seed) {
  detail::seeded_choice random(seed);
  const auto byte = [&random] {
    return static_cast<std::uint8_t>(random.below(256));
  };
  bytes program;
  for (std::size_t i = 0; i != script::header; ++i)
    program.push_back(byte());
  // Most programs have no stop, no keep_going and no limit of waiting spawns.
  if (random.below(8) != 0)
    program[3] = 0;
  if (random.below(3) != 0)
    program[5] = 0;
  if (random.below(3) != 0)
    program[6] = 0;
  const bool is_wide = random.below(4) != 0;
  program[5] = static_cast<std::uint8_t>((program[5] & ~with_ready) |
                                         (is_wide ? with_ready : 0));
  std::vector<std::uint8_t> chosen = {
      static_cast<std::uint8_t>(action::end),
      static_cast<std::uint8_t>(action::checkpoint),
      static_cast<std::uint8_t>(action::spawn),
      static_cast<std::uint8_t>(action::spawn),
  };
  for (std::size_t n = 2 + random.below(8); n != 0; --n)
    chosen.push_back(
        static_cast<std::uint8_t>(random.below(is_wide ? all_codes : codes)));
  if (is_wide) {
    chosen.push_back(all_codes - 1);
    // A task that cancels the task that waits for it gets the cancellation
    // while it runs.
    if (random.below(2) != 0)
      for (const action a : {action::join, action::cancel_root})
        chosen.push_back(static_cast<std::uint8_t>(a));
  }
  for (std::size_t n = 4 + random.below(24); n != 0; --n) {
    program.push_back(chosen[random.below(chosen.size())]);
    program.push_back(byte());
  }
  return program;
}

std::string to_hex(const bytes& program) {
  std::string text;
  for (const std::uint8_t b : program) {
    text += "0123456789abcdef"[b / 16];
    text += "0123456789abcdef"[b % 16];
  }
  return text;
}

bytes from_hex(std::string_view digits) {
  const auto value = [](char c) -> int {
    if (c >= '0' && c <= '9')
      return c - '0';
    if (c >= 'a' && c <= 'f')
      return c - 'a' + 10;
    throw std::invalid_argument(
        "weir-model: --replay wants pairs of the digits 0-9 and a-f");
  };
  if (digits.size() % 2 != 0)
    throw std::invalid_argument(
        "weir-model: --replay was given half a byte at its end");
  bytes program;
  for (std::size_t i = 0; i != digits.size(); i += 2)
    program.push_back(static_cast<std::uint8_t>(value(digits[i]) * 16 +
                                                value(digits[i + 1])));
  return program;
}

} // namespace weir::test::model
