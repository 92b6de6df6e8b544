// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Random programs against the reference model of the group.
//
//     weir-model [--seconds S] [--seeds N] [--first F]
//
// WEIR_SEED=n runs that seed alone and prints what its tasks do.

#include "program.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <string_view>

namespace {

using weir::test::model::program;
using weir::test::model::tally;

// False: it failed, and has said so.
bool passes(std::uint64_t seed, tally& seen, bool shows) {
  program one(seed, seen);
  try {
    one.run();
    if (shows)
      std::fputs(one.trace().c_str(), stderr);
    return true;
  } catch (const std::exception& e) {
    std::fprintf(stderr,
                 "%sseed %llu; run it alone with WEIR_SEED=%llu: %s\n",
                 one.trace().c_str(),
                 static_cast<unsigned long long>(seed),
                 static_cast<unsigned long long>(seed),
                 e.what());
  }
  // Its groups may be full: nobody is left to join them.
  std::fflush(nullptr);
  std::_Exit(1);
}

// Has each thing happened that can?
bool is_complete(const tally& t) {
  return t.waited != 0 && t.lent != 0 && t.refused != 0 && t.closed != 0 &&
         t.full != 0 && t.gave_up != 0 && t.failed != 0 && t.cancelled != 0 &&
         t.joins_well != 0 && t.joins_failed != 0 && t.joins_aborted != 0 &&
         t.stopped != 0;
}

} // namespace

int main(int argc, char** argv) {
  using clock = std::chrono::steady_clock;
  std::uint64_t first = 1;
  std::uint64_t seeds = std::numeric_limits<std::uint64_t>::max();
  double seconds = std::numeric_limits<double>::infinity();
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option(argv[i]);
    if (option == "--seeds")
      seeds = std::strtoull(argv[i + 1], nullptr, 10);
    else if (option == "--first")
      first = std::strtoull(argv[i + 1], nullptr, 10);
    else if (option == "--seconds")
      seconds = std::strtod(argv[i + 1], nullptr);
  }
  tally seen;
  if (const char* given = std::getenv("WEIR_SEED")) {
    passes(std::strtoull(given, nullptr, 10), seen, true);
    return 0;
  }
  const clock::time_point begin = clock::now();
  std::uint64_t done = 0;
  for (; done != seeds; ++done) {
    if (std::chrono::duration<double>(clock::now() - begin).count() >= seconds)
      break;
    passes(first + done, seen, false);
  }
  std::printf("%llu seeds from %llu: %llu steps, %llu children; spawns: %llu "
              "waited, %llu lent, %llu gave up, %llu refused, %llu closed; "
              "joins: %llu well, %llu failed, %llu aborted; %llu stopped\n",
              static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(seen.steps),
              static_cast<unsigned long long>(seen.spawned),
              static_cast<unsigned long long>(seen.waited),
              static_cast<unsigned long long>(seen.lent),
              static_cast<unsigned long long>(seen.gave_up),
              static_cast<unsigned long long>(seen.refused),
              static_cast<unsigned long long>(seen.closed),
              static_cast<unsigned long long>(seen.joins_well),
              static_cast<unsigned long long>(seen.joins_failed),
              static_cast<unsigned long long>(seen.joins_aborted),
              static_cast<unsigned long long>(seen.stopped));
  if (done >= 1000 && !is_complete(seen)) {
    std::fputs("something never happened\n", stderr);
    return 1;
  }
  return 0;
}
