// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "machine.hpp"

#include <weir/version.hpp>

#include "harness.hpp"

#include <boost/version.hpp>

#include <algorithm>
#include <fstream>
#include <ostream>
#include <string>
#include <thread>
#include <unistd.h>

namespace weir::perf {

namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name"))
      return line.substr(std::min(line.find(':') + 2, line.size()));
  return "unknown CPU";
}

// CPU seconds of all cores since the machine was started.
struct machine_time {
  double busy = 0;
  double idle = 0;
};

machine_time read_machine_time() {
  // cpu user nice system idle iowait irq softirq steal ...; see proc(5).
  std::ifstream stat("/proc/stat");
  std::string word;
  stat >> word;
  machine_time seen;
  const auto tick = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  double ticks = 0;
  for (int field = 0; field != 8 && stat >> ticks; ++field)
    (field == 3 || field == 4 ? seen.idle : seen.busy) += ticks * tick;
  return seen;
}

double own_time() {
  return cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN);
}

} // namespace

foreign_load::foreign_load() : own_(own_time()) {
  const machine_time now = read_machine_time();
  busy_ = now.busy;
  idle_ = now.idle;
}

double foreign_load::share() const {
  const machine_time now = read_machine_time();
  const double busy = now.busy - busy_;
  const double all = busy + now.idle - idle_;
  const double foreign = busy - (own_time() - own_);
  return all > 0 ? std::clamp(foreign / all, 0.0, 1.0) : 0;
}

void print_machine(std::ostream& out) {
  out << "machine: " << cpu_model() << ", "
      << std::thread::hardware_concurrency() << " cores; "
#if defined(__clang__)
      << "clang " << __clang_version__
#else
      << "g++ " << __VERSION__
#endif
      << ", Boost " << BOOST_VERSION / 100000 << '.'
      << BOOST_VERSION / 100 % 1000 << '.' << BOOST_VERSION % 100 << ", weir "
      << version() / 10000 << '.' << version() / 100 % 100 << '.'
      << version() % 100
#if !defined(NDEBUG)
      << "; ASSERTIONS ARE ON, times mean little"
#endif
      << std::endl;
}

} // namespace weir::perf
