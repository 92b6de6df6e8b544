// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/cancel_scope.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/detail/wait/operation_base.hpp>
#include <weir/detail/wait/queued_step.hpp>
#include <weir/detail/wait/waiter.hpp>
#include <weir/task.hpp>

#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace weir::detail {

// Between a parent in start() and its child, who both own it.
//
//   waiting  -> ready      the child has called set()
//            -> ended      it ended before, error_ says how
//   A cancelled parent waits for `ended`; set() does not help it any more.
class handshake_core {
public:
  handshake_core() = default;
  handshake_core(const handshake_core&) = delete;
  handshake_core& operator=(const handshake_core&) = delete;

  // --- the parent -----------------------------------------------------------

  // As of a step: true, it is decided; false, `w` waits.
  WEIR_API bool wait(waiter& w) noexcept;
  // Cancels the child, whose end is then waited for.
  WEIR_API void cancel() noexcept;
  // The runtime ends. False: it is decided.
  WEIR_API bool withdraw() noexcept;
  WEIR_API bool was_cancelled() const noexcept;
  // Decided: throws unless the child is ready.
  WEIR_API void check() const;

  // --- the child, on its strand ---------------------------------------------

  // Before its function is called. False: the parent was cancelled already.
  bool enter(cancel_scope& scope) noexcept;
  // The scope goes away; no new cancellation of it comes.
  void exit() noexcept;
  // The function has ended. True: after set(), so that its error is the
  // group's; else it is the parent's.
  bool leave(const std::exception_ptr& error) noexcept;
  // Its frames are destroyed. Completes the parent's wait, unless that is done.
  WEIR_API void end() noexcept;
  // True: it was not set before, and the parent has not left.
  WEIR_API bool begin_set();
  WEIR_API void finish_set() noexcept;
  WEIR_API bool is_set() const noexcept;

private:
  enum class stage : unsigned char { waiting, ready, ended };
  void decide(stage s) noexcept;

  mutable spin_lock lock_;
  // Guarded by lock_.
  stage stage_ = stage::waiting;
  bool is_set_ = false;
  bool is_cancelled_ = false;
  bool has_entered_ = false;
  bool has_left_ = false;
  waiter* who_ = nullptr;
  cancel_scope* scope_ = nullptr; // of the child, while it can be cancelled
  // Constant once it is `ended`; null if the function returned.
  std::exception_ptr error_;
};

template <typename T>
class start_handshake final : public handshake_core {
  using value_type = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

public:
  void set(value_type value) {
    if (!begin_set())
      return;
    value_.emplace(std::move(value));
    finish_set();
  }
  T take() {
    check();
    if constexpr (!std::is_void_v<T>)
      return std::move(*value_);
  }

private:
  std::optional<value_type> value_; // by the child until it is ready
};

// A child before it is spawned: its function's coroutine, and what completes
// the parent when it is destroyed, whether it has run or not.
class starting {
public:
  starting(std::shared_ptr<handshake_core> shake, task<> work) noexcept
      : shake_(std::move(shake)), work_(std::move(work)) {}
  starting(starting&&) = default;
  starting& operator=(starting&&) = delete;
  ~starting() {
    if (!shake_)
      return;
    work_ = {}; // First: what it holds may be the parent's.
    shake_->end();
  }
  handshake_core& shake() const noexcept { return *shake_; }
  task<> take_work() noexcept { return std::move(work_); }

private:
  std::shared_ptr<handshake_core> shake_;
  task<> work_;
};

// What is spawned.
WEIR_API task<> run_starting(starting child);

// Makes what a child says with that it is up; see start.hpp.
struct start_access;

// The parent's wait for its child.
template <typename T>
class handshake_step final : public operation_base {
public:
  using signature = void(std::exception_ptr);
  static constexpr const char* waits_for = "start of a child";
  // The child is there: also a cancelled parent must see its end.
  static constexpr bool starts_cancelled = true;

  explicit handshake_step(start_handshake<T>& shake) noexcept
      : shake_(&shake) {}

  bool start(waiter& w, task_core*) noexcept { return shake_->wait(w); }
  bool on_cancel(waiter&) noexcept {
    shake_->cancel();
    return false;
  }
  bool withdraw(waiter&) noexcept { return shake_->withdraw(); }
  void abort() noexcept {}
  bool ended_by_cancel() const noexcept { return shake_->was_cancelled(); }
  T finish() { return shake_->take(); }

private:
  start_handshake<T>* shake_; // the parent's frame owns it too
};

} // namespace weir::detail
