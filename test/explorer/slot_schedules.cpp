// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A group's slots under every schedule: no spawn that waits is forgotten, and
// none overtakes another. Numbers are those of the failure catalogue.

#include "explorer/expect.hpp"
#include "explorer/waiting_group.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace weir::test::of_slot {

namespace {

// 5: a child ends while two threads spawn.
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

// 6, 7, 59: the first waiting spawn is withdrawn while a slot becomes free;
// another one is behind it.
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

// 55: try_spawn() is called while spawns wait, and one of these is withdrawn.
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

// 60: making the child throws, after it got a slot, while a spawn waits.
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

} // namespace

BOOST_AUTO_TEST_SUITE(slot_schedules)

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

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_slot
