// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "ledger.hpp"
#include "plan.hpp"

#include <cstdint>
#include <future>

namespace weir::test::threads {

/// How a join() ended.
class joined final {
public:
  joined() = default;
  /// Waits for it.
  explicit joined(std::future<void>& join);

  bool operator==(const joined&) const = default;

  /// On a runtime that was stopped. `has_cut`: a child was cut off.
  void check_stopped(bool has_cut) const;
  /// On any other.
  void check_running(bool has_failed, bool has_deadline) const;
  /// Records in `seen` which of the possible outcomes happened.
  void note(tally& seen, const ledger& book, const plan& p) const;

private:
  enum class how { well, injected, bad_alloc, timed_out, abandoned, aborted };

  how how_ = how::well;
  std::uint32_t number_ = 0; // of the error that was injected
};

} // namespace weir::test::threads
