// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/base/teardown.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/detail/wait/contending_step.hpp>
#include <weir/error.hpp>
#include <weir/send_status.hpp>

#include "channel_nodes.hpp"
#include "channel_ring.hpp"

#include <boost/system/error_code.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::detail {

// One receive() from several channels at once: only one may serve it, and the
// entry's owner is then his to complete. Its entries are in the queues of all
// of them.
struct receive_claim : shared_claim {
  // One channel is closed. True: it was the last, and the claim is taken.
  bool close_one() noexcept {
    // acq_rel: the thread that sees none left has seen all others go.
    return open.fetch_sub(1, std::memory_order_acq_rel) == 1 && take();
  }

  sync::atomic<std::size_t> open{0}; // channels that can still serve it
};

// A waiter for a value.
template <typename T>
class channel_receiver : public contending_step {
public:
  channel_receiver() = default;
  // Only before it is started.
  channel_receiver(channel_receiver&& other) noexcept
      : contending_step(std::move(other)) {}

  // Its channel is closed. True: it ends by that, and not by another channel.
  bool ends_with_its_channel() noexcept {
    return in_many == nullptr || in_many->close_one();
  }

  std::optional<T> value;           // of the thread that dequeued it
  receive_claim* in_many = nullptr; // an entry of a receive_any(): its claim

protected:
  ~channel_receiver() = default;
};

// A waiter until its value is taken.
template <typename T>
class channel_sender : public contending_step {
public:
  using signature = void(boost::system::error_code);

  template <typename... Args>
  explicit channel_sender(std::in_place_t, Args&&... args)
      : value(std::forward<Args>(args)...) {}
  // Only before it is started.
  channel_sender(channel_sender&& other) noexcept
      : contending_step(std::move(other)), value(std::move(other.value)) {}

  void refuse(boost::system::error_code why) noexcept { code_ = why; }
  bool is_refused() const noexcept { return code_.failed(); }
  void finish() const {
    if (code_)
      throw_code(code_);
  }
  std::tuple<boost::system::error_code> arguments() const noexcept {
    return {code_};
  }

  T value; // moved from once it was sent

protected:
  ~channel_sender() = default;
};

WEIR_API [[noreturn]] void
channel_destroyed_in_use(std::size_t senders, std::size_t receivers) noexcept;

// What the steps of a channel share. Any thread.
//
// Receivers wait only while nothing is buffered and no thread sends; senders
// only while there is no room. A value whose move is the user's code is moved
// without the lock, and no thread spins meanwhile: such a value is not buffered
// before it is in its node, and a node is room only once it is empty. The
// thread that has filled or emptied a node looks which waiter can go on by
// that, see settle().
template <typename T>
class channel_core {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "a channel hands its values from thread to thread, where "
                "nobody could catch what their move constructor throws");

public:
  explicit channel_core(std::size_t capacity) : buffer_(capacity) {}
  channel_core(const channel_core&) = delete;
  channel_core& operator=(const channel_core&) = delete;
  ~channel_core() {
    if (in_teardown())
      forsake_all();
    const counts left = now();
    if (left.senders != 0 || left.receivers != 0)
      channel_destroyed_in_use(left.senders, left.receivers);
  }

  // `value` is moved from if it is sent.
  send_status try_send(T&& value) noexcept;

  // True: sent, or refused, also when `max_waiting` others wait. False: queued;
  // `s` may be destroyed already.
  bool send(channel_sender<T>& s,
            waiter& who,
            std::size_t max_waiting = static_cast<std::size_t>(-1)) noexcept;

  // A value that a receiver took.
  struct taken {
    enum class from : std::uint8_t {
      nowhere,
      buffer,
      sender,
      too_late, // there is one, but the receiver's claim is spent
    };
    from source = from::nowhere;
    channel_node<T>* node = nullptr;     // in which it is, if it is in one
    channel_sender<T>* sender = nullptr; // whose it is, or who got the room
  };

  // Lock held: takes the next value, if there is one, and `claim`. Moves it
  // out if that can be done under the lock.
  taken take(std::optional<T>& into, shared_claim* claim = nullptr) noexcept;
  // No lock held: moves it out otherwise, and completes the sender.
  // *this may be destroyed afterwards.
  void collect(const taken& what, std::optional<T>& into) noexcept;

  // True: `r` has a value, or will never get one. False: queued.
  bool receive(channel_receiver<T>& r, waiter& who) noexcept;
  std::optional<T> try_receive() noexcept;

  // Lock held: no value will come any more, but those that are buffered.
  bool is_over() const noexcept { return closed_ && buffer_.is_settled(); }
  void wait(channel_receiver<T>& r, waiter& who) noexcept {
    enqueue(receivers_, r, who);
    ++receiving_;
  }

  // False: it was taken out already, its completion follows.
  bool withdraw(channel_sender<T>& s) noexcept {
    std::lock_guard held(lock);
    return detail::withdraw(senders_, s) && (--sending_, true);
  }
  bool withdraw(channel_receiver<T>& r) noexcept {
    std::lock_guard held(lock);
    return detail::withdraw(receivers_, r) && (--receiving_, true);
  }

  // The first reason counts: what senders get. Those that wait are left in
  // `refused`, for complete_all(); returns how many.
  std::size_t close(boost::system::error_code why,
                    step_queue& refused) noexcept;
  void close() noexcept {
    step_queue refused;
    close(errc::channel_closed, refused);
    complete_all(refused); // *this may be destroyed.
  }

  struct counts {
    std::size_t size;
    std::size_t senders;
    std::size_t receivers;
    bool closed;
  };
  counts now() noexcept {
    std::lock_guard held(lock);
    return {buffer_.size(), sending_, receiving_, closed_};
  }
  std::size_t capacity() const noexcept { return buffer_.capacity(); }

  spin_lock lock;

private:
  using held_lock = std::unique_lock<spin_lock>;

  // As if it was closed.
  void forsake_all() noexcept;

  // Lock held: a thread moves the value of a sender that has waited, or is
  // about to. Until it has looked for the next no other thread serves senders,
  // nor sends: they would overtake that value.
  bool is_refilling() const noexcept {
    return !moves_under_lock<T> && refilling_;
  }
  // Lock held, there is room; it is released. *this may be destroyed
  // afterwards.
  void put(held_lock& held, T&& value) noexcept;

  // A value to be moved for those who wait: out of the node to a receiver, or
  // into it from a sender. They were taken out of their queue.
  struct errand {
    channel_node<T>* node = nullptr; // null: there is none
    channel_receiver<T>* to = nullptr;
    channel_sender<T>* from = nullptr;
  };
  // Lock held. `refills`: it is for the caller to serve senders_.
  errand next_errand(bool& refills) noexcept;
  // Lock held, it is released: a node was filled or emptied. Does what is to
  // be done now. *this may be destroyed afterwards.
  void settle(held_lock& held) noexcept;

  // Lock held, is_over(): those that wait for a value get none.
  void end_receivers(step_queue& ended) noexcept;

  template <typename Waiting>
  [[gnu::noinline]] static Waiting* next_in(step_queue& queue,
                                            std::size_t& count,
                                            shared_claim* mine,
                                            bool& too_late) noexcept {
    contending_step* const step = first_served(queue, mine, too_late);
    if (step != nullptr)
      --count;
    return static_cast<Waiting*>(step);
  }
  channel_sender<T>* next_sender(shared_claim* mine, bool& too_late) noexcept {
    if (senders_.empty()) // The common case, checked inline.
      return nullptr;
    return next_in<channel_sender<T>>(senders_, sending_, mine, too_late);
  }
  channel_receiver<T>* next_receiver(shared_claim* mine,
                                     bool& too_late) noexcept {
    if (receivers_.empty())
      return nullptr;
    return next_in<channel_receiver<T>>(receivers_, receiving_, mine, too_late);
  }
  // The first, whatever its claim.
  channel_sender<T>* any_sender() noexcept {
    queued_step* const s = dequeue(senders_);
    if (s == nullptr)
      return nullptr;
    --sending_;
    return static_cast<channel_sender<T>*>(s);
  }

  using buffer = std::
      conditional_t<moves_under_lock<T>, channel_ring<T>, channel_nodes<T>>;

  bool closed_ = false;                  // under lock
  bool refilling_ = false;               // under lock: one thread does
  boost::system::error_code why_closed_; // under lock
  buffer buffer_;                        // under lock
  step_queue senders_;                   // under lock
  step_queue receivers_;                 // under lock
  std::size_t sending_ = 0;              // under lock
  std::size_t receiving_ = 0;            // under lock
};

} // namespace weir::detail
