// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A group's counts inside and outside of its lock, under every schedule: no
// join and no spawn that waits is forgotten.

#include <weir/detail/sync.hpp>

#include "explorer/expect.hpp"
#include "explorer/explore_sync.hpp"
#include "explorer/explorer.hpp"
#include "group_state.hpp"
#include "slot_word.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace weir::test::of_slot {

namespace {

using rules = detail::group_state;

// As group_core, without tasks.
class small_group {
public:
  explicit small_group(std::size_t cap) : cap_(cap), word_(cap), state_(cap) {}

  bool spawn(detail::group_waiter& w) {
    word::counts now{};
    if (word_.try_enter(now) == word::entry::entered) {
      is_above_cap_ = is_above_cap_ || now.running > cap_;
      return true;
    }
    rules_lock held(*this);
    std::uint64_t index = 0;
    return state_.admit(&w, {}, index) == rules::admission::started;
  }

  void end() {
    bool idle = false;
    if (word_.try_leave(idle) == word::exit::left)
      return;
    rules_lock held(*this);
    detail::group_queue woken;
    state_.end(rules::ending::completed, nullptr, woken);
    while (woken.pop_front() != nullptr) {
    }
  }

  bool join(detail::group_waiter& w) {
    rules_lock held(*this);
    detail::group_queue woken; // Nobody waits for idleness here.
    return state_.join(w, woken);
  }

  void set_cap(std::size_t cap) {
    rules_lock held(*this);
    cap_ = cap;
    detail::group_queue woken;
    state_.set_cap(cap, woken);
  }

  // After all threads.
  std::string broken(std::size_t children, std::size_t spawned) {
    rules_lock held(*this);
    if (is_above_cap_)
      return "above the cap";
    if (state_.children() != children)
      return "miscounted";
    return state_.counted().spawned == spawned ? "" : "miscounted spawns";
  }

private:
  using word = detail::basic_slot_word<explore_sync>;

  struct rules_lock {
    explicit rules_lock(small_group& g) : group(g) {
      group.lock_.lock();
      if (group.word_.is_locked())
        return;
      const word::counts now = group.word_.lock();
      group.state_.recount(now.running, now.started, now.running);
    }
    ~rules_lock() {
      const rules& state = group.state_;
      if (state.is_countable())
        (void)group.word_.unlock({state.children(), state.counted().spawned},
                                 state.has_joiner(),
                                 state.cap());
      group.lock_.unlock();
    }
    small_group& group;
  };

  std::size_t cap_; // as in state_, for the fast path
  bool is_above_cap_ = false;
  detail::basic_spin_lock<explore_sync> lock_;
  word word_;
  rules state_;
};

using fate = detail::group_waiter::fate;

// Thread 0 joins, two children end.
class join_and_end {
public:
  static constexpr std::size_t threads = 3;

  join_and_end() {
    detail::group_waiter unused;
    group_.spawn(unused);
    group_.spawn(unused);
  }
  void run(std::size_t thread) {
    if (thread == 0)
      at_once_ = group_.join(joiner_);
    else
      group_.end();
  }
  std::string outcome() {
    if (std::string wrong = group_.broken(0, 2); !wrong.empty())
      return wrong;
    if (at_once_)
      return "at once";
    return joiner_.state == fate::granted ? "by the last child" : "forgotten";
  }

private:
  small_group group_{2};
  detail::group_waiter joiner_;
  bool at_once_ = false;
};

// Two spawn at the cap while a child ends.
class spawn_and_end {
public:
  static constexpr std::size_t threads = 3;

  spawn_and_end() { group_.spawn(waiters_[0]); }
  void run(std::size_t thread) {
    if (thread != 0)
      at_once_[thread] = group_.spawn(waiters_[thread]);
    else
      group_.end();
  }
  std::string outcome() {
    std::string how;
    std::size_t started = 0;
    for (std::size_t i : {1, 2}) {
      const bool granted = waiters_[i].state == fate::granted;
      started += at_once_[i] || granted;
      how += at_once_[i] ? 's' : granted ? 'g' : 'q';
    }
    if (std::string wrong = group_.broken(1, 2); !wrong.empty())
      return wrong;
    return started == 1 ? how : "forgotten";
  }

private:
  small_group group_{1};
  std::array<detail::group_waiter, threads> waiters_;
  std::array<bool, threads> at_once_{};
};

// The cap is lowered from 2 to 1 while two spawn beside a child.
class spawn_and_shrink {
public:
  static constexpr std::size_t threads = 3;

  spawn_and_shrink() {
    group_.spawn(waiters_[0]);
    // Locked and opened again: the word counts no starts, so that but for its
    // epoch it would look the same after the next time.
    group_.set_cap(2);
  }
  void run(std::size_t thread) {
    if (thread == 0)
      group_.set_cap(1);
    else
      at_once_[thread] = group_.spawn(waiters_[thread]);
  }
  std::string outcome() {
    const std::size_t started = 1u + at_once_[1] + at_once_[2];
    if (std::string wrong = group_.broken(started, started); !wrong.empty())
      return wrong;
    return std::to_string(started);
  }

private:
  small_group group_{2};
  std::array<detail::group_waiter, threads> waiters_;
  std::array<bool, threads> at_once_{};
};

} // namespace

BOOST_AUTO_TEST_SUITE(slot_schedules,
                      *boost::unit_test::precondition(fibers_work))

BOOST_AUTO_TEST_CASE(a_join_beside_the_last_child_is_not_forgotten) {
  expect_outcomes<join_and_end>(2, {"at once", "by the last child"});
}

BOOST_AUTO_TEST_CASE(a_spawn_beside_the_end_of_a_child_is_not_forgotten) {
  // s(tarted at once), g(ranted by the end), still q(ueued).
  expect_outcomes<spawn_and_end>(2, {"sq", "qs", "gq", "qg"});
}

BOOST_AUTO_TEST_CASE(no_spawn_starts_by_a_cap_that_was_lowered_before) {
  expect_outcomes<spawn_and_shrink>(2, {"1", "2"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_slot
