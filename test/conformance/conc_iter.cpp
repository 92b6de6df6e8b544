// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The suite of sourcegraph/conc: iter.

#include <weir/for_each.hpp>
#include <weir/task.hpp>
#include <weir/transform.hpp>

#include "support/conformance.hpp"
#include "support/gate.hpp"
#include "support/until.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace weir::test {

BOOST_FIXTURE_TEST_SUITE(conc_iter, conformance)

using ints = std::vector<int>;

ints up_to(int n) {
  ints all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

BOOST_AUTO_TEST_CASE(Iterator_safe_for_reuse) {
  const for_each_options options{.max_in_flight = 999};
  for (int round = 0; round != 2; ++round) {
    ints all = up_to(100);
    run(weir::for_each(all, options, [](int& n) { n = 0; }));
    BOOST_TEST(std::count(all.begin(), all.end(), 0) == 100);
  }
  BOOST_TEST(options.max_in_flight == 999u);
}

BOOST_AUTO_TEST_CASE(Iterator_allows_more_than_GOMAXPROCS) {
  // Tasks need no threads: eight times as many as there are.
  constexpr std::size_t most = 16;
  gate door(pool.get_executor());
  high_water inside;
  auto waits = [&](int) -> task<> {
    inside.enter();
    on_scope_exit leave([&] { inside.leave(); });
    co_await door.wait();
  };
  auto opens_when_full = [&]() -> task<> {
    co_await until([&] { return door.arrivals() == most; });
    door.open();
  };
  task_group group(pool);
  wait(group.spawn(opens_when_full));
  const ints all = up_to(100);
  run(weir::for_each(all, {.max_in_flight = most}, waits));
  wait(group.join());
  BOOST_TEST(inside.peak() == static_cast<int>(most));
}

BOOST_AUTO_TEST_CASE(ForEachIdx_empty) {
  ints none;
  run(weir::for_each(none, {}, [](std::size_t, int&) {
    throw std::runtime_error("this should never be called");
  }));
}
BOOST_AUTO_TEST_CASE(ForEachIdx_panic_is_propagated) {
  const ints all = up_to(5);
  const auto throws = [](std::size_t, int) {
    throw std::runtime_error("super bad thing happened");
  };
  BOOST_CHECK_EXCEPTION(run(weir::for_each(all, {}, throws)),
                        std::runtime_error,
                        says("super bad thing"));
}
BOOST_AUTO_TEST_CASE(ForEachIdx_mutating_inputs_is_fine) {
  ints all{1, 2, 3, 4, 5};
  run(weir::for_each(all, {}, [](std::size_t, int& n) { ++n; }));
  BOOST_TEST((all == ints{2, 3, 4, 5, 6}));
}
BOOST_AUTO_TEST_CASE(ForEachIdx_huge_inputs) {
  ints all(10'000);
  run(weir::for_each(
      all, {}, [](std::size_t i, int& n) { n = static_cast<int>(i); }));
  BOOST_TEST((all == up_to(10'000)));
}

BOOST_AUTO_TEST_CASE(ForEach_empty) {
  ints none;
  run(weir::for_each(none, {}, [](int&) {
    throw std::runtime_error("this should never be called");
  }));
}
BOOST_AUTO_TEST_CASE(ForEach_panic_is_propagated) {
  const ints all = up_to(5);
  const auto throws = [](int) {
    throw std::runtime_error("super bad thing happened");
  };
  BOOST_CHECK_EXCEPTION(run(weir::for_each(all, {}, throws)),
                        std::runtime_error,
                        says("super bad thing"));
}
BOOST_AUTO_TEST_CASE(ForEach_mutating_inputs_is_fine) {
  ints all{1, 2, 3, 4, 5};
  run(weir::for_each(all, {}, [](int& n) { ++n; }));
  BOOST_TEST((all == ints{2, 3, 4, 5, 6}));
}
BOOST_AUTO_TEST_CASE(ForEach_huge_inputs) {
  ints all(10'000);
  std::atomic<int> count{0};
  run(weir::for_each(all, {}, [&](int&) { ++count; }));
  BOOST_TEST(count == 10'000);
}

BOOST_AUTO_TEST_CASE(Map_empty) {
  ints none;
  const auto never = [](int) -> int {
    throw std::runtime_error("this should never be called");
  };
  BOOST_TEST(run(weir::transform(none, {}, never)).empty());
}
BOOST_AUTO_TEST_CASE(Map_panic_is_propagated) {
  const ints all = up_to(5);
  const auto throws = [](int) -> int {
    throw std::runtime_error("super bad thing happened");
  };
  BOOST_CHECK_EXCEPTION((void)run(weir::transform(all, {}, throws)),
                        std::runtime_error,
                        says("super bad thing"));
}
BOOST_AUTO_TEST_CASE(Map_mutating_inputs_is_fine) {
  ints all{1, 2, 3, 4, 5};
  const ints before = run(weir::transform(all, {}, [](int& n) { return n++; }));
  BOOST_TEST((all == ints{2, 3, 4, 5, 6}));
  BOOST_TEST((before == ints{1, 2, 3, 4, 5}));
}
BOOST_AUTO_TEST_CASE(Map_basic_increment) {
  const ints all{1, 2, 3, 4, 5};
  BOOST_TEST((run(weir::transform(all, {}, [](int n) { return n + 1; })) ==
              ints{2, 3, 4, 5, 6}));
}
BOOST_AUTO_TEST_CASE(Map_huge_inputs) {
  const ints all = up_to(10'000);
  BOOST_TEST((run(weir::transform(all, {}, [](int n) { return n; })) == all));
}

BOOST_AUTO_TEST_CASE(MapErr_empty) {
  ints none;
  const auto never = [](int) -> int {
    throw std::runtime_error("this should never be called");
  };
  BOOST_TEST(run(weir::try_transform(none, {}, never)).empty());
}
BOOST_AUTO_TEST_CASE(MapErr_panic_is_propagated) {
  const ints all = up_to(5);
  const auto throws = [](int) -> int { throw 42; };
  for (const auto& each : run(weir::try_transform(all, {}, throws)))
    BOOST_CHECK_THROW((void)each.value(), int);
}
BOOST_AUTO_TEST_CASE(MapErr_mutating_inputs_is_fine) {
  ints all{1, 2, 3, 4, 5};
  const ints before =
      values(run(weir::try_transform(all, {}, [](int& n) { return n++; })));
  BOOST_TEST((all == ints{2, 3, 4, 5, 6}));
  BOOST_TEST((before == ints{1, 2, 3, 4, 5}));
}
BOOST_AUTO_TEST_CASE(MapErr_basic_increment) {
  const ints all{1, 2, 3, 4, 5};
  BOOST_TEST((values(run(weir::try_transform(all, {}, [](int n) {
                return n + 1;
              }))) == ints{2, 3, 4, 5, 6}));
}
BOOST_AUTO_TEST_CASE(MapErr_error_is_propagated) {
  const ints all{1, 2, 3, 4, 5};
  const auto mapped = run(weir::try_transform(all, {}, [](int n) {
    if (n == 3)
      throw std::runtime_error("err1");
    return n + 1;
  }));
  const ints expected{2, 3, 0, 5, 6};
  for (std::size_t i = 0; i != 5; ++i) {
    if (i == 2)
      BOOST_TEST(text_of(mapped[i].error()) == "err1");
    else
      BOOST_TEST(mapped[i].value() == expected[i]);
  }
}
BOOST_AUTO_TEST_CASE(MapErr_multiple_errors_are_propagated) {
  const ints all{1, 2, 3, 4, 5};
  const auto fails_twice = [](int n) {
    if (n == 3 || n == 4)
      throw std::runtime_error("err" + std::to_string(n));
    return n + 1;
  };
  const auto mapped = run(weir::try_transform(all, {}, fails_twice));
  BOOST_TEST(text_of(mapped[2].error()) == "err3");
  BOOST_TEST(text_of(mapped[3].error()) == "err4");
  BOOST_TEST(mapped[4].value() == 6);
  std::vector<std::string> joined;
  try {
    (void)run(
        weir::transform(all, {.errors = collect(unlimited)}, fails_twice));
  } catch (...) {
    joined = texts_of(std::current_exception());
  }
  BOOST_TEST((joined == std::vector<std::string>{"err3", "err4"}));
}
BOOST_AUTO_TEST_CASE(MapErr_huge_inputs) {
  const ints all = up_to(10'000);
  BOOST_TEST((values(run(weir::try_transform(
                  all, {}, [](int n) { return n; }))) == all));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
