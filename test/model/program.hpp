// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/testing/deterministic_runtime.hpp>

#include "reference.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <utility>

namespace weir::test::model {

/// What happened over many programs, to see that all of it does.
struct tally {
  std::uint64_t steps = 0, spawned = 0, waited = 0, lent = 0, refused = 0,
                closed = 0, full = 0, gave_up = 0, failed = 0, cancelled = 0,
                joins_well = 0, joins_failed = 0, joins_aborted = 0,
                stopped = 0;
};

/// A random program of tasks in and around some groups, on a deterministic
/// runtime, compared with the reference after every step. Tasks spawn into a
/// group of their own number or a higher one, and join higher ones: it always
/// ends.
class program final {
public:
  program(std::uint64_t seed, tally& seen);
  program(const program&) = delete;
  program& operator=(const program&) = delete;

  /// Throws `std::logic_error` when something is not as in the reference.
  void run();
  /// What the tasks did, up to now.
  const std::string& trace() const noexcept { return trace_; }

private:
  using answer = reference::answer;
  using ending = reference::ending;

  // In the frame of a child: tells the reference when it is gone.
  class presence final {
  public:
    presence(program& p, int id) noexcept : program_(&p), id_(id) {
      ++p.frames_;
    }
    presence(presence&& other) noexcept
        : how(other.how), error(std::move(other.error)),
          program_(std::exchange(other.program_, nullptr)), id_(other.id_) {}
    presence& operator=(presence&&) = delete;
    ~presence() {
      if (program_ != nullptr)
        program_->gone(*this);
    }

    ending how = ending::stopped;
    std::string error;
    int id() const noexcept { return id_; }

  private:
    program* program_;
    int id_;
  };

  task<> main();
  task<> root(int id);
  task<> child(presence here, int depth);
  task<> script(int id, int depth);
  task<> spawn(int id, int in, int depth);
  task<> join(int id, int in);
  void start_roots();
  void interfere(int id);
  void gone(const presence& of);
  void compare();
  void require(bool holds, const char* what) const;
  void note(int id, const char* what, int where);
  std::size_t below(std::size_t n) { return random_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  int lowest(int id) const;
  int count() const { return static_cast<int>(groups_.size()); }

  std::mt19937_64 random_;
  testing::deterministic_runtime runtime_;
  tally& seen_;
  reference model_;
  std::deque<task_group> groups_;
  std::deque<asio::cancellation_signal> signals_; // of the roots
  std::uint64_t stop_at_ = 0;                     // a step; 0: not stopped
  bool is_stopped_ = false;
  int frames_ = 0; // of children
  int roots_left_ = 0;
  std::string trace_;
};

} // namespace weir::test::model
