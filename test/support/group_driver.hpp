// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "group/group_state.hpp"
#include "group_model.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::test {

/// The rules under test, driven by the same calls as the model.
class group_driver final {
  using state = detail::group_state;

public:
  group_driver(std::size_t cap, std::size_t max_waiting)
      : state_(cap, max_waiting) {}

  void apply(group_call call) {
    answer_ = -1;
    woken_.clear();
    detail::group_queue woken;
    switch (call.what) {
    case group_call::spawn:
    case group_call::lend:
      answer_ = int(
          state_.admit(&waiters_.at(used_++),
                       {call.what == group_call::lend ? state::lends::all
                                                      : state::lends::nothing},
                       index_));
      break;
    case group_call::attempt:
      answer_ = int(state_.admit(nullptr, {}, index_));
      break;
    case group_call::end:
      state_.end(static_cast<state::ending>(call.arg), nullptr, woken);
      break;
    case group_call::end_lending:
      state_.end(state::ending::cancelled, &waiters_.at(call.arg), woken);
      break;
    case group_call::retract:
      state_.retract(woken);
      break;
    case group_call::withdraw:
      answer_ = state_.withdraw(waiters_.at(call.arg), woken);
      break;
    case group_call::join:
      answer_ = state_.join(waiters_.at(used_++), woken);
      break;
    case group_call::wait_idle:
      answer_ = state_.wait_idle(waiters_.at(used_++));
      break;
    case group_call::wait_stop:
      answer_ = state_.wait_stop(waiters_.at(used_++));
      break;
    case group_call::stop:
      state_.request_stop(woken);
      break;
    case group_call::reopen:
      state_.reopen();
      break;
    case group_call::cancel:
      answer_ = state_.cancel(static_cast<state::cause>(call.arg), woken);
      break;
    case group_call::close:
      state_.close();
      break;
    case group_call::set_cap:
      state_.set_cap(call.arg, woken);
      break;
    }
    while (detail::group_waiter* w = woken.pop_front())
      woken_ += static_cast<char>(w - waiters_.data());
  }

  group_view view() const {
    group_view seen;
    seen.answer = answer_;
    seen.index = index_;
    seen.woken = woken_;
    for (std::size_t i = 0; i != used_; ++i) {
      seen.fates += static_cast<char>(waiters_[i].state);
      seen.roles += static_cast<char>(waiters_[i].role);
      seen.indices += static_cast<char>(waiters_[i].index);
    }
    seen.counts = state_.counted();
    seen.children = state_.children();
    seen.cap = state_.cap();
    seen.available = state_.available();
    seen.cause = state_.cancelled_by();
    return seen;
  }

private:
  state state_;
  std::array<detail::group_waiter, 64> waiters_{};
  std::size_t used_ = 0;
  int answer_ = -1;
  std::uint64_t index_ = 0;
  std::string woken_;
};

/// Every call that is allowed now, if at most `most` waiters are ever made.
inline std::vector<group_call> calls_from(const group_model& now,
                                          std::size_t most) {
  using cause = detail::group_state::cause;
  std::vector<group_call> calls = {
      {group_call::attempt},
      {group_call::close},
      {group_call::stop},
      {group_call::cancel, std::uint8_t(cause::own)},
      {group_call::cancel, std::uint8_t(cause::deadline)}};
  for (std::uint8_t cap : {1, 2, 3})
    calls.push_back({group_call::set_cap, cap});
  if (now.is_joined())
    calls.push_back({group_call::reopen});
  const std::size_t waiters = now.seen().fates.size();
  if (waiters != most) {
    calls.push_back({group_call::spawn});
    calls.push_back({group_call::join});
    calls.push_back({group_call::wait_idle});
    calls.push_back({group_call::wait_stop});
  }
  if (now.running() != 0) {
    if (waiters != most)
      calls.push_back({group_call::lend});
    for (std::uint8_t how : {0, 1, 2})
      calls.push_back({group_call::end, how});
    calls.push_back({group_call::retract});
  }
  for (const char lender : now.lenders())
    calls.push_back({group_call::end_lending, std::uint8_t(lender)});
  for (std::size_t i = 0; i != waiters; ++i)
    calls.push_back({group_call::withdraw, std::uint8_t(i)});
  return calls;
}

/// The invariant, independent of the model, that is broken; null if none is.
inline const char* broken_rule(const group_view& before,
                               group_call call,
                               const group_view& after) {
  using cause = detail::group_state::cause;
  using wait_result = detail::group_waiter::wait_result;
  using kind = detail::group_waiter::kind;
  const auto& n = after.counts;
  const auto queued = [&](kind role) {
    std::size_t count = 0;
    for (std::size_t i = 0; i != after.fates.size(); ++i)
      count += after.fates[i] == char(wait_result::queued) &&
               after.roles[i] == char(role);
    return count;
  };
  if (call.what != group_call::withdraw && call.what != group_call::cancel &&
      n.in_flight > std::max(after.cap, before.counts.in_flight))
    return "a child was started over the cap";
  if (n.spawned != n.completed + n.failed + n.cancelled + after.children)
    return "a child is counted twice or not at all";
  if (n.in_flight + queued(kind::lender) != after.children)
    return "a child neither has a slot nor lends it";
  if (after.children != 0 && n.in_flight == 0)
    return "no child can run";
  if (n.waiting != queued(kind::spawner))
    return "waiting is not the number of spawners queued";
  if (after.available != 0 && n.waiting != 0)
    return "a slot is available though somebody waits";
  if (n.in_flight < after.cap && queued(kind::spawner) + queued(kind::lender))
    return "somebody waits for a slot that is free";
  const bool anew = call.what == group_call::reopen;
  if (n.peak < n.in_flight || (n.peak < before.counts.peak && !anew))
    return "the peak is not the highest";
  if (before.cause != cause::none && n.spawned > before.counts.spawned)
    return "a child was started after the cancellation";
  if (after.children == 0 && queued(kind::joiner) + queued(kind::idler) != 0)
    return "somebody still waits for the end though no child is left";
  if (after.cause != cause::none && queued(kind::stopper) != 0)
    return "somebody still waits to be stopped though all are cancelled";
  for (const char w : after.woken) {
    const auto i = static_cast<std::uint8_t>(w);
    if (std::count(after.woken.begin(), after.woken.end(), w) != 1 ||
        i >= before.fates.size() ||
        before.fates[i] != char(wait_result::queued))
      return "somebody was woken who did not wait";
    if ((after.roles[i] == char(kind::joiner) ||
         after.roles[i] == char(kind::idler)) &&
        after.children != 0)
      return "somebody was told of the end though a child is left";
  }
  for (std::size_t i = 0; i != before.fates.size(); ++i)
    if (before.fates[i] == char(wait_result::queued) &&
        after.fates[i] != char(wait_result::queued) &&
        after.woken.find(char(i)) == std::string::npos &&
        call.what != group_call::withdraw)
      return "somebody left the queue and was not told";
  return nullptr;
}

} // namespace weir::test
