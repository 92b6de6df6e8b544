// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The rules of a group against a model of the contract: every sequence of a few
// calls, and every call in every state of a small group.

#include "group/group_state.hpp"
#include "support/group_driver.hpp"
#include "support/group_model.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace weir::test {

namespace {

using path = std::vector<group_call>;

struct limits {
  std::size_t cap;
  std::size_t max_waiting;
};

// Plays `calls` and checks the last one. Returns what is wrong with it.
std::optional<std::string> check_last(limits of,
                                      const path& calls,
                                      const group_model& before,
                                      const group_model& after) {
  group_driver group(of.cap, of.max_waiting);
  for (const group_call& call : calls)
    group.apply(call);
  const group_view seen = group.view();
  const char* wrong = broken_rule(before.seen(), calls.back(), seen);
  if (wrong == nullptr && !(seen == after.seen()))
    wrong = "it differs from the model";
  if (wrong == nullptr)
    return std::nullopt;
  std::ostringstream out;
  out << wrong << ": cap " << of.cap << ", waiting " << of.max_waiting;
  for (const group_call& call : calls)
    out << ", " << call;
  return out.str();
}

// All sequences of `depth` more calls.
std::optional<std::string> check_all(limits of,
                                     path& calls,
                                     const group_model& now,
                                     std::size_t depth,
                                     std::size_t& checked) {
  if (depth == 0)
    return std::nullopt;
  for (const group_call& call : calls_from(now, 64)) {
    group_model after = now;
    after.apply(call);
    calls.push_back(call);
    ++checked;
    auto wrong = check_last(of, calls, now, after);
    if (!wrong)
      wrong = check_all(of, calls, after, depth - 1, checked);
    if (wrong)
      return wrong;
    calls.pop_back();
  }
  return std::nullopt;
}

} // namespace

BOOST_AUTO_TEST_SUITE(group_state_enumerated)

BOOST_AUTO_TEST_CASE(every_short_sequence_of_calls_follows_the_contract) {
  std::size_t checked = 0;
  for (std::size_t cap : {1, 2, 3}) {
    for (std::size_t max_waiting :
         {detail::group_state::no_limit, std::size_t(0), std::size_t(1)}) {
      path calls;
      const auto wrong = check_all({cap, max_waiting},
                                   calls,
                                   group_model(cap, max_waiting),
                                   max_waiting > 1 ? 5 : 4,
                                   checked);
      BOOST_TEST(!wrong, wrong.value_or(""));
    }
  }
  BOOST_TEST_MESSAGE(checked << " sequences");
  BOOST_TEST(checked > 100'000u);
}

// Two groups with the same children, queues, cap and flags behave alike from
// then on, so each such state is visited once, by a shortest way.
BOOST_AUTO_TEST_CASE(every_call_in_every_small_state_follows_the_contract) {
  using key = std::array<std::size_t, 11>;
  const auto key_of = [](const group_model& m) {
    return key{m.seen().cap,
               m.running(),
               m.lenders().size(),
               m.spawners().size(),
               m.joiners().size(),
               m.idlers().size(),
               m.stoppers().size(),
               m.is_stopping(),
               m.seen().cause != detail::group_state::cause::none,
               m.is_closed(),
               m.is_joined()};
  };
  std::set<key> visited;
  std::deque<std::pair<path, group_model>> todo;
  todo.emplace_back(path{}, group_model(1, 3));
  while (!todo.empty()) {
    auto [calls, now] = std::move(todo.front());
    todo.pop_front();
    for (const group_call& call : calls_from(now, 20)) {
      group_model after = now;
      after.apply(call);
      calls.push_back(call);
      const auto wrong = check_last({1, 3}, calls, now, after);
      BOOST_REQUIRE_MESSAGE(!wrong, wrong.value_or(""));
      const bool small =
          after.seen().children <= 6 && after.spawners().size() <= 3 &&
          after.joiners().size() <= 2 && after.idlers().size() <= 1 &&
          after.stoppers().size() <= 1;
      if (small && visited.insert(key_of(after)).second)
        todo.emplace_back(calls, after);
      calls.pop_back();
    }
  }
  BOOST_TEST_MESSAGE(visited.size() << " states");
  BOOST_TEST(visited.size() > 1000u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
