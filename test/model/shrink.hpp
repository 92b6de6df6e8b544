// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace weir::test::model {

/// Makes a failing program smaller while it still fails: drops steps, many at
/// first, and lowers numbers. From the result no single step can be dropped.
///
/// Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing
/// input", 2002; QuickCheck's shrink.
class shrinker final {
public:
  using predicate = std::function<bool(const bytes&)>;

  explicit shrinker(predicate fails) : fails_(std::move(fails)) {}

  bytes operator()(bytes program) {
    best_ = std::move(program);
    bool better = true;
    while (better) {
      better = false;
      for (std::size_t steps = 16; steps != 0; steps /= 2)
        better |= drop(steps);
      for (std::size_t i = 0; i < best_.size(); ++i)
        better |= lower(i);
    }
    return best_;
  }

  std::size_t runs() const noexcept { return runs_; }

private:
  static constexpr std::size_t step = 2; // bytes

  bool accept(bytes candidate) {
    if (candidate == best_)
      return false;
    ++runs_;
    if (!fails_(candidate))
      return false;
    best_ = std::move(candidate);
    return true;
  }

  // From the end: later steps are needed less often.
  bool drop(std::size_t steps) {
    bool better = false;
    const std::size_t size = steps * step;
    std::size_t end = best_.size();
    while (end >= script::header + size) {
      bytes candidate = best_;
      const auto first =
          candidate.begin() + static_cast<std::ptrdiff_t>(end - size);
      candidate.erase(first, first + static_cast<std::ptrdiff_t>(size));
      better |= accept(std::move(candidate));
      end = std::min(end - size, best_.size());
    }
    return better;
  }

  bool lower(std::size_t i) {
    bool better = false;
    const auto set = [&](int value) {
      bytes candidate = best_;
      candidate[i] = static_cast<std::uint8_t>(value);
      const bool taken = value < best_[i] && accept(std::move(candidate));
      better |= taken;
      return taken;
    };
    // A step's code is a choice, not a number: it is replaced only by the
    // lowest code of the same action, or by an action that does little.
    if (i >= script::header && (i - script::header) % step == 0) {
      (void)(set(1) || set(best_[i] % 32) || set(best_[i] % 40));
      return better;
    }
    if (set(0))
      return better;
    (void)set(best_[i] % 4);
    while (best_[i] > 1 && set(best_[i] / 2)) {
    }
    while (best_[i] > 0 && set(best_[i] - 1)) {
    }
    return better;
  }

  predicate fails_;
  bytes best_;
  std::size_t runs_ = 0;
};

} // namespace weir::test::model
