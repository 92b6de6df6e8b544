// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "check.hpp"

#include "support/sanitized.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace weir::test::threads {

namespace {

constexpr std::chrono::seconds longest{sanitized ? 60 : 20};

std::mutex mutex;
std::condition_variable changed;
std::string current;    // guarded by mutex
std::uint64_t runs = 0; // guarded by mutex
bool is_over = false;   // guarded by mutex

} // namespace

void now_running(const std::string& rerun) {
  std::lock_guard held(mutex);
  current = rerun;
  ++runs;
  changed.notify_one();
}

void fail(const std::string& what) {
  std::lock_guard held(mutex);
  std::fprintf(
      stderr, "%s\nrun it again with %s\n", what.c_str(), current.c_str());
  std::fflush(nullptr);
  std::_Exit(1);
}

watch::watch()
    : thread_([] {
        std::unique_lock held(mutex);
        while (!is_over) {
          const std::uint64_t seen = runs;
          if (changed.wait_for(
                  held, longest, [&] { return is_over || runs != seen; }))
            continue;
          std::fprintf(
              stderr, "it hangs\nrun it again with %s\n", current.c_str());
          std::fflush(nullptr);
          std::abort(); // A core dump shows where.
        }
      }) {}

watch::~watch() {
  {
    std::lock_guard held(mutex);
    is_over = true;
  }
  changed.notify_one();
  thread_.join();
}

} // namespace weir::test::threads
