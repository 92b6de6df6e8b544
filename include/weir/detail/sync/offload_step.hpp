// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/completion_memory.hpp>
#include <weir/detail/base/export.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/outcome.hpp>
#include <weir/detail/task/root_task.hpp>
#include <weir/detail/wait/operation_base.hpp>
#include <weir/detail/wait/waiter.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::detail {

class blocking_core;
class task_core;

// A function on its way through a blocking_pool. Owned by its waiter
// and, from when it is accepted until it has returned, by the pool.
class blocking_job {
public:
  enum class stage : std::uint8_t {
    made,    // not given to the pool, or taken back
    queued,  //
    running, //
    done,    // it has returned
  };

  blocking_job() = default;
  blocking_job(const blocking_job&) = delete;
  blocking_job& operator=(const blocking_job&) = delete;

  // A thread of the pool: calls the function, and destroys it.
  virtual void call() noexcept = 0;

  // relaxed: the thread that adds one already owns one.
  void add_ref() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // release: this holder's accesses happen before the deletion.
    // acquire: the last one deletes what all others wrote.
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }

  // The pool's, guarded by its lock.
  blocking_job* prev = nullptr;
  blocking_job* next = nullptr;
  waiter* who = nullptr;           // null: no waiter
  runtime_core* runtime = nullptr; // of the task that waits, if it is one
  stage at = stage::made;
  // A thread of the pool is about to complete the waiter.
  bool is_completing = false;

  completion_memory<6 * sizeof(void*)> memory; // for the completion of a task

  // The pool is destroyed: the end of a runtime destroyed the frame that it was
  // in, and the waiter is no task of that runtime. Written under the pool's
  // lock.
  bool is_orphaned = false;

protected:
  virtual ~blocking_job() = default;

private:
  sync::atomic<std::uint32_t> refs_{1};
};

template <typename F, typename... Args>
class blocking_call final : public blocking_job {
public:
  using value_type = std::invoke_result_t<F, Args...>;

  template <typename G, typename... As>
  explicit blocking_call(std::in_place_t, G&& f, As&&... args)
      : call_(std::in_place, std::forward<G>(f), std::forward<As>(args)...) {}

  // By the waiter, when it is done.
  value_type take() { return result_->get(); }

private:
  void call() noexcept override {
    try {
      result_.emplace(std::in_place, [this]() -> value_type {
        return std::apply(
            [](F& f, Args&... args) -> value_type {
              return std::invoke(std::move(f), std::move(args)...);
            },
            *call_);
      });
    } catch (...) {
      result_.emplace(std::current_exception());
    }
    call_.reset(); // Before the waiter is completed: it may own what they refer
                   // to.
  }

  std::optional<std::tuple<F, Args...>> call_;
  std::optional<outcome<value_type>> result_;
};

template <typename Call, typename... Args>
ref<Call> make_job(Args&&... args) {
  return ref<Call>::adopt(new Call(std::in_place, std::forward<Args>(args)...));
}

// What blocking_core does for a step.
enum class job_start : bool { waits, overloaded };
WEIR_API job_start submit(blocking_core& pool,
                          blocking_job& job,
                          waiter& w,
                          task_core* self);
// True: there is no waiter any more. False: the completion is on the way.
WEIR_API bool abandon_job(blocking_core& pool, blocking_job& job) noexcept;
WEIR_API boost::system::error_code overloaded_code() noexcept;

template <typename T>
struct offload_types {
  using value = typename spawn_value<T>::type;
  using signature = void(std::exception_ptr, value);
  using arguments = std::tuple<std::exception_ptr, value>;
};
template <>
struct offload_types<void> {
  using signature = void(std::exception_ptr);
  using arguments = std::tuple<std::exception_ptr>;
};

// blocking_pool::run as an operation.
template <typename Call>
class offload_step final : public coded_operation {
  using value_type = typename Call::value_type;
  using types = offload_types<value_type>;

public:
  using signature = typename types::signature;
  static constexpr const char* waits_for = "offload";
  static constexpr bool ends_outside = true;

  offload_step(blocking_core& pool, ref<Call> job) noexcept
      : pool_(&pool), job_(std::move(job)) {}

  bool start(waiter& w, task_core* self) noexcept {
    if (submit(*pool_, *job_, w, self) == job_start::waits)
      return false; // *this may be destroyed.
    code_ = overloaded_code();
    return true;
  }
  bool on_cancel(waiter&) noexcept {
    if (job_->is_orphaned || !abandon_job(*pool_, *job_))
      return false;
    abort();
    return true;
  }
  bool ended_by_cancel() const noexcept {
    return job_->is_orphaned || code_ == asio::error::operation_aborted;
  }
  value_type finish() {
    if (job_->is_orphaned)
      abort();
    if (code_)
      throw boost::system::system_error(code_, "weir::offload");
    return job_->take();
  }
  typename types::arguments arguments() {
    try {
      if constexpr (std::is_void_v<value_type>) {
        finish();
        return {nullptr};
      } else if constexpr (std::is_reference_v<value_type>) {
        return {nullptr, std::addressof(finish())};
      } else {
        return {nullptr, typename types::value(finish())};
      }
    } catch (...) {
      if constexpr (std::is_void_v<value_type>)
        return {std::current_exception()};
      else
        return {std::current_exception(), typename types::value()};
    }
  }

private:
  blocking_core* pool_;
  ref<Call> job_;
};

} // namespace weir::detail
