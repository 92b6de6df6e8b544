// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "channel_core.hpp"

#include <mutex>
#include <optional>
#include <utility>

namespace weir::detail {

template <typename T>
send_status channel_core<T>::try_send(T&& value) noexcept {
  std::unique_lock held(lock);
  if (closed_)
    return send_status::closed;
  bool too_late = false; // Never: there is no claim.
  if (channel_receiver<T>* const r = next_receiver(nullptr, too_late)) {
    held.unlock();
    r->value.emplace(std::move(value));
    tell(*r); // *this may be gone.
    return send_status::sent;
  }
  if (ring_.full())
    return send_status::full;
  const auto place = ring_.push();
  held.unlock();
  ring_.fill(place, std::move(value));
  return send_status::sent;
}

template <typename T>
bool channel_core<T>::send(channel_sender<T>& s,
                           waiter& who,
                           std::size_t max_waiting) noexcept {
  std::unique_lock held(lock);
  if (closed_) {
    s.refuse(why_closed_);
    return true;
  }
  bool too_late = false;
  if (channel_receiver<T>* const r = next_receiver(s.claim, too_late)) {
    held.unlock();
    s.takes_effect();
    r->value.emplace(std::move(s.value));
    tell(*r); // *this may be gone.
    return true;
  }
  if (s.claim != nullptr && !too_late && !ring_.full()) [[unlikely]]
    too_late = !s.claim->take();
  if (too_late) [[unlikely]] {
    s.abort();
    return true;
  }
  if (!ring_.full()) {
    s.takes_effect();
    const auto place = ring_.push();
    held.unlock();
    ring_.fill(place, std::move(s.value));
    return true;
  }
  if (sending_ >= max_waiting) {
    s.refuse(errc::overloaded);
    return true;
  }
  enqueue(senders_, s, who);
  ++sending_;
  return false;
}

template <typename T>
typename channel_core<T>::taken
channel_core<T>::take(shared_claim* claim) noexcept {
  taken what;
  bool too_late = false;
  if (!ring_.empty()) {
    if (claim != nullptr && !claim->take()) {
      what.source = taken::from::too_late;
      return what;
    }
    what.source = taken::from::ring;
    what.place = ring_.pop();
    what.sender = next_sender(nullptr, too_late);
    if (what.sender != nullptr)
      what.refill = ring_.push(); // The same slot: the ring was full.
  } else if ((what.sender = next_sender(claim, too_late)) != nullptr) {
    what.source = taken::from::sender;
  } else if (too_late) {
    what.source = taken::from::too_late;
  }
  return what;
}

template <typename T>
void channel_core<T>::collect(const taken& what,
                              std::optional<T>& into) noexcept {
  if (what.source == taken::from::ring) {
    into.emplace(ring_.take(what.place));
    if (what.sender != nullptr)
      ring_.fill(what.refill, std::move(what.sender->value));
  } else if (what.source == taken::from::sender) {
    into.emplace(std::move(what.sender->value));
  }
  if (what.sender != nullptr)
    tell(*what.sender); // *this may be gone.
}

template <typename T>
bool channel_core<T>::receive(channel_receiver<T>& r, waiter& who) noexcept {
  std::unique_lock held(lock);
  const taken what = take(r.claim);
  if (what.source == taken::from::too_late) {
    r.abort();
    return true;
  }
  if (what.source != taken::from::nowhere) {
    held.unlock();
    r.takes_effect();
    collect(what, r.value);
    return true;
  }
  if (closed_)
    return true;
  wait(r, who);
  return false;
}

template <typename T>
std::optional<T> channel_core<T>::try_receive() noexcept {
  std::unique_lock held(lock);
  const taken what = take();
  held.unlock();
  std::optional<T> value;
  collect(what, value);
  return value;
}

template <typename T>
std::size_t channel_core<T>::close(boost::system::error_code why,
                                   step_queue& refused) noexcept {
  step_queue ended;
  std::size_t count = 0;
  {
    std::lock_guard held(lock);
    if (!closed_) {
      closed_ = true;
      why_closed_ = why;
    }
    for (; channel_sender<T>* const s = any_sender(); ++count) {
      s->refuse(why);
      refused.push_back(*s);
    }
    // They wait because nothing is buffered: it ends here for them.
    while (queued_step* const step = dequeue(receivers_)) {
      auto* const r = static_cast<channel_receiver<T>*>(step);
      --receiving_;
      if (r->ends_with_its_channel())
        ended.push_back(*r);
    }
  }
  tell_all(ended);
  return count;
}

template <typename T>
void channel_core<T>::forsake_all() noexcept {
  const auto next = [this]() -> queued_step* {
    std::lock_guard held(lock);
    closed_ = true;
    if (channel_sender<T>* const s = any_sender()) {
      s->refuse(errc::channel_closed);
      return s;
    }
    while (queued_step* const step = dequeue(receivers_)) {
      auto* const r = static_cast<channel_receiver<T>*>(step);
      --receiving_;
      if (r->ends_with_its_channel())
        return r;
      r->who = nullptr;
    }
    return nullptr;
  };
  while (queued_step* const step = next())
    forsake(*step);
}

} // namespace weir::detail
