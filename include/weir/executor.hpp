// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/frame_cache.hpp>
#include <weir/detail/base/prelude.hpp>
#include <weir/detail/task/task_core.hpp>
#include <weir/error.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/executor.hpp>
#include <boost/asio/execution/mapping.hpp>
#include <boost/asio/execution/relationship.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace weir {

class runtime;

namespace detail {

struct executor_access; // below

// The pool of a runtime. (runtime_core is an incomplete type here.)
WEIR_API asio::thread_pool& pool_of(runtime_core& runtime) noexcept;

// `held`: typeid().name() of the executor that a polymorphic executor holds;
// null if it holds none, or the program has no type names.
WEIR_API [[noreturn]] void throw_foreign_executor(bool is_empty,
                                                  const char* held);

// asio::any_io_executor and the like, without their headers.
template <typename E, typename Target>
concept polymorphic_executor = requires(const E& e) {
  { e.template target<Target>() } -> std::same_as<const Target*>;
  e.target_type();
}
&&asio::execution::is_executor_v<E>;

// A function submitted to a task's strand.
template <typename F>
class function_item final : public strand_item {
  // The frame cache, unless the function has an allocator of its own.
  using associated = asio::associated_allocator_t<F, cache_allocator<void>>;
  using allocator_type = typename std::allocator_traits<
      associated>::template rebind_alloc<function_item>;
  using traits = std::allocator_traits<allocator_type>;

public:
  template <typename G>
  static function_item& make(G&& f) {
    allocator_type from = allocator_of(f);
    function_item* const at = traits::allocate(from, 1);
    try {
      return *::new (at) function_item(std::forward<G>(f));
    } catch (...) {
      traits::deallocate(from, at, 1);
      throw;
    }
  }

private:
  template <typename G>
  explicit function_item(G&& f) : strand_item(kind), f_(std::forward<G>(f)) {}

  static allocator_type allocator_of(const F& f) noexcept {
    return allocator_type(
        asio::get_associated_allocator(f, cache_allocator<void>()));
  }
  static void run_and_delete(strand_item& item, how what) noexcept {
    auto* self = static_cast<function_item*>(&item);
    allocator_type from = allocator_of(self->f_);
    F f(std::move(self->f_));
    self->~function_item(); // Before the call: it may submit another.
    traits::deallocate(from, self, 1);
    if (what == how::run)
      std::move(f)();
  }

  static constexpr strand_item_kind kind = {&function_item::run_and_delete};

  F f_;
};

} // namespace detail

/// The executor of a runtime, or of one task on it.
///
/// `runtime::get_executor()` runs functions on any thread of the pool.
/// `co_await asio::this_coro::executor` in a task gives that task's own
/// executor: it is the task's strand, so submitted functions never overlap the
/// coroutine, its handlers or a cancellation of the task. Both are of this one
/// type, model Asio's executor concept, and fit into `asio::any_io_executor`
/// without allocation. Copies of a task's executor may outlive the task.
///
/// An `asio::any_io_executor` that holds a weir::executor converts back. So a
/// function that takes a weir::executor also takes the result of
/// `socket.get_executor()`, if the socket was made for the runtime. A
/// polymorphic executor that holds another executor, also a strand around a
/// weir::executor, is refused at run time.
///
/// Functions must not throw; an exception ends the process, as on an
/// `asio::thread_pool`. Exception: dispatch() from the task itself propagates
/// to the caller.
///
/// Precondition: the runtime is alive.
/// Thread safety: distinct objects, safe; one object, const members only.
/// Complexity: a submission to a busy strand allocates one block from the
///   per-thread cache; a dispatch on an idle strand, or from the task itself,
///   does not.
class executor { // Not final: a trait of Asio derives from it.
public:
  executor(const executor& other) noexcept
      : target_(other.target_), bits_(other.bits_) {
    if (is_task())
      task().add_ref();
  }
  executor(executor&& other) noexcept
      : target_(std::exchange(other.target_, 0)), bits_(other.bits_) {}
  executor& operator=(executor other) noexcept {
    std::swap(target_, other.target_);
    std::swap(bits_, other.bits_);
    return *this;
  }
  ~executor() {
    if (is_task())
      task().release();
  }

  /// Takes the executor that `any` holds. `any` is an `asio::any_io_executor`,
  /// or another polymorphic executor of Asio.
  ///
  /// Throws: `std::invalid_argument` when `any` holds no executor of a weir
  ///   runtime.
  template <detail::polymorphic_executor<executor> Any>
  executor(const Any& any) : executor(held_by(any)) {}

  /// Runs `f` according to the `blocking` property.
  template <typename F>
  void execute(F&& f) const {
    if (!is_task()) {
      auto pool = asio::require(
          detail::pool_of(runtime()).get_executor(),
          asio::execution::allocator(asio::get_associated_allocator(f)));
      if (is_never_blocking())
        asio::require(pool, asio::execution::blocking.never)
            .execute(std::forward<F>(f));
      else
        pool.execute(std::forward<F>(f));
    } else if (is_never_blocking()) {
      task().post(
          detail::function_item<std::decay_t<F>>::make(std::forward<F>(f)));
    } else if (detail::current_task() == &task()) {
      std::decay_t<F> g(std::forward<F>(f));
      std::move(g)();
    } else if (detail::task_ref core(&task()); core->begin_inline()) {
      [&]() noexcept {
        std::decay_t<F> g(std::forward<F>(f));
        std::move(g)();
      }();
      core->end_inline();
    } else {
      core->post(
          detail::function_item<std::decay_t<F>>::make(std::forward<F>(f)));
    }
  }

  /// The `asio::thread_pool` of the runtime.
  asio::execution_context& query(asio::execution::context_t) const noexcept {
    return is_task() ? detail::pool_of(task().runtime())
                     : detail::pool_of(runtime());
  }
  asio::execution::blocking_t
  query(asio::execution::blocking_t) const noexcept {
    return is_never_blocking()
               ? asio::execution::blocking_t(asio::execution::blocking.never)
               : asio::execution::blocking_t(
                     asio::execution::blocking.possibly);
  }
  asio::execution::relationship_t
  query(asio::execution::relationship_t) const noexcept {
    return (bits_ & continuation) != 0
               ? asio::execution::relationship_t(
                     asio::execution::relationship.continuation)
               : asio::execution::relationship_t(
                     asio::execution::relationship.fork);
  }
  static constexpr asio::execution::mapping_t
  query(asio::execution::mapping_t) noexcept {
    return asio::execution::mapping.thread;
  }

  executor require(asio::execution::blocking_t::possibly_t) const noexcept {
    return with(bits_ & ~never);
  }
  executor require(asio::execution::blocking_t::never_t) const noexcept {
    return with(bits_ | never);
  }
  executor require(asio::execution::relationship_t::fork_t) const noexcept {
    return with(bits_ & ~continuation);
  }
  executor
  require(asio::execution::relationship_t::continuation_t) const noexcept {
    return with(bits_ | continuation);
  }

  friend bool operator==(const executor& a, const executor& b) noexcept {
    return a.target_ == b.target_ && a.bits_ == b.bits_;
  }

private:
  static constexpr std::uintptr_t task_tag = 1; // in the address's low bit
  static constexpr unsigned never = 1;
  static constexpr unsigned continuation = 2;

  friend struct detail::executor_access;
  explicit executor(detail::task_core& core) noexcept
      : target_(reinterpret_cast<std::uintptr_t>(&core) | task_tag) {
    core.add_ref();
  }
  explicit executor(detail::runtime_core& core) noexcept
      : target_(reinterpret_cast<std::uintptr_t>(&core)) {}
  detail::runtime_core& runtime() const noexcept {
    return is_task() ? task().runtime()
                     : *reinterpret_cast<detail::runtime_core*>(target_);
  }

  template <typename Any>
  static const executor& held_by(const Any& any) {
    if (const executor* const held = any.template target<executor>())
      return *held;
    const bool is_empty = !static_cast<bool>(any);
    if constexpr (requires { any.target_type().name(); })
      detail::throw_foreign_executor(is_empty, any.target_type().name());
    else
      detail::throw_foreign_executor(is_empty, nullptr);
  }

  bool is_task() const noexcept { return (target_ & task_tag) != 0; }
  bool is_never_blocking() const noexcept { return (bits_ & never) != 0; }
  detail::task_core& task() const noexcept {
    return *reinterpret_cast<detail::task_core*>(target_ & ~task_tag);
  }
  executor with(unsigned bits) const noexcept {
    executor changed(*this);
    changed.bits_ = bits;
    return changed;
  }

  std::uintptr_t target_;
  unsigned bits_ = 0;
};

static_assert(asio::execution::is_executor_v<executor>);
static_assert(sizeof(executor) <= 16);

namespace detail {

// Makes the executor of a task or of a runtime, and gives the runtime of an
// executor.
struct executor_access {
  static executor of(task_core& core) noexcept { return executor(core); }
  static executor of(runtime_core& core) noexcept { return executor(core); }
  static runtime_core& runtime(const executor& ex) noexcept {
    return ex.runtime();
  }
};

} // namespace detail

} // namespace weir
