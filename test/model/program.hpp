// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/channel.hpp>
#include <weir/limiter.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>

#include "marks.hpp"
#include "reference.hpp"
#include "script.hpp"
#include "tally.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <set>
#include <string>
#include <vector>

namespace weir::test::model {

/// Runs a script: tasks in and around some groups, a limiter and a channel, on
/// a deterministic runtime, compared with the reference after every step.
///
/// Tasks spawn into a group of their own number or a higher one, and join
/// higher ones; a group inside a task is numbered after those; at last main()
/// closes the channel and asks the groups to stop. Loops of awaits that are
/// ready at once have a length, except in a task that is cancelled. So a
/// program always ends, if the engine ends those loops.
class program final {
public:
  /// `flaw`: see reference.
  program(const bytes& text, tally& seen, int flaw = 0);
  program(const program&) = delete;
  program& operator=(const program&) = delete;

  /// Throws `std::logic_error` if something differs from the reference.
  void run();
  /// Records what the tasks do. Call before run().
  void trace_it() noexcept { is_traced_ = true; }
  const std::string& trace() const noexcept { return trace_; }

private:
  using answer = reference::answer;
  using ending = reference::ending;
  friend class presence;
  friend class body_mark;
  friend class scope_mark;
  friend class group_mark;
  friend class join_mark;
  friend class holding;
  friend class ready_await;

  struct known_task {
    int id;
    detail::task_core* core = nullptr;
  };

  // --- tasks: program.cpp
  task<> main();
  task<> root(place at);
  task<> child(presence here, place at);
  task<> part(place at, std::size_t which);
  task<> act(place at, step s);
  void start_roots();
  void last_call();
  place place_in(const place& at, int in) const noexcept;
  int group_of(const place& at, const step& s) const noexcept;
  int parent_of(const place& at) const noexcept {
    return model_.tasks[at.id].parent;
  }

  // --- what they do: actions.cpp, scopes.cpp
  task<> spawn(place at, int in, step s);
  void try_spawn(const place& at, int in, const step& s);
  task<> join(int id, int in);
  task<> shut_down(place at, int in, step s);
  struct stages {
    bool shuts_down = false;
    std::chrono::milliseconds drain{}, soft{};
  };
  task<> end_of(int id, int in, join_operation op, stages s);
  task<> wait_in(place at, int in, bool stopping);
  task<> acquire(place at, step s);
  task<> try_acquire(step s);
  task<> send(place at);
  task<> receive(place at);
  void interfere(const place& at, int in, const step& s);
  void objects(const place& at, const step& s);
  void reopen(int in);
  task<> nest(place at, step s);
  task<> body(task_group& group, int in, place at, std::size_t which);
  task<> time_out(place at, step s);
  task<> protect(place at, step s);
  task<> scoped(place at, std::size_t which, reference::scope scope);

  // --- what is ready at once: ready.cpp
  struct ready_plan {
    int kind;          // counted from ready_task; larger: all of them in turn
    int awaits;        // without end, if the task is cancelled
    int cancels_at;    // before which await it cancels the group,
    bool cancels_root; // or a root, which may wait for this task
  };
  static ready_plan plan_of(const step& s) noexcept;
  task<> ready(place at, int in, ready_plan plan);
  task<> descend(place at, int depth);
  bool can_receive(const place& at);
  bool can_send(const place& at);

  // --- the comparison: compare.cpp
  void after_step();
  void adopt();
  void learn_deadlines();
  std::chrono::milliseconds
  alone(std::chrono::milliseconds after,
        std::chrono::milliseconds before = std::chrono::milliseconds(0));
  void compare(int in);
  void compare_objects();
  void compare_end();
  void gone(const presence& of);
  void on_error(int in, const task_failure& failure);
  void require_outcome(int in, const std::exception_ptr& error);
  // A failure is thrown after the step.
  void require(bool holds, const char* what, int where = -1);
  void note(int id, const char* what, int where);

  // True if an await reaches the object, and is not cancelled at once.
  bool asks(const place& at) const { return !model_.is_cancelled(at.id); }
  static bool is_cancelled(const known_task& t) noexcept;
  bool is_static(int in) const noexcept {
    return static_cast<std::size_t>(in) < script_.groups;
  }

  const script script_;
  testing::deterministic_runtime runtime_;
  tally& seen_;
  reference model_;
  limiter permits_;
  channel<parcel> values_;
  std::deque<task_group> static_groups_;
  std::vector<task_group*> groups_; // null: destroyed
  std::vector<std::size_t> joins_;  // that have no outcome yet
  std::vector<std::size_t> errors_; // that the hook received
  std::vector<std::size_t> before_; // in flight, before the step
  std::vector<known_task> timed_;   // tasks under a deadline
  std::vector<known_task> fresh_;   // children that have not awaited yet
  std::deque<asio::cancellation_signal> signals_; // of the roots
  clock::time_point now_{}, earlier_{};           // as time jumps
  std::set<clock::time_point> taken_;             // by deadlines
  bool is_stopped_ = false;
  bool is_late_ = false; // the last call was made
  bool is_traced_ = false;
  int frames_ = 0;  // of children
  int parcels_ = 0; // values
  int next_value_ = 0;
  int roots_left_ = 0;
  int steps_left_ = 300;
  int no_memory_at_ = 0; // the allocation of the next spawn that fails
  std::string failure_;
  std::string trace_;
};

} // namespace weir::test::model
