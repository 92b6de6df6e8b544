// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/testing/explore_seeds.hpp>
#include <weir/testing/seed_failure.hpp>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

namespace weir::testing {

seed_failure::seed_failure(std::uint64_t seed, const std::string& why)
    : std::runtime_error(
          "seed " + std::to_string(seed) +
          "; run it alone with WEIR_SEED=" + std::to_string(seed) + ": " + why),
      seed_(seed) {}

} // namespace weir::testing

namespace weir::detail {

using testing::explore_options;
using testing::seed_failure;

explore_options chosen_seeds(const explore_options& options) {
  if (options.count == 0)
    throw std::invalid_argument(
        "weir::testing::explore_seeds: count is 0, must be at least 1");
  if (options.max_steps == 0)
    throw std::invalid_argument(
        "weir::testing::explore_seeds: max_steps is 0, must be at least 1");
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a test that sets it does so before.
  const char* const given = std::getenv("WEIR_SEED");
  if (given == nullptr || *given == '\0')
    return options;
  const std::string_view text(given);
  explore_options one = options;
  one.count = 1;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), one.first);
  if (error != std::errc() || end != text.data() + text.size())
    throw std::invalid_argument(
        "weir::testing::explore_seeds: WEIR_SEED is \"" + std::string(text) +
        "\", must be a number from 0 to 2^64 - 1");
  return one;
}

void throw_seed_failure(std::uint64_t seed) {
  const std::string why = [] {
    try {
      throw;
    } catch (const std::exception& e) {
      return std::string(e.what());
    } catch (...) {
      return std::string("something that is no std::exception");
    }
  }();
  const seed_failure failure(seed, why);
  std::fprintf(stderr, "weir::testing: %s\n", failure.what());
  std::throw_with_nested(failure);
}

} // namespace weir::detail
