// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/co_spawn.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "gate.hpp"
#include "on_scope_exit.hpp"
#include "until.hpp"
#include "until_gone.hpp"
#include "watchdog.hpp"
#include "work.hpp"

#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace weir::test {

/// A task that owns a `T` and tasks that wait on it, on a runtime that is
/// stopped. In whatever order the frames are destroyed, no destroyed object is
/// used, nothing hangs, and every frame is destroyed.
template <typename T>
class abandoned final {
public:
  using make = std::function<void(std::optional<T>&, weir::runtime&)>;
  using wait = std::function<task<>(T&)>;

  /// `waits` are coroutines; the second of two begins when the first waits.
  static void in_every_order(const make& makes,
                             const std::vector<wait>& waits) {
    watchdog dog;
    for (bool in_groups : {false, true})
      for (std::size_t place = 0; place <= waits.size(); ++place)
        BOOST_TEST_CONTEXT("owner started as number "
                           << place << ", waiters in groups " << in_groups) {
          abandoned one(makes, waits);
          one.start(place, in_groups);
          one.stop();
        }
  }

private:
  abandoned(const make& makes, const std::vector<wait>& waits)
      : makes_(makes), waits_(waits) {}

  void start(std::size_t place, bool in_groups) {
    for (std::size_t i = 0; i <= waits_.size(); ++i) {
      if (i == place)
        launch(owns(never_));
      if (i != waits_.size())
        launch(in_groups ? in_group(i) : waits(i));
    }
    block_until([&] { return waiting_ == waits_.size(); });
    pool_->run(returns()); // One thread: all tasks are suspended.
  }
  void stop() {
    pool_->stop();
    never_.reset();
    pool_.reset();
    BOOST_TEST(went_on_ == 0);
    BOOST_TEST(left_ == waits_.size() + 1);
  }

  void launch(task<> work) {
    weir::co_spawn(*pool_, std::move(work), asio::detached);
  }
  task<> owns(std::shared_ptr<gate> never) {
    on_scope_exit count([this] { ++left_; });
    std::optional<T> object;
    makes_(object, *pool_);
    at_ = &*object;
    co_await never->wait();
    ++went_on_;
  }
  task<> waits(std::size_t i) {
    on_scope_exit count([this] { ++left_; });
    co_await until([&] { return at_ != nullptr && waiting_ == i; });
    ++waiting_;
    co_await waits_[i](*at_);
    ++went_on_;
  }
  task<> in_group(std::size_t i) {
    task_group group(*pool_);
    co_await group.spawn(waits(i));
    co_await group.join();
    ++went_on_;
  }

  const make& makes_;
  const std::vector<wait>& waits_;
  std::atomic<T*> at_{nullptr};
  std::atomic<std::size_t> waiting_{0};
  std::atomic<std::size_t> left_{0};
  std::atomic<std::size_t> went_on_{0};
  until_gone<weir::runtime> pool_{std::in_place, 1u};
  std::shared_ptr<gate> never_ = std::make_shared<gate>(pool_->get_executor());
};

} // namespace weir::test
