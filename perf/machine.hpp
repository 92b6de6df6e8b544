// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <iosfwd>

namespace weir::perf {

/// The machine and what this program was compiled with.
void print_machine(std::ostream& out);

/// What others do to the machine while we measure. With one core taken away
/// two threads share the other, which makes some programs quicker.
class foreign_load {
public:
  /// Begins to look.
  foreign_load();

  /// The part of all cores, 0 to 1, that was busy since then with other work
  /// than that of this process and its children that were waited for.
  double share() const;

private:
  double busy_;
  double idle_;
  double own_;
};

} // namespace weir::perf
