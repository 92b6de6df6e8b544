// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/detail/sync/channel_steps.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/detail/task/as_task.hpp>
#include <weir/detail/task/explain.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "group_steps.hpp"
#include "work_state.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::detail {

// What a work_queue's consumers and pushes share.
template <typename T>
struct work_core {
  work_core(std::size_t capacity, std::size_t waiting, bool goes_on)
      : items(capacity), max_waiting(waiting), keeps_going(goes_on) {}

  void close(boost::system::error_code why) noexcept {
    step_queue refused;
    state.end(items.close(why, refused));
    complete_all(refused); // *this may be destroyed.
  }
  // No consumer is left.
  void abandon() noexcept {
    close(asio::error::operation_aborted);
    state.abandon();
  }

  channel_core<T> items;
  work_state state;
  const std::size_t max_waiting;
  const bool keeps_going;
};

// work_queue::push as an operation.
template <typename T>
class push_step final : public channel_sender<T> {
public:
  static constexpr const char* waits_for = "work_queue push";

  template <typename... Args>
  explicit push_step(work_core<T>& core, Args&&... args)
      : channel_sender<T>(std::in_place, std::forward<Args>(args)...),
        core_(&core) {}

  bool start(waiter& w, task_core*) noexcept {
    core_->state.begin();
    if (!core_->items.send(*this, w, core_->max_waiting))
      return false; // *this may be destroyed.
    if (this->is_refused())
      core_->state.end();
    return true;
  }
  bool on_cancel(waiter&) noexcept {
    if (this->is_orphaned() || !core_->items.withdraw(*this))
      return false;
    core_->state.end();
    this->abort();
    return true;
  }

private:
  work_core<T>* core_;
};

// In the frame of each consumer, started or not: without it no consumer would
// take what others push, and wait for.
template <typename T>
class consumer_token {
public:
  explicit consumer_token(const std::shared_ptr<work_core<T>>& core) noexcept
      : core_(core) {}
  consumer_token(consumer_token&&) noexcept = default;
  consumer_token& operator=(consumer_token&&) = delete;
  ~consumer_token() {
    if (const auto core = core_.lock())
      core->abandon();
  }
  // Closed and drained.
  void end() noexcept { core_.reset(); }

private:
  // Weak: the core is the queue's, and goes after the consumers.
  std::weak_ptr<work_core<T>> core_;
};

// One item: counted as done at the end, however that comes. If it was cut off,
// by an error that ends the queue or a cancellation, so is the queue.
template <typename T>
class item_guard {
public:
  explicit item_guard(work_core<T>& core) noexcept : core_(core) {}
  item_guard(const item_guard&) = delete;
  item_guard& operator=(const item_guard&) = delete;
  ~item_guard() {
    if (!done_)
      core_.abandon();
    core_.state.end();
  }
  void done() noexcept { done_ = true; }

private:
  work_core<T>& core_;
  bool done_ = false;
};

struct no_state {};

// What a factory makes: the value of the task it returns, if it does.
template <typename R>
struct made {
  using type = R;
};
template <typename T>
struct made<task<T>> {
  using type = T;
};

template <typename Make>
struct made_by {
  using type = void; // explained
};
template <typename Make>
requires std::is_invocable_v<Make&>
struct made_by<Make> : made<std::invoke_result_t<Make&>> {
};

// `F` is called with an item, and with the state before it if there is one.
template <typename T, typename State, typename F>
concept consumes = (std::is_same_v<State, no_state> &&
                    std::is_invocable_v<F&, T>) ||
                   (std::is_object_v<State> &&
                    std::is_invocable_v<F&, State&, T>);

template <typename T, typename State, typename F, typename Make>
void explain_consumer() {
  if constexpr (has_explained<F, Make>)
    return;
  else if constexpr (std::is_same_v<State, no_state>)
    static_assert(std::is_invocable_v<F&, T>,
                  "weir::work_queue: the function must be callable with an "
                  "item, T&&");
  else if constexpr (!std::is_object_v<State>)
    static_assert(std::is_object_v<State>,
                  "weir::work_queue: the function that makes a state must take "
                  "no argument, and return an object or a weir::task of one");
  else
    static_assert(
        std::is_invocable_v<F&, State&, T>,
        "weir::work_queue: the function must be callable with a state "
        "and an item, (State&, T&&)");
}

// What all consumers share. Called by several at once.
template <typename F, typename Make>
struct work_functions {
  F f;
  Make make;
};

// Awaits, if it can be awaited, what `f(args...)` returns.
template <typename R>
inline constexpr bool is_awaited = !std::is_void_v<R> && work<R>;

template <typename T, typename State, typename F, typename Make>
task<> consume(task_group& group,
               work_core<T>& core,
               consumer_token<T> place,
               std::shared_ptr<work_functions<F, Make>> calls,
               std::unique_ptr<State> state) {
  const task_core& self = co_await this_core();
  core.state.set_owner(self.owner());
  if constexpr (!std::is_same_v<State, no_state>) {
    if (state == nullptr) {
      if constexpr (!is_task<std::invoke_result_t<Make&>>::value) {
        state = std::make_unique<State>(calls->make());
      } else if constexpr (is_framed<State>) {
        const held<State> made(co_await calls->make());
        state = std::make_unique<State>(made.value);
      } else {
        state = std::make_unique<State>(co_await calls->make());
      }
    }
  }
  const auto call = [&](T&& item) -> decltype(auto) {
    if constexpr (std::is_same_v<State, no_state>)
      return std::invoke(calls->f, std::move(item));
    else
      return std::invoke(calls->f, *state, std::move(item));
  };
  for (;;) {
    operation<receive_step<T>> next(std::in_place, core.items);
    std::optional<T> item = co_await std::move(next);
    if (!item)
      break;
    item_guard<T> at_work(core);
    try {
      if constexpr (is_awaited<decltype(call(std::move(*item)))>)
        (void)co_await call(std::move(*item));
      else
        call(std::move(*item));
    } catch (...) {
      // Each failure is a child's, for the group's policy to keep; the work
      // goes on in a new child.
      if (core.keeps_going && !group.is_cancelled() &&
          group.try_spawn(consume<T, State, F, Make>(
              group, core, std::move(place), calls, std::move(state))) ==
              spawn_status::started)
        at_work.done();
      throw;
    }
    at_work.done();
  }
  place.end();
}

} // namespace weir::detail
