// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/blocking_pool.hpp>
#include <weir/channel.hpp>
#include <weir/offload.hpp>
#include <weir/sleep.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include "support/deterministic.hpp"
#include "support/gate.hpp"
#include "support/hold.hpp"
#include "support/says.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <string>
#include <thread>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(testing_outside, watched)

using boost::system::system_error;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(an_offloaded_function_is_no_deadlock) {
  blocking_pool threads({.threads = 1});
  deterministic_runtime runtime;
  auto main = [&]() -> task<int> {
    auto slow = [] {
      std::this_thread::sleep_for(5ms);
      return 3;
    };
    co_return co_await offload(threads, slow);
  };
  BOOST_TEST(runtime.run(main()) == 3);
  BOOST_TEST((runtime.elapsed() == 0s));
}

BOOST_AUTO_TEST_CASE(an_offloaded_function_has_a_grace_before_time_jumps) {
  hold door;
  blocking_pool threads({.threads = 1});
  auto blocks = [](std::chrono::milliseconds d) {
    std::this_thread::sleep_for(d);
  };
  auto offloads = [&](std::chrono::milliseconds d) -> task<> {
    co_await offload(threads, blocks, d);
  };
  deterministic_runtime patient({.outside_grace = 1h});
  patient.run(with_timeout(30s, offloads(5ms)));
  BOOST_TEST((patient.elapsed() == 0s));

  auto blocks_until_later = [&] { door.block(); };
  auto offloads_for_long = [&]() -> task<> {
    co_await offload(threads, blocks_until_later);
  };
  deterministic_runtime hasty({.outside_grace = 0ms});
  BOOST_CHECK_EXCEPTION(hasty.run(with_timeout(30s, offloads_for_long())),
                        system_error,
                        has_code(asio::error::timed_out));
  BOOST_TEST((hasty.elapsed() == 30s));
  door.release();
}

BOOST_AUTO_TEST_CASE(sockets_work) {
  deterministic_runtime runtime;
  using protocol = asio::local::stream_protocol;
  protocol::socket near(runtime.get_executor());
  protocol::socket far(runtime.get_executor());
  asio::local::connect_pair(near, far);
  auto reads = [&]() -> task<std::string> {
    std::string text(5, ' ');
    const std::size_t n =
        co_await near.async_receive(asio::buffer(text), asio::deferred);
    co_return text.substr(0, n);
  };
  std::thread writer([&] {
    std::this_thread::sleep_for(5ms);
    far.send(asio::buffer("hello", 5));
  });
  BOOST_TEST(runtime.run(reads()) == "hello");
  writer.join();
}

BOOST_AUTO_TEST_CASE(asio_timers_are_in_real_time) {
  deterministic_runtime runtime;
  auto waits = [&]() -> task<> {
    asio::steady_timer timer(runtime.get_executor(), 5ms);
    co_await timer.async_wait(asio::deferred);
  };
  const auto begin = std::chrono::steady_clock::now();
  runtime.run(waits());
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= 5ms));
  BOOST_TEST((runtime.elapsed() == 0s));
}

BOOST_AUTO_TEST_CASE(what_another_context_completes_is_no_deadlock) {
  deterministic_runtime runtime;
  asio::io_context other;
  gate open(other.get_executor());
  auto child = [&]() -> task<> { co_await open.wait(); };
  auto waits = [&]() -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      co_await group.spawn(child());
    });
  };
  std::thread runs([&] {
    while (open.arrivals() == 0)
      std::this_thread::yield();
    std::this_thread::sleep_for(2ms);
    open.open();
    other.run();
  });
  runtime.run(waits());
  runs.join();
}

BOOST_AUTO_TEST_CASE(other_threads_may_post_and_wake) {
  deterministic_runtime runtime;
  asio::steady_timer keeps_it_open(runtime.get_executor(), 1h);
  keeps_it_open.async_wait([](boost::system::error_code) {});
  channel<int> values(1);
  auto receives = [&]() -> task<int> {
    co_return (co_await values.receive()).value_or(0) +
        (co_await values.receive()).value_or(0);
  };
  std::thread sends([&] {
    std::this_thread::sleep_for(2ms);
    (void)values.try_send(1);
    std::this_thread::sleep_for(2ms);
    asio::post(runtime.get_executor(), [&] { (void)values.try_send(2); });
  });
  BOOST_TEST(runtime.run(receives()) == 3);
  sends.join();
  keeps_it_open.cancel();
}

BOOST_AUTO_TEST_CASE(a_run_on_a_second_thread_is_refused) {
  deterministic_runtime runtime;
  blocking_pool threads({.threads = 1});
  auto main = [&]() -> task<std::string> {
    auto runs = [&]() -> std::string {
      auto nothing = []() -> task<> { co_return; };
      try {
        runtime.run(nothing());
      } catch (const system_error& e) {
        return e.what();
      }
      return "";
    };
    co_return co_await offload(threads, runs);
  };
  BOOST_TEST(runtime.run(main()).find("another thread runs it") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
