// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/cancel_types.hpp>
#include <weir/detail/base/completion_memory.hpp>

#include "waiter.hpp"

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace weir::detail {

namespace asio = boost::asio;

template <typename Step>
class await_operation;

// One of our operations on its way to a completion handler.
//
// Owned by the party that will complete it: the step's queue while it waits,
// the function posted to the handler's executor after that.
template <typename Step, typename Handler>
class operation_state final : public waiter {
  using fallback = decltype(std::declval<Step&>().fallback_executor());
  using executor_type = asio::associated_executor_t<Handler, fallback>;
  using allocator_type =
      typename std::allocator_traits<asio::associated_allocator_t<Handler>>::
          template rebind_alloc<operation_state>;
  using memory = completion_memory<completion_size<executor_type>()>;

public:
  static void start(Handler&& handler, Step&& step) {
    allocator_type allocator(asio::get_associated_allocator(handler));
    operation_state* self =
        std::allocator_traits<allocator_type>::allocate(allocator, 1);
    try {
      ::new (self) operation_state(std::move(handler), std::move(step));
    } catch (...) {
      std::allocator_traits<allocator_type>::deallocate(allocator, self, 1);
      throw;
    }
    owner guard(self);
    auto slot = asio::get_associated_cancellation_slot(self->handler_);
    if (slot.is_connected())
      slot.template emplace<canceller>(*self);
    guard.self = nullptr;
    if (self->step_.start(*self, nullptr)) {
      self->over_ = true;
      complete(*self);
    }
    // *self may be destroyed.
  }

private:
  // Frees the state, called or not: an execution context that is destroyed
  // first drops the posted function.
  struct owner {
    using allocator_type = typename memory::allocator_type;
    explicit owner(operation_state* s) noexcept : self(s) {}
    owner(owner&& other) noexcept : self(std::exchange(other.self, nullptr)) {}
    ~owner() {
      if (self != nullptr)
        destroy(self);
    }
    // Never asked of one that was moved from.
    allocator_type get_allocator() const noexcept {
      return self->memory_.allocator();
    }
    // On the handler's executor.
    void operator()() {
      auto slot = asio::get_associated_cancellation_slot(self->handler_);
      if (slot.is_connected())
        slot.clear();
      Handler handler(std::move(self->handler_));
      auto arguments = self->step_.arguments();
      // The memory goes back before the handler may ask for it again.
      destroy(std::exchange(self, nullptr));
      std::apply(std::move(handler), std::move(arguments));
    }
    operation_state* self;
  };

  // On the handler's executor, as Asio asks of the canceller.
  struct canceller {
    explicit canceller(operation_state& s) noexcept : self(s) {}
    void operator()(asio::cancellation_type type) {
      if (known_types(type) == 0 || self.over_)
        return;
      if (is_taken_back()) {
        self.over_ = true;
        complete(self);
      }
    }
    bool is_taken_back() {
      // A task that waits for the end of others is to go after them.
      if constexpr (waits_for_tasks<Step> && task_handler<Handler>)
        if (this_task_parks())
          return self.step_.withdraw(self);
      return self.step_.on_cancel(self);
    }
    operation_state& self;
  };

  operation_state(Handler&& handler, Step&& step)
      : waiter(&operation_state::complete), step_(std::move(step)),
        work_(
            asio::get_associated_executor(handler, step_.fallback_executor())),
        handler_(std::move(handler)) {
    step_.keep_alive();
  }

  // Any thread, no lock held. Always through the handler's queue: the
  // completer may be inside another task's strand.
  static void complete(waiter& w) noexcept {
    auto& self = static_cast<operation_state&>(w);
    auto work = std::move(self.work_);
    asio::post(work.get_executor(), owner(&self));
  }

  static void destroy(operation_state* self) noexcept {
    allocator_type allocator(asio::get_associated_allocator(self->handler_));
    self->~operation_state();
    std::allocator_traits<allocator_type>::deallocate(allocator, self, 1);
  }

  Step step_;
  [[no_unique_address]] memory memory_; // for the posted function
  // Completed by start() or by a cancellation: the next emission, before the
  // handler has run, does nothing. As the emissions, on the handler's
  // executor.
  bool over_ = false;
  asio::executor_work_guard<executor_type> work_;
  Handler handler_;
};

struct initiate_operation {
  // By value: an lvalue handler is copied, as by Asio's own operations.
  template <typename Handler, typename Step>
  void operator()(Handler handler, Step step) const {
    operation_state<Step, Handler>::start(std::move(handler), std::move(step));
  }
};

} // namespace weir::detail
