// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <dlfcn.h>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace weir::perf {

/// How much work a case does, and with what.
struct workload {
  std::size_t tasks;
  std::size_t cap; ///< tasks in flight; `weir::unlimited` for no cap
  std::size_t threads;

  friend bool operator==(const workload&, const workload&) = default;
};

/// Something beside time and memory that a case measures.
struct figure {
  std::string name; ///< with its unit, "p99_us"
  double value;
};

/// What one round saw.
struct sample {
  double wall_s = 0;
  double cpu_s = 0; ///< of all threads, user and system
  std::uint64_t peak_rss_kib = 0;
  std::uint64_t allocations = 0;
  std::vector<figure> figures = {};
};

/// A wrong answer has no speed.
inline void require(bool holds, const char* what) {
  if (!holds)
    throw std::runtime_error(std::string("wrong answer: ") + what);
}

/// Allocations of the process so far, by any thread; empty unless
/// allocations.cpp was preloaded, which is so in rounds that are not timed.
inline std::optional<std::uint64_t> allocations_so_far() {
  using counter = std::uint64_t();
  static const auto count = reinterpret_cast<counter*>(
      ::dlsym(RTLD_DEFAULT, "weir_perf_allocations"));
  return count != nullptr ? std::optional(count()) : std::nullopt;
}

/// User and system time of `who`, as getrusage() has it.
inline double cpu_seconds(int who) {
  ::rusage used{};
  ::getrusage(who, &used);
  const auto seconds = [](const ::timeval& t) {
    return static_cast<double>(t.tv_sec) +
           static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Measures an interval. May be started and stopped on different threads, if
/// the program orders the two.
class stopwatch {
public:
  /// The interval begins here; a later call begins it anew.
  void start() {
    allocations_ = allocations_so_far().value_or(0);
    cpu_ = cpu_seconds(RUSAGE_SELF);
    begin_ = clock::now();
    seen_.reset();
  }

  /// Ends the interval. Only the first call since start() counts.
  void stop() {
    if (seen_)
      return;
    const std::chrono::duration<double> wall = clock::now() - begin_;
    seen_ =
        sample{.wall_s = wall.count(),
               .cpu_s = cpu_seconds(RUSAGE_SELF) - cpu_,
               .allocations = allocations_so_far().value_or(0) - allocations_};
  }

  const sample& seen() const { return seen_.value(); }

private:
  using clock = std::chrono::steady_clock;

  clock::time_point begin_;
  double cpu_ = 0;
  std::uint64_t allocations_ = 0;
  std::optional<sample> seen_;
};

/// A line of /proc/self/status that is in kB, "VmRSS:".
inline std::uint64_t status_kib(const char* key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (std::uint64_t kib = 0; word == key && status >> kib)
      return kib;
  return 0;
}

/// VmHWM, because ru_maxrss carries over what the process was before exec.
inline std::uint64_t peak_rss_kib() { return status_kib("VmHWM:"); }

/// What is resident now.
inline std::uint64_t rss_kib() { return status_kib("VmRSS:"); }

/// Runs `work(tasks, watch)` with `warm_up` tasks, then with all and a watch
/// that runs around it. `work` may start the watch later and stop it earlier.
/// Where allocations are counted the warm-up is as large as the work, so that
/// the count is that of the steady state.
template <typename Work>
sample measure(const workload& load, std::size_t warm_up, Work work) {
  if (allocations_so_far())
    warm_up = load.tasks;
  stopwatch watch;
  if (warm_up != 0) {
    watch.start();
    work(std::min(warm_up, load.tasks), watch);
  }
  watch.start();
  work(load.tasks, watch);
  watch.stop();
  sample seen = watch.seen();
  seen.peak_rss_kib = peak_rss_kib();
  return seen;
}

template <typename Number>
Number median(std::vector<Number> values) {
  std::sort(values.begin(), values.end());
  const std::size_t upper = values.size() / 2;
  return values.size() % 2 != 0 ? values[upper]
                                : (values[upper - 1] + values[upper]) / 2;
}

/// What all rounds of one library saw: medians, unless it says otherwise.
struct summary {
  double wall_s;
  double wall_s_min;
  double wall_s_max;
  double cpu_s;
  std::uint64_t peak_rss_kib;
  std::vector<figure> figures;
};

/// Each figure's median; all rounds have the same ones.
inline std::vector<figure> median_figures(const std::vector<sample>& rounds) {
  std::vector<figure> figures;
  for (std::size_t i = 0; i != rounds.front().figures.size(); ++i) {
    std::vector<double> values;
    for (const sample& round : rounds)
      values.push_back(round.figures.at(i).value);
    figures.push_back({rounds.front().figures[i].name, median(values)});
  }
  return figures;
}

inline summary summarize(const std::vector<sample>& rounds) {
  std::vector<double> wall;
  std::vector<double> cpu;
  std::vector<std::uint64_t> rss;
  for (const sample& round : rounds) {
    wall.push_back(round.wall_s);
    cpu.push_back(round.cpu_s);
    rss.push_back(round.peak_rss_kib);
  }
  return {.wall_s = median(wall),
          .wall_s_min = *std::min_element(wall.begin(), wall.end()),
          .wall_s_max = *std::max_element(wall.begin(), wall.end()),
          .cpu_s = median(cpu),
          .peak_rss_kib = median(rss),
          .figures = median_figures(rounds)};
}

} // namespace weir::perf
