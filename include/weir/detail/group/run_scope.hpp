// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/detail/task/outcome.hpp>
#include <weir/task.hpp>

#include "group_steps.hpp"

#include <functional>
#include <optional>
#include <type_traits>

// What with_task_group(), with_result_group() and with_work_queue() share.

namespace weir::detail {

// What the body is given. One that is made after the body's frame, for there
// may be no memory for that frame, is in an optional.
template <typename Object>
Object& given(Object& object) noexcept {
  return object;
}
template <typename Object>
Object& given(std::optional<Object>& object) noexcept {
  return *object;
}

// Awaits body(object), and discards what it returns if T is void. A coroutine,
// so that a body that throws before it returns a task has an outcome, too.
template <typename T, typename Body, typename Object>
task<T> call_body(Body& body, Object& object) {
  if constexpr (std::is_void_v<T>)
    (void)co_await std::invoke(unframed(body), given(object));
  else if constexpr (is_framed<T>)
    co_return held<T>(co_await std::invoke(unframed(body), given(object)));
  else
    co_return co_await std::invoke(unframed(body), given(object));
}

// Tells the group how the body in `scope`, which was left, has ended. True: it
// counts as an error of the group.
template <typename T>
bool settle_body(group_body& scope, const outcome<T>& ended) {
  if (ended.error())
    return scope.failed(ended.error());
  if (ended.is_stopped())
    scope.stopped();
  return false;
}

} // namespace weir::detail
