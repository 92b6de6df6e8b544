// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The same group from callbacks and futures.

#include <weir/error.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/foreign.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_group_tokens, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

// A program without coroutines: each callback requests the next.
class feeder final {
public:
  feeder(task_group& group, std::atomic<int>& calls, int left)
      : group_(group), calls_(calls), left_(left) {}

  std::future<std::exception_ptr> start() {
    next();
    return done_.get_future();
  }

private:
  void next() {
    if (left_-- == 0) {
      group_.join()([this](std::exception_ptr error) {
        done_.set_value(std::move(error));
      });
      return;
    }
    group_.spawn(counts(calls_))([this](error_code ec) {
      if (ec)
        left_ = 0;
      next();
    });
  }

  task_group& group_;
  std::atomic<int>& calls_;
  int left_; // by one callback at a time
  std::promise<std::exception_ptr> done_;
};

BOOST_AUTO_TEST_CASE(a_program_of_callbacks_feeds_and_joins_a_group) {
  for (std::size_t cap : caps) {
    BOOST_TEST_CONTEXT("cap " << cap) {
      std::atomic<int> calls{0};
      task_group group(pool, {.max_in_flight = cap});
      feeder feeds(group, calls, 1000);
      BOOST_TEST(!feeds.start().get());
      BOOST_TEST(calls == 1000);
    }
  }
}

BOOST_AUTO_TEST_CASE(callbacks_get_errors_as_arguments) {
  gate never(pool.get_executor());
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(never)));
  std::promise<error_code> waited;
  group.spawn(returns())([&](error_code ec) { waited.set_value(ec); });
  group.cancel();
  BOOST_TEST(waited.get_future().get() == asio::error::operation_aborted);

  std::promise<error_code> late;
  wait(group.join());
  group.spawn(returns())([&](error_code ec) { late.set_value(ec); });
  BOOST_TEST(late.get_future().get() == errc::group_closed);

  task_group failing(pool);
  wait(failing.spawn(fails_with("boom")));
  std::promise<std::exception_ptr> joined;
  failing.join()([&](std::exception_ptr error) { joined.set_value(error); });
  BOOST_TEST(text_of(joined.get_future().get()) == "boom");
}

BOOST_AUTO_TEST_CASE(a_callback_never_runs_inside_the_call) {
  weir::runtime one(1);
  task_group group(one);
  std::promise<int> seen;
  std::promise<void> done;
  std::atomic<int> callbacks{0};
  auto on_pool = [&] {
    auto count = [&](auto) {
      if (++callbacks == 3)
        done.set_value();
    };
    group.spawn(returns())(count);
    group.join()(count);
    group.join()(count);
    seen.set_value(callbacks);
  };
  asio::post(one.get_executor(), on_pool);
  BOOST_TEST(seen.get_future().get() == 0);
  done.get_future().get();
}

BOOST_AUTO_TEST_CASE(a_callback_runs_on_the_pool_by_default) {
  task_group group(pool);
  std::promise<std::thread::id> where;
  group.join()(
      [&](std::exception_ptr) { where.set_value(std::this_thread::get_id()); });
  BOOST_TEST((where.get_future().get() != std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE(a_bound_executor_gets_the_handler_and_is_kept_busy) {
  asio::io_context context(1);
  gate door(pool.get_executor());
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(door)));
  int handlers = 0; // on this thread only
  auto here = [&](auto) { ++handlers; };
  group.spawn(returns())(asio::bind_executor(context, here));
  group.join()(asio::bind_executor(context, here));
  std::thread opener([&] { door.open(); });
  context.run();
  opener.join();
  BOOST_TEST(handlers == 2);
}

BOOST_AUTO_TEST_CASE(the_frame_of_a_refused_child_is_gone_in_the_callback) {
  std::atomic<int> alive{0};
  auto child = [](counted) -> task<> { co_return; };
  task_group group(pool);
  group.cancel();
  std::promise<int> left;
  group.spawn(child,
              counted(alive))([&](error_code) { left.set_value(alive); });
  BOOST_TEST(left.get_future().get() == 0);
  wait(group.join());
}

template <typename T>
struct counting_allocator {
  using value_type = T;

  explicit counting_allocator(std::atomic<int>& c) : calls(&c) {}
  template <typename U>
  counting_allocator(const counting_allocator<U>& other) : calls(other.calls) {}
  T* allocate(std::size_t n) {
    ++*calls;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* p, std::size_t n) { std::allocator<T>().deallocate(p, n); }
  friend bool operator==(const counting_allocator& a,
                         const counting_allocator& b) {
    return a.calls == b.calls;
  }

  std::atomic<int>* calls;
};

BOOST_AUTO_TEST_CASE(the_allocator_of_the_handler_is_used) {
  std::atomic<int> allocations{0};
  gate door(pool.get_executor());
  task_group group(pool);
  wait(group.spawn(waits_for(door)));
  std::promise<void> done;
  group.join()(
      asio::bind_allocator(counting_allocator<void>(allocations),
                           [&](std::exception_ptr) { done.set_value(); }));
  door.open();
  done.get_future().get();
  BOOST_TEST(allocations > 0);
}

BOOST_AUTO_TEST_CASE(a_slot_cancels_a_waiting_spawn_and_nothing_else) {
  gate door(pool.get_executor());
  std::atomic<int> alive{0};
  std::atomic<int> calls{0};
  auto child = [&](counted) -> task<> {
    ++calls;
    co_return;
  };
  asio::cancellation_signal signal;
  task_group group(pool, {.max_in_flight = 1});
  wait(group.spawn(waits_for(door)));
  auto waiting = group.spawn(child, counted(alive))(
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  auto behind = group.spawn(counts(calls))(asio::use_future);
  signal.emit(asio::cancellation_type::terminal);
  BOOST_CHECK_EXCEPTION(
      waiting.get(), system_error, has_code(asio::error::operation_aborted));
  BOOST_TEST(alive == 0);
  BOOST_TEST(!group.is_cancelled());
  signal.emit(asio::cancellation_type::terminal);
  door.open();
  behind.get();
  wait(group.join());
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(a_slot_cancels_a_join_and_with_it_the_group) {
  gate never(pool.get_executor());
  std::atomic<int> ended{0};
  asio::cancellation_signal signal;
  task_group group(pool);
  wait(group.spawn(waits_and_counts(never, ended)));
  block_until([&] { return never.arrivals() == 1; });
  auto joined = group.join()(
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  signal.emit(asio::cancellation_type::terminal);
  BOOST_CHECK_EXCEPTION(
      joined.get(), system_error, has_code(asio::error::operation_aborted));
  BOOST_TEST(ended == 1);
  BOOST_TEST(group.is_cancelled());
}

BOOST_AUTO_TEST_CASE(operations_can_be_deferred_and_stored) {
  std::atomic<int> calls{0};
  task_group group(pool);
  auto later = group.spawn(counts(calls))(asio::deferred);
  BOOST_TEST(group.stats().spawned == 0u);
  std::move(later)(asio::use_future).get();
  wait(group.join());
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(sleep_is_an_operation_too) {
  const auto begin = clock::now();
  wait(sleep_for(std::chrono::milliseconds(3)));
  auto main = []() -> asio::awaitable<void> {
    co_await sleep_for(std::chrono::milliseconds(3));
  };
  run_foreign(main());
  BOOST_TEST((clock::now() - begin >= std::chrono::milliseconds(6)));

  asio::cancellation_signal signal;
  asio::io_context context(1);
  error_code code;
  sleep_for(std::chrono::hours(1))(asio::bind_cancellation_slot(
      signal.slot(),
      asio::bind_executor(context, [&](error_code ec) { code = ec; })));
  asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
  context.run();
  BOOST_TEST(code == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
