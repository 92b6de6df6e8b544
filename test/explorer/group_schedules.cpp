// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// How a group ends, under every schedule: its children, their errors and the
// joiners. Numbers are those of the failure catalogue.

#include "explorer/expect.hpp"
#include "explorer/group_models.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>

namespace weir::test::of_group {

namespace {

// 1, 2, 12: two children end on two threads while a third joins, reads what
// they have written and destroys the group.
class children_and_join {
public:
  static constexpr std::size_t threads = 3;

  children_and_join() {
    for (int& v : written_)
      start_child(*group_, writes(v));
  }
  void run(std::size_t thread) {
    if (thread != 0) {
      run_one();
      return;
    }
    joining join(core_of(*group_));
    at_once_ = join.start();
    join.wait();
    seen_ = written_[0] + written_[1];
    times_ = join.times();
    group_.reset();
  }
  std::string outcome() const {
    if (seen_ != 2)
      return "too early";
    if (times_ != 1)
      return "completed twice";
    return at_once_ ? "at once" : "by the last child";
  }

private:
  std::optional<task_group> group_{std::in_place, engine_executor()};
  std::array<int, 2> written_{};
  bool at_once_ = false;
  int seen_ = 0;
  int times_ = 0;
};

// 3: two children fail at once, a third sleeps.
class two_fail {
public:
  static constexpr std::size_t threads = 2;

  two_fail() {
    start_child(group_, naps(third_));
    run_ready();
    start_child(group_, fails("a"));
    start_child(group_, fails("b"));
    join_.start();
  }
  void run(std::size_t) { work_until(join_.done); }
  std::string outcome() {
    const task_group_stats stats = group_.stats();
    if (third_ != nap::cut || stats.cancelled + stats.failed != 3)
      return "not cancelled";
    // One child failed, or was not started any more.
    return result_of(join_) + " of " + std::to_string(stats.failed);
  }

private:
  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
  nap third_ = nap::none;
};

// 4: a child fails while another is spawned.
class fail_and_spawn {
public:
  static constexpr std::size_t threads = 2;

  fail_and_spawn() { start_child(group_, fails("a")); }
  void run(std::size_t thread) {
    if (thread == 1) {
      status_ = group_.try_spawn(naps(other_));
      join_.start();
    }
    work_until(join_.done);
  }
  std::string outcome() {
    if (result_of(join_) != "a")
      return result_of(join_);
    if (status_ == spawn_status::cancelled)
      return other_ == nap::none ? "refused" : "refused, but it ran";
    return other_ == nap::none  ? "not started"
           : other_ == nap::cut ? "cancelled"
                                : "ran on";
  }

private:
  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
  nap other_ = nap::none;
  spawn_status status_ = spawn_status::full;
};

// The group gets more lists for its children when the second waits, and the
// third uses one of them, while another thread cancels the group.
class grow_and_cancel {
public:
  static constexpr std::size_t threads = 3;

  grow_and_cancel() {
    start_child(group_, naps(how_[0]));
    run_ready();
    start_child(group_, naps(how_[1]));
    start_child(group_, naps(how_[2]));
    join_.start();
  }
  void run(std::size_t thread) {
    if (thread == 2)
      group_.cancel();
    else
      run_one();
  }
  std::string outcome() {
    run_ready();
    if (!join_.is_done())
      return "a child was not found";
    if (how_[0] != nap::cut)
      return "the first ran on";
    std::string seen;
    for (const nap how : {how_[1], how_[2]})
      seen += how == nap::cut ? 'c' : how == nap::none ? 'n' : '?';
    return seen;
  }

private:
  std::array<nap, 3> how_{};
  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
};

// 8: two threads join while the only child ends.
class two_join {
public:
  static constexpr std::size_t threads = 3;

  two_join() { start_child(group_, writes(written_)); }
  void run(std::size_t thread) {
    if (thread == 2) {
      run_one();
      return;
    }
    joining join(core_of(group_));
    how_[thread] = join.start() ? 'a' : 'w';
    join.wait();
    seen_[thread] = written_;
  }
  std::string outcome() const {
    return seen_[0] + seen_[1] == 2 ? how_ : "too early";
  }

private:
  task_group group_{engine_executor()};
  int written_ = 0;
  std::array<int, 2> seen_{};
  std::string how_ = "??"; // a(t once) or w(oken)
};

// 50: a child spawns another while a thread joins the group.
class child_spawns {
public:
  static constexpr std::size_t threads = 3;

  child_spawns() { start_child(group_, parent(group_, written_)); }
  void run(std::size_t thread) {
    if (thread == 0) {
      at_once_ = join_.start();
      join_.wait();
      seen_ = written_;
    } else {
      work_until(join_.done);
    }
  }
  std::string outcome() const {
    if (seen_ != 1)
      return "too early";
    return at_once_ ? "at once" : "waited";
  }

private:
  static task<> parent(task_group& group, int& written) {
    start_child(group, writes(written));
    co_return;
  }

  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
  int written_ = 0;
  int seen_ = 0;
  bool at_once_ = false;
};

// The rules take the counts over, for a thread that asks for them, while the
// last child ends and a thread joins.
class look_and_join {
public:
  static constexpr std::size_t threads = 3;

  look_and_join() { start_child(group_, writes(written_)); }
  void run(std::size_t thread) {
    if (thread == 0) {
      at_once_ = join_.start();
      join_.wait();
      seen_ = written_;
    } else if (thread == 1) {
      run_one();
    } else {
      completed_ = group_.stats().completed;
    }
  }
  std::string outcome() const {
    if (seen_ != 1 || join_.times() != 1)
      return "too early, or twice";
    const task_group_stats stats = group_.stats();
    if (stats.completed != 1 || stats.peak != 1 || stats.in_flight != 0)
      return "miscounted";
    return std::string(at_once_ ? "at once" : "waited") +
           (completed_ == 1 ? ", looked after" : ", looked before");
  }

private:
  task_group group_{engine_executor()};
  joining join_{core_of(group_)};
  int written_ = 0;
  int seen_ = 0;
  bool at_once_ = false;
  std::size_t completed_ = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(group_schedules)

BOOST_AUTO_TEST_CASE(who_joins_is_told_once_and_sees_what_children_did) {
  expect_outcomes<children_and_join>(2, {"at once", "by the last child"});
}

BOOST_AUTO_TEST_CASE(of_two_errors_one_is_kept) {
  expect_outcomes<two_fail>(2, {"a of 1", "b of 1", "a of 2", "b of 2"});
}

BOOST_AUTO_TEST_CASE(a_child_spawned_beside_a_failure_never_runs_on) {
  expect_outcomes<fail_and_spawn>(3, {"refused", "not started", "cancelled"});
}

BOOST_AUTO_TEST_CASE(a_cancellation_finds_the_children_in_new_lists) {
  expect_outcomes<grow_and_cancel>(2, {"nn", "cn", "nc", "cc"});
}

BOOST_AUTO_TEST_CASE(all_who_join_are_told) {
  expect_outcomes<two_join>(2, {"aa", "aw", "wa", "ww"});
}

BOOST_AUTO_TEST_CASE(who_joins_is_told_once_beside_a_look_at_the_counts) {
  expect_outcomes<look_and_join>(2,
                                 {"at once, looked after",
                                  "at once, looked before",
                                  "waited, looked after",
                                  "waited, looked before"});
}

BOOST_AUTO_TEST_CASE(a_child_may_spawn_while_somebody_joins) {
  expect_outcomes<child_spawns>(2, {"at once", "waited"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_group
