// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task.hpp>

#include <stdexcept>

namespace weir::test {

/// A value that can be moved a given number of times and then throws "moved too
/// often".
class throws_when_moved {
public:
  explicit throws_when_moved(int moves) : moves_(moves) {}
  throws_when_moved(throws_when_moved&& other) : moves_(other.moves_ - 1) {
    if (moves_ < 0)
      throw std::runtime_error("moved too often");
  }

private:
  int moves_;
};

inline task<throws_when_moved> gives_throwing(int moves) {
  co_return throws_when_moved(moves);
}

} // namespace weir::test
