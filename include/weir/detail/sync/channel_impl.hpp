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
  held_lock held(lock);
  if (closed_)
    return send_status::closed;
  if (is_refilling())
    return send_status::full; // Others have waited for what room there is.
  bool too_late = false;      // Never: there is no claim.
  if (channel_receiver<T>* const r = next_receiver(nullptr, too_late)) {
    held.unlock();
    r->value.emplace(std::move(value));
    complete_step(*r); // *this may be destroyed.
    return send_status::sent;
  }
  if (!buffer_.has_room())
    return send_status::full;
  put(held, std::move(value)); // *this may be destroyed.
  return send_status::sent;
}

template <typename T>
bool channel_core<T>::send(channel_sender<T>& s,
                           waiter& who,
                           std::size_t max_waiting) noexcept {
  held_lock held(lock);
  if (closed_) {
    s.refuse(why_closed_);
    return true;
  }
  if (!is_refilling()) {
    bool too_late = false;
    if (channel_receiver<T>* const r = next_receiver(s.claim, too_late)) {
      held.unlock();
      s.takes_effect();
      r->value.emplace(std::move(s.value));
      complete_step(*r); // *this may be destroyed.
      return true;
    }
    const bool has_room = buffer_.has_room();
    if (s.claim != nullptr && !too_late && has_room) [[unlikely]]
      too_late = !s.claim->take();
    if (too_late) [[unlikely]] {
      s.abort();
      return true;
    }
    if (has_room) {
      s.takes_effect();
      put(held, std::move(s.value)); // *this may be destroyed.
      return true;
    }
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
void channel_core<T>::put(held_lock& held, T&& value) noexcept {
  if constexpr (moves_under_lock<T>) {
    buffer_.push(std::move(value));
    held.unlock(); // *this may be destroyed.
  } else {
    channel_node<T>& node = buffer_.reserve();
    held.unlock();
    node.fill(std::move(value));
    held.lock();
    buffer_.publish(node);
    settle(held);
  }
}

template <typename T>
typename channel_core<T>::taken
channel_core<T>::take(std::optional<T>& into, shared_claim* claim) noexcept {
  taken what;
  bool too_late = false;
  if (buffer_.has_value()) {
    if (claim != nullptr && !claim->take()) {
      what.source = taken::from::too_late;
      return what;
    }
    what.source = taken::from::buffer;
    if constexpr (moves_under_lock<T>) {
      into.emplace(buffer_.pop());
      what.sender = next_sender(nullptr, too_late);
      if (what.sender != nullptr)
        buffer_.push(std::move(what.sender->value));
    } else {
      what.node = &buffer_.pop();
    }
  } else if (is_refilling()) {
    // The first of those that send is served already, the others come later.
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
  if constexpr (!moves_under_lock<T>) {
    if (what.node != nullptr) {
      into.emplace(what.node->take());
      held_lock held(lock);
      buffer_.release(*what.node);
      settle(held); // *this may be destroyed.
      return;
    }
  }
  if (what.source == taken::from::sender)
    into.emplace(std::move(what.sender->value));
  if (what.sender != nullptr)
    complete_step(*what.sender); // *this may be destroyed.
}

template <typename T>
typename channel_core<T>::errand
channel_core<T>::next_errand(bool& refills) noexcept {
  errand next;
  bool too_late = false; // Never: these have no claim.
  if (buffer_.has_value() &&
      (next.to = next_receiver(nullptr, too_late)) != nullptr) {
    next.node = &buffer_.pop();
    // Senders that wait for other nodes are served after that.
    if (refills)
      refilling_ = refills = sending_ != 0;
  } else if ((refills || !refilling_) && buffer_.has_room() &&
             (next.from = next_sender(nullptr, too_late)) != nullptr) {
    next.node = &buffer_.reserve();
    refilling_ = refills = true;
  } else if (refills) {
    refilling_ = refills = false;
  }
  return next;
}

// A channel with a waiter that is not completed yet lives on: of whom it
// serves it completes the one only when it has taken out the next.
template <typename T>
void channel_core<T>::settle(held_lock& held) noexcept {
  queued_step* served = nullptr;
  for (bool refills = false;;) {
    const errand next = next_errand(refills);
    step_queue ended;
    if (is_over())
      end_receivers(ended);
    held.unlock();
    if (served != nullptr)
      complete_step(*served);
    complete_all(ended);
    if (next.node == nullptr)
      return; // *this may be destroyed.
    if (next.to != nullptr) {
      next.to->value.emplace(next.node->take());
      served = next.to;
      held.lock();
      buffer_.release(*next.node);
    } else {
      next.node->fill(std::move(next.from->value));
      served = next.from;
      held.lock();
      buffer_.publish(*next.node);
    }
  }
}

template <typename T>
bool channel_core<T>::receive(channel_receiver<T>& r, waiter& who) noexcept {
  held_lock held(lock);
  const taken what = take(r.value, r.claim);
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
  if (is_over())
    return true;
  wait(r, who);
  return false;
}

template <typename T>
std::optional<T> channel_core<T>::try_receive() noexcept {
  std::optional<T> value;
  held_lock held(lock);
  const taken what = take(value);
  held.unlock();
  collect(what, value);
  return value;
}

template <typename T>
void channel_core<T>::end_receivers(step_queue& ended) noexcept {
  while (queued_step* const step = dequeue(receivers_)) {
    auto* const r = static_cast<channel_receiver<T>*>(step);
    --receiving_;
    if (r->ends_with_its_channel())
      ended.push_back(*r);
  }
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
    // They wait because nothing is buffered. If a value is on its way, whoever
    // moves it ends those that do not get it.
    if (is_over())
      end_receivers(ended);
  }
  complete_all(ended);
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
    orphan(*step);
}

} // namespace weir::detail
