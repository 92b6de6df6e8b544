// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Real threads: runtimes of 1 to 8 threads, with every cap and every fault, a
// fresh one for each iteration; threads pause at random in the middle of the
// library's protocols. The library is compiled a second time for that: see
// pausing_sync.hpp.

#include "check.hpp"
#include "iteration.hpp"
#include "options.hpp"
#include "plan.hpp"
#include "tally.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

// A run of at least this many seconds must have seen everything.
constexpr double long_run = 60;

int main(int argc, char** argv) {
  using namespace weir::test::threads;
  using clock = std::chrono::steady_clock;
  const options given(argc, argv);
  std::fprintf(
      stderr, "seed %llu\n", static_cast<unsigned long long>(given.seed));
  const watch over;
  const auto seen = std::make_unique<tally>();
  const auto begin = clock::now();
  for (std::uint64_t n = given.iteration.value_or(0);;) {
    const double took =
        std::chrono::duration<double>(clock::now() - begin).count();
    // A run of all cells continues until it has seen everything.
    if (took >= given.seconds &&
        (given.is_partial() || seen->missing().empty() ||
         took >= 4 * given.seconds))
      break;
    now_running(given.rerun(n));
    const std::size_t index = given.cell_of(n);
    run(plan(cell::at(index), given.seed, n), index, *seen);
    if (!given.iteration)
      ++n;
  }
  if (!given.is_partial())
    if (const std::string missing = seen->missing(); !missing.empty()) {
      std::fprintf(stderr,
                   "%srun it again with weir-threads --seed %llu\n",
                   missing.c_str(),
                   static_cast<unsigned long long>(given.seed));
      // Outcomes that a short run, on a busy machine, missed by chance are no
      // error.
      if (given.seconds >= long_run)
        return 1;
    }
  std::puts(seen->line().c_str());
  return 0;
}
