// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/checkpoint.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>

#include "md5_walk.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

/// How far a job over files is, on one line of the terminal:
///
///     [########            ]  4821/11507 files  61.2/148.9 MiB  310.4 MiB/s
///
/// Thread safety: the counters, any thread; draw(), one at a time.
class md5_progress final {
public:
  using counter = std::atomic<std::uint64_t>;

  counter files = 0;
  counter bytes = 0;
  counter total_files = 0;
  counter total_bytes = 0;
  std::atomic<bool> is_counted = false; ///< the totals grow no more
  std::atomic<bool> is_done = false;    ///< whatever the totals say

  /// Draws it over what was drawn before.
  void draw() const {
    const std::chrono::duration<double> time = clock::now() - begin_;
    const bool done = is_done;
    const double mib = static_cast<double>(bytes) / (1024 * 1024);
    const double total =
        done ? mib : static_cast<double>(total_bytes) / (1024 * 1024);
    // A file may have grown since it was counted.
    const double part = mib < total ? mib / total : 1;
    const bool shows_part = done || is_counted;
    std::fprintf(stderr,
                 // No wrap-around: a narrow terminal cuts the line.
                 "\r\x1b[?7l[%-20.*s]  %ju/%ju files  %.1f/%.1f MiB  "
                 "%.1f MiB/s\x1b[K\x1b[?7h",
                 shows_part ? static_cast<int>(part * 20) : 20,
                 shows_part ? "####################" : "counting",
                 std::uintmax_t{files},
                 std::uintmax_t{done ? files : total_files},
                 mib,
                 total,
                 mib / time.count());
  }

  /// Draws it for the last time, when the scope is left in whatever way.
  class last_line final {
  public:
    explicit last_line(const md5_progress& shown) noexcept : shown_(shown) {}
    last_line(const last_line&) = delete;
    last_line& operator=(const last_line&) = delete;
    ~last_line() {
      shown_.draw();
      std::fputs("\n", stderr);
    }

  private:
    const md5_progress& shown_;
  };

private:
  using clock = std::chrono::steady_clock;
  clock::time_point begin_ = clock::now();
};

/// Finds the totals, for a bar that knows its end.
inline weir::task<> count(std::filesystem::path dir, md5_progress& progress) {
  md5_walk tree(std::move(dir));
  for (unsigned steps = 1; const auto step = tree.next(); ++steps) {
    if (step->is_file) {
      std::error_code error;
      const auto size = std::filesystem::file_size(step->path, error);
      ++progress.total_files;
      progress.total_bytes += error ? 0 : size;
    }
    // A step is far shorter than a digester's turn, which others wait for.
    if (steps % 64 == 0)
      co_await weir::checkpoint();
  }
  progress.is_counted = true;
}

/// Shows the bar until it is cancelled.
inline weir::task<> show(const md5_progress& progress) {
  const md5_progress::last_line last(progress);
  for (;;) {
    progress.draw();
    co_await weir::sleep_for(std::chrono::milliseconds(100));
  }
}
