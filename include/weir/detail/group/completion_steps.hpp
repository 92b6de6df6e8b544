// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/executor.hpp>
#include <weir/result.hpp>
#include <weir/task_group.hpp>
#include <weir/unwinding.hpp>

#include "completion_core.hpp"
#include "group_access.hpp"

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

namespace weir {

template <typename T>
struct completed;

namespace detail {

// completion_group::next as an operation.
template <typename T>
class next_step final : public completion_waiter<T> {
public:
  using signature = void(boost::system::error_code,
                         std::optional<completed<T>>);
  static constexpr const char* waits_for = "next result of a group";

  // Owns the core: at the end of a runtime the group may go before one that
  // waits with a token.
  next_step(task_group& group,
            std::shared_ptr<completion_core<T>> core) noexcept
      : group_(&group_access::core(group)), core_(std::move(core)),
        fallback_(group.get_executor()) {}

  bool start(waiter& w, task_core* self) noexcept {
    if (runs_in(*group_, self)) {
      this->code_ = errc::would_deadlock;
      return true;
    }
    return core_->take(*this, w); // When false, *this may be destroyed.
  }
  bool on_cancel(waiter&) noexcept {
    if (!core_->withdraw_taker(*this))
      return false;
    this->abort();
    return true;
  }
  executor fallback_executor() const noexcept { return fallback_; }

  std::optional<completed<T>> finish() {
    if (this->code_)
      throw boost::system::system_error(
          this->code_,
          this->code_ == errc::would_deadlock
              ? "weir::completion_group::next: called by a child of the same "
                "group"
              : "");
    return answer();
  }
  std::tuple<boost::system::error_code, std::optional<completed<T>>>
  arguments() {
    return {this->code_, answer()};
  }

private:
  std::optional<completed<T>> answer() {
    if (!this->got)
      return std::nullopt;
    // In place: g++ 12 takes a temporary that is moved for uninitialised.
    return std::optional<completed<T>>(
        std::in_place, this->got->index, std::move(*this->got->ended_with));
  }

  const group_core* group_;
  std::shared_ptr<completion_core<T>> core_;
  executor fallback_;
};

// A child with its result, which waits until few enough are unconsumed. That
// a cancellation ends the wait is no abort: the result was given.
template <typename T>
class hold_step final : public queued_step {
public:
  using signature = void();
  static constexpr const char* waits_for = "room in a completion_group";

  explicit hold_step(completion_core<T>& core) noexcept : core_(&core) {}

  bool start(waiter& w, task_core*) noexcept {
    return core_->may_end(*this, w); // When false, *this may be destroyed.
  }
  bool on_cancel(waiter&) noexcept { return core_->withdraw_holder(*this); }
  void finish() const noexcept {}

private:
  completion_core<T>* core_;
};

// A child counts as long as this is in its frame, run or not.
template <typename T>
class child_seat final {
public:
  explicit child_seat(std::shared_ptr<completion_core<T>> core) noexcept
      : core_(std::move(core)) {
    core_->enter();
  }
  child_seat(child_seat&& other) noexcept = default;
  child_seat& operator=(child_seat&&) = delete;
  ~child_seat() {
    if (core_)
      core_->leave();
  }
  completion_core<T>& core() const noexcept { return *core_; }

private:
  std::shared_ptr<completion_core<T>> core_;
};

template <typename T>
task<> run_for_completion(child_seat<T> seat,
                          std::unique_ptr<result_node<T>> node,
                          bool holds_errors) {
  task_core& self = co_await this_core();
  node->index = self.index;
  outcome<T> ended =
      co_await outcome_of<T>(std::move(node->work), if_abandoned::failed);
  std::exception_ptr error = node->settle(ended);
  seat.core().push(std::move(node));
  if (ended.is_stopped())
    co_await pass_on_stop();
  if (!error) {
    co_await operation<hold_step<T>>(std::in_place, seat.core());
  } else {
    if (holds_errors) {
      // It has failed: a cancellation that unwinds must not make it one that
      // was cancelled.
      unwind_mode mode(self, false);
      co_await operation<hold_step<T>>(std::in_place, seat.core());
    }
    std::rethrow_exception(std::move(error));
  }
}

// completion_group::join as an operation.
template <typename T>
class completion_join_step final : public join_step {
public:
  completion_join_step(task_group& group, completion_core<T>& core) noexcept
      : join_step(group_access::core(group)),
        group_(&group_access::core(group)), core_(&core) {}

  bool start(waiter& w, task_core* task) noexcept {
    if (!runs_in(*group_, task))
      core_->unbind();
    return join_step::start(w, task); // When false, *this may be destroyed.
  }

private:
  group_core* group_;
  completion_core<T>* core_;
};

} // namespace detail
} // namespace weir
