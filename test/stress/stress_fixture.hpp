// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/operation.hpp>
#include <weir/runtime.hpp>

#include "../support/sanitized.hpp"
#include "../support/watchdog.hpp"

#include <boost/asio/use_future.hpp>

#include <chrono>
#include <utility>

namespace weir::test {

struct stress_fixture {
  watchdog dog;
  weir::runtime pool{3};

  template <typename Step>
  auto wait(operation<Step> op) {
    return std::move(op)(asio::use_future).get();
  }

  // Runs rounds for this long, or until `done()`.
  template <typename Round, typename Done>
  int repeat(std::chrono::milliseconds at_least, Round round, Done done) {
    const auto begin = std::chrono::steady_clock::now();
    const auto at_most = std::chrono::seconds(sanitized ? 60 : 20);
    int rounds = 0;
    for (;; ++rounds) {
      const auto took = std::chrono::steady_clock::now() - begin;
      if ((took >= at_least && done()) || took >= at_most)
        return rounds;
      round(rounds);
    }
  }
};

} // namespace weir::test
