// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/await_asio.hpp>

namespace weir::detail {

constinit const wait_kind asio_wait::wait = {
    {&asio_wait::resume}, &asio_wait::emit, "an Asio operation", true};

asio_wait::asio_wait() noexcept : interruptible(wait) {}

bool asio_wait::begin(task_core& core, bool& suspend) noexcept {
  core_ = &core;
  switch (core_->begin_wait(*this)) {
  case task_core::verdict::go:
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
        true; // Or the initiation throws: launched() and broke_off().
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
