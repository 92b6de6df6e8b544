// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Errors.

#include <weir/checkpoint.hpp>
#include <weir/group_error.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/task.hpp>

#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"
#include "support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(ordered_stream_end)

using boost::system::system_error;
using weir::ordered_stream;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

task<int> gives(int n) { co_return n; }
task<int> gives_after(gate& door, int n) {
  co_await door.wait();
  co_return n;
}
task<int> fails(const char* what) {
  throw std::runtime_error(what);
  co_return 0;
}

const auto aborted = has_code(asio::error::operation_aborted);

BOOST_FIXTURE_TEST_CASE(an_abandoned_task_is_left_out_too, pool_fixture) {
  std::vector<int> got;
  ordered_stream<int> stream(pool,
                             {.max_reorder = 2, .errors = on_error::keep_going},
                             [&](int n) { got.push_back(n); });
  wait(stream.submit(is_abandoned()));
  for (int n = 1; n != 5; ++n)
    wait(stream.submit(gives(n)));
  BOOST_CHECK_EXCEPTION(
      wait(stream.join()), system_error, has_code(errc::task_abandoned));
  BOOST_TEST(got == (std::vector{1, 2, 3, 4}));
}

BOOST_FIXTURE_TEST_CASE(an_error_of_a_task_cancels_the_others, pool_fixture) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    std::atomic<int> calls{0};
    ordered_stream<int> stream(
        pool, {.cancellation = form}, [&](int) { ++calls; });
    wait(stream.submit(gives_after(never, 0)));
    block_until([&] { return never.arrivals() == 1; });
    wait(stream.submit(gives(1)));
    wait(stream.submit(fails("boom")));
    block_until([&] { return stream.is_cancelled(); });
    BOOST_CHECK_EXCEPTION(wait(stream.submit(gives(3))), system_error, aborted);
    for (int i = 0; i != 2; ++i)
      BOOST_CHECK_EXCEPTION(
          wait(stream.join()), std::runtime_error, says("boom"));
    BOOST_TEST(calls == 0);
    BOOST_CHECK_EXCEPTION(wait(stream.submit(gives(4))),
                          system_error,
                          [](auto&) { return true; });
  }
}

BOOST_FIXTURE_TEST_CASE(an_error_of_the_callback_blocks_no_submitter,
                        pool_fixture) {
  for (std::size_t cap : caps) {
    for (std::size_t reorder : {std::size_t{1}, unlimited}) {
      std::atomic<int> calls{0};
      bool refused = false;
      auto main = [&]() -> task<> {
        ordered_stream<int> stream(
            pool, {.max_in_flight = cap, .max_reorder = reorder}, [&](int n) {
              ++calls;
              if (n == 5)
                throw std::runtime_error("five");
            });
        try {
          for (int n = 0;; ++n)
            co_await stream.submit(gives(n));
        } catch (const system_error& e) {
          refused = aborted(e);
        }
        co_await stream.join();
      };
      BOOST_CHECK_EXCEPTION(pool.run(main()), std::runtime_error, says("five"));
      BOOST_TEST(refused);
      BOOST_TEST(calls == 6);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(kept_going_it_leaves_out_what_failed, pool_fixture) {
  for (std::size_t cap : caps) {
    std::vector<int> seen;
    bool right = false;
    auto work = [](int n) -> task<int> {
      if (n % 3 == 0)
        co_await checkpoint();
      if (n == 4)
        throw std::runtime_error("task");
      co_return n;
    };
    auto main = [&]() -> task<> {
      ordered_stream<int> stream(
          pool,
          {.max_in_flight = cap, .max_reorder = 2, .errors = collect(10)},
          [&](int n) {
            seen.push_back(n);
            if (n == 7)
              throw std::runtime_error("callback");
          });
      for (int n = 0; n != 20; ++n)
        co_await stream.submit(work, n);
      co_await stream.join();
    };
    try {
      pool.run(main());
    } catch (const group_error& e) {
      right = e.errors().size() == 2 && e.errors()[0].index == 4 &&
              text_of(e.errors()[0].error) == "task" &&
              e.errors()[1].index == 7 &&
              text_of(e.errors()[1].error) == "callback";
    }
    BOOST_TEST(right);
    std::vector<int> expected;
    for (int n = 0; n != 20; ++n)
      if (n != 4)
        expected.push_back(n);
    BOOST_TEST((seen == expected));
  }
}

BOOST_FIXTURE_TEST_CASE(two_may_join_and_the_stream_is_good_for_more,
                        pool_fixture) {
  gate door(pool.get_executor());
  std::vector<int> seen;
  ordered_stream<int> stream(pool, {}, [&](int n) { seen.push_back(n); });
  wait(stream.submit(gives_after(door, 0)));
  auto first = stream.join()(asio::use_future);
  auto second = stream.join()(asio::use_future);
  door.open();
  first.get();
  second.get();
  wait(stream.submit(gives(1)));
  wait(stream.join());
  BOOST_TEST((seen == std::vector<int>{0, 1}));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
