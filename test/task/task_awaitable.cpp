// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// asio::awaitable awaited by a task.

#include <weir/executor.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/with_task_group.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_awaitable, pool_fixture)

// As an awaitable, it suspends once.
asio::awaitable<void> hop() {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

class token {
public:
  explicit token(int n) : n_(n) {}
  token(token&&) = default;
  int number() const { return n_; }

private:
  int n_;
};

BOOST_AUTO_TEST_CASE(hands_over_its_value) {
  auto number = [](bool hops) -> asio::awaitable<int> {
    if (hops)
      co_await hop();
    co_return 21;
  };
  auto pointer = []() -> asio::awaitable<std::unique_ptr<int>> {
    co_await hop();
    co_return std::make_unique<int>(3);
  };
  auto main = [&]() -> task<int> {
    co_await hop();
    int sum = co_await number(true);
    sum += co_await number(false);
    std::unique_ptr<int> p = co_await pointer();
    co_return sum + *p;
  };
  BOOST_TEST(run(main()) == 45);
}

BOOST_AUTO_TEST_CASE(hands_over_a_value_that_has_no_default) {
  auto child = []() -> asio::awaitable<token> {
    co_await hop();
    co_return token(8);
  };
  auto main = [&]() -> task<token> { co_return co_await child(); };
  BOOST_TEST(run(main()).number() == 8);
}

BOOST_AUTO_TEST_CASE(passes_its_exception_on) {
  auto child = [](bool hops) -> asio::awaitable<int> {
    if (hops)
      co_await hop();
    throw std::runtime_error("from asio");
    co_return 0;
  };
  auto main = [&](bool hops) -> task<int> { co_return co_await child(hops); };
  BOOST_CHECK_EXCEPTION(run(main(true)), std::runtime_error, says("from asio"));
  BOOST_CHECK_EXCEPTION(
      run(main(false)), std::runtime_error, says("from asio"));
}

BOOST_AUTO_TEST_CASE(destroys_its_frame_before_the_task_goes_on) {
  std::atomic<int> alive{0};
  int left = -1;
  auto child = [&](counted) -> asio::awaitable<void> {
    counted local(alive);
    co_await hop();
  };
  auto main = [&]() -> task<> {
    co_await child(counted(alive));
    left = alive;
  };
  run(main());
  BOOST_TEST(left == 0);
}

BOOST_AUTO_TEST_CASE(runs_on_the_strand_of_the_task) {
  bool same = false;
  auto child = []() -> asio::awaitable<asio::any_io_executor> {
    co_return co_await asio::this_coro::executor;
  };
  auto main = [&]() -> task<> {
    const executor mine = co_await asio::this_coro::executor;
    const asio::any_io_executor its = co_await child();
    const executor* inside = its.target<executor>();
    same = inside != nullptr && *inside == mine;
  };
  run(main());
  BOOST_TEST(same);
}

BOOST_AUTO_TEST_CASE(is_cancelled_with_the_task) {
  for (on_cancel form : {on_cancel::raise, on_cancel::unwind}) {
    BOOST_TEST_CONTEXT("form " << static_cast<int>(form)) {
      std::atomic<int> ended{0};
      std::atomic<int> past{0};
      gate never(pool.get_executor());
      auto waits = [&]() -> asio::awaitable<void> {
        on_scope_exit count([&] { ++ended; });
        co_await never.wait();
        ++past;
      };
      auto child = [&]() -> task<> {
        co_await waits();
        ++past;
      };
      auto main = [&]() -> task<> {
        co_await with_task_group(
            {.cancellation = form}, [&](task_group& group) -> task<> {
              for (int i = 0; i != 10; ++i)
                co_await group.spawn(child);
              co_await until([&] { return never.arrivals() == 10; });
              group.cancel();
            });
      };
      run(main());
      BOOST_TEST(ended == 10);
      BOOST_TEST(past == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(sees_the_cancellation_as_operation_aborted) {
  boost::system::error_code seen;
  gate never(pool.get_executor());
  auto waits = [&]() -> asio::awaitable<void> {
    try {
      co_await never.wait();
    } catch (const boost::system::system_error& e) {
      seen = e.code();
      throw;
    }
  };
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(waits);
      co_await until([&] { return never.arrivals() == 1; });
      group.cancel();
    });
  };
  run(main());
  BOOST_TEST(seen == asio::error::operation_aborted);
}

// Asio 1.26 loses the handler of such a coroutine and ends the process.
BOOST_AUTO_TEST_CASE(may_end_without_suspending_in_a_cancelled_task) {
  std::atomic<int> ended{0};
  auto at_once = []() -> asio::awaitable<void> { co_return; };
  auto child = [&](task_group& group) -> task<> {
    on_scope_exit count([&] { ++ended; });
    group.cancel();
    co_await at_once();
    co_await at_once();
  };
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(child, std::ref(group));
    });
  };
  for (int i = 0; i != 100; ++i)
    run(main());
  BOOST_TEST(ended == 100);
}

BOOST_AUTO_TEST_CASE(is_not_started_in_a_cancelled_task) {
  bool started = false;
  gate never(pool.get_executor());
  auto late = [&]() -> asio::awaitable<void> {
    started = true;
    co_return;
  };
  auto child = [&]() -> task<> {
    try {
      co_await never.wait();
    } catch (const boost::system::system_error&) {
    }
    co_await late();
  };
  auto main = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(child);
      co_await until([&] { return never.arrivals() == 1; });
      group.cancel();
    });
  };
  run(main());
  BOOST_TEST(!started);
}

BOOST_AUTO_TEST_CASE(a_whole_chain_of_awaitables_can_be_awaited) {
  auto leaf = [](int n) -> asio::awaitable<int> {
    co_await hop();
    co_return n;
  };
  auto middle = [&](int n) -> asio::awaitable<int> {
    int sum = 0;
    for (int i = 0; i != n; ++i)
      sum += co_await leaf(i);
    co_return sum;
  };
  auto main = [&]() -> task<int> { co_return co_await middle(100); };
  BOOST_TEST(run(main()) == 4950);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
