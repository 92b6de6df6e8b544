// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/task_core.hpp>

#include "program.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>

// The library and the reference, side by side.

namespace weir::test::model {

using boost::system::system_error;
using std::chrono::milliseconds;

bool program::is_cancelled(const known_task& t) noexcept {
  return t.core->cancelled() != asio::cancellation_type::none;
}

void program::after_step() {
  if (is_stopped_)
    return;
  if (now_ != runtime_.now()) {
    earlier_ = now_;
    now_ = runtime_.now();
  }
  adopt();
  for (std::size_t i = 0; i != groups_.size(); ++i)
    if (groups_[i] != nullptr)
      compare(static_cast<int>(i));
  compare_objects();
  model_.gave_up = false;
  if (!failure_.empty()) {
    is_stopped_ = true;
    throw std::logic_error(failure_);
  }
  if (script_.stop_at != 0 && runtime_.steps() >= script_.stop_at) {
    is_stopped_ = true;
    runtime_.stop();
  }
}

// The schedule chooses which of the timers that are due fires in this step: the
// reference adopts that choice here.
void program::adopt() {
  std::erase_if(fresh_, [this](const known_task& t) {
    const bool waited = t.core->is_known_to_owner();
    if (waited)
      model_.list(t.id);
    return waited;
  });
  learn_deadlines();
  for (std::size_t i = 0; i != groups_.size(); ++i) {
    if (groups_[i] == nullptr)
      continue;
    const int in = static_cast<int>(i);
    reference::group& g = model_.groups[i];
    const auto due = std::min(g.cancels_at, g.gives_up_at);
    if (g.cancelled_by == reference::cause::none && due <= now_ &&
        groups_[i]->is_cancelled())
      model_.cancel(in, reference::cause::deadline);
    else if (!reference::is_stopping(g) && g.stops_at <= now_ &&
             groups_[i]->is_stopping())
      model_.stop_softly(in, now_);
    // Time advances only when all that was due has fired: by ticks of 1 ms.
    require(g.cancelled_by != reference::cause::none || g.joined ||
                g.cancels_at >= earlier_ - milliseconds(1),
            "a deadline passed",
            in);
  }
  for (const known_task& t : timed_)
    require(model_.is_cancelled(t.id) || !is_cancelled(t),
            "a task was cancelled by nobody");
}

// Avoids two deadlines at the same time, because the comparison could not
// distinguish them. This also holds if the stage before this one, of length
// `before`, is left out.
milliseconds program::alone(milliseconds after, milliseconds before) {
  const auto now = clock::now();
  while (taken_.contains(now + after) || taken_.contains(now + before + after))
    ++after;
  taken_.insert({now + after, now + before + after});
  return after;
}

// The deadlines of tasks. Tasks in a join() come first: their cancellation may
// cancel the other tasks.
void program::learn_deadlines() {
  for (const bool joins : {true, false})
    for (const known_task& t : timed_) {
      if ((model_.tasks[t.id].waits == reference::wait::join) != joins ||
          model_.is_cancelled(t.id) || !is_cancelled(t))
        continue;
      const auto& scopes = model_.tasks[t.id].scopes;
      for (std::size_t i = 0; i != scopes.size(); ++i)
        if (scopes[i].what == reference::scope::kind::deadline &&
            scopes[i].at <= now_)
          model_.cancel_scope(t.id, i);
    }
}

void program::compare(int in) {
  const task_group_stats is = groups_[in]->stats();
  const reference::group& g = model_.groups[in];
  require(is.in_flight == g.in_flight, "in_flight", in);
  require(is.waiting == g.waiting, "waiting", in);
  require(is.spawned == g.spawned, "spawned", in);
  require(is.completed == g.completed, "completed", in);
  require(is.failed == g.failed, "failed", in);
  require(is.cancelled == g.cancelled, "cancelled", in);
  require(is.rejected == g.rejected, "rejected", in);
  require(groups_[in]->max_in_flight() == g.cap, "max_in_flight", in);
  require(groups_[in]->is_cancelled() ==
              (g.cancelled_by != reference::cause::none),
          "is_cancelled",
          in);
  require(groups_[in]->is_stopping() == reference::is_stopping(g),
          "is_stopping",
          in);
  // Independent of the reference.
  require(is.spawned ==
              is.completed + is.failed + is.cancelled + g.children.size(),
          "a child is lost",
          in);
  require(is.in_flight <= std::max(g.cap, g.widest) ||
              is.in_flight <= before_[in] || model_.gave_up,
          "more than the cap",
          in);
  before_[in] = is.in_flight;
  model_.groups[in].widest = 0;
  if (is_static(in))
    require(errors_[in] == is.failed, "the error hook", in);
}

void program::compare_objects() {
  require(permits_.in_use() == model_.permits.in_use, "permits in use");
  require(permits_.waiting() == model_.permits.queue.size(), "acquires");
  require(permits_.capacity() == model_.permits.capacity, "capacity");
  require(values_.size() == model_.values.buffer.size(), "values buffered");
  require(values_.waiting_senders() == model_.values.senders.size(), "senders");
  require(values_.waiting_receivers() == model_.values.receivers.size(),
          "receivers");
  require(values_.is_closed() == model_.values.closed, "is_closed");
}

// All tasks have ended, whether or not the runtime was stopped.
void program::compare_end() {
  is_stopped_ = false; // Otherwise nothing would be compared.
  while (values_.try_receive()) {
  }
  require(frames_ == 0, "a frame is left");
  require(parcels_ == 0, "a value is left");
  require(permits_.in_use() == 0, "a permit is left");
  require(permits_.waiting() == 0, "somebody is left at the limiter");
  for (std::size_t i = 0; i != groups_.size(); ++i) {
    if (groups_[i] == nullptr)
      continue;
    const task_group_stats is = groups_[i]->stats();
    const int in = static_cast<int>(i);
    require(is.in_flight == 0 && is.waiting == 0, "a slot is left", in);
    require(is.spawned == is.completed + is.failed + is.cancelled,
            "a child was never counted",
            in);
    require(joins_[i] == 0, "a join is left", in);
  }
  seen_.steps += runtime_.steps();
  for (const reference::group& g : model_.groups) {
    seen_.spawned += g.spawned;
    seen_.failed += g.failed;
    seen_.cancelled += g.cancelled;
  }
  is_stopped_ = true;
  if (!failure_.empty())
    throw std::logic_error(failure_);
}

void program::on_error(int in, const task_failure& failure) {
  ++seen_.hooks;
  const reference::group& g = model_.groups[in];
  if (errors_[in]++ != 0)
    return;
  require(g.keeps_going || g.cancelled_by != reference::cause::failure ||
              !groups_[in]->is_cancelled(),
          "siblings were cancelled before the error was recorded",
          in);
  try {
    std::rethrow_exception(failure.error);
  } catch (const std::exception& e) {
    require(e.what() == g.first_error, "another error was the first", in);
  }
}

// Of a join() of the group.
void program::require_outcome(int in, const std::exception_ptr& error) {
  const reference::group& g = model_.groups[in];
  require(g.joined, "joined while the reference is not", in);
  require(g.children.empty(), "joined with children in flight", in);
  std::string what;
  boost::system::error_code code;
  try {
    if (error)
      std::rethrow_exception(error);
  } catch (const system_error& e) {
    what = e.what();
    code = e.code();
  } catch (const std::exception& e) {
    what = e.what();
  }
  using cause = reference::cause;
  if (g.errors != 0) {
    note(-1, ("'" + what + "', not '" + g.first_error + "'").c_str(), in);
    require(what == g.first_error, "join without the first error", in);
    ++seen_.joins_failed;
  } else if (g.cancelled_by == cause::outside) {
    require(code == asio::error::operation_aborted, "join did not abort", in);
    ++seen_.joins_aborted;
  } else if (g.cancelled_by == cause::deadline) {
    require(code == asio::error::timed_out, "join did not time out", in);
    ++seen_.joins_timed_out;
  } else {
    require(!error, "join failed", in);
    ++seen_.joins_well;
  }
}

void program::require(bool holds, const char* what, int where) {
  if (holds || is_stopped_ || !failure_.empty())
    return;
  failure_ = std::string("not as in the reference: ") + what;
  if (where >= 0)
    failure_ += " (group " + std::to_string(where) + ')';
  note(-1, failure_.c_str(), where);
}

void program::note(int id, const char* what, int where) {
  if (!is_traced_)
    return;
  trace_ += "  step " + std::to_string(runtime_.steps()) + ": task " +
            std::to_string(id) + ' ' + what + ' ' + std::to_string(where) +
            '\n';
}

} // namespace weir::test::model
