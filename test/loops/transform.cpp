// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/checkpoint.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>
#include <weir/transform.hpp>

#include "support/counted.hpp"
#include "support/gate.hpp"
#include "support/pool_fixture.hpp"
#include "support/says.hpp"
#include "support/until.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::test::of_transform {

BOOST_FIXTURE_TEST_SUITE(transform, pool_fixture)

constexpr on_cancel forms[] = {on_cancel::raise, on_cancel::unwind};

// Neither default-constructible nor copyable.
class ticket final {
public:
  explicit ticket(int n) : n_(std::make_unique<int>(n)) {}
  int number() const { return *n_; }

private:
  std::unique_ptr<int> n_;
};

template <typename T, typename Number>
bool in_order(const std::vector<T>& all, int n, Number number) {
  if (all.size() != static_cast<std::size_t>(n))
    return false;
  for (int i = 0; i != n; ++i)
    if (number(all[static_cast<std::size_t>(i)]) != i)
      return false;
  return true;
}

constexpr int n = 4000;

BOOST_AUTO_TEST_CASE(results_stand_in_the_order_of_the_elements) {
  for (std::size_t cap : caps) {
    const for_each_options options{.max_in_flight = cap};
    const auto same = [](int i) { return i; };
    auto later = [](int i) -> task<int> {
      if (i % 3 == 0)
        co_await checkpoint();
      co_return i;
    };
    auto awaits = [](int i) -> asio::awaitable<int> { co_return i; };
    const std::list<int> forward(std::views::iota(0, n).begin(),
                                 std::views::iota(0, n).end());
    std::string text;
    for (int i = 0; i != n; ++i)
      text += std::to_string(i) + ' ';
    std::istringstream once(text);
    std::istringstream again(text);
    int next = 0;
    auto produce = [&]() -> task<std::optional<int>> {
      co_return next < n ? std::optional(next++) : std::nullopt;
    };
    const auto range = std::views::iota(0, n);
    BOOST_TEST(in_order(run(weir::transform(range, options, same)), n, same));
    BOOST_TEST(in_order(run(weir::transform(range, options, later)), n, same));
    BOOST_TEST(in_order(run(weir::transform(range, options, awaits)), n, same));
    BOOST_TEST(in_order(run(weir::transform(forward, options, same)), n, same));
    BOOST_TEST(
        in_order(run(weir::transform(forward, options, later)), n, same));
    BOOST_TEST(in_order(
        run(weir::transform(std::views::istream<int>(once), options, same)),
        n,
        same));
    BOOST_TEST(in_order(
        run(weir::transform(std::views::istream<int>(again), options, later)),
        n,
        same));
    BOOST_TEST(
        in_order(run(weir::transform(produce, options, later)), n, same));
  }
}

BOOST_AUTO_TEST_CASE(results_need_neither_be_copied_nor_made_empty) {
  const auto number = [](const ticket& t) { return t.number(); };
  auto later = [](int i) -> task<ticket> {
    co_await checkpoint();
    co_return ticket(i);
  };
  const auto range = std::views::iota(0, n);
  BOOST_TEST(
      in_order(run(weir::transform(range, {}, [](int i) { return ticket(i); })),
               n,
               number));
  BOOST_TEST(in_order(
      run(weir::transform(range, {.max_in_flight = 7}, later)), n, number));
}

BOOST_AUTO_TEST_CASE(the_results_may_be_bool) {
  const std::vector<bool> odd = run(weir::transform(
      std::views::iota(0, 10'000), {}, [](int i) { return i % 2 != 0; }));
  BOOST_REQUIRE(odd.size() == 10'000u);
  for (std::size_t i = 0; i != odd.size(); ++i)
    BOOST_REQUIRE(odd[i] == (i % 2 != 0));
}

BOOST_AUTO_TEST_CASE(a_reference_is_copied) {
  const std::vector<std::string> words{"a", "b"};
  const std::vector<std::string> copies = run(weir::transform(
      words, {}, [](const std::string& s) -> const std::string& { return s; }));
  BOOST_TEST(copies == words);
}

BOOST_AUTO_TEST_CASE(the_elements_may_be_changed_meanwhile) {
  std::vector<int> all{1, 2, 3};
  const auto before =
      run(weir::transform(all, {}, [](int& i) { return std::exchange(i, 0); }));
  BOOST_TEST((before == std::vector<int>{1, 2, 3}));
  BOOST_TEST((all == std::vector<int>{0, 0, 0}));
}

BOOST_AUTO_TEST_CASE(no_elements_give_no_results) {
  const std::vector<int> none;
  BOOST_TEST(run(weir::transform(none, {}, [](int i) { return i; })).empty());
  BOOST_TEST(
      run(weir::transform(none, {}, [](int i) { return ticket(i); })).empty());
}

BOOST_AUTO_TEST_CASE(the_first_error_is_thrown_and_results_are_destroyed) {
  std::atomic<int> alive{0};
  auto later = [&](int i) -> task<counted> {
    if (i == 500)
      throw std::runtime_error("boom");
    co_return counted(alive);
  };
  for (on_error policy : {on_error::cancel_siblings, on_error::keep_going})
    BOOST_CHECK_EXCEPTION((void)run(weir::transform(std::views::iota(0, 1000),
                                                    {.errors = policy},
                                                    later)),
                          std::runtime_error,
                          says("boom"));
  BOOST_TEST(alive == 0);
}

BOOST_AUTO_TEST_CASE(try_transform_has_a_slot_for_every_element) {
  const auto odd_fails = [](int i) {
    if (i % 2 != 0)
      throw std::runtime_error(std::to_string(i));
    return ticket(i);
  };
  auto later = [&](int i) -> task<ticket> {
    co_await checkpoint();
    co_return odd_fails(i);
  };
  const std::list<int> forward(std::views::iota(0, 300).begin(),
                               std::views::iota(0, 300).end());
  const auto check = [](const std::vector<result<ticket>>& all) {
    BOOST_REQUIRE(all.size() == 300u);
    for (int i = 0; i != 300; ++i) {
      const auto& slot = all[static_cast<std::size_t>(i)];
      if (i % 2 != 0)
        BOOST_REQUIRE(text_of(slot.error()) == std::to_string(i));
      else
        BOOST_REQUIRE(slot.value().number() == i);
    }
  };
  check(run(weir::try_transform(std::views::iota(0, 300), {}, odd_fails)));
  check(run(weir::try_transform(
      std::views::iota(0, 300), {.max_in_flight = 5}, later)));
  check(run(weir::try_transform(forward, {}, later)));
}

BOOST_AUTO_TEST_CASE(a_function_may_give_a_result) {
  const auto all = run(weir::transform(std::views::iota(0, 3), {}, [](int i) {
    return result<int>(std::in_place, i);
  }));
  BOOST_TEST((values(std::vector(all)) == std::vector<int>{0, 1, 2}));
  const auto nested =
      run(weir::try_transform(std::views::iota(0, 3), {}, [](int i) {
        return result<int>(std::in_place, i);
      }));
  BOOST_TEST(nested[2].value().value() == 2);
}

BOOST_AUTO_TEST_CASE(a_cancellation_ends_try_transform_too) {
  for (on_cancel form : forms) {
    gate never(pool.get_executor());
    std::atomic<int> begun{0};
    auto waits = [&](int i) -> task<int> {
      ++begun;
      co_await never.wait();
      co_return i;
    };
    auto main = [&]() -> task<> {
      (void)co_await weir::try_transform(
          std::views::iota(0, 1'000'000),
          {.max_in_flight = 3, .cancellation = form},
          waits);
    };
    task_group outer(pool, {.cancellation = form});
    wait(outer.spawn(main));
    block_until([&] { return never.arrivals() == 3; });
    outer.cancel();
    wait(outer.join());
    BOOST_TEST(begun == 3);
    BOOST_TEST(outer.stats().cancelled == 1u);
  }
}

BOOST_AUTO_TEST_CASE(bad_input_names_the_function) {
  BOOST_CHECK_EXCEPTION((void)weir::transform(std::views::iota(0, 3),
                                              {.max_in_flight = 0},
                                              [](int i) { return i; }),
                        std::invalid_argument,
                        says("weir::transform: max_in_flight is 0"));
  int (*null)(int) = nullptr;
  BOOST_CHECK_EXCEPTION(
      (void)weir::try_transform(std::views::iota(0, 3), {}, null),
      std::invalid_argument,
      says("weir::try_transform: the callable is empty"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_transform
