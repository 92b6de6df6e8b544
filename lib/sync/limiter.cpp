// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/abort.hpp>
#include <weir/error.hpp>
#include <weir/limiter.hpp>

#include "limiter_core.hpp"

#include <boost/asio/error.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace weir {

namespace {

std::size_t checked(std::size_t capacity, const char* who) {
  if (capacity == 0)
    throw std::invalid_argument(std::string(who) +
                                ": capacity is 0, must be at least 1");
  return capacity;
}

} // namespace

limiter::limiter(std::size_t capacity)
    : core_(new detail::limiter_core(checked(capacity, "weir::limiter"))) {}

limiter::~limiter() { core_->handle_gone(); }

acquire_operation limiter::acquire(std::size_t weight) {
  core_->require_weight(weight, "weir::limiter::acquire");
  return acquire_operation(std::in_place, *core_, weight);
}

std::optional<permit> limiter::try_acquire(std::size_t weight) {
  core_->require_weight(weight, "weir::limiter::try_acquire");
  if (!core_->try_acquire(weight))
    return std::nullopt;
  return permit(*core_, weight);
}

void limiter::set_capacity(std::size_t capacity) {
  core_->set_capacity(checked(capacity, "weir::limiter::set_capacity"));
}

std::size_t limiter::capacity() const noexcept { return core_->capacity(); }
std::size_t limiter::in_use() const noexcept { return core_->in_use(); }
std::size_t limiter::available() const noexcept { return core_->available(); }
std::size_t limiter::waiting() const noexcept { return core_->waiting(); }

namespace detail {

void give_back(limiter_core& core, std::size_t weight) noexcept {
  core.release(weight);
}

bool acquire_step::start(waiter& w, task_core*) noexcept {
  who_ = &w;
  switch (core_->acquire(*this)) {
  case limiter_core::answer::granted:
    granted_ = true;
    return true;
  case limiter_core::answer::refused:
    code_ = errc::over_capacity;
    return true;
  case limiter_core::answer::queued:
    break;
  }
  return false; // *this may be destroyed.
}

void acquire_step::settled(limiter_node& node, bool granted) noexcept {
  auto& self = static_cast<acquire_step&>(node);
  self.granted_ = granted;
  if (!granted)
    self.code_ = errc::over_capacity;
  self.who_->complete(*self.who_);
}

bool acquire_step::on_cancel(waiter&) noexcept {
  if (!core_->withdraw(*this))
    return false;
  abort();
  return true;
}

permit acquire_step::take() noexcept {
  return std::exchange(granted_, false) ? permit(*core_, weight) : permit();
}

permit acquire_step::finish() {
  if (code_)
    throw_code(code_);
  return take();
}

std::tuple<boost::system::error_code, permit>
acquire_step::arguments() noexcept {
  return {code_, take()};
}

} // namespace detail
} // namespace weir
