// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/testing/deadlock.hpp>
#include <weir/testing/deterministic_runtime.hpp>
#include <weir/testing/step_limit_exceeded.hpp>

#include "deterministic_driver.hpp"
#include "runtime/runtime_core.hpp"

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

namespace weir::testing {

namespace {

deterministic_options checked(deterministic_options options) {
  const auto refuse =
      [](const char* what, const std::string& value, const char* rule) {
        throw std::invalid_argument(
            std::string("weir::testing::deterministic_runtime: ") + what +
            " is " + value + ", must be at least " + rule);
      };
  if (options.max_steps == 0)
    refuse("max_steps", "0", "1");
  if (options.outside_grace.count() < 0)
    refuse("outside_grace",
           std::to_string(options.outside_grace.count()) + " ms",
           "0 ms");
  if (options.outside_limit.count() < 0)
    refuse("outside_limit",
           std::to_string(options.outside_limit.count()) + " ms",
           "0 ms");
  return options;
}

std::string seconds(clock::duration d) {
  char text[32];
  std::snprintf(
      text, sizeof text, "%.12g s", std::chrono::duration<double>(d).count());
  return text;
}

} // namespace

deterministic_runtime::deterministic_runtime(deterministic_options options)
    : core_(detail::deterministic_driver::make_runtime(checked(options)),
            detail::runtime_core::destroy) {}

deterministic_runtime::~deterministic_runtime() = default;

clock::time_point deterministic_runtime::now() const noexcept {
  return detail::deterministic_driver::of(*core_).now();
}

clock::duration deterministic_runtime::elapsed() const noexcept {
  return now() - detail::deterministic_driver::start;
}

std::uint64_t deterministic_runtime::steps() const noexcept {
  return detail::deterministic_driver::of(*core_).steps();
}

void deterministic_runtime::set_step_hook(std::function<void()> hook) {
  detail::deterministic_driver::of(*core_).set_step_hook(std::move(hook));
}

void deterministic_runtime::stop() noexcept { core_->stop(); }

void deterministic_runtime::require_free() const {
  detail::deterministic_driver::of(*core_).require_free();
}

step_limit_exceeded::step_limit_exceeded(std::uint64_t limit,
                                         std::uint64_t seed,
                                         clock::duration elapsed)
    : std::runtime_error("weir::testing: more than " + std::to_string(limit) +
                         " steps (seed " + std::to_string(seed) + ", after " +
                         seconds(elapsed) +
                         "); deterministic_options::max_steps is the limit"),
      limit_(limit), seed_(seed) {}

deadlock::deadlock(std::uint64_t seed,
                   std::uint64_t step,
                   clock::duration elapsed,
                   const std::string& tree)
    : std::runtime_error("weir::testing: deadlock: everything waits and no "
                         "timer is due (seed " +
                         std::to_string(seed) + ", step " +
                         std::to_string(step) + ", after " + seconds(elapsed) +
                         ")\n" + tree),
      seed_(seed) {}

} // namespace weir::testing
