// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "program.hpp"

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/detail/group/group_steps.hpp>
#include <weir/error.hpp>
#include <weir/named.hpp>
#include <weir/sleep.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <stdexcept>

namespace weir::test::model {

using boost::system::system_error;
using std::chrono::milliseconds;

namespace {

constexpr int most_scripts = 4; // nested
constexpr std::size_t most_tasks = 40;
constexpr milliseconds late(40);

bool is_abort(const std::exception& e) {
  const auto* error = dynamic_cast<const system_error*>(&e);
  return error != nullptr && error->code() == asio::error::operation_aborted;
}

} // namespace

program::program(const bytes& text, tally& seen, int flaw)
    : script_(text), runtime_({.seed = script_.seed, .max_steps = 20'000}),
      seen_(seen), permits_(script_.permits), values_(script_.buffer) {
  model_.flaw = flaw;
  model_.permits.capacity = script_.permits;
  model_.values.capacity = script_.buffer;
  for (std::size_t i = 0; i != script_.groups; ++i) {
    const int in = model_.add_group(script_.caps[i]);
    task_group_options options;
    options.max_in_flight = script_.caps[i];
    options.cancellation =
        script_.unwinds ? on_cancel::unwind : on_cancel::raise;
    if (script_.keeps_going[i]) {
      options.errors = on_error::keep_going;
      model_.groups[i].keeps_going = true;
    }
    if (script_.max_waiting[i] != 0)
      options.max_waiting = model_.groups[i].max_waiting =
          script_.max_waiting[i];
    groups_.push_back(
        &static_groups_.emplace_back(runtime_.get_executor(), options));
    groups_.back()->set_error_hook(
        [this, in](const task_failure& failure) { on_error(in, failure); });
  }
  joins_.resize(script_.groups);
  errors_.resize(script_.groups);
  before_.resize(script_.groups);
}

void program::run() {
  ++seen_.runs;
  runtime_.set_step_hook([this] { after_step(); });
  start_roots();
  try {
    runtime_.run(named("main", main()));
  } catch (const system_error& e) {
    if (e.code() != errc::task_abandoned || !is_stopped_) {
      is_stopped_ = true;
      throw;
    }
    ++seen_.faults_stop;
  } catch (...) {
    is_stopped_ = true; // Its destructor must not ask the reference.
    throw;
  }
  compare_end();
  is_stopped_ = true;
}

void program::start_roots() {
  for (std::size_t i = 0; i != script_.roots; ++i) {
    place at;
    at.id = model_.add_task();
    at.budget = most_scripts;
    ++roots_left_;
    asio::cancellation_signal& signal = signals_.emplace_back();
    const auto ended = [this](const std::exception_ptr&) { --roots_left_; };
    co_spawn(runtime_.get_executor(),
             named("root", root(at)),
             asio::bind_cancellation_slot(signal.slot(), ended));
  }
}

task<> program::main() {
  const int id = model_.add_task();
  while (roots_left_ != 0) {
    co_await sleep_for(milliseconds(4));
    if (runtime_.elapsed() >= late)
      last_call();
  }
  last_call();
  for (int in = 0; in != static_cast<int>(script_.groups); ++in) {
    co_await join(id, in);
    require(model_.groups[in].children.empty(), "main joined too early", in);
  }
}

// No task waits for ever: tasks that depend on others are released now.
void program::last_call() {
  if (std::exchange(is_late_, true))
    return;
  model_.close_channel();
  values_.close();
  for (std::size_t in = 0; in != script_.groups; ++in) {
    model_.request_stop(static_cast<int>(in));
    groups_[in]->request_stop();
  }
}

task<> program::root(place at) {
  at.core = &co_await detail::this_core();
  co_await part(at, static_cast<std::size_t>(at.id));
}

task<> program::child(presence here, place at) {
  at.core = &co_await detail::this_core();
  fresh_.push_back({here.id(), at.core});
  const reference::task& self = model_.tasks[here.id()];
  require(self.parent != reference::none, "a child began without a slot");
  require(!self.cancelled, "a child began in a cancelled group");
  const auto which = static_cast<std::size_t>(at.budget / (most_scripts + 1));
  at.budget %= most_scripts + 1;
  try {
    co_await part(at, which);
    here.how = ending::returned;
  } catch (const std::exception& e) {
    here.how = is_abort(e) ? ending::aborted : ending::failed;
    here.error = e.what();
    throw;
  }
}

// The reference numbers groups in the order of their creation.
place program::place_in(const place& at, int in) const noexcept {
  place there;
  there.budget = at.budget - 1;
  if (is_static(in)) {
    there.from = in;
  } else {
    const int parent = parent_of(at);
    const bool holds_slot = parent != reference::none && is_static(parent);
    there.from = at.from + (holds_slot ? 1 : 0);
    there.nested[there.depth++] = in;
  }
  return there;
}

int program::group_of(const place& at, const step& s) const noexcept {
  const int shared = static_cast<int>(script_.groups) - at.from;
  const int all = shared + at.depth;
  if (all == 0)
    return reference::none;
  const int n = s.low % all;
  return n < at.depth ? at.nested[n] : at.from + n - at.depth;
}

task<> program::part(place at, std::size_t which) {
  const std::vector<step>& steps = script_.parts[which % script_.parts.size()];
  for (const step& s : steps) {
    if (--steps_left_ < 0)
      break;
    co_await act(at, s);
  }
}

task<> program::act(place at, step s) {
  const int in = group_of(at, s);
  const bool may_nest = at.budget != 0 && steps_left_ > 0;
  switch (s.what) {
  case action::end:
    break;
  case action::checkpoint:
    co_await checkpoint();
    break;
  case action::sleep:
    ++seen_.faults_delay;
    co_await sleep_for(milliseconds(1 + s.high % 5));
    break;
  case action::spawn:
    if (in != reference::none && may_nest && model_.tasks.size() < most_tasks)
      co_await spawn(at, in, s);
    break;
  case action::try_spawn:
    if (in != reference::none && may_nest && model_.tasks.size() < most_tasks)
      try_spawn(at, in, s);
    break;
  case action::join:
    if (in != reference::none)
      co_await join(at.id, in);
    break;
  case action::shut_down:
    if (in != reference::none)
      co_await shut_down(at, in, s);
    break;
  case action::wait_idle:
    if (in != reference::none)
      co_await wait_in(at, in, false);
    break;
  case action::wait_stopping:
    if (in != reference::none && is_static(in) && !is_late_)
      co_await wait_in(at, in, true);
    break;
  case action::fail:
    note(at.id, "throws", 0);
    ++seen_.faults_throw;
    throw std::runtime_error("by " + std::to_string(at.id));
  case action::nest:
    if (may_nest && at.depth != 3 && !at.timed)
      co_await nest(at, s);
    break;
  case action::time_out:
    if (may_nest && !at.timed)
      co_await time_out(at, s);
    break;
  case action::protect:
    if (may_nest)
      co_await protect(at, s);
    break;
  case action::acquire:
    co_await acquire(at, s);
    break;
  case action::try_acquire:
    co_await try_acquire(s);
    break;
  case action::send:
    co_await send(at);
    break;
  case action::receive:
    co_await receive(at);
    break;
  case action::no_memory:
    no_memory_at_ = 1 + s.high % 3;
    break;
  case action::ready_task:
  case action::ready_acquire:
  case action::ready_receive:
  case action::ready_send:
  case action::ready_sleep:
  case action::ready_asio:
  case action::ready_loop:
    co_await ready(at, in, plan_of(s));
    break;
  case action::cancel:
  case action::close:
  case action::resize:
  case action::reopen:
  case action::request_stop:
  case action::cancel_after:
    if (in != reference::none)
      interfere(at, in, s);
    break;
  case action::cancel_root:
  case action::capacity:
  case action::try_send:
  case action::try_receive:
  case action::close_channel:
    objects(at, s);
    break;
  }
}

} // namespace weir::test::model
