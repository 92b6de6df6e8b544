// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/group/join_block.hpp>
#include <weir/detail/task/abort.hpp>

#include "pending_cancels.hpp"
#include "runtime/runtime_core.hpp"

#include <boost/asio/error.hpp>

#include <limits>
#include <mutex>
#include <utility>

namespace weir::detail {

const wait_kind join_block::wait = {
    {&join_block::resume}, &join_block::interrupt, "group join"};

join_block::join_block(task_core& parent,
                       const char* name,
                       first_cause first) noexcept
    : interruptible(wait), parent_(parent), name_(name), cause_(first),
      unwinds_(parent.unwinds()) {}

join_block::~join_block() { close(); }

void join_block::close() noexcept {
  discard();
  if (registered_) [[unlikely]]
    unregister();
}

task_core& join_block::make_child(unstarted child) {
  task_core* core = nullptr;
  try {
    core = new task_core(parent_.runtime(), *this, *child.root);
  } catch (...) {
    child.root->handle().destroy();
    throw;
  }
  core->name = child.name;
  core->unwinds(unwinds_);
  return *core;
}

void join_block::add(unstarted child) {
  task_core& core = make_child(child);
  core.index = count_++;
  core.ready_next = nullptr;
  (last_ != nullptr ? last_->ready_next : first_) = &core;
  last_ = &core;
}

void join_block::spawn(unstarted child) {
  task_core& core = make_child(child);
  // relaxed: the caller is counted, and publishes the child by the queue.
  pending_.fetch_add(one_child, std::memory_order_relaxed);
  core.launch(); // It may be destroyed.
}

// Destroys the children that were not started.
void join_block::discard() noexcept {
  while (first_ != nullptr) {
    auto* const child = static_cast<task_core*>(first_);
    first_ = child->ready_next;
    child->destroy_root();
    child->release();
  }
  last_ = nullptr;
}

// --- the parent, on its strand ---

bool join_block::start() noexcept {
  task_core& self = parent_;
  if (self.has_to_look()) [[unlikely]]
    switch (self.look(true)) {
    case task_core::verdict::go:
      break;
    case task_core::verdict::aborted:
      discard();
      aborted_ = true;
      return false;
    case task_core::verdict::stopping:
      return true;
    }
  if (first_ == nullptr)
    return self.gives_way();
  self.wait_for(*this);
  // relaxed: published by add_group(), and by the ready queue.
  pending_.store(one_hold + count_ * one_child, std::memory_order_relaxed);
  registered_ = true;
  shielded_ = self.is_shielded();
  if (self.runtime().add_group(*this, true))
    cancel_from_outside();
  launch();
  self.started_wait();
  // acq_rel: as leave().
  if (pending_.fetch_sub(one_hold, std::memory_order_acq_rel) != one_hold)
    return true;
  // All have ended already, on other threads.
  self.cancel_wait();
  if (self.unwinds() && is_aborted_by_outside() && self.must_unwind()) {
    self.stop();
    return true;
  }
  return self.gives_way();
}

// The last child runs next on this worker, when the parent has suspended.
void join_block::launch() noexcept {
  ready_item* child = std::exchange(first_, nullptr);
  ready_item* const last = std::exchange(last_, nullptr);
  while (child != last) {
    ready_item* const next = child->ready_next;
    static_cast<task_core*>(child)->launch(); // It may be destroyed.
    child = next;
  }
  static_cast<task_core*>(last)->launch_next();
}

void join_block::finish() {
  if (aborted_)
    throw_aborted();
  if (registered_)
    unregister();
  if (error_ != nullptr)
    rethrow(error_);
  if (is_aborted_by_outside())
    throw_aborted();
}

// The children have ended: at the end of a runtime, too, frames are destroyed
// after those of the children.
void join_block::unregister() noexcept {
  parent_.runtime().remove_group(*this);
  registered_ = false;
  // At the end of a runtime a thread that is about to cancel the children may
  // still hold this block. From here on no thread can find it.
  // acquire: sees what that thread did.
  for (unsigned round = 0; pending_.load(std::memory_order_acquire) > one_hold;
       ++round)
    sync::pause(round);
}

void join_block::resume(strand_item& item, strand_item::how how) noexcept {
  if (how == strand_item::how::drop)
    return;
  auto& self = static_cast<join_block&>(static_cast<interruptible&>(item));
  self.parent_.finish_wait(self.is_aborted_by_outside());
}

void join_block::interrupt(interruptible& i) noexcept {
  auto& self = static_cast<join_block&>(i);
  if (!self.parent_.parks())
    self.cancel(self.parent_.cancel_reason(), true);
  else if (self.withdraw())
    self.parent_.finish_wait(true);
}

// The runtime ends: the parent parks, and its frames are destroyed after those
// of the children. False: the last child has ended the wait.
bool join_block::withdraw() noexcept {
  return try_add_ref(); // never released
}

// --- any thread ---

bool join_block::try_add_ref() noexcept {
  // relaxed: the caller has the lock of a list that this is in, or runs on the
  // strand of the parent.
  std::uint64_t seen = pending_.load(std::memory_order_relaxed);
  while (seen != 0)
    if (pending_.compare_exchange_weak(seen,
                                       seen + one_hold,
                                       // relaxed: as above.
                                       std::memory_order_relaxed,
                                       std::memory_order_relaxed))
      return true;
  return false;
}

void join_block::release() noexcept { leave(one_hold); }

void join_block::leave(std::uint64_t part) noexcept {
  task_core& parent = parent_;
  // release: the parent sees what the child did. acquire: the last to leave
  // passes on what the others did.
  if (pending_.fetch_sub(part, std::memory_order_acq_rel) == part)
    parent.end_wait(); // *this may be destroyed.
}

std::size_t join_block::children() const noexcept {
  // acquire: a thread that finds none sees what they did.
  return static_cast<std::uint32_t>(pending_.load(std::memory_order_acquire));
}

boost::system::error_code join_block::cancel_reason() const noexcept {
  std::lock_guard held(lock_);
  return reason_;
}

void join_block::cancel(boost::system::error_code reason,
                        bool from_outside) noexcept {
  if (from_outside && is_idle())
    return; // The results are there.
  pending_cancels* const outermost = pending_cancels::outermost();
  bool is_first = false;
  {
    std::lock_guard held(lock_);
    // relaxed, both: written under lock_.
    if (from_outside && (cause_ == first_cause::is_overridden ||
                         !cancelled_.load(std::memory_order_relaxed)))
      broken_off_ = true;
    if (!cancelled_.load(std::memory_order_relaxed)) {
      reason_ = reason;
      // release: pairs with is_cancelled().
      cancelled_.store(true, std::memory_order_release);
    }
    if (outermost != nullptr)
      is_first = !std::exchange(is_queued_, true);
  }
  if (outermost == nullptr) {
    const pending_cancels nested;
    cancel_children();
  } else if (!is_first) { // Another thread has it in its list.
    cancel_children();
  } else if (try_add_ref()) {
    outermost->add(*this);
  }
}

void join_block::cancel_queued() noexcept {
  {
    std::lock_guard held(lock_);
    is_queued_ = false;
  }
  cancel_children();
  release();
}

// As group_core::cancel_children().
void join_block::cancel_children() noexcept {
  const auto next = [&] {
    std::lock_guard held(lock_);
    return tasks_.mark_next();
  };
  while (task_core* const child = next()) {
    child->whole().submit();
    child->release();
  }
}

void join_block::cancel_from_outside() noexcept {
  cancel(asio::error::operation_aborted, true);
}

void join_block::signal_end() noexcept {
  strand_item* marked = nullptr;
  {
    std::lock_guard held(lock_);
    tasks_.for_each([&](task_core& child) { child.add_end_mark(marked); });
  }
  task_core::submit_end_marks(marked);
}

group_summary join_block::summary() const noexcept {
  return {name_, children(), std::numeric_limits<std::size_t>::max(), 0};
}

void join_block::visit_children(void (*visit)(task_core& child, void* to),
                                void* to) const {
  std::lock_guard held(lock_);
  tasks_.for_each([&](task_core& child) { visit(child, to); });
}

// --- a child, on its strand ---

bool join_block::on_first_await(task_core& core) noexcept {
  std::lock_guard held(lock_);
  core.listed_in = 1;
  // relaxed: written under lock_.
  if (!cancelled_.load(std::memory_order_relaxed)) {
    tasks_.add(core);
    return false;
  }
  // Listed all the same: see group_core::on_first_await().
  tasks_.add_cancelled(core);
  return true;
}

void join_block::on_end(task_core& core, task_end end) noexcept {
  std::exception_ptr error;
  if (end == task_end::returned) [[likely]] {
    try {
      keep(core);
    } catch (...) {
      error = std::current_exception();
    }
  } else if (end == task_end::threw) {
    error = core.root()->take_error();
  } else if (end == task_end::abandoned) {
    error = error_of(errc::task_abandoned);
  }
  // Before the child is counted as ended: the parent may own what the frame
  // refers to.
  core.destroy_root();
  runtime_core& runtime = core.runtime();
  if (error != nullptr || end == task_end::stopped) [[unlikely]] {
    fail(core, error);
    error = nullptr; // The parent owns it from here on.
  }
  if (core.listed_in != 0) {
    std::lock_guard held(lock_);
    tasks_.remove(core);
    core.listed_in = 0;
  }
  leave(one_child); // *this may be destroyed.
  if (runtime.is_stopped()) [[unlikely]]
    runtime.end_task_counted();
}

bool join_block::is_asked_to_end() const noexcept {
  return is_cancelled() || parent_.runtime().is_stopped();
}

void join_block::fail(task_core&, const std::exception_ptr& error) noexcept {
  // As group_core::end_badly().
  if (error == nullptr || (is_asked_to_end() && is_aborted(error)))
    break_off();
  else
    record(error);
}

// There is a child without a result.
void join_block::break_off() noexcept {
  std::lock_guard held(lock_);
  broken_off_ = true;
}

void join_block::record(const std::exception_ptr& error) noexcept {
  {
    std::lock_guard held(lock_);
    if (error_ == nullptr)
      error_ = error;
  }
  if (!parent_.runtime().is_stopped())
    cancel(asio::error::operation_aborted, false);
}

} // namespace weir::detail
