// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/prelude.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace weir {

/// Several children of one task_group failed: what join() throws under
/// `collect(n)`. Copies share their contents.
class WEIR_API group_error final : public std::exception {
public:
  /// One child's failure.
  struct entry {
    /// The number of the spawn in the group, counted from 0; `body` for the
    /// body of with_task_group.
    std::uint64_t index;
    /// The name that named() gave; empty if there is none; "body" for the body.
    std::string name;
    /// What it threw, unchanged.
    std::exception_ptr error;
  };

  /// The index of the body.
  static constexpr std::uint64_t body =
      std::numeric_limits<std::uint64_t>::max();

  /// For weir's own functions. `failed` counts all failures, kept or not.
  group_error(std::vector<entry> entries, std::uint64_t failed);

  /// "3 of the group's tasks failed; #0 fetch: timeout; ...".
  const char* what() const noexcept override;
  /// The failures that were kept, ordered by spawn index.
  const std::vector<entry>& errors() const noexcept;
  /// How many failed, whether their errors were kept or not.
  std::uint64_t failed() const noexcept;

private:
  struct contents;
  std::shared_ptr<const contents> contents_;
};

} // namespace weir
