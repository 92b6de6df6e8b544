// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What the tests of Go's x/sync/errgroup assert, of weir::task_group. Each case
// has the name of the original; where the contracts differ, it says how.

#include <weir/checkpoint.hpp>
#include <weir/error.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/this_task.hpp>
#include <weir/with_task_group.hpp>

#include "../support/gate.hpp"
#include "../support/high_water.hpp"
#include "../support/on_scope_exit.hpp"
#include "../support/pool_fixture.hpp"
#include "../support/says.hpp"
#include "../support/until.hpp"
#include "../support/work.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(errgroup, pool_fixture)

using boost::system::error_code;
using boost::system::system_error;

// What a task returns in the originals: an error, or none.
using errors = std::vector<const char*>;

task<> ends_with(const char* error) {
  if (error != nullptr)
    throw std::runtime_error(error);
  co_return;
}

std::string outcome_of_join(pool_fixture& on, task_group& group) {
  try {
    on.wait(group.join());
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

std::string first_of(const errors& all, std::size_t n) {
  for (std::size_t i = 0; i != n; ++i)
    if (all[i] != nullptr)
      return all[i];
  return "";
}

// A zero Group does not cancel: keep_going. Its Wait may be followed by Go:
// that is wait_idle(); after a join() the same outcome comes again.
BOOST_AUTO_TEST_CASE(TestZeroGroup) {
  const char* const one = "errgroup_test: 1";
  const char* const two = "errgroup_test: 2";
  for (const errors& all : {errors{},
                            errors{nullptr},
                            errors{one},
                            errors{one, nullptr},
                            errors{one, nullptr, two}}) {
    for (std::size_t n = 0; n <= all.size(); ++n) {
      task_group group(pool, {.errors = on_error::keep_going});
      for (std::size_t i = 0; i != n; ++i) {
        wait(group.spawn(ends_with(all[i])));
        wait(group.wait_idle());
        BOOST_TEST(!group.is_cancelled());
      }
      for (int again = 0; again != 2; ++again)
        BOOST_TEST(outcome_of_join(*this, group) == first_of(all, n));
    }
  }
}

BOOST_AUTO_TEST_CASE(TestWithContext) {
  const char* const doom = "group_test: doomed";
  for (const errors& all :
       {errors{}, errors{nullptr}, errors{doom}, errors{doom, nullptr}}) {
    task_group group(pool);
    for (const char* error : all) {
      try {
        wait(group.spawn(ends_with(error)));
      } catch (const system_error& e) { // The first task has already failed.
        BOOST_TEST(e.code() == asio::error::operation_aborted);
      }
    }
    BOOST_TEST(outcome_of_join(*this, group) == first_of(all, all.size()));
    // The context is done in all cases: no task starts, and nothing waits.
    BOOST_TEST((group.try_spawn(returns()) == spawn_status::closed));
    wait(group.wait_stopping());
  }
}

BOOST_AUTO_TEST_CASE(TestTryGo) {
  constexpr std::size_t n = 42;
  gate door(pool.get_executor());
  task_group group(pool, {.max_in_flight = n});
  for (std::size_t i = 0; i != n; ++i)
    BOOST_TEST((group.try_spawn(waits_for(door)) == spawn_status::started));
  BOOST_TEST((group.try_spawn(returns()) == spawn_status::full));
  door.open();
  wait(group.join());
  // There, a group accepts tasks again after Wait; here this needs an explicit
  // reopen().
  BOOST_TEST((group.try_spawn(returns()) == spawn_status::closed));
  group.reopen();
  BOOST_TEST((group.try_spawn(returns()) == spawn_status::started));
  wait(group.wait_idle());
  // Switch to a limit.
  gate second(pool.get_executor());
  group.set_max_in_flight(1);
  BOOST_TEST((group.try_spawn(waits_for(second)) == spawn_status::started));
  BOOST_TEST((group.try_spawn(returns()) == spawn_status::full));
  second.open();
  wait(group.wait_idle());
  // Block all calls: there is no limit of 0, but close().
  BOOST_CHECK_THROW(group.set_max_in_flight(0), std::invalid_argument);
  group.close();
  for (int i = 0; i != 1 << 10; ++i)
    BOOST_REQUIRE((group.try_spawn(returns()) == spawn_status::closed));
  wait(group.join());
}

BOOST_AUTO_TEST_CASE(TestGoLimit) {
  constexpr std::size_t limit = 10;
  high_water active;
  auto child = [&]() -> task<> {
    active.enter();
    on_scope_exit leave([&] { active.leave(); });
    co_await sleep_for(std::chrono::microseconds(1));
  };
  auto main = [&]() -> task<> {
    co_await with_task_group({.max_in_flight = limit},
                             [&](task_group& group) -> task<> {
                               for (int i = 0; i <= 1 << 10; ++i)
                                 co_await group.spawn(child);
                             });
  };
  run(main());
  BOOST_TEST(active.peak() <= static_cast<int>(limit));
  BOOST_TEST(active.peak() >= 1);
}

// The cause of a failure is the error itself, which join() throws; children see
// an abort. Without one it is what cancel() was given.
BOOST_AUTO_TEST_CASE(TestCancelCause) {
  const char* const doom = "group_test: doomed";
  for (const errors& all : {errors{doom}, errors{doom, nullptr}}) {
    gate never(pool.get_executor());
    error_code seen;
    auto asks = [&]() -> task<> {
      on_scope_exit ask([&] { seen = weir::this_task::cancel_reason(); });
      co_await never.wait();
    };
    task_group group(pool);
    wait(group.spawn(asks));
    block_until([&] { return never.arrivals() == 1; });
    for (const char* error : all)
      (void)group.try_spawn(ends_with(error));
    BOOST_TEST(outcome_of_join(*this, group) == doom);
    BOOST_TEST(seen == asio::error::operation_aborted);
    BOOST_TEST(group.cancel_reason() == asio::error::operation_aborted);
  }
  for (const errors& all : {errors{}, errors{nullptr}}) {
    task_group group(pool);
    for (const char* error : all)
      wait(group.spawn(ends_with(error)));
    group.cancel();
    BOOST_TEST(outcome_of_join(*this, group) == "");
    BOOST_TEST(group.cancel_reason() == asio::error::operation_aborted);
  }
}

BOOST_AUTO_TEST_CASE(ExampleGroup_justErrors) {
  std::atomic<int> fetched{0};
  auto fetch = [&](const char* url) -> task<> {
    co_await checkpoint();
    if (std::string(url).find("somestupidname") != std::string::npos)
      throw std::runtime_error("no such host");
    ++fetched;
  };
  auto main = [&](std::vector<const char*> urls) -> task<> {
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      for (const char* url : urls)
        co_await group.spawn(fetch, url);
    });
  };
  run(main({"http://www.golang.org/", "http://www.google.com/"}));
  BOOST_TEST(fetched == 2);
  BOOST_CHECK_EXCEPTION(run(main({"http://www.somestupidname.com/"})),
                        std::runtime_error,
                        says("no such host"));
}

BOOST_AUTO_TEST_CASE(ExampleGroup_parallel) {
  const std::array<std::string, 3> kinds{"web", "image", "video"};
  auto search = [](const std::string& kind, std::string& result) -> task<> {
    co_await checkpoint();
    result = kind + " result for \"golang\"";
  };
  auto google = [&]() -> task<std::vector<std::string>> {
    std::vector<std::string> results(kinds.size());
    co_await with_task_group({}, [&](task_group& group) -> task<> {
      for (std::size_t i = 0; i != kinds.size(); ++i)
        co_await group.spawn(search, kinds[i], std::ref(results[i]));
    });
    co_return results;
  };
  const std::vector<std::string> expected{"web result for \"golang\"",
                                          "image result for \"golang\"",
                                          "video result for \"golang\""};
  BOOST_TEST(run(google()) == expected);
}

// MD5All without channels: the walk suspends in spawn() while twenty digest.
BOOST_AUTO_TEST_CASE(ExampleGroup_pipeline) {
  std::map<std::string, std::string> files;
  for (int i = 0; i != 200; ++i)
    files["/dir/file" + std::to_string(i)] = "contents " + std::to_string(i);
  high_water digesting;
  std::atomic<int> walked{0};
  using sums = std::map<std::string, std::size_t>;
  auto all = [&](std::vector<std::string> paths) -> task<sums> {
    sums result;
    std::mutex mutex;
    auto digest = [&](std::string path) -> task<> {
      digesting.enter();
      on_scope_exit leave([&] { digesting.leave(); });
      co_await checkpoint();
      const auto file = files.find(path);
      if (file == files.end())
        throw std::runtime_error("no such file: " + path);
      const std::size_t sum = std::hash<std::string>()(file->second);
      std::lock_guard held(mutex);
      result[path] = sum;
    };
    co_await with_task_group({.max_in_flight = 20},
                             [&](task_group& group) -> task<> {
                               for (const std::string& path : paths) {
                                 co_await group.spawn(digest, path);
                                 ++walked;
                               }
                             });
    co_return result;
  };
  std::vector<std::string> paths;
  for (const auto& file : files)
    paths.push_back(file.first);
  const sums got = run(all(paths));
  BOOST_TEST(got.size() == files.size());
  for (const auto& [path, sum] : got)
    BOOST_TEST(sum == std::hash<std::string>()(files[path]));
  BOOST_TEST(digesting.peak() <= 20);
  // An error stops the walk.
  walked = 0;
  paths.insert(paths.begin(), "/missing");
  paths.insert(paths.end(), 100'000, paths.back());
  BOOST_CHECK_EXCEPTION(run(all(paths)), std::runtime_error, says("/missing"));
  BOOST_TEST(walked < 100'000);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
