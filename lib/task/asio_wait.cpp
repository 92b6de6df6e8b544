// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/await_asio.hpp>
#include <weir/detail/task/await_foreign.hpp>

#include <atomic>
#include <mutex>
#include <utility>

namespace weir::detail {

// --- handlers left over from an initiation that threw ---

constinit std::atomic<std::uint32_t> asio_wait::rounds{0};

namespace {

struct left_over {
  const asio_wait* wait; // not to be touched
  const task_core* core; // kept by the handler
  std::uint32_t round;
  left_over* next;
};

// Constant-initialised and trivially destructible: a handler may be kept until
// the process ends.
constinit basic_spin_lock<std_sync> left_over_lock;
constinit left_over* all_left_over = nullptr; // under left_over_lock

} // namespace

bool asio_wait::take_left_over(const asio_wait* begun,
                               const task_core* core,
                               std::uint32_t begun_in) noexcept {
  left_over* found = nullptr;
  {
    std::lock_guard held(left_over_lock);
    for (left_over** link = &all_left_over; *link != nullptr;
         link = &(*link)->next) {
      left_over& one = **link;
      if (one.wait == begun && one.core == core && one.round == begun_in) {
        found = std::exchange(*link, one.next);
        break;
      }
    }
  }
  delete found;
  return found != nullptr;
}

// --- on the strand ---

constinit const wait_kind asio_wait::wait = {
    {&asio_wait::resume}, &asio_wait::emit, "an Asio operation", true};

// An awaiter of another library does not know of cancellation.
constinit const wait_kind asio_wait::foreign = {{&asio_wait::resume},
                                                [](interruptible&) noexcept {},
                                                "an awaitable of another "
                                                "library",
                                                true};

asio_wait::asio_wait() noexcept : interruptible(wait) {}

resumer resumer::of(asio_wait&) { co_return; }

bool asio_wait::begin(task_core& core, bool& suspend) noexcept {
  core_ = &core;
  switch (core_->begin_wait(*this)) {
  case task_core::verdict::go:
    // relaxed: only distinguishes waits.
    round_ = rounds.load(std::memory_order_relaxed);
    initiating_ = true;
    return true;
  case task_core::verdict::aborted:
    aborted_ = true;
    break;
  case task_core::verdict::stopping:
    suspend = true;
    break;
  }
  return false;
}

void asio_wait::broke_off() noexcept {
  initiating_ = false;
  core_->cancel_wait();
  // What the operation put into the slot must not outlive the await.
  core_->signal().slot().clear();
  if (has_ended_inline())
    return;
  // Without memory for this the process ends: the operation that has the
  // handler would write into a frame that continues, or is destroyed.
  // NOLINTNEXTLINE(bugprone-unhandled-exception-at-new)
  auto* const one = new left_over{this, core_, round_, nullptr};
  std::lock_guard held(left_over_lock);
  one->next = std::exchange(all_left_over, one);
  // relaxed: see is_left_over().
  rounds.fetch_add(1, std::memory_order_relaxed);
}

bool asio_wait::launched() noexcept {
  initiating_ = false;
  if (done_inline_) {
    core_->cancel_wait();
    return core_->gives_way();
  }
  if (dropped_inline_)
    core_->abandon_wait();
  else
    core_->started_wait();
  return true;
}

void asio_wait::completed(bool aborted) noexcept {
  ended_aborted_ = aborted;
  if (current_task() != core_)
    core_->wake(*this);
  else if (initiating_)
    done_inline_ = true;
  else
    core_->finish_wait(aborted);
}

void asio_wait::dropped() noexcept {
  if (current_task() == core_ && initiating_) {
    dropped_inline_ =
        true; // See launched(), or broke_off() if the initiation throws.
    return;
  }
  ended_dropped_ = true;
  core_->wake(*this);
}

void asio_wait::resume(strand_item& item, strand_item::how how) noexcept {
  if (how == strand_item::how::drop)
    return;
  auto& self = static_cast<asio_wait&>(item);
  if (self.ended_dropped_)
    self.core_->abandon_wait();
  else
    self.core_->finish_wait(self.ended_aborted_);
}

void asio_wait::emit(interruptible& i) noexcept {
  task_core& core = *static_cast<asio_wait&>(i).core_;
  const auto types = core.emission();
  if (types != asio::cancellation_type::none)
    core.signal().emit(types);
}

void asio_wait::finish() {
  core_->signal().slot().clear();
  if (aborted_)
    throw_aborted();
}

} // namespace weir::detail
