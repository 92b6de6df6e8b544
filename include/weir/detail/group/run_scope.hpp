// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/framed.hpp>
#include <weir/detail/task/await_task.hpp>
#include <weir/detail/task/outcome.hpp>
#include <weir/task.hpp>

#include "group_steps.hpp"

#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

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

// The outcome of body(object), as call_body(), without a coroutine of its own,
// which is possible if the body returns a task<T>.
template <typename T, typename Body, typename Object>
outcome_of<T> outcome_of_body(Body& body, Object& object) noexcept {
  try {
    if constexpr (std::is_same_v<std::invoke_result_t<decltype(unframed(body)),
                                                      decltype(given(object))>,
                                 task<T>>) {
      task<T> work = std::invoke(unframed(body), given(object));
      if (!work)
        throw_empty_task();
      return outcome_of<T>(std::move(work), if_abandoned::failed);
    } else {
      return outcome_of<T>(call_body<T>(body, object), if_abandoned::failed);
    }
  } catch (...) {
    return outcome_of<T>(std::current_exception());
  }
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
