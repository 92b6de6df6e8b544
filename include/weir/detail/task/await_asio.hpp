// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/executor.hpp>
#include <weir/operation.hpp>

#include "abort.hpp"
#include "explain.hpp"
#include "promise.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::detail {

// What an Asio operation awaited by a task and its completion handler share.
// Lives in the awaiting frame, which outlives the operation: the frame goes
// away only after the handler was called or dropped.
class asio_wait : public interruptible {
public:
  WEIR_API asio_wait() noexcept;
  asio_wait(const asio_wait&) = delete;
  asio_wait& operator=(const asio_wait&) = delete;

  // Any thread, once: the handler was called. `aborted`: the await would throw
  // operation_aborted.
  WEIR_API void completed(bool aborted) noexcept;
  // Any thread, once: the handler was destroyed instead.
  WEIR_API void dropped() noexcept;

protected:
  // For an awaitable of another library.
  explicit asio_wait(const wait_kind& kind) noexcept : interruptible(kind) {}
  WEIR_API static const wait_kind foreign;

  // What await_suspend() returns and throws, on the strand of `core`. Calls
  // initiate(), which starts the operation.
  template <typename F>
  bool suspend(task_core& core, F initiate) {
    bool stays_suspended = false;
    if (!begin(core, stays_suspended))
      return stays_suspended;
    try {
      initiate();
    } catch (...) {
      broke_off();
      throw;
    }
    return launched();
  }
  // True if the initiation called or dropped the handler before it returned.
  bool has_ended_inline() const noexcept {
    return done_inline_ || dropped_inline_;
  }
  // In await_resume(). Clears the slot, to keep a late cancellation away from
  // an I/O object that may be destroyed.
  WEIR_API void finish();

  task_core& core() const noexcept { return *core_; }

private:
  template <typename Wait>
  friend class asio_handler;

  // False: resume, see aborted_.
  WEIR_API bool begin(task_core& core, bool& suspend) noexcept;
  // The initiation threw. If it has kept the handler, calling or destroying
  // that handler does nothing.
  WEIR_API void broke_off() noexcept;
  // The initiation returned. True: stay suspended.
  WEIR_API bool launched() noexcept;

  // True: an initiation threw but has kept this handler. Called once for each
  // handler, when the handler is called or destroyed.
  static bool is_left_over(const asio_wait* begun,
                           const task_core* core,
                           std::uint32_t begun_in) noexcept {
    // relaxed: a thread that got the handler after the initiation threw sees
    // that its round has ended.
    return begun_in != rounds.load(std::memory_order_relaxed) &&
           take_left_over(begun, core, begun_in);
  }
  WEIR_API static bool take_left_over(const asio_wait* begun,
                                      const task_core* core,
                                      std::uint32_t begun_in) noexcept;
  // The current round; a new one begins with each handler that is left over. A
  // later wait may have the same address and task, but not the same round.
  WEIR_API static std::atomic<std::uint32_t> rounds;

  static void emit(interruptible& self) noexcept;
  static void resume(strand_item& item, strand_item::how how) noexcept;
  static const wait_kind wait;

  task_core* core_ = nullptr;
  std::uint32_t round_ = 0;
  bool initiating_ = false;
  bool done_inline_ = false;    // on the strand, by the initiation
  bool dropped_inline_ = false; // the same
  bool ended_dropped_ = false;  // published by wake()
  bool ended_aborted_ = false;  // the same, unless inline
  bool aborted_ = false;
};
static_assert(sizeof(asio_wait) <= 5 * sizeof(void*)); // many frames have one

// The completion handler given to Asio.
template <typename Wait>
class asio_handler {
public:
  using executor_type = executor;
  using allocator_type = cache_allocator<void>;
  using cancellation_slot_type = asio::cancellation_slot;
  using awaited_in_task = void;

  asio_handler(Wait& wait, task_core& core) noexcept
      : wait_(&wait), core_(&core), round_(wait.round_) {}
  asio_handler(asio_handler&& other) noexcept
      : wait_(std::exchange(other.wait_, nullptr)),
        core_(std::move(other.core_)), round_(other.round_) {}
  asio_handler& operator=(asio_handler&&) = delete;
  ~asio_handler() {
    // A handler that is left over has no wait any more.
    if (wait_ != nullptr &&
        !asio_wait::is_left_over(wait_, core_.get(), round_))
      wait_->dropped();
  }

  executor_type get_executor() const noexcept {
    return executor_access::of(*core_.get());
  }
  allocator_type get_allocator() const noexcept { return {}; }
  cancellation_slot_type get_cancellation_slot() const noexcept {
    return core_->signal().slot();
  }

  template <typename... Args>
  void operator()(Args&&... args) {
    Wait& wait = *std::exchange(wait_, nullptr);
    if (asio_wait::is_left_over(&wait, core_.get(), round_)) [[unlikely]]
      return;
    wait.completed(wait.store(std::forward<Args>(args)...));
  }

private:
  Wait* wait_;
  task_ref core_;
  std::uint32_t round_;
};

// What the completion signature means to the awaiting coroutine, by the
// conventions of asio::use_awaitable.
template <typename Signature>
class asio_result;

template <typename R, typename... Args>
class asio_result<R(Args...)> {
  using stored = std::tuple<std::decay_t<Args>...>;
  template <std::size_t I>
  using arg = std::tuple_element_t<I, stored>;

  static constexpr bool has_code = [] {
    if constexpr (sizeof...(Args) > 0)
      return std::is_same_v<arg<0>, boost::system::error_code>;
    else
      return false;
  }();
  static constexpr bool has_exception = [] {
    if constexpr (sizeof...(Args) > 0)
      return std::is_same_v<arg<0>, std::exception_ptr>;
    else
      return false;
  }();
  // If false, no copy throws, and thrown_ has no room for an exception.
  static constexpr bool copy_may_throw =
      !(... && (std::is_nothrow_copy_constructible_v<std::decay_t<Args>> &&
                std::is_nothrow_move_constructible_v<std::decay_t<Args>>));
  static constexpr std::size_t first = has_code || has_exception ? 1 : 0;

public:
  // True: get() will throw an abort, see is_aborted(). If copying the arguments
  // throws, the awaiting coroutine gets the exception, not the context that
  // calls the handler.
  template <typename... Values>
  bool store(Values&&... values) noexcept {
    if constexpr (copy_may_throw) {
      try {
        args_.emplace(std::forward<Values>(values)...);
      } catch (...) {
        thrown_ = std::current_exception();
        return false;
      }
    } else {
      args_.emplace(std::forward<Values>(values)...);
    }
    if constexpr (has_code)
      return is_abort_code(std::get<0>(args()));
    else if constexpr (has_exception)
      return is_aborted(std::get<0>(args()));
    else
      return false;
  }

  auto get() {
    if constexpr (copy_may_throw)
      if (thrown_) [[unlikely]]
        std::rethrow_exception(std::exchange(thrown_, nullptr));
    if constexpr (has_code) {
      if (std::get<0>(args()))
        throw_code(std::get<0>(args()));
    } else if constexpr (has_exception) {
      if (std::get<0>(args()))
        std::rethrow_exception(std::move(std::get<0>(args())));
    }
    constexpr std::size_t count = sizeof...(Args) - first;
    if constexpr (count == 0) {
      return;
    } else if constexpr (count == 1) {
      return std::move(std::get<first>(args()));
    } else {
      return tail(std::make_index_sequence<count>());
    }
  }

private:
  stored& args() noexcept { return *args_; }

  template <std::size_t... I>
  auto tail(std::index_sequence<I...>) {
    return std::tuple<arg<first + I>...>(
        std::move(std::get<first + I>(args()))...);
  }

  struct nothing {};
  std::optional<stored> args_;
  [[no_unique_address]] std::
      conditional_t<copy_may_throw, std::exception_ptr, nothing>
          thrown_{};
};

// `co_await` of an Asio operation: initiated on the task's strand with a
// handler whose executor is the task's, so completion and cancellation are
// serialised with the coroutine.
template <typename Op>
class await_asio final
    : public asio_wait,
      public asio_result<typename asio::completion_signature_of<Op>::type> {
public:
  explicit await_asio(Op&& op) noexcept : op_(std::forward<Op>(op)) {}

  bool await_ready() const noexcept { return false; }

  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) {
    return suspend(*h.promise().core(), [this] {
      std::forward<Op>(op_)(asio_handler<await_asio>(*this, core()));
    });
  }

  auto await_resume() {
    finish();
    return this->get();
  }

private:
  Op&& op_; // the operand of co_await, alive until the expression ends
};

// An Asio asynchronous operation that is not one of ours.
template <typename T>
concept asio_operation =
    !is_operation<std::remove_cvref_t<T>>::value && !native_awaitable<T> &&
    asio::is_async_operation<T>::value;

} // namespace weir::detail
