// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "explorer.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace weir::test {

/// The settings of a long run, see main.cpp, and its results.
struct long_run {
  explorer::clock::duration share{}; ///< of time for each model; 0: not long
  std::uint64_t seed = 1;            ///< of what is drawn

  std::uint64_t models = 0;
  std::uint64_t exhaustive = 0; ///< schedules, all up to the bound of the model
  std::uint64_t partly = 0;     ///< schedules of the bound that time cut short
  std::uint64_t random = 0;     ///< schedules drawn
  unsigned bound = ~0u;         ///< to which all models were explored
};
inline long_run the_long_run;

/// As explorer::explore(). In a long run with more and more liberties, at least
/// three unless fibers are threads to TSan, and then at random with twice as
/// many.
template <typename Model>
explorer::report explored(unsigned liberties) {
  long_run& run = the_long_run;
  explorer e;
  // A fiber that is a thread to TSan costs more.
  unsigned bound = tsan_fibers ? std::min(liberties, 2u) : liberties;
  if (run.share == run.share.zero()) {
    explorer::report seen = e.explore<Model>(bound);
    BOOST_TEST_MESSAGE(seen.schedules << " schedules");
    return seen;
  }
  const auto end = explorer::clock::now() + run.share;
  if (!tsan_fibers)
    bound = std::max(bound, 3u);
  explorer::report all = e.explore<Model>(bound);
  const auto add = [&all](const explorer::report& more) {
    for (const auto& [outcome, schedule] : more.outcomes)
      all.outcomes.emplace(outcome, schedule);
  };
  std::uint64_t complete = all.schedules;
  const auto half = explorer::clock::now() + (end - explorer::clock::now()) / 2;
  while (explorer::clock::now() < half) {
    const explorer::report more = e.explore<Model>(bound + 1, half);
    add(more);
    if (!more.is_complete) {
      run.partly += more.schedules;
      break;
    }
    const bool is_last = more.schedules == complete;
    complete = more.schedules;
    ++bound;
    if (is_last)
      break; // No thread has a choice left.
  }
  if (explorer::clock::now() < end) {
    const explorer::report drawn =
        e.sample<Model>(2 * bound, run.seed, ~std::uint64_t(0), end);
    add(drawn);
    run.random += drawn.schedules;
  }
  ++run.models;
  run.exhaustive += complete;
  run.bound = std::min(run.bound, bound);
  BOOST_TEST_MESSAGE(complete << " schedules with " << bound << " liberties");
  return all;
}

/// Checks that an outcome was seen. Not with TSan: no store is late there, and
/// there are fewer schedules.
inline void expect(const explorer::report& seen, const char* outcome) {
  BOOST_TEST((tsan_fibers || seen.has(outcome)), outcome << " was never seen");
}

/// Checks that exactly these outcomes of the model are possible; prints a
/// schedule for each outcome that must not happen.
template <typename Model>
void expect_outcomes(unsigned liberties,
                     std::initializer_list<const char*> possible) {
  const explorer::report seen = explored<Model>(liberties);
  for (const char* outcome : possible)
    expect(seen, outcome);
  for (const auto& [outcome, schedule] : seen.outcomes)
    BOOST_TEST((std::find(possible.begin(), possible.end(), outcome) !=
                possible.end()),
               outcome << " under " << schedule);
}

} // namespace weir::test
