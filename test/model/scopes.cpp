// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/shield.hpp>
#include <weir/sleep.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "faults.hpp"
#include "program.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

// What tasks do within themselves, and to a limiter and a channel.

namespace weir::test::model {

using boost::system::system_error;
using std::chrono::milliseconds;

task<> program::nest(place at, step s) {
  const std::size_t cap = 1 + s.low;
  const int in = model_.add_group(cap);
  note(at.id, "makes group", in);
  ++seen_.nested;
  model_.groups[in].body = at.id;
  groups_.push_back(nullptr);
  joins_.push_back(0);
  errors_.push_back(0);
  before_.push_back(0);
  const group_mark there(*this, in);
  place inside = at;
  --inside.budget;
  inside.nested[inside.depth++] = in;
  const std::size_t which = s.high;
  auto run = [this, in, inside, which](task_group& group) {
    return body(group, in, inside, which);
  };
  task_group_options options;
  options.max_in_flight = cap;
  options.cancellation = script_.unwinds ? on_cancel::unwind : on_cancel::raise;
  std::exception_ptr error;
  try {
    co_await with_task_group(options, run);
  } catch (...) {
    error = std::current_exception();
  }
  if (groups_[in] != nullptr)
    require_outcome(in, error);
  else
    require(error != nullptr && model_.is_cancelled(at.id),
            "a body did not begin",
            in);
  if (error)
    std::rethrow_exception(error);
}

task<> program::body(task_group& group, int in, place at, std::size_t which) {
  groups_[in] = &group;
  model_.tasks[at.id].scopes.push_back({reference::scope::kind::body, in});
  body_mark here(*this, at.id, in);
  try {
    co_await part(at, which);
    here.how = ending::returned;
  } catch (const std::exception& e) {
    const auto* code = dynamic_cast<const system_error*>(&e);
    here.how = code != nullptr && code->code() == asio::error::operation_aborted
                   ? ending::aborted
                   : ending::failed;
    here.error = e.what();
    throw;
  }
}

task<> program::scoped(place at, std::size_t which, reference::scope scope) {
  const scope_mark here(*this, at, scope);
  co_await part(at, which);
}

task<> program::time_out(place at, step s) {
  const milliseconds after = alone(milliseconds(1 + s.low));
  const clock::time_point deadline = clock::now() + after;
  place inside = at;
  --inside.budget;
  inside.timed = true;
  reference::scope scope{reference::scope::kind::deadline};
  scope.at = deadline;
  try {
    co_await with_timeout(after, scoped(inside, s.high, scope));
  } catch (const system_error& e) {
    if (e.code() != asio::error::timed_out)
      throw;
    // Or the deadline of a group inside it, joined there.
    ++seen_.timed_out;
  }
}

task<> program::protect(place at, step s) {
  place inside = at;
  --inside.budget;
  const reference::scope scope{reference::scope::kind::shield};
  std::exception_ptr error;
  try {
    co_await shield(scoped(inside, s.high, scope));
  } catch (...) {
    error = std::current_exception();
  }
  // The shield has hidden deadlines that may still be on their way.
  learn_deadlines();
  if (error)
    std::rethrow_exception(error);
}

// --- limiter ---

task<> program::acquire(place at, step s) {
  const std::size_t weight = 1 + s.low;
  std::optional<acquire_operation> made;
  try {
    made.emplace(permits_.acquire(weight));
  } catch (const std::invalid_argument&) {
    require(weight > model_.permits.capacity, "acquire was refused");
    co_return;
  }
  require(weight <= model_.permits.capacity, "acquire was not refused");
  answer expected = answer::cancelled;
  if (asks(at)) {
    note(at.id, "acquires", static_cast<int>(weight));
    expected = model_.acquire(at.id, weight);
  }
  const bool waited = expected == answer::waits;
  try {
    permit got = co_await std::move(*made);
    if (waited)
      expected = model_.tasks[at.id].last;
    require(expected == answer::granted, "acquire ended");
    ++seen_.acquired;
    const holding held(*this, std::move(got));
    if (s.high % 2 != 0)
      co_await sleep_for(milliseconds(s.high % 4));
    else
      co_await checkpoint();
  } catch (const system_error& e) {
    if (waited && expected == answer::waits)
      expected = model_.tasks[at.id].last;
    if (e.code() == errc::over_capacity) {
      ++seen_.oversized;
      require(expected == answer::oversized, "acquire was too much");
      co_return;
    }
    throw;
  }
}

task<> program::try_acquire(step s) {
  const std::size_t weight = 1 + s.low;
  if (weight > model_.permits.capacity)
    co_return;
  const bool expected = model_.permits.try_acquire(weight);
  std::optional<permit> got = permits_.try_acquire(weight);
  require(got.has_value() == expected, "try_acquire");
  if (!got)
    co_return;
  const holding held(*this, std::move(*got));
  co_await checkpoint();
}

// --- channel ---

task<> program::send(place at) {
  const int value = next_value_++;
  note(at.id, "sends", value);
  answer expected = answer::cancelled;
  if (asks(at))
    expected = model_.send(at.id, value);
  const bool waited = expected == answer::waits;
  answer got = answer::granted;
  try {
    send_operation<parcel> op = values_.emplace(parcels_, value);
    co_await std::move(op);
  } catch (const system_error& e) {
    got = e.code() == errc::channel_closed ? answer::closed : answer::cancelled;
    if (waited)
      expected = model_.tasks[at.id].last;
    require(got == expected, "send failed");
    throw;
  }
  if (waited)
    expected = model_.tasks[at.id].last;
  require(got == expected, "send did not fail");
  ++seen_.sent;
}

task<> program::receive(place at) {
  note(at.id, "receives", 0);
  answer expected = answer::cancelled;
  if (asks(at))
    expected = model_.receive(at.id);
  const bool waited = expected == answer::waits;
  std::optional<parcel> got;
  try {
    got = co_await values_.receive();
  } catch (const system_error&) {
    if (waited)
      expected = model_.tasks[at.id].last;
    require(expected == answer::cancelled, "receive failed");
    throw;
  }
  if (waited)
    expected = model_.tasks[at.id].last;
  require(expected == answer::granted, "receive did not fail");
  require((got ? got->number() : reference::none) == model_.tasks[at.id].got,
          "received something else");
  seen_.received += got.has_value();
}

// What does not wait.
void program::objects(const place& at, const step& s) {
  if (s.what == action::cancel_root) {
    using type = asio::cancellation_type;
    constexpr type types[] = {type::terminal, type::partial, type::total};
    const type what = types[s.high % 3];
    const int root = s.low % static_cast<int>(signals_.size());
    note(at.id, "cancels root", root);
    ++seen_.faults_cancel;
    if (what == type::terminal)
      model_.cancel_task(root);
    signals_[root].emit(what);
    return;
  }
  const int value = s.what == action::try_send ? next_value_++ : 0;
  note(at.id, "uses limiter or channel", static_cast<int>(s.what));
  bool holds = true;
  if (s.what == action::capacity) {
    const std::size_t capacity = 1 + s.high % 4;
    model_.set_capacity(capacity);
    const no_memory_here scarce(1, true);
    permits_.set_capacity(capacity);
    holds = scarce.failed() == 0;
  } else if (s.what == action::try_send) {
    constexpr answer means[] = {answer::granted, answer::full, answer::closed};
    const answer expected = model_.try_send(value);
    const no_memory_here scarce(1, true);
    const send_status got = values_.try_send(parcel(parcels_, value));
    holds = scarce.failed() == 0 && means[static_cast<int>(got)] == expected;
  } else if (s.what == action::try_receive) {
    int next = reference::none;
    const bool expected = model_.try_receive(next);
    const no_memory_here scarce(1, true);
    const std::optional<parcel> got = values_.try_receive();
    holds = scarce.failed() == 0 && got.has_value() == expected &&
            (!got || got->number() == next);
  } else {
    model_.close_channel();
    const no_memory_here scarce(1, true);
    values_.close();
    holds = scarce.failed() == 0;
  }
  require(holds, "it allocates, or differs");
}

} // namespace weir::test::model
