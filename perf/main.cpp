// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// weir-perf, which measures weir beside bare Asio, see --help; and the programs
// of perf/peers, which answer the same questions with other libraries.

#include <weir/task_group.hpp> // weir::unlimited

#include "cases.hpp"
#include "machine.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "worker.hpp"

#include <boost/program_options/errors.hpp>

#include <algorithm>
#include <exception>
#include <iostream>
#include <string>

namespace weir::perf {

bool perf_case::takes_cap() const {
  return std::any_of(loads.begin(), loads.end(), [](const workload& load) {
    return load.cap != unlimited;
  });
}

namespace {

// Round by round, so that whatever else the machine does hits all alike.
std::vector<result> run_rounds(const perf_case& which,
                               const workload& load,
                               std::size_t rounds,
                               bool counts_allocations) {
  counts_allocations =
      counts_allocations && which.counts_allocations && can_count_allocations();
  std::vector<std::vector<sample>> samples(which.contenders.size());
  progress shown(which.name,
                 samples.size() * (rounds + (counts_allocations ? 1 : 0)));
  for (std::size_t round = 0; round != rounds; ++round)
    for (std::size_t i = 0; i != samples.size(); ++i) {
      const contender& who = which.contenders[i];
      shown.begin(who.library,
                  "round " + std::to_string(round + 1) + " of " +
                      std::to_string(rounds));
      samples[i].push_back(
          run_in_fresh_process(which, who, load, purpose::time));
    }

  std::vector<result> results;
  for (std::size_t i = 0; i != samples.size(); ++i) {
    const contender& who = which.contenders[i];
    result row{.who = &who,
               .load = load,
               .seen = summarize(samples[i]),
               .rounds = rounds,
               .allocations_per_task = {}};
    if (who.ignores_cap)
      row.load.cap = unlimited;
    if (counts_allocations) {
      shown.begin(who.library, "allocations are counted");
      row.allocations_per_task =
          static_cast<double>(
              run_in_fresh_process(which, who, load, purpose::count_allocations)
                  .allocations) /
          static_cast<double>(load.tasks);
    }
    results.push_back(row);
  }
  return results;
}

void run(const options& chosen) {
  if (!chosen.wants_json)
    print_machine(std::cout);
  for (const perf_case& each : chosen.cases)
    for (const workload& load : each.loads) {
      const foreign_load others;
      const std::vector<result> results =
          run_rounds(each, load, chosen.rounds, chosen.counts_allocations);
      if (!chosen.wants_json)
        print_table(std::cout, each, load, results, others.share());
      else
        for (const result& row : results)
          print_json(std::cout, each, row);
    }
  if (!chosen.wants_json)
    std::cout << "\nof Asio: time over that of the row marked *. peak MiB: of "
                 "a process of its own.\nallocs/task: in the steady state, "
                 "from a round that was not timed.\n";
}

void list(const options& chosen) {
  for (const perf_case& each : chosen.cases)
    if (chosen.wants_json)
      print_case_json(std::cout, each);
    else
      std::cout << each.name << ": " << each.question << '\n';
}

} // namespace

} // namespace weir::perf

int main(int argc, char** argv) {
  namespace perf = weir::perf;
  try {
    const perf::options chosen = perf::parse_options(argc, argv);
    if (chosen.wants_help)
      std::cout << chosen.help;
    else if (chosen.wants_list)
      perf::list(chosen);
    else if (!chosen.worker.empty())
      perf::run_as_worker(chosen.cases.front(), chosen.worker);
    else
      perf::run(chosen);
    return 0;
  } catch (const boost::program_options::error& e) {
    std::cerr << "weir-perf: " << e.what() << '\n';
    return 2;
  } catch (const std::exception& e) {
    std::cerr << "weir-perf: " << e.what() << '\n';
    return 1;
  }
}
