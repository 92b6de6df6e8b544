// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "../harness.hpp"

#include <algorithm>
#include <exception>
#include <iomanip>
#include <iostream>
#include <limits>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

// What a program with another library's answers to weir-perf's questions needs:
// it runs one of them once and prints what weir-perf --json prints.

namespace weir::perf {

constexpr std::size_t no_cap = std::numeric_limits<std::size_t>::max();

/// One way of a library to do a case's work.
struct peer {
  std::string name; ///< the case
  std::string library;
  bool takes_cap; ///< else it runs without one
  sample (*run)(const workload& load);
};

inline void print_json(const peer& who, const workload& load, sample seen) {
  const bool has_cap = who.takes_cap && load.cap != no_cap;
  const auto tasks = static_cast<double>(load.tasks);
  std::cout << std::setprecision(9) << R"({"case": ")" << who.name
            << R"(", "library": ")" << who.library << R"(", "threads": )"
            << load.threads << R"(, "tasks": )" << load.tasks << R"(, "cap": )"
            << (has_cap ? std::to_string(load.cap) : "null")
            << R"(, "wall_s": )" << seen.wall_s << R"(, "wall_s_min": )"
            << seen.wall_s << R"(, "wall_s_max": )" << seen.wall_s
            << R"(, "cpu_s": )" << seen.cpu_s << R"(, "peak_rss_kib": )"
            << seen.peak_rss_kib << R"(, "ns_per_task": )"
            << seen.wall_s * 1e9 / tasks << R"(, "allocations_per_task": )";
  if (allocations_so_far()) // else the counter was not preloaded
    std::cout << static_cast<double>(seen.allocations) / tasks;
  else
    std::cout << "null";
  std::cout << R"(, "figures": {)";
  for (const figure& each : seen.figures)
    std::cout << (&each == seen.figures.data() ? "" : ", ") << '"' << each.name
              << "\": " << each.value;
  std::cout << R"(}, "rounds": 1})" << std::endl;
}

inline void list(const std::vector<peer>& all) {
  for (const peer& each : all)
    std::cout << R"({"case": ")" << each.name << R"(", "takes_cap": )"
              << (each.takes_cap ? "true" : "false") << R"(, "libraries": [")"
              << each.library << "\"]}\n";
}

inline std::size_t number(const std::string& option, const std::string& text) {
  if (option == "--cap" && text == "unlimited")
    return no_cap;
  const bool is_number =
      !text.empty() && text.size() < 10 &&
      std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isdigit(c) != 0;
      });
  if (!is_number || std::stoul(text) == 0)
    throw std::invalid_argument(option + " is '" + text +
                                "', must be a whole number of at least 1");
  return std::stoul(text);
}

/// main() of such a program:
///
///     PEER --list
///     PEER --case NAME --library NAME --tasks N [--cap N] [--threads N]
inline int run_peer(int argc, char** argv, const std::vector<peer>& all) {
  ::alarm(600); // s; a hang is a failure
  try {
    std::string name;
    std::string library;
    workload load{.tasks = 0, .cap = no_cap, .threads = 2};
    for (int i = 1; i < argc; i += 2) {
      const std::string option = argv[i];
      if (option == "--list") {
        list(all);
        return 0;
      }
      const std::string value = i + 1 < argc ? argv[i + 1] : "";
      if (option == "--case")
        name = value;
      else if (option == "--library")
        library = value;
      else if (option == "--tasks")
        load.tasks = number(option, value);
      else if (option == "--cap")
        load.cap = number(option, value);
      else if (option == "--threads")
        load.threads = number(option, value);
      else
        throw std::invalid_argument("no option '" + option + "'");
    }
    if (load.tasks == 0)
      throw std::invalid_argument("--tasks is missing");
    for (const peer& each : all)
      if (each.name == name && each.library == library) {
        print_json(each, load, each.run(load));
        return 0;
      }
    throw std::invalid_argument("no '" + library + "' in '" + name + "'");
  } catch (const std::exception& e) {
    std::cerr << argv[0] << ": " << e.what() << '\n';
    return 1;
  }
}

} // namespace weir::perf
