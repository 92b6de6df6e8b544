// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Cancellation, and the end of the runtime.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/ending.hpp"
#include "support/gate.hpp"
#include "support/journal.hpp"
#include "support/on_scope_exit.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <utility>
#include <vector>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(ordered_stream_cancel)

using boost::system::system_error;
using weir::ordered_stream;

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

task<int> gives(int n) { co_return n; }
task<int> gives_after(gate& door, int n) {
  co_await door.wait();
  co_return n;
}

BOOST_FIXTURE_TEST_CASE(a_submitter_that_waits_is_told_of_the_end,
                        pool_fixture) {
  for (bool by_deadline : {false, true}) {
    gate never(pool.get_executor());
    std::atomic<int> calls{0};
    ordered_stream<int> stream(pool, {.max_reorder = 1}, [&](int) { ++calls; });
    wait(stream.submit(gives_after(never, 0)));
    wait(stream.submit(gives(1)));
    block_until([&] { return stream.stats().in_flight == 1; });
    std::vector<std::future<void>> waiting;
    for (int n = 2; n != 5; ++n)
      waiting.push_back(stream.submit(gives(n))(asio::use_future));
    BOOST_TEST((waiting[0].wait_for(std::chrono::milliseconds(1)) ==
                std::future_status::timeout));
    if (by_deadline)
      stream.cancel_after(std::chrono::milliseconds(1));
    else
      stream.cancel();
    for (auto& each : waiting)
      BOOST_CHECK_EXCEPTION(
          each.get(), system_error, has_code(asio::error::operation_aborted));
    if (by_deadline)
      BOOST_CHECK_EXCEPTION(
          wait(stream.join()), system_error, has_code(asio::error::timed_out));
    else
      wait(stream.join());
    BOOST_TEST(calls == 0);
  }
}

BOOST_FIXTURE_TEST_CASE(a_submitter_that_waits_can_be_cancelled, pool_fixture) {
  for (on_cancel form : forms) {
    gate head(pool.get_executor());
    journal<int> seen;
    ordered_stream<int> stream(
        pool, {.max_reorder = 1}, [&](int n) { seen.add(n); });
    wait(stream.submit(gives_after(head, 0)));
    wait(stream.submit(gives(1)));
    block_until([&] { return stream.stats().in_flight == 1; });
    std::atomic<bool> asks{false};
    auto submits = [&]() -> task<> {
      asks = true;
      co_await stream.submit(gives(2));
    };
    task_group others(pool, {.cancellation = form});
    wait(others.spawn(submits));
    block_until([&] { return asks.load(); });
    others.cancel();
    wait(others.join());
    auto last = stream.submit(gives(3))(asio::use_future);
    head.open();
    last.get();
    wait(stream.join());
    BOOST_TEST((seen.entries() == std::vector<int>{0, 1, 3}));
  }
}

BOOST_FIXTURE_TEST_CASE(a_cancel_that_races_with_the_gate_is_not_lost,
                        pool_fixture) {
  int admitted = 0;
  int refused = 0;
  for (int round = 0; round < 300 && (admitted < 20 || refused < 20); ++round) {
    int calls = 0;
    std::atomic<bool> went_on{false};
    auto main = [&]() -> task<> {
      gate head(pool.get_executor());
      ordered_stream<int> stream(
          pool,
          {.max_in_flight = round % 3 == 0 ? std::size_t{1} : unlimited,
           .max_reorder = 1},
          [&](int) { ++calls; });
      task_group others(pool, {.cancellation = forms[round % 2]});
      auto submits = [&]() -> task<> {
        co_await stream.submit(gives(2));
        went_on = true;
      };
      if (round % 3 == 0) {
        co_await stream.submit(gives_after(head, 0));
      } else {
        co_await stream.submit(gives_after(head, 0));
        co_await stream.submit(gives(1));
        co_await until([&] { return stream.stats().in_flight == 1; });
      }
      co_await others.spawn(submits);
      if (round % 4 == 0)
        co_await checkpoint();
      head.open();
      // From none to so many iterations that the other thread is first.
      for (int i = round % 5 * (round % 64) * 16; i > 0; --i)
        co_await checkpoint();
      others.cancel();
      co_await others.join();
      co_await stream.join();
    };
    pool.run(main());
    const int before = round % 3 == 0 ? 1 : 2;
    BOOST_REQUIRE(calls >= before + went_on);
    BOOST_REQUIRE(calls <= before + 1);
    (calls > before ? admitted : refused)++;
  }
}

BOOST_FIXTURE_TEST_CASE(a_join_from_within_would_deadlock, pool_fixture) {
  std::atomic<int> code{0};
  ordered_stream<int>* stream = nullptr;
  auto callback = [&](int) -> task<> {
    try {
      co_await stream->join();
    } catch (const system_error& e) {
      code = e.code() == errc::would_deadlock;
    }
  };
  ordered_stream<int> s(pool, {}, callback);
  stream = &s;
  wait(s.submit(gives(1)));
  wait(s.join());
  BOOST_TEST(code == 1);
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_joiner_ends_a_callback_that_waits,
                        pool_fixture) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    std::atomic<int> ended{0};
    std::atomic<int> alive{0};
    auto callback = [&](counted) -> task<> {
      on_scope_exit count([&] { ++ended; });
      co_await never.wait();
    };
    auto work = [&]() -> task<counted> { co_return counted(alive); };
    auto main = [&]() -> task<> {
      ordered_stream<counted> stream(pool, {.cancellation = form}, callback);
      for (int n = 0; n != 5; ++n)
        co_await stream.submit(work);
      co_await stream.join();
    };
    task_group outer(pool, {.cancellation = form});
    wait(outer.spawn(main));
    block_until([&] { return never.arrivals() == 1 && alive == 5; });
    outer.cancel();
    wait(outer.join());
    BOOST_TEST(ended == 1);
    BOOST_TEST(alive == 0);
    BOOST_TEST(outer.stats().cancelled == 1u);
  }
}

BOOST_FIXTURE_TEST_CASE(a_stopped_runtime_destroys_what_waits, ending) {
  std::atomic<int> gone{0};
  auto work = [&]() -> task<counted> { co_return counted(alive); };
  auto head = [&]() -> task<counted> {
    auto kept = never;
    co_await kept->wait();
    co_return counted(alive);
  };
  auto main = [&]() -> task<> {
    on_scope_exit count([&] { ++gone; });
    ordered_stream<counted> stream(*pool, {.max_reorder = 2}, [](counted) {});
    co_await stream.submit(head);
    for (;;)
      co_await stream.submit(work);
  };
  start(main());
  block_until([&] { return alive >= 2; });
  pool->stop();
  end();
  BOOST_TEST(gone == 1);
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
