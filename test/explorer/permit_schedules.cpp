// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A limiter's permits inside and outside of its lock, under every schedule:
// no waiter is forgotten, no permit is lost or granted twice, and the last user
// destroys the core.

#include <weir/detail/sync/limiter_node.hpp>

#include "explorer/engine.hpp"
#include "explorer/expect.hpp"
#include "sync/limiter_core.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <utility>

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

// A limiter_core with its owner's reference.
class owned_limiter {
public:
  explicit owned_limiter(std::size_t capacity)
      : before_(blocks_in_use()), core_(new detail::limiter_core(capacity)) {}
  owned_limiter(const owned_limiter&) = delete;
  owned_limiter& operator=(const owned_limiter&) = delete;
  // Destroyed before the waiters. All permits are given back.
  ~owned_limiter() {
    if (has_left_)
      return;
    while (core_->in_use() != 0)
      core_->release(1);
    leave();
  }

  void acquire(asker& a) {
    if (core_->acquire(a) == detail::limiter_core::answer::granted)
      a.has = true;
  }
  detail::limiter_core* operator->() const { return core_; }
  void leave() {
    if (!std::exchange(has_left_, true))
      core_->handle_gone();
  }
  // After all threads.
  bool is_gone() const { return blocks_in_use() == before_; }

private:
  const long before_;
  detail::limiter_core* const core_;
  bool has_left_ = false;
};

// Thread 0 gives the only permit back, two other threads want it.
class acquire_and_release {
public:
  static constexpr std::size_t threads = 3;

  acquire_and_release() { limiter_.acquire(askers_[0]); }
  void run(std::size_t thread) {
    if (thread == 0)
      limiter_->release(1);
    else
      limiter_.acquire(askers_[thread]);
  }
  std::string outcome() {
    if (limiter_->in_use() != 1)
      return "miscounted";
    const bool first = askers_[1].has;
    const bool second = askers_[2].has;
    if (first == second)
      return first ? "handed out twice" : "forgotten";
    return first ? "first" : "second";
  }

private:
  std::array<asker, threads> askers_;
  owned_limiter limiter_{1};
};

// A waiter is withdrawn while the permit is given back; another waiter is
// behind it.
class withdraw_and_release {
public:
  static constexpr std::size_t threads = 3;

  withdraw_and_release() {
    limiter_.acquire(held_);
    limiter_.acquire(first_);
  }
  void run(std::size_t thread) {
    if (thread == 0)
      limiter_->release(1);
    else if (thread == 1)
      withdrew_ = limiter_->withdraw(first_);
    else
      limiter_.acquire(second_);
  }
  std::string outcome() {
    if (withdrew_ == first_.has)
      return withdrew_ ? "told after it gave up" : "forgotten";
    if (withdrew_ != second_.has)
      return withdrew_ ? "the second forgotten" : "handed out twice";
    if (limiter_->in_use() != 1)
      return "miscounted";
    return withdrew_ ? "gave up" : "granted";
  }

private:
  asker held_;
  asker first_;
  asker second_;
  owned_limiter limiter_{1};
  bool withdrew_ = false;
};

// The capacity changes from 2 to 1 while one permit is taken and one is given
// back.
class shrink_and_take {
public:
  static constexpr std::size_t threads = 3;

  shrink_and_take() { limiter_.acquire(held_); }
  void run(std::size_t thread) {
    if (thread == 0)
      limiter_->set_capacity(1);
    else if (thread == 1)
      took_ = limiter_->try_acquire(1);
    else
      limiter_->release(1);
  }
  std::string outcome() {
    if (limiter_->in_use() != std::size_t(took_))
      return "miscounted";
    if (limiter_->try_acquire(1) == took_)
      return took_ ? "above the capacity" : "lost";
    return took_ ? "took" : "full";
  }

private:
  asker held_;
  owned_limiter limiter_{2};
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
      limiter_->release(1);
  }
  std::string outcome() { return limiter_.is_gone() ? "gone" : "left behind"; }

private:
  std::array<asker, 2> held_;
  owned_limiter limiter_{2};
};

} // namespace

BOOST_AUTO_TEST_SUITE(permit_schedules)

BOOST_AUTO_TEST_CASE(a_permit_that_comes_back_goes_to_one_who_waits) {
  expect_outcomes<acquire_and_release>(3, {"first", "second"});
}

BOOST_AUTO_TEST_CASE(one_who_gives_up_holds_nobody_back) {
  expect_outcomes<withdraw_and_release>(3, {"gave up", "granted"});
}

BOOST_AUTO_TEST_CASE(a_capacity_lowered_meanwhile_is_kept) {
  expect_outcomes<shrink_and_take>(3, {"took", "full"});
}

BOOST_AUTO_TEST_CASE(the_last_to_leave_destroys_it) {
  expect_outcomes<leave_and_release>(3, {"gone"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_permit
