// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "options.hpp"

#include <weir/task_group.hpp> // weir::unlimited

#include <boost/program_options.hpp>

#include <algorithm>
#include <charconv>

namespace weir::perf {

namespace {

namespace po = boost::program_options;

// A file of its own, so that ./dev prints it before anything is built.
constexpr const char* help_text =
#include "help.txt"
    ;

[[noreturn]] void refuse(const std::string& name,
                         const std::string& value,
                         const std::string& rule) {
  throw po::error("--" + name + " is '" + value + "', must be " + rule);
}

// Read here and not by the library, which takes -1 for a very large number.
std::optional<std::size_t> number(const po::variables_map& given,
                                  const std::string& name,
                                  std::size_t most,
                                  bool may_be_unlimited = false) {
  if (given.count(name) == 0)
    return std::nullopt;
  const auto& text = given[name].as<std::string>();
  if (may_be_unlimited && text == "unlimited")
    return unlimited;
  std::size_t value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || value < 1 || value > most)
    refuse(name,
           text,
           "a whole number from 1 to " + std::to_string(most) +
               (may_be_unlimited ? ", or unlimited" : ""));
  return value;
}

std::vector<perf_case> choose(const po::variables_map& given) {
  std::vector<perf_case> cases = all_cases();
  if (given.count("case") == 0)
    return cases;
  const auto& name = given["case"].as<std::string>();
  std::string names;
  for (const perf_case& each : cases) {
    if (each.name == name)
      return {each};
    names += (names.empty() ? "" : ", ") + each.name;
  }
  refuse("case", name, "one of " + names);
}

// Leaves one contender of the one case.
void keep_only(const std::string& library, std::vector<perf_case>& cases) {
  if (cases.size() != 1)
    throw po::error("--library needs --case");
  std::vector<contender>& all = cases.front().contenders;
  std::string names;
  for (const contender& each : all)
    names += (names.empty() ? "" : ", ") + each.library;
  std::erase_if(all,
                [&](const contender& each) { return each.library != library; });
  if (all.empty())
    refuse("library", library, "one of " + names);
}

} // namespace

options parse_options(int argc, const char* const* argv) {
  const auto text = [](const char* value_name) {
    return po::value<std::string>()->value_name(value_name);
  };
  po::options_description everything;
  auto add = everything.add_options();
  for (const char* flag : {"list", "json", "no-allocations", "help"})
    add(flag, "");
  add("case", text("NAME"));
  add("tasks", text("N"));
  add("cap", text("N"));
  add("threads", text("N"));
  add("rounds", text("N")->default_value("5"));
  add("library", text("NAME"));
  add("worker", text("LIBRARY"));

  po::variables_map given;
  // No positional arguments, no guessing of shortened names.
  const int style = po::command_line_style::unix_style &
                    ~po::command_line_style::allow_guessing;
  po::store(po::command_line_parser(argc, argv)
                .options(everything)
                .style(style)
                .positional(po::positional_options_description())
                .run(),
            given);
  po::notify(given);

  options parsed;
  parsed.wants_help = given.count("help") != 0;
  parsed.wants_list = given.count("list") != 0;
  parsed.wants_json = given.count("json") != 0;
  parsed.counts_allocations = given.count("no-allocations") == 0;
  parsed.rounds = *number(given, "rounds", 1'000);
  if (given.count("worker") != 0)
    parsed.worker = given["worker"].as<std::string>();
  parsed.help = help_text;

  parsed.cases = choose(given);
  if (given.count("library") != 0)
    keep_only(given["library"].as<std::string>(), parsed.cases);
  const auto tasks = number(given, "tasks", 1'000'000'000);
  const auto cap = number(given, "cap", 1'000'000'000, true);
  const auto threads = number(given, "threads", 1'024);
  if (cap && *cap != unlimited && given.count("case") != 0 &&
      !parsed.cases.front().takes_cap())
    refuse("cap",
           given["cap"].as<std::string>(),
           "unlimited: " + parsed.cases.front().name + " has no cap");
  for (perf_case& each : parsed.cases) {
    std::vector<workload> loads;
    for (workload load : each.loads) {
      load.tasks = tasks.value_or(load.tasks);
      load.threads = threads.value_or(load.threads);
      if (each.takes_cap())
        load.cap = cap.value_or(load.cap);
      if (std::find(loads.begin(), loads.end(), load) == loads.end())
        loads.push_back(load);
    }
    each.loads = std::move(loads);
  }
  return parsed;
}

} // namespace weir::perf
