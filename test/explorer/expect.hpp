// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "explorer.hpp"

#include <boost/test/unit_test.hpp>

#include <initializer_list>

namespace weir::test {

/// Checks that exactly these outcomes of the model are possible; a schedule
/// stands beside each that is not.
template <typename Model>
void expect_outcomes(unsigned faults,
                     std::initializer_list<const char*> possible) {
  const explorer::report seen = explorer().explore<Model>(faults);
  BOOST_TEST_MESSAGE(seen.schedules << " schedules");
  for (const char* outcome : possible)
    BOOST_TEST(seen.has(outcome), outcome << " was never seen");
  if (seen.outcomes.size() != possible.size())
    for (const auto& [outcome, schedule] : seen.outcomes)
      BOOST_ERROR("seen: " << outcome << " under " << schedule);
}

} // namespace weir::test
