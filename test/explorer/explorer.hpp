// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "support/sanitized.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <ucontext.h>
#include <vector>

namespace weir::test {

/// Runs a model under every schedule, up to a bound.
///
/// A model's threads are fibers of one thread and change only before an access
/// to an explore_sync::atomic. Schedules are walked depth first. Each takes at
/// most `faults` liberties; one is a thread that could go on but is preempted,
/// a store that others see only after their writer's next barrier, or a weak
/// exchange that fails for no reason. The memory is thus that of x86 (a part
/// of it), not all that C++ allows.
///
/// A model is a default-constructible class with
///   static constexpr std::size_t threads
///   void run(std::size_t thread)        its threads; no exceptions
///   std::string outcome() const         after all of them
///
/// Source: preemption bounding is CHESS's (Musuvathi and Qadeer, 2007).
class explorer final {
public:
  struct report {
    std::size_t schedules = 0;
    std::map<std::string, std::string> outcomes; ///< and a schedule for each
    bool has(const std::string& o) const { return outcomes.count(o) != 0; }
  };

  template <typename Model>
  report explore(unsigned faults) {
    report result;
    trail_.clear();
    do {
      Model model;
      body_ = [&](std::size_t thread) { model.run(thread); };
      const bool ended = play(Model::threads, faults);
      ++result.schedules;
      result.outcomes.emplace(ended ? model.outcome() : "stuck", schedule_);
    } while (next_trail());
    return result;
  }

  // --- by the atomics -------------------------------------------------------

  /// The one that runs a fiber now; null outside of fibers.
  static explorer* active() { return active_; }

  /// Another thread may go first.
  void step() { swap_out(); }
  /// True, at the cost of a liberty: what may go wrong does.
  bool fault() {
    if (faults_ == 0 || choose(2) == 0)
      return false;
    --faults_;
    schedule_ += '!';
    return true;
  }
  /// Something was written: whoever paused may look again.
  void wrote() {
    for (std::size_t t = 0; t != fibers_.size(); ++t)
      if (t != running_)
        fibers_[t].paused = false;
  }
  /// Goes on when another thread has written something.
  void pause() {
    flush();
    fibers_[running_].paused = true;
    swap_out();
  }

  struct store {
    void* where;
    std::uint64_t bits;
    void (*apply)(void* where, std::uint64_t bits);
  };
  /// The running thread's stores that others do not see yet.
  std::vector<store>& delayed() { return fibers_[running_].delayed; }
  /// Now others see them.
  void publish() {
    for (const store& s : delayed())
      s.apply(s.where, s.bits);
    if (!delayed().empty())
      wrote();
    delayed().clear();
  }
  /// A barrier. Until then others may go on without seeing them.
  void flush() {
    if (!delayed().empty())
      step();
    publish();
  }

private:
  static constexpr std::size_t stack_size = 128 * 1024;
  static constexpr std::size_t longest = 2000; // steps

  struct fiber {
    std::unique_ptr<char[]> stack{new char[stack_size]};
    ucontext_t context{};
    bool ended = false;
    bool paused = false;
    std::vector<store> delayed;
  };
  struct choice {
    std::size_t taken;
    std::size_t options;
  };

  static void enter() {
    explorer& self = *active_;
    self.body_(self.running_);
    self.flush();
    self.fibers_[self.running_].ended = true;
    self.swap_out();
  }

  void swap_out() { swapcontext(&fibers_[running_].context, &main_); }

  // One of `options`, the first unless the trail says otherwise.
  std::size_t choose(std::size_t options) {
    if (options == 1)
      return 0;
    if (at_ == trail_.size())
      trail_.push_back({0, options});
    return trail_[at_++].taken;
  }

  bool next_trail() {
    while (!trail_.empty() && trail_.back().taken + 1 == trail_.back().options)
      trail_.pop_back();
    if (!trail_.empty())
      ++trail_.back().taken;
    return !trail_.empty();
  }

  // False: some thread waits for ever.
  bool play(std::size_t threads, unsigned faults) {
    fibers_.resize(threads);
    for (fiber& f : fibers_) {
      f.ended = f.paused = false;
      f.delayed.clear();
      getcontext(&f.context);
      f.context.uc_stack.ss_sp = f.stack.get();
      f.context.uc_stack.ss_size = stack_size;
      f.context.uc_link = nullptr;
      makecontext(&f.context, &explorer::enter, 0);
    }
    faults_ = faults;
    at_ = 0;
    running_ = 0;
    schedule_.clear();
    for (std::size_t steps = 0; steps != longest; ++steps) {
      // Whoever runs comes first: to let it go on is no liberty.
      std::vector<std::size_t> ready;
      for (std::size_t i = 0; i != threads; ++i)
        if (const std::size_t t = (running_ + i) % threads;
            !fibers_[t].ended && !fibers_[t].paused)
          ready.push_back(t);
      if (ready.empty())
        return std::all_of(
            fibers_.begin(), fibers_.end(), [](auto& f) { return f.ended; });
      const bool can_go_on = ready[0] == running_;
      if (can_go_on && faults_ == 0)
        ready.resize(1);
      running_ = ready[choose(ready.size())];
      if (can_go_on && running_ != ready[0])
        --faults_;
      schedule_ += static_cast<char>('0' + running_);
      active_ = this;
      swapcontext(&main_, &fibers_[running_].context);
      active_ = nullptr;
    }
    return false;
  }

  inline static explorer* active_ = nullptr;

  std::function<void(std::size_t)> body_;
  std::vector<fiber> fibers_;
  std::vector<choice> trail_; // every choice with more than one option
  std::size_t at_ = 0;        // in trail_
  std::size_t running_ = 0;
  unsigned faults_ = 0; // left
  std::string schedule_;
  ucontext_t main_{};
};

/// For suites: sanitizers do not know our fibers.
inline boost::test_tools::assertion_result
fibers_work(boost::unit_test::test_unit_id) {
  return !sanitized;
}

} // namespace weir::test
