// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A group's slots under every schedule: no spawn that waits is forgotten, none
// starts above the cap, nobody jumps the queue. Numbers are those of the
// failure catalogue.

#include "explorer/expect.hpp"
#include "explorer/group_models.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

namespace weir::test::of_slot {

namespace {

// A group with a cap and three children that wait for a slot, or will.
class waiting_group {
protected:
  explicit waiting_group(std::size_t cap)
      : group_(engine_executor(), {.max_in_flight = cap}) {
    for (std::size_t i = 0; i != 3; ++i)
      spawns_[i] = std::make_unique<spawning>(core_of(group_), writes(ran_[i]));
  }

  // After all threads, `n` of the spawns were started in all: runs what is
  // left. "", or what is wrong.
  std::string broken(std::size_t n) {
    run_ready();
    joining join(core_of(group_));
    if (!join.start())
      return "forgotten";
    const task_group_stats stats = group_.stats();
    if (stats.peak > most_)
      return "above the cap";
    std::size_t ran = 0;
    for (const int each : ran_)
      ran += static_cast<std::size_t>(each);
    return ran != n || stats.in_flight != 0 ? "miscounted" : "";
  }
  // s(tarted), or still q(ueued).
  char how(std::size_t i) const { return spawns_[i]->is_done() ? 's' : 'q'; }

  task_group group_;
  std::array<int, 3> ran_{};
  int first_ = 0;
  std::size_t most_ = 1; // in flight
  std::array<std::unique_ptr<spawning>, 3> spawns_;
};

// 5: a child ends while two spawners come.
class spawn_and_end : waiting_group {
public:
  static constexpr std::size_t threads = 3;

  spawn_and_end() : waiting_group(1) { start_child(group_, writes(first_)); }
  void run(std::size_t thread) {
    if (thread == 0)
      run_one();
    else
      at_once_[thread] = spawns_[thread]->start();
  }
  std::string outcome() {
    std::string seen;
    for (std::size_t i : {1, 2})
      seen += at_once_[i] ? 'a' : how(i);
    const std::string wrong = broken(2);
    return wrong.empty() ? seen : wrong;
  }

private:
  std::array<bool, threads> at_once_{};
};

// 6, 7, 59: the first that waits gives up while a slot comes free; another is
// behind it.
class withdraw_and_end : waiting_group {
public:
  static constexpr std::size_t threads = 3;

  withdraw_and_end() : waiting_group(1) {
    start_child(group_, writes(first_));
    spawns_[0]->start();
  }
  void run(std::size_t thread) {
    if (thread == 0)
      run_one();
    else if (thread == 1)
      withdrew_ = spawns_[0]->cancel();
    else
      spawns_[1]->start();
  }
  std::string outcome() {
    if (const std::string wrong = broken(withdrew_ ? 1 : 2); !wrong.empty())
      return wrong;
    if (group_.is_cancelled() || spawns_[0]->times() != 1)
      return "not the spawner alone";
    return withdrew_ ? "gave up" : "granted";
  }

private:
  bool withdrew_ = false;
};

// 55: somebody tries while others wait, and one of them gives up.
class try_and_withdraw : waiting_group {
public:
  static constexpr std::size_t threads = 3;

  try_and_withdraw() : waiting_group(1) {
    start_child(group_, writes(first_));
    spawns_[0]->start();
  }
  void run(std::size_t thread) {
    if (thread == 0)
      run_one();
    else if (thread == 1)
      withdrew_ = spawns_[0]->cancel();
    else
      status_ = group_.try_spawn(writes(ran_[1]));
  }
  std::string outcome() {
    const bool started = status_ == spawn_status::started;
    const std::size_t ran = !withdrew_ + started;
    if (const std::string wrong = broken(ran); !wrong.empty())
      return wrong;
    return std::string(withdrew_ ? "gave up" : "granted") +
           (started ? ", started" : ", full");
  }

private:
  bool withdrew_ = false;
  spawn_status status_ = spawn_status::closed;
};

// 60: what makes the child throws, with a slot in hand, while one waits.
class throw_and_spawn : waiting_group {
public:
  static constexpr std::size_t threads = 2;

  throw_and_spawn() : waiting_group(1) {}
  void run(std::size_t thread) {
    if (thread == 0) {
      try {
        (void)detail::try_launch(core_of(group_), []() -> task<> {
          explorer::active()->step();
          throw std::runtime_error("made nothing");
        });
      } catch (const std::runtime_error&) {
        threw_ = true;
      }
    } else {
      at_once_ = spawns_[0]->start();
    }
  }
  std::string outcome() {
    const bool threw = threw_;
    const bool at_once = at_once_;
    if (const std::string wrong = broken(1); !wrong.empty())
      return wrong;
    return std::string(threw ? "threw" : "full") +
           (at_once ? ", at once" : ", handed on");
  }

private:
  bool threw_ = false;
  bool at_once_ = false;
};

// 61: the cap grows by one while three wait and a child ends.
class grow_and_end : waiting_group {
public:
  static constexpr std::size_t threads = 2;

  grow_and_end() : waiting_group(1) {
    most_ = 2;
    start_child(group_, writes(first_));
    for (auto& each : spawns_)
      each->start();
  }
  void run(std::size_t thread) {
    if (thread == 0)
      group_.set_max_in_flight(2);
    else
      run_one();
  }
  std::string outcome() {
    const std::string seen{how(0), how(1), how(2)};
    const std::string wrong = broken(3);
    return wrong.empty() ? seen : wrong;
  }
};

// 62: the cap is lowered while a child ends and another is spawned.
class shrink_and_end : waiting_group {
public:
  static constexpr std::size_t threads = 3;

  shrink_and_end() : waiting_group(2) {
    most_ = 2;
    start_child(group_, writes(first_));
    start_child(group_, writes(first_));
    // Locked and opened again: the word counts no starts, so that but for its
    // epoch it would look the same after the next time.
    group_.set_max_in_flight(2);
  }
  void run(std::size_t thread) {
    if (thread == 0)
      group_.set_max_in_flight(1);
    else if (thread == 1)
      run_one();
    else
      at_once_ = spawns_[0]->start();
  }
  std::string outcome() {
    const bool granted = spawns_[0]->is_done() && !at_once_;
    // Those that were there before are let be.
    if (group_.stats().in_flight > 2)
      return "above the cap";
    const bool at_once = at_once_;
    if (const std::string wrong = broken(1); !wrong.empty())
      return wrong;
    return at_once ? "at once" : granted ? "granted" : "queued";
  }

private:
  bool at_once_ = false;
};

// 45: under a cap of 1 children never overlap, without one they may.
template <std::size_t cap>
class spawn_and_run {
public:
  static constexpr std::size_t threads = 2;

  void run(std::size_t thread) {
    if (thread == 0) {
      for (spawning& each : spawns_)
        each.start();
      join_.start();
    }
    work_until(join_.done);
  }
  std::string outcome() const {
    return inside_ != 0 ? "miscounted" : overlapped_ ? "overlap" : "in turn";
  }

private:
  task<> child() {
    // In one step: what is explored is where the children stand.
    overlapped_ = overlapped_ || inside_ != 0;
    ++inside_;
    explorer::active()->step();
    --inside_;
    co_return;
  }

  task_group group_{engine_executor(), {.max_in_flight = cap}};
  bool overlapped_ = false;
  int inside_ = 0;
  spawning spawns_[2]{spawning(core_of(group_), child()),
                      spawning(core_of(group_), child())};
  joining join_{core_of(group_)};
};

} // namespace

BOOST_AUTO_TEST_SUITE(slot_schedules,
                      *boost::unit_test::precondition(fibers_work))

BOOST_AUTO_TEST_CASE(a_spawn_beside_the_end_of_a_child_is_not_forgotten) {
  // started a(t once), s(tarted by the end), still q(ueued).
  expect_outcomes<spawn_and_end>(2, {"aq", "qa", "sq", "qs"});
}

BOOST_AUTO_TEST_CASE(a_slot_for_one_who_gives_up_is_passed_on) {
  expect_outcomes<withdraw_and_end>(2, {"gave up", "granted"});
}

BOOST_AUTO_TEST_CASE(who_only_tries_does_not_jump_the_queue) {
  expect_outcomes<try_and_withdraw>(
      2, {"granted, full", "gave up, full", "gave up, started"});
}

BOOST_AUTO_TEST_CASE(a_slot_comes_back_when_nothing_is_made) {
  expect_outcomes<throw_and_spawn>(
      3, {"threw, at once", "threw, handed on", "full, at once"});
}

BOOST_AUTO_TEST_CASE(a_cap_that_grows_admits_just_the_new_slots_in_order) {
  expect_outcomes<grow_and_end>(3, {"ssq"});
}

BOOST_AUTO_TEST_CASE(no_spawn_starts_by_a_cap_that_was_lowered_before) {
  expect_outcomes<shrink_and_end>(2, {"at once", "queued", "granted"});
}

BOOST_AUTO_TEST_CASE(children_under_a_cap_of_one_run_in_turn) {
  expect_outcomes<spawn_and_run<1>>(2, {"in turn"});
}

BOOST_AUTO_TEST_CASE(children_without_a_cap_may_overlap) {
  if (!tsan_fibers) // which would call it what it is
    expect_outcomes<spawn_and_run<unlimited>>(3, {"in turn", "overlap"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_slot
