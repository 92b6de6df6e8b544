// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "report.hpp"

#include <weir/task_group.hpp> // weir::unlimited

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <string>

namespace weir::perf {

namespace {

std::string fixed(double value, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

// "0.062" and "41": three digits that count.
std::string ratio(double value) {
  return fixed(value, value < 0.1 ? 3 : value < 10 ? 2 : 0) + "x";
}

// Right-aligned columns behind a left-aligned first one.
void print_columns(std::ostream& out,
                   const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i != row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i != row.size(); ++i)
      out << (i == 0 ? std::left : std::right)
          << std::setw(static_cast<int>(widths[i] + (i == 0 ? 0 : 2)))
          << row[i];
    out << '\n';
  }
}

const result* baseline_of(const std::vector<result>& results) {
  for (const result& row : results)
    if (row.who->is_baseline)
      return &row;
  return nullptr;
}

std::string title_of(const workload& load, std::size_t rounds) {
  return std::to_string(load.tasks) + " tasks, " +
         (load.cap == unlimited
              ? "no cap"
              : "at most " + std::to_string(load.cap) + " in flight") +
         ", " + std::to_string(load.threads) +
         (load.threads == 1 ? " thread, " : " threads, ") +
         std::to_string(rounds) + (rounds == 1 ? " round" : " rounds");
}

} // namespace

void print_table(std::ostream& out,
                 const perf_case& which,
                 const workload& load,
                 const std::vector<result>& results,
                 double foreign_share) {
  const result* asio = baseline_of(results);
  const double floor_s = which.floor_s != nullptr ? which.floor_s(load) : 0;
  out << '\n'
      << which.name << ": " << which.question << '\n'
      << title_of(load, results.front().rounds);
  if (floor_s > 0)
    out << "; floor " << fixed(floor_s, 3) << " s";
  if (foreign_share >= 0.05)
    out << "; NOISY, others used " << fixed(foreign_share * 100, 0)
        << " % of the machine";
  out << '\n';

  std::vector<std::vector<std::string>> rows = {{"library",
                                                 "ms, median",
                                                 "min",
                                                 "max",
                                                 "ns/task",
                                                 "CPU ms",
                                                 "peak MiB",
                                                 "allocs/task",
                                                 "of Asio"}};
  if (floor_s > 0)
    rows.front().push_back("of floor");
  for (const figure& each : results.front().seen.figures)
    rows.front().push_back(each.name);
  for (const result& row : results) {
    std::string name = row.who->library;
    if (row.load.cap != load.cap)
      name += " (no cap)";
    if (&row == asio)
      name += " *";
    rows.push_back(
        {name,
         fixed(row.seen.wall_s * 1e3, 1),
         fixed(row.seen.wall_s_min * 1e3, 1),
         fixed(row.seen.wall_s_max * 1e3, 1),
         fixed(row.ns_per_task(), 0),
         fixed(row.seen.cpu_s * 1e3, 1),
         fixed(static_cast<double>(row.seen.peak_rss_kib) / 1024, 1),
         row.allocations_per_task ? fixed(*row.allocations_per_task, 3) : "-",
         asio != nullptr ? ratio(row.seen.wall_s / asio->seen.wall_s) : "-"});
    if (floor_s > 0)
      rows.back().push_back(ratio(row.seen.wall_s / floor_s));
    for (const figure& each : row.seen.figures)
      rows.back().push_back(fixed(each.value, 1));
  }
  print_columns(out, rows);
  out.flush();
}

void print_json(std::ostream& out, const perf_case& which, const result& row) {
  std::ostringstream line; // Its own precision. The names need no escapes.
  line << std::setprecision(9) << R"({"case": ")" << which.name
       << R"(", "library": ")" << row.who->library << R"(", "threads": )"
       << row.load.threads << R"(, "tasks": )" << row.load.tasks
       << R"(, "cap": )"
       << (row.load.cap == unlimited ? "null" : std::to_string(row.load.cap))
       << R"(, "wall_s": )" << row.seen.wall_s << R"(, "wall_s_min": )"
       << row.seen.wall_s_min << R"(, "wall_s_max": )" << row.seen.wall_s_max
       << R"(, "cpu_s": )" << row.seen.cpu_s << R"(, "peak_rss_kib": )"
       << row.seen.peak_rss_kib << R"(, "ns_per_task": )" << row.ns_per_task()
       << R"(, "allocations_per_task": )";
  if (row.allocations_per_task)
    line << *row.allocations_per_task;
  else
    line << "null";
  line << R"(, "figures": {)";
  for (const figure& each : row.seen.figures)
    line << (&each == row.seen.figures.data() ? "" : ", ") << '"' << each.name
         << "\": " << each.value;
  line << R"(}, "rounds": )" << row.rounds << "}\n";
  out << line.str() << std::flush;
}

void print_case_json(std::ostream& out, const perf_case& which) {
  out << R"({"case": ")" << which.name << R"(", "question": ")"
      << which.question << R"(", "takes_cap": )"
      << (which.takes_cap() ? "true" : "false") << R"(, "libraries": [)";
  for (const contender& each : which.contenders)
    out << (&each == which.contenders.data() ? "" : ", ") << '"' << each.library
        << '"';
  out << "]}\n";
}

} // namespace weir::perf
