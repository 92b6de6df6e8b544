// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Which objects may be destroyed by which thread, and where.

#include <weir/channel.hpp>
#include <weir/completion_group.hpp>
#include <weir/error.hpp>
#include <weir/executor.hpp>
#include <weir/limiter.hpp>
#include <weir/result_group.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "support/counted.hpp"
#include "support/journal.hpp"
#include "support/operations.hpp"
#include "support/says.hpp"
#include "support/work.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(scenarios_lifetime, operations)

using boost::system::system_error;

BOOST_AUTO_TEST_CASE(
    the_last_reference_to_a_task_may_be_dropped_on_any_thread) {
  std::atomic<int> alive{0};
  // Each keeps the control block of its task.
  std::optional<journal<executor>> kept(std::in_place);
  auto child = [&](counted) -> task<> {
    kept->add(co_await asio::this_coro::executor);
  };
  task_group group(pool);
  for (int i = 0; i != 100; ++i)
    wait(group.spawn(child, counted(alive)));
  wait(group.join());
  BOOST_TEST(alive == 0);
  std::vector<executor> all = kept->entries();
  kept.reset();
  std::vector<executor> half(all.begin() + 50, all.end());
  all.resize(50, pool.get_executor());
  std::thread drops([dropped = std::move(all)]() mutable { dropped.clear(); });
  half.clear();
  drops.join();
  run(returns());
}

// A handler is dropped on a thread that belongs to no runtime. The frame holds
// the last reference to another runtime, whose destructor joins its threads
// there.
BOOST_AUTO_TEST_CASE(a_frame_destroyed_on_a_foreign_thread_may_own_the_last) {
  constexpr int n = 10;
  std::atomic<int> alive{0};
  std::vector<std::weak_ptr<weir::runtime>> others;
  auto child = [&](std::shared_ptr<weir::runtime> last, counted) -> task<> {
    last->run(returns());
    co_await drops_its_handler(how::foreign);
  };
  task_group group(pool, {.max_in_flight = 2, .errors = on_error::keep_going});
  for (int i = 0; i != n; ++i) {
    auto other = std::make_shared<weir::runtime>(1u);
    others.push_back(other);
    wait(group.spawn(child, std::move(other), counted(alive)));
  }
  BOOST_CHECK_EXCEPTION(
      wait(group.join()), system_error, has_code(errc::task_abandoned));
  BOOST_TEST(group.stats().failed == static_cast<unsigned>(n));
  BOOST_TEST(alive == 0);
  for (const auto& other : others)
    BOOST_TEST(other.expired());
}

template <typename T>
constexpr bool stays_where_it_is =
    !std::is_copy_constructible_v<T> && !std::is_move_constructible_v<T> &&
    !std::is_copy_assignable_v<T> && !std::is_move_assignable_v<T>;

BOOST_AUTO_TEST_CASE(what_others_refer_to_cannot_be_moved_and_handles_can) {
  static_assert(stays_where_it_is<task_group>);
  static_assert(stays_where_it_is<result_group<int>>);
  static_assert(stays_where_it_is<completion_group<int>>);
  static_assert(stays_where_it_is<weir::runtime>);
  static_assert(stays_where_it_is<channel<int>>);
  static_assert(stays_where_it_is<limiter>);

  task_group group(pool);
  task<> work = returns();
  wait(group.spawn(std::move(work)));
  BOOST_CHECK_EXCEPTION(
      (void)group.spawn(std::move(work)), std::invalid_argument, says("empty"));
  BOOST_CHECK_THROW(run(std::move(work)), std::invalid_argument);
  wait(group.join());
  BOOST_TEST(group.stats().spawned == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
