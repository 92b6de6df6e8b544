// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A limiter's permits inside and outside of its lock, under every schedule:
// nobody who waits is forgotten, no permit is lost or handed out twice, and
// the last to leave puts out the light.

#include <weir/detail/limiter_node.hpp>

#include "explorer/expect.hpp"
#include "explorer/explore_sync.hpp"
#include "explorer/explorer.hpp"
#include "guarded_limiter.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace weir::test::of_permit {

namespace {

struct asker : detail::limiter_node {
  asker() : limiter_node(&asker::settled, 1) {}
  explicit asker(std::size_t weight) : limiter_node(&asker::settled, weight) {}
  static void settled(limiter_node& node, bool granted) noexcept {
    auto& self = static_cast<asker&>(node);
    ++self.told;
    self.has = granted;
  }
  bool has = false;
  int told = 0;
};

// As limiter_core, but its end is only counted.
class small_limiter {
public:
  explicit small_limiter(std::size_t capacity) : rules_(capacity) {}

  void acquire(asker& a) {
    if (rules_.acquire(a) == guarded::answer::granted)
      a.has = true;
  }
  bool try_acquire(std::size_t weight) { return rules_.try_acquire(weight); }
  void release(std::size_t weight) {
    if (rules_.try_release(weight))
      return;
    detail::limiter_queue granted;
    {
      const guarded::lock held(rules_);
      held->release(weight, granted);
      ends_ += held.is_unused();
    }
    settle(granted);
  }
  void set_capacity(std::size_t capacity) {
    detail::limiter_queue granted;
    detail::limiter_queue refused;
    guarded::lock(rules_)->set_capacity(capacity, granted, refused);
    settle(granted);
  }
  bool withdraw(asker& a) {
    detail::limiter_queue granted;
    const bool withdrawn = guarded::lock(rules_)->withdraw(a, granted);
    settle(granted);
    return withdrawn;
  }
  void leave() {
    const guarded::lock held(rules_);
    held.remove_owner();
    ends_ += held.is_unused();
  }

  // After all threads.
  std::size_t in_use() { return guarded::lock(rules_)->in_use(); }
  int ends() const { return ends_; }

private:
  using guarded = detail::basic_guarded_limiter<explore_sync>;

  static void settle(detail::limiter_queue& granted) {
    while (detail::limiter_node* const n = granted.pop_front())
      n->settle(*n, true);
  }

  guarded rules_;
  int ends_ = 0;
};

// Thread 0 gives the only permit back, two others want it.
class acquire_and_release {
public:
  static constexpr std::size_t threads = 3;

  acquire_and_release() { limiter_.acquire(askers_[0]); }
  void run(std::size_t thread) {
    if (thread == 0)
      limiter_.release(1);
    else
      limiter_.acquire(askers_[thread]);
  }
  std::string outcome() {
    if (limiter_.in_use() != 1)
      return "miscounted";
    const bool first = askers_[1].has;
    const bool second = askers_[2].has;
    if (first == second)
      return first ? "handed out twice" : "forgotten";
    return first ? "first" : "second";
  }

private:
  small_limiter limiter_{1};
  std::array<asker, threads> askers_;
};

// One gives up while the permit it waits for comes back; another is behind it.
class withdraw_and_release {
public:
  static constexpr std::size_t threads = 3;

  withdraw_and_release() {
    limiter_.acquire(held_);
    limiter_.acquire(first_);
  }
  void run(std::size_t thread) {
    if (thread == 0)
      limiter_.release(1);
    else if (thread == 1)
      withdrew_ = limiter_.withdraw(first_);
    else
      limiter_.acquire(second_);
  }
  std::string outcome() {
    if (withdrew_ == first_.has)
      return withdrew_ ? "told after it gave up" : "forgotten";
    if (withdrew_ != second_.has)
      return withdrew_ ? "the second forgotten" : "handed out twice";
    if (limiter_.in_use() != 1)
      return "miscounted";
    return withdrew_ ? "gave up" : "granted";
  }

private:
  small_limiter limiter_{1};
  asker held_;
  asker first_;
  asker second_;
  bool withdrew_ = false;
};

// The capacity goes from 2 to 1 while one is taken and one comes back.
class shrink_and_take {
public:
  static constexpr std::size_t threads = 3;

  shrink_and_take() { limiter_.acquire(held_); }
  void run(std::size_t thread) {
    if (thread == 0)
      limiter_.set_capacity(1);
    else if (thread == 1)
      took_ = limiter_.try_acquire(1);
    else
      limiter_.release(1);
  }
  std::string outcome() {
    if (limiter_.in_use() != std::size_t(took_))
      return "miscounted";
    if (limiter_.try_acquire(1) == took_)
      return took_ ? "above the capacity" : "lost";
    return took_ ? "took" : "full";
  }

private:
  small_limiter limiter_{2};
  asker held_;
  bool took_ = false;
};

// The limiter's owner and two holders leave.
class leave_and_release {
public:
  static constexpr std::size_t threads = 3;

  leave_and_release() {
    limiter_.acquire(held_[0]);
    limiter_.acquire(held_[1]);
  }
  void run(std::size_t thread) {
    if (thread == 0)
      limiter_.leave();
    else
      limiter_.release(1);
  }
  std::string outcome() {
    return limiter_.ends() == 1 ? "once"
                                : std::to_string(limiter_.ends()) + " times";
  }

private:
  small_limiter limiter_{2};
  std::array<asker, 2> held_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(permit_schedules,
                      *boost::unit_test::precondition(fibers_work))

BOOST_AUTO_TEST_CASE(a_permit_that_comes_back_goes_to_one_who_waits) {
  expect_outcomes<acquire_and_release>(3, {"first", "second"});
}

BOOST_AUTO_TEST_CASE(one_who_gives_up_holds_nobody_back) {
  expect_outcomes<withdraw_and_release>(3, {"gave up", "granted"});
}

BOOST_AUTO_TEST_CASE(a_capacity_lowered_meanwhile_is_kept) {
  expect_outcomes<shrink_and_take>(3, {"took", "full"});
}

BOOST_AUTO_TEST_CASE(the_last_to_leave_ends_it_once) {
  expect_outcomes<leave_and_release>(3, {"once"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_permit
