// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/task/abort.hpp>
#include <weir/detail/task/task_core.hpp>

#include "channel_impl.hpp"

#include <boost/system/error_code.hpp>

#include <optional>
#include <tuple>
#include <utility>

namespace weir::detail {

// channel::send as an operation.
template <typename T>
class send_step final : public channel_sender<T> {
public:
  static constexpr const char* waits_for = "channel send";

  template <typename... Args>
  explicit send_step(channel_core<T>& core, Args&&... args)
      : channel_sender<T>(std::in_place, std::forward<Args>(args)...),
        core_(&core) {}

  bool start(waiter& w, task_core*) noexcept { return core_->send(*this, w); }
  bool on_cancel(waiter&) noexcept {
    if (this->is_orphaned() || !core_->withdraw(*this))
      return false;
    this->abort();
    return true;
  }

private:
  channel_core<T>* core_;
};

// channel::receive as an operation.
template <typename T>
class receive_step final : public channel_receiver<T> {
public:
  using signature = void(boost::system::error_code, std::optional<T>);
  static constexpr const char* waits_for = "channel receive";

  explicit receive_step(channel_core<T>& core) noexcept : core_(&core) {}

  bool start(waiter& w, task_core*) noexcept {
    return core_->receive(*this, w);
  }
  bool on_cancel(waiter&) noexcept {
    if (this->is_orphaned() || !core_->withdraw(*this))
      return false;
    this->abort();
    return true;
  }
  std::optional<T> finish() {
    if (this->code_)
      throw_code(this->code_);
    return std::move(this->value);
  }
  std::tuple<boost::system::error_code, std::optional<T>> arguments() noexcept {
    return {this->code_, std::move(this->value)};
  }

private:
  channel_core<T>* core_;
};

} // namespace weir::detail
