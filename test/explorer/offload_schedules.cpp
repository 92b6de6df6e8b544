// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A pool for blocking functions under every schedule: a function is called once
// or not at all, and its waiter is completed.

#include <weir/detail/sync/offload_step.hpp>

#include "explorer/engine.hpp"
#include "explorer/expect.hpp"
#include "sync/blocking_core.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>

namespace weir::test::of_offload {

namespace {

struct count {
  void operator()(int& calls) const { ++calls; }
};
using call = detail::blocking_call<count, std::reference_wrapper<int>>;
using running = outsider<detail::offload_step<call>>;

// A pool whose only thread is the model's thread 0.
class pool {
protected:
  detail::blocking_core core_{{.threads = 0, .max_waiting = 2}};
  int calls_ = 0;
  running run_{core_, detail::make_job<call>(count(), std::ref(calls_))};
};

// The caller is withdrawn while its function is called.
class cancel_and_call : pool {
public:
  static constexpr std::size_t threads = 2;

  cancel_and_call() { run_.start(); }
  void run(std::size_t thread) {
    if (thread == 0) {
      core_.work();
      return;
    }
    withdrew_ = run_.cancel();
    run_.wait();
    core_.stop();
  }
  std::string outcome() const {
    if (run_.times() != 1 || calls_ > 1)
      return "twice";
    if (!withdrew_)
      return calls_ == 1 ? "told" : "told, not called";
    return calls_ == 1 ? "gave up, called" : "gave up, not called";
  }

private:
  bool withdrew_ = false;
};

// Another thread joins the pool meanwhile, and then nothing is left to do.
class join_and_call : pool {
public:
  static constexpr std::size_t threads = 3;

  join_and_call() { run_.start(); }
  void run(std::size_t thread) {
    if (thread == 0) {
      core_.work();
    } else if (thread == 1) {
      withdrew_ = run_.cancel();
      run_.wait();
    } else {
      core_.join();
      const blocking_pool_stats left = core_.stats();
      idle_ = left.running + left.waiting + left.abandoned == 0;
      core_.stop();
    }
  }
  std::string outcome() const {
    if (!idle_ || run_.times() != 1)
      return "joined too early";
    return withdrew_ ? "gave up" : "told";
  }

private:
  bool withdrew_ = false;
  bool idle_ = false;
};

} // namespace

BOOST_AUTO_TEST_SUITE(offload_schedules)

BOOST_AUTO_TEST_CASE(who_gives_up_is_not_told_of_the_end) {
  expect_outcomes<cancel_and_call>(
      3, {"told", "gave up, called", "gave up, not called"});
}

BOOST_AUTO_TEST_CASE(who_joins_finds_nothing_left) {
  expect_outcomes<join_and_call>(2, {"told", "gave up"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_offload
