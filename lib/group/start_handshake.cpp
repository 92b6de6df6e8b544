// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/group/group_steps.hpp>
#include <weir/detail/group/start_handshake.hpp>
#include <weir/detail/task/abort.hpp>
#include <weir/error.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <stdexcept>

namespace weir::detail {

namespace {

// The error for a child that was stopped differs from that for a child whose
// frames were destroyed.
std::exception_ptr stop_error(bool was_cancelled) {
  return was_cancelled ? error_of(asio::error::operation_aborted)
                       : error_of(errc::task_abandoned);
}

} // namespace

bool handshake_core::wait(waiter& w) noexcept {
  std::lock_guard held(lock_);
  if (stage_ != stage::waiting)
    return true;
  who_ = &w;
  return false;
}

void handshake_core::cancel() noexcept {
  cancel_scope* scope = nullptr;
  {
    std::lock_guard held(lock_);
    if (stage_ != stage::waiting || is_cancelled_)
      return;
    is_cancelled_ = true;
    scope = scope_;
    if (scope != nullptr)
      scope->announce(); // The scope then exists until the request arrives.
  }
  if (scope != nullptr)
    scope->request(asio::cancellation_type::terminal);
}

bool handshake_core::withdraw() noexcept {
  std::lock_guard held(lock_);
  return std::exchange(who_, nullptr) != nullptr;
}

bool handshake_core::was_cancelled() const noexcept {
  {
    std::lock_guard held(lock_);
    if (stage_ != stage::ended)
      return false;
    if (!error_)
      return is_cancelled_;
  }
  return is_aborted(error_);
}

void handshake_core::check() const {
  stage now;
  bool cancelled;
  {
    std::lock_guard held(lock_);
    now = stage_;
    cancelled = is_cancelled_;
  }
  if (now == stage::ready)
    return;
  if (error_)
    std::rethrow_exception(error_);
  if (cancelled)
    throw_aborted();
  throw boost::system::system_error(
      errc::not_started, "weir::start: the child returned without set()");
}

bool handshake_core::enter(cancel_scope& scope) noexcept {
  std::lock_guard held(lock_);
  has_entered_ = true;
  if (is_cancelled_)
    return false;
  scope_ = &scope;
  return true;
}

void handshake_core::exit() noexcept {
  std::lock_guard held(lock_);
  scope_ = nullptr;
}

bool handshake_core::leave(const std::exception_ptr& error) noexcept {
  std::lock_guard held(lock_);
  scope_ = nullptr;
  has_left_ = true;
  if (stage_ != stage::waiting)
    return true;
  error_ = error;
  return false;
}

void handshake_core::end() noexcept {
  if (!has_left_) // Only the child writes it, here for the last time.
    error_ = stop_error(!has_entered_);
  decide(stage::ended);
}

bool handshake_core::begin_set() {
  std::lock_guard held(lock_);
  if (is_set_)
    throw std::logic_error("weir::started::set: called twice");
  is_set_ = true;
  return !is_cancelled_;
}

void handshake_core::finish_set() noexcept { decide(stage::ready); }

bool handshake_core::is_set() const noexcept {
  std::lock_guard held(lock_);
  return is_set_;
}

void handshake_core::decide(stage s) noexcept {
  waiter* who = nullptr;
  {
    std::lock_guard held(lock_);
    // A parent that is cancelled while its child reports that it is ready stays
    // cancelled.
    if (stage_ != stage::waiting || (s == stage::ready && is_cancelled_))
      return;
    stage_ = s;
    who = std::exchange(who_, nullptr);
  }
  if (who != nullptr)
    who->complete(*who);
}

// Lives in the frame of run_starting(). Not in an anonymous namespace: a unity
// build would take the frame's type for one of a header, see
// -Wsubobject-linkage.
class handshake_exit {
public:
  handshake_exit(handshake_core& shake, cancel_scope& scope) noexcept
      : shake_(shake), scope_(scope) {}
  handshake_exit(const handshake_exit&) = delete;
  handshake_exit& operator=(const handshake_exit&) = delete;
  ~handshake_exit() {
    shake_.exit();
    scope_.break_off(); // Has an effect only at the end of the runtime.
  }

private:
  handshake_core& shake_;
  cancel_scope& scope_;
};

task<> run_starting(starting child) {
  task_core& self = co_await this_core();
  handshake_core& shake = child.shake();
  cancel_scope scope(self, cancel_scope::kind::open);
  handshake_exit guard(shake, scope);
  std::exception_ptr error;
  bool is_stopped = true;
  const bool has_begun = shake.enter(scope);
  if (has_begun) {
    outcome<void> result = co_await outcome_of<void>(child.take_work());
    error = result.error();
    is_stopped = result.is_stopped();
  }
  if (is_stopped)
    error = stop_error(!has_begun ||
                       self.cancelled() != asio::cancellation_type::none);
  const bool is_of_group = shake.leave(error);
  co_await leave_scope<cancel_scope>(scope);
  if (!is_of_group)
    co_return; // The parent learns it when this frame is destroyed.
  if (is_stopped)
    co_await pass_on_stop();
  if (error)
    std::rethrow_exception(error);
}

} // namespace weir::detail
