// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "program.hpp"

#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/error.hpp>
#include <weir/named.hpp>
#include <weir/sleep.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>

namespace weir::test::model {

namespace {

using boost::system::system_error;
using std::chrono::milliseconds;

constexpr int most_tasks = 60;

bool is_abort(const std::exception& e) {
  const auto* error = dynamic_cast<const system_error*>(&e);
  return error != nullptr && error->code() == asio::error::operation_aborted;
}

} // namespace

program::program(std::uint64_t seed, tally& seen)
    : random_(seed), runtime_({.seed = seed, .max_steps = 100'000}),
      seen_(seen) {
  const on_cancel form = one_in(2) ? on_cancel::raise : on_cancel::unwind;
  for (std::size_t n = 1 + below(3); n != 0; --n) {
    const std::size_t cap = 1 + below(3);
    model_.add_group(cap);
    groups_.emplace_back(
        runtime_.get_executor(),
        task_group_options{.max_in_flight = cap, .cancellation = form});
  }
  if (one_in(10))
    stop_at_ = 1 + below(100);
}

void program::run() {
  runtime_.set_step_hook([this] { compare(); });
  start_roots();
  try {
    runtime_.run(named("main", main()));
    require(frames_ == 0, "a frame is left");
  } catch (const system_error& e) {
    if (e.code() != errc::task_abandoned || !is_stopped_)
      throw;
    ++seen_.stopped;
  }
  seen_.steps += runtime_.steps();
  for (const reference::group& g : model_.groups) {
    seen_.spawned += g.spawned;
    seen_.failed += g.failed;
    seen_.cancelled += g.cancelled;
  }
}

// --- the tasks
// ------------------------------------------------------------------------

void program::start_roots() {
  for (std::size_t n = 1 + below(4); n != 0; --n) {
    const int id = model_.add_task();
    asio::cancellation_signal& signal = signals_.emplace_back();
    ++roots_left_;
    const auto ended = [this](const std::exception_ptr&) { --roots_left_; };
    co_spawn(runtime_.get_executor(),
             named("root", root(id)),
             asio::bind_cancellation_slot(signal.slot(), ended));
  }
}

task<> program::main() {
  const int id = model_.add_task();
  while (roots_left_ != 0)
    co_await sleep_for(milliseconds(1));
  for (int in = 0; in != count(); ++in) {
    co_await join(id, in);
    require(model_.groups[in].children.empty(), "joined too early");
  }
}

task<> program::root(int id) { co_await script(id, 3); }

task<> program::child(presence here, int depth) {
  const reference::task& self = model_.tasks[here.id()];
  require(self.parent != reference::none, "began without a slot");
  require(!self.cancelled, "began in a cancelled group");
  try {
    co_await script(here.id(), depth);
    here.how = ending::returned;
  } catch (const std::exception& e) {
    here.how = is_abort(e) ? ending::aborted : ending::failed;
    here.error = e.what();
    throw;
  }
}

task<> program::script(int id, int depth) {
  for (std::size_t n = 1 + below(5); n != 0; --n) {
    const int from = lowest(id);
    const int in = from + static_cast<int>(below(count() - from));
    switch (below(10)) {
    case 0:
    case 1:
      co_await checkpoint();
      break;
    case 2:
      co_await sleep_for(milliseconds(below(3)));
      break;
    case 3:
    case 4:
    case 5:
      if (depth != 0 && model_.tasks.size() < most_tasks)
        co_await spawn(id, in, depth - 1);
      break;
    case 6:
      if (model_.tasks[id].parent < in && one_in(3))
        co_await join(id, in);
      break;
    case 7:
      if (depth != 0 && model_.tasks.size() < most_tasks) {
        const int next = model_.add_task();
        task<> work = child(presence(*this, next), depth - 1);
        note(id, "tries to spawn in", in);
        const answer expected = model_.try_spawn(in, next);
        const spawn_status got = groups_[in].try_spawn(std::move(work));
        constexpr answer means[] = {
            answer::started, answer::full, answer::cancelled, answer::closed};
        require(means[static_cast<int>(got)] == expected, "try_spawn");
        seen_.full += expected == answer::full;
      }
      break;
    default:
      interfere(id);
      if (model_.tasks[id].parent != reference::none && one_in(6)) {
        note(id, "throws", 0);
        throw std::runtime_error("by " + std::to_string(id));
      }
      break;
    }
  }
}

// A delay, a cancellation out of nothing, a changed cap, a closed group.
void program::interfere(int id) {
  const int in = static_cast<int>(below(count()));
  switch (below(8)) {
  case 0:
    note(id, "cancels group", in);
    model_.cancel(in, reference::cause::own);
    groups_[in].cancel();
    break;
  case 1:
    if (one_in(3)) {
      note(id, "closes group", in);
      model_.close(in);
      groups_[in].close();
    }
    break;
  case 2: {
    const int root = static_cast<int>(below(signals_.size()));
    note(id, "cancels root", root);
    model_.cancel_task(root);
    signals_[root].emit(asio::cancellation_type::terminal);
    break;
  }
  default: {
    const std::size_t cap = 1 + below(4);
    note(id, "resizes group", in);
    model_.set_cap(in, cap);
    groups_[in].set_max_in_flight(cap);
    break;
  }
  }
}

task<> program::spawn(int id, int in, int depth) {
  const int next = model_.add_task();
  task<> work = child(presence(*this, next), depth);
  const auto state = co_await asio::this_coro::cancellation_state;
  const reference::task& self = model_.tasks[id];
  answer expected = answer::cancelled; // The group is not even asked.
  if (state.cancelled() == asio::cancellation_type::none) {
    note(id, "spawns in", in);
    expected = model_.spawn(id, in, next);
    seen_.waited += expected == answer::waits && !self.lends;
    seen_.lent += expected == answer::waits && self.lends;
  }
  const bool waits = expected == answer::waits;
  try {
    co_await groups_[in].spawn(std::move(work));
  } catch (const system_error& e) {
    const bool closed = e.code() == errc::group_closed;
    require((closed ? answer::closed : answer::cancelled) ==
                (waits ? self.last : expected),
            "spawn was refused");
    ++(closed ? seen_.closed : waits ? seen_.gave_up : seen_.refused);
    throw;
  }
  require((waits ? self.last : expected) == answer::started,
          "spawn was not refused");
}

task<> program::join(int id, int in) {
  note(id, "joins group", in);
  const reference::group& group = model_.groups[in];
  (void)model_.join(id, in);
  std::string error;
  bool aborted = false;
  try {
    co_await groups_[in].join();
  } catch (const std::exception& e) {
    error = e.what();
    aborted = is_abort(e);
  }
  require(group.joined, "joined while the reference is not");
  if (group.failed != 0) {
    require(error == group.first_error, "join without the first error");
    ++seen_.joins_failed;
  } else {
    require(aborted == (group.cancelled_by == reference::cause::outside) &&
                aborted == !error.empty(),
            "join ended in another way");
    ++(aborted ? seen_.joins_aborted : seen_.joins_well);
  }
}

// --- the comparison
// -------------------------------------------------------------------

void program::gone(const presence& of) {
  --frames_;
  if (!is_stopped_ && model_.tasks[of.id()].parent != reference::none)
    model_.end(of.id(), of.how, of.error);
}

void program::compare() {
  for (int i = 0; i != count(); ++i) {
    const task_group_stats is = groups_[i].stats();
    const reference::group& g = model_.groups[i];
    require(is.in_flight == g.in_flight, "in_flight");
    require(is.waiting == g.waiting, "waiting");
    require(is.spawned == g.spawned, "spawned");
    require(is.completed == g.completed, "completed");
    require(is.failed == g.failed, "failed");
    require(is.cancelled == g.cancelled, "cancelled");
    require(is.rejected == g.rejected, "rejected");
    require(groups_[i].max_in_flight() == g.cap, "max_in_flight");
    require(groups_[i].is_cancelled() ==
                (g.cancelled_by != reference::cause::none),
            "is_cancelled");
  }
  if (stop_at_ != 0 && runtime_.steps() >= stop_at_) {
    is_stopped_ = true;
    runtime_.stop();
  }
}

void program::require(bool holds, const char* what) const {
  if (!holds && !is_stopped_)
    throw std::logic_error(std::string("not as in the reference: ") + what);
}

void program::note(int id, const char* what, int where) {
  trace_ += "  step " + std::to_string(runtime_.steps()) + ": task " +
            std::to_string(id) + ' ' + what + ' ' + std::to_string(where) +
            '\n';
}

int program::lowest(int id) const {
  const int parent = model_.tasks[id].parent;
  return parent == reference::none ? 0 : parent;
}

} // namespace weir::test::model
