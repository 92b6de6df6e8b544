// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Asio operations awaited by a task.

#include <weir/error.hpp>
#include <weir/executor.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/loopback.hpp"
#include "support/operations.hpp"
#include "support/says.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(task_asio, operations)

using boost::system::error_code;

const error_code refused = asio::error::connection_refused;

BOOST_AUTO_TEST_CASE(results_follow_the_completion_signature) {
  for (how way : ways) {
    BOOST_TEST_CONTEXT("way " << static_cast<int>(way)) {
      auto main = [&]() -> task<std::string> {
        std::string got;
        co_await completes<void()>(way);
        got += std::to_string(co_await completes<void(int)>(way, 1));
        co_await completes<void(error_code)>(way, error_code());
        got += std::to_string(
            co_await completes<void(error_code, int)>(way, error_code(), 2));
        std::tuple<int, std::string> two =
            co_await completes<void(error_code, int, std::string)>(
                way, error_code(), 3, std::string("a"));
        got += std::to_string(std::get<0>(two)) + std::get<1>(two);
        std::tuple<int, std::string> plain =
            co_await completes<void(int, std::string)>(
                way, 4, std::string("b"));
        got += std::to_string(std::get<0>(plain)) + std::get<1>(plain);
        co_await completes<void(std::exception_ptr)>(way, nullptr);
        got += co_await completes<void(std::exception_ptr, std::string)>(
            way, nullptr, std::string("c"));
        co_return got;
      };
      BOOST_TEST(run(main()) == "123a4bc");
    }
  }
}

BOOST_AUTO_TEST_CASE(an_error_code_is_thrown_as_system_error) {
  for (how way : ways) {
    BOOST_TEST_CONTEXT("way " << static_cast<int>(way)) {
      auto alone = [&]() -> task<> {
        co_await completes<void(error_code)>(way, refused);
      };
      BOOST_CHECK_EXCEPTION(
          run(alone()), boost::system::system_error, has_code(refused));
      auto with_value = [&]() -> task<> {
        (void)co_await completes<void(error_code, int)>(way, refused, 1);
      };
      BOOST_CHECK_EXCEPTION(
          run(with_value()), boost::system::system_error, has_code(refused));
      auto with_two = [&]() -> task<> {
        (void)co_await completes<void(error_code, int, std::string)>(
            way, refused, 1, std::string());
      };
      BOOST_CHECK_EXCEPTION(
          run(with_two()), boost::system::system_error, has_code(refused));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_exception_pointer_is_rethrown) {
  for (how way : ways) {
    BOOST_TEST_CONTEXT("way " << static_cast<int>(way)) {
      auto alone = [&]() -> task<> {
        co_await completes<void(std::exception_ptr)>(
            way, std::make_exception_ptr(std::logic_error("alone")));
      };
      BOOST_CHECK_EXCEPTION(run(alone()), std::logic_error, says("alone"));
      auto with_value = [&]() -> task<> {
        (void)co_await completes<void(std::exception_ptr, int)>(
            way, std::make_exception_ptr(std::logic_error("value")), 1);
      };
      BOOST_CHECK_EXCEPTION(run(with_value()), std::logic_error, says("value"));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_result_may_be_move_only_or_without_a_default) {
  struct no_default {
    explicit no_default(int n) : number(n) {}
    int number;
  };
  auto main = [&]() -> task<int> {
    std::unique_ptr<int> pointer =
        co_await completes<void(std::unique_ptr<int>)>(
            how::posted, std::make_unique<int>(1));
    no_default value =
        co_await completes<void(no_default)>(how::posted, no_default(2));
    co_return *pointer + value.number;
  };
  BOOST_TEST(run(main()) == 3);
}

BOOST_AUTO_TEST_CASE(as_tuple_returns_the_code) {
  asio::steady_timer timer(pool.get_executor());
  auto main = [&]() -> task<error_code> {
    timer.expires_after(std::chrono::hours(1));
    timer.cancel();
    timer.expires_after(std::chrono::milliseconds(1));
    std::tuple<error_code> fired =
        co_await timer.async_wait(asio::as_tuple(asio::deferred));
    if (std::get<0>(fired))
      co_return std::get<0>(fired);
    asio::ip::tcp::socket closed(pool.get_executor());
    std::array<char, 1> byte{};
    std::tuple<error_code, std::size_t> read = co_await closed.async_read_some(
        asio::buffer(byte), asio::as_tuple(asio::deferred));
    co_return std::get<0>(read);
  };
  BOOST_TEST(run(main()) == asio::error::bad_descriptor);
}

BOOST_AUTO_TEST_CASE(an_operation_object_may_be_named_and_awaited_later) {
  auto main = [&]() -> task<int> {
    auto op = completes<void(int)>(how::posted, 5);
    co_await asio::post(co_await asio::this_coro::executor, asio::deferred);
    co_return co_await std::move(op);
  };
  BOOST_TEST(run(main()) == 5);
}

BOOST_AUTO_TEST_CASE(a_timer_is_never_early) {
  auto main = [&]() -> task<std::chrono::steady_clock::duration> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    const auto begin = std::chrono::steady_clock::now();
    timer.expires_after(std::chrono::milliseconds(5));
    co_await timer.async_wait(asio::deferred);
    co_return std::chrono::steady_clock::now() - begin;
  };
  BOOST_TEST((run(main()) >= std::chrono::milliseconds(5)));
}

BOOST_AUTO_TEST_CASE(bytes_travel_over_a_socket) {
  std::string received(300'000, '\0');
  const std::string sent(received.size(), 'x');
  loopback pair(pool.get_executor());
  auto main = [&]() -> task<> {
    task_group group(pool);
    auto reads = [&]() -> task<> {
      (void)co_await asio::async_read(
          pair.there, asio::buffer(received), asio::deferred);
    };
    co_await group.spawn(reads);
    (void)co_await asio::async_write(
        pair.here, asio::buffer(sent), asio::deferred);
    co_await group.join();
  };
  run(main());
  BOOST_TEST((received == sent));
}

BOOST_AUTO_TEST_CASE(an_operation_may_complete_inside_its_initiation) {
  auto main = [&]() -> task<int> {
    int sum = 0;
    for (int i = 0; i != 1000; ++i)
      sum += co_await completes<void(int)>(how::inline_, 1);
    co_return sum;
  };
  BOOST_TEST(run(main()) == 1000);
}

BOOST_AUTO_TEST_CASE(what_an_initiation_throws_comes_out_of_the_await) {
  std::atomic<int> alive{0};
  auto broken = [&] {
    return asio::async_initiate<const asio::deferred_t, void(error_code)>(
        [](auto, counted) { throw std::runtime_error("not started"); },
        asio::deferred,
        counted(alive));
  };
  auto main = [&]() -> task<std::string> {
    std::string caught;
    try {
      co_await broken();
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
    // The task still works.
    co_await completes<void()>(how::posted);
    co_return caught;
  };
  BOOST_TEST(run(main()) == "not started");
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(what_a_copy_of_the_result_throws_comes_out_of_the_await) {
  struct fragile {
    fragile() = default;
    fragile(const fragile&) { throw std::runtime_error("no copy"); }
  };
  for (bool posted : {false, true}) {
    auto gives = [&] {
      return asio::async_initiate<const asio::deferred_t, void(fragile)>(
          [&](auto handler) {
            auto completes = [h = std::move(handler)]() mutable {
              const fragile result;
              std::move(h)(result);
            };
            if (posted)
              asio::post(pool.get_executor(), std::move(completes));
            else
              completes();
          },
          asio::deferred);
    };
    auto main = [&]() -> task<std::string> {
      std::string caught;
      try {
        (void)co_await gives();
      } catch (const std::runtime_error& e) {
        caught = e.what();
      }
      co_await completes<void()>(how::posted);
      co_return caught;
    };
    BOOST_TEST(run(main()) == "no copy");
  }
}

BOOST_AUTO_TEST_CASE(a_dropped_handler_is_an_abandoned_task) {
  for (how way : ways) {
    BOOST_TEST_CONTEXT("way " << static_cast<int>(way)) {
      std::atomic<int> alive{0};
      auto main = [&](counted) -> task<> {
        counted local(alive);
        co_await drops_its_handler(way);
      };
      BOOST_CHECK_EXCEPTION(run(main(counted(alive))),
                            boost::system::system_error,
                            has_code(errc::task_abandoned));
      BOOST_TEST(alive == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_task_goes_on_on_a_thread_of_the_pool) {
  const std::thread::id here = std::this_thread::get_id();
  std::thread::id foreign_thread;
  auto foreign_op = [&] {
    return asio::async_initiate<const asio::deferred_t, void()>(
        [&](auto handler) {
          threads.start([&, handler = std::move(handler)]() mutable {
            foreign_thread = std::this_thread::get_id();
            std::move(handler)();
          });
        },
        asio::deferred);
  };
  bool in_pool = false;
  auto main = [&]() -> task<> {
    co_await foreign_op();
    const std::thread::id now = std::this_thread::get_id();
    in_pool = now != here && now != foreign_thread;
  };
  run(main());
  BOOST_TEST(in_pool);
}

BOOST_AUTO_TEST_CASE(a_code_of_ours_from_an_operation_is_thrown_as_it_is) {
  for (const error_code& code : {error_code(asio::error::timed_out),
                                 error_code(errc::task_abandoned),
                                 error_code(asio::error::eof)}) {
    auto main = [&]() -> task<> {
      co_await completes<void(error_code)>(how::posted, code);
    };
    BOOST_CHECK_EXCEPTION(
        run(main()), boost::system::system_error, has_code(code));
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
