// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "reference_limiter.hpp"

#include <cstddef>
#include <deque>

namespace weir::test::model {

/// The contract of a channel of numbers. `told(task, answer, value)` ends a
/// wait; for a receiver that gets no value any more, `value` is `nothing`.
class reference_channel final {
public:
  using answer = reference_answer;
  static constexpr int nothing = -1;

  template <typename Told>
  answer try_send(int value, Told told) {
    if (closed)
      return answer::closed;
    if (!receivers.empty()) {
      const int to = receivers.front();
      receivers.pop_front();
      told(to, answer::granted, value);
    } else if (buffer.size() < capacity) {
      buffer.push_back(value);
    } else {
      return answer::full;
    }
    return answer::granted;
  }
  template <typename Told>
  answer send(int who, int value, Told told) {
    const answer got = try_send(value, told);
    if (got != answer::full)
      return got;
    senders.push_back({who, value});
    return answer::waits;
  }

  template <typename Told>
  bool try_receive(int& value, Told told) {
    if (!has_value())
      return false;
    if (!senders.empty()) { // Its value is received, or fills the place.
      const entry from = senders.front();
      senders.pop_front();
      buffer.push_back(from.value);
      told(from.who, answer::granted, nothing);
    }
    value = buffer.front();
    buffer.pop_front();
    return true;
  }
  template <typename Told>
  answer receive(int who, int& value, Told told) {
    value = nothing;
    if (try_receive(value, told) || closed)
      return answer::granted;
    receivers.push_back(who);
    return answer::waits;
  }

  template <typename Told>
  void close(Told told) {
    closed = true;
    for (; !senders.empty(); senders.pop_front())
      told(senders.front().who, answer::closed, nothing);
    for (; !receivers.empty(); receivers.pop_front())
      told(receivers.front(), answer::granted, nothing);
  }
  void withdraw(int who) {
    std::erase(receivers, who);
    std::erase_if(senders, [who](const entry& e) { return e.who == who; });
  }

  bool has_value() const { return !buffer.empty() || !senders.empty(); }
  bool has_room() const {
    return !receivers.empty() || buffer.size() < capacity;
  }

  struct entry {
    int who;
    int value;
  };
  std::size_t capacity = 0;
  bool closed = false;
  std::deque<int> buffer;
  std::deque<entry> senders;
  std::deque<int> receivers;
};

} // namespace weir::test::model
