// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::perf {

/// fib(n) by recursion: the tasks of fib(n), one for each call.
inline std::size_t fib_calls(unsigned n) {
  std::size_t of_last = 1;
  std::size_t of_this = 1;
  for (unsigned i = 2; i <= n; ++i) {
    const std::size_t next = 1 + of_last + of_this;
    of_last = of_this;
    of_this = next;
  }
  return of_this;
}
/// The largest n whose fib(n) takes at most `tasks` calls.
inline unsigned fib_of_size(std::size_t tasks) {
  unsigned n = 1;
  while (fib_calls(n + 1) <= tasks)
    ++n;
  return n;
}
inline std::uint64_t fib_of(unsigned n) {
  std::uint64_t last = 0;
  std::uint64_t result = 1;
  for (unsigned i = 1; i < n; ++i) {
    const std::uint64_t next = last + result;
    last = result;
    result = next;
  }
  return n == 0 ? 0 : result;
}

/// The first rows of a chess board, with a queen in each; none attacks another.
class board {
public:
  static constexpr unsigned most = 16;

  explicit board(unsigned rows) : rows_(rows) {}

  unsigned rows() const { return rows_; }
  bool is_full() const { return placed_ == rows_; }
  /// Whether the next row may have its queen there.
  bool is_free(unsigned column) const {
    for (unsigned i = 0; i != placed_; ++i) {
      const unsigned apart = placed_ - i;
      const unsigned other = columns_[i];
      if (other == column || other + apart == column || other == column + apart)
        return false;
    }
    return true;
  }
  board with(unsigned column) const {
    board next = *this;
    next.columns_[next.placed_++] = static_cast<std::uint8_t>(column);
    return next;
  }

  /// Nodes of the tree: boards on the way to a solution, and dead ends.
  static std::size_t nodes(const board& b) {
    std::size_t all = 1;
    if (!b.is_full())
      for (unsigned c = 0; c != b.rows(); ++c)
        if (b.is_free(c))
          all += nodes(b.with(c));
    return all;
  }
  /// The largest board whose tree has at most `tasks` nodes.
  static board of_size(std::size_t tasks) {
    unsigned rows = 1;
    while (rows != most && nodes(board(rows + 1)) <= tasks)
      ++rows;
    return board(rows);
  }
  static std::size_t solutions(const board& b) {
    if (b.is_full())
      return 1;
    std::size_t all = 0;
    for (unsigned c = 0; c != b.rows(); ++c)
      if (b.is_free(c))
        all += solutions(b.with(c));
    return all;
  }

private:
  unsigned rows_;
  unsigned placed_ = 0;
  std::array<std::uint8_t, most> columns_{};
};

} // namespace weir::perf
