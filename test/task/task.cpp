// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/task.hpp>

#include "support/counted.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/throws_when_moved.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::test::of_task {

BOOST_FIXTURE_TEST_SUITE(task, pool_fixture)

using weir::task;

static_assert(!std::is_copy_constructible_v<task<>>);
static_assert(std::is_nothrow_move_constructible_v<task<int>>);
static_assert(std::is_nothrow_move_assignable_v<task<int>>);
static_assert(std::is_same_v<task<>, task<void>>);
static_assert(std::is_same_v<task<int&>::value_type, int&>);

// Neither default-constructible nor copyable.
class token {
public:
  explicit token(int n) : n_(n) {}
  token(token&&) = default;
  token& operator=(token&&) = default;
  int number() const { return n_; }

private:
  int n_;
};

struct alignas(64) wide {
  std::array<std::uint64_t, 8> words{};
};

BOOST_AUTO_TEST_CASE(hands_its_value_to_the_awaiting_task) {
  auto child = [](int n) -> task<int> { co_return n; };
  auto main = [&]() -> task<std::string> {
    const int a = co_await child(40);
    const int b = co_await child(2);
    co_return std::to_string(a + b);
  };
  BOOST_TEST(run(main()) == "42");
}

BOOST_AUTO_TEST_CASE(hands_over_the_very_object_it_returns_by_reference) {
  int object = 1;
  auto child = [&]() -> task<int&> { co_return object; };
  auto main = [&]() -> task<int&> {
    int& same = co_await child();
    same = 2;
    co_return same;
  };
  BOOST_TEST(&run(main()) == &object);
  BOOST_TEST(object == 2);

  auto reads = [&]() -> task<const int&> { co_return object; };
  BOOST_TEST(&run(reads()) == &object);
}

BOOST_AUTO_TEST_CASE(hands_over_values_that_can_only_be_moved) {
  auto child = []() -> task<std::unique_ptr<int>> {
    co_return std::make_unique<int>(7);
  };
  auto main = [&]() -> task<std::unique_ptr<int>> {
    std::unique_ptr<int> value = co_await child();
    ++*value;
    co_return value;
  };
  BOOST_TEST(*run(main()) == 8);
}

BOOST_AUTO_TEST_CASE(hands_over_values_that_have_no_default) {
  auto child = []() -> task<token> { co_return token(5); };
  auto main = [&]() -> task<token> { co_return co_await child(); };
  BOOST_TEST(run(main()).number() == 5);
}

BOOST_AUTO_TEST_CASE(hands_over_values_with_a_wide_alignment) {
  auto child = [](std::uint64_t n) -> task<wide> {
    wide w;
    w.words.fill(n);
    co_return w;
  };
  auto main = [&]() -> task<wide> { co_return co_await child(9); };
  const wide result = run(main());
  for (std::uint64_t word : result.words)
    BOOST_TEST(word == 9u);
}

BOOST_AUTO_TEST_CASE(converts_what_is_returned) {
  auto main = []() -> task<std::string> { co_return "text"; };
  BOOST_TEST(run(main()) == "text");
  auto braces = []() -> task<std::pair<int, int>> { co_return {1, 2}; };
  BOOST_TEST(run(braces()).second == 2);
}

BOOST_AUTO_TEST_CASE(passes_exceptions_on_unchanged) {
  struct own {
    int number;
  };
  auto throws = []() -> task<int> {
    throw own{3};
    co_return 0;
  };
  auto main = [&]() -> task<int> { co_return co_await throws(); };
  BOOST_CHECK_EXCEPTION(
      run(main()), own, [](const own& e) { return e.number == 3; });
}

BOOST_AUTO_TEST_CASE(goes_on_after_a_caught_exception) {
  auto throws = [](const char* what) -> task<> {
    co_await checkpoint();
    throw std::runtime_error(what);
  };
  auto main = [&]() -> task<std::string> {
    std::string caught;
    for (const char* what : {"a", "b"}) {
      try {
        co_await throws(what);
      } catch (const std::runtime_error& e) {
        caught += e.what();
      }
      co_await checkpoint();
    }
    co_return caught;
  };
  BOOST_TEST(run(main()) == "ab");
}

BOOST_AUTO_TEST_CASE(reports_a_result_that_throws_when_moved) {
  auto main = [&](int moves) -> task<bool> {
    try {
      (void)throws_when_moved(co_await gives_throwing(moves));
      co_return true;
    } catch (const std::runtime_error&) {
      co_return false;
    }
  };
  // Every place where it can be moved, and then enough moves for all.
  int moves = 0;
  while (!run(main(moves)))
    BOOST_REQUIRE(++moves < 20);
  BOOST_TEST(moves > 0);

  moves = 0;
  for (;; ++moves) {
    BOOST_REQUIRE(moves < 20);
    try {
      run(gives_throwing(moves));
      break;
    } catch (const std::runtime_error& e) {
      BOOST_TEST(e.what() == "moved too often");
    }
  }
  BOOST_TEST(moves > 0);
}

BOOST_AUTO_TEST_CASE(does_nothing_until_it_is_awaited) {
  std::atomic<int> calls{0};
  bool idle_before_the_await = false;
  auto child = [&]() -> task<> {
    ++calls;
    co_return;
  };
  auto main = [&]() -> task<> {
    task<> later = child();
    co_await checkpoint();
    idle_before_the_await = calls == 0;
    co_await std::move(later);
  };
  run(main());
  BOOST_TEST(idle_before_the_await);
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(destroyed_unstarted_destroys_its_arguments_only) {
  std::atomic<int> alive{0};
  bool ran = false;
  auto child = [&ran](counted) -> task<> {
    ran = true;
    co_return;
  };
  {
    task<> never_started = child(counted(alive));
    BOOST_TEST(alive == 1);
    BOOST_TEST(static_cast<bool>(never_started));
  }
  BOOST_TEST(alive == 0);
  BOOST_TEST(!ran);
}

BOOST_AUTO_TEST_CASE(destroys_its_locals_before_the_awaiting_task_resumes) {
  std::atomic<int> alive{0};
  int alive_after_value = -1;
  int alive_after_error = -1;
  auto child = [&](counted, bool fails) -> task<int> {
    counted local(alive);
    co_await checkpoint();
    if (fails)
      throw std::runtime_error("boom");
    co_return 1;
  };
  auto main = [&]() -> task<> {
    (void)co_await child(counted(alive), false);
    alive_after_value = alive;
    try {
      (void)co_await child(counted(alive), true);
    } catch (const std::runtime_error&) {
      alive_after_error = alive;
    }
  };
  run(main());
  BOOST_TEST(alive_after_value == 0);
  BOOST_TEST(alive_after_error == 0);
}

BOOST_AUTO_TEST_CASE(is_empty_when_default_constructed_or_moved_from) {
  task<int> empty;
  BOOST_TEST(!empty);

  auto child = [](int n) -> task<int> { co_return n; };
  task<int> first = child(1);
  task<int> second = std::move(first);
  BOOST_TEST(!first);
  BOOST_TEST(static_cast<bool>(second));
  empty = std::move(second);
  BOOST_TEST(!second);
  BOOST_TEST(run(std::move(empty)) == 1);
}

BOOST_AUTO_TEST_CASE(assigning_to_a_task_destroys_the_one_it_held) {
  std::atomic<int> alive{0};
  auto child = [](counted) -> task<> { co_return; };
  task<> held = child(counted(alive));
  BOOST_TEST(alive == 1);
  held = task<>();
  BOOST_TEST(alive == 0);
  BOOST_TEST(!held);
}

BOOST_AUTO_TEST_CASE(running_an_empty_task_is_an_invalid_argument) {
  BOOST_CHECK_EXCEPTION(
      run(task<>()), std::invalid_argument, says("weir::runtime::run"));
  BOOST_CHECK_THROW(run(task<int>()), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_task
