// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Boost.Test's options, and for a long run
//   --seconds N   for all models together, at least their bound of 3
//   --seed N      of the schedules that are drawn at random; 1

#define BOOST_TEST_MODULE weir schedules
#define BOOST_TEST_NO_MAIN
#include "explorer/expect.hpp"
#include "explorer/explorer.hpp"

#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weir::test {

namespace {

double seconds = 0;

struct count_cases : boost::unit_test::test_tree_visitor {
  void visit(const boost::unit_test::test_case& c) override {
    count += c.is_enabled();
  }
  unsigned count = 0;
};

// Runs before and after all cases.
struct long_run_fixture {
  long_run_fixture() {
    if (seconds <= 0)
      return;
    count_cases cases;
    boost::unit_test::traverse_test_tree(
        boost::unit_test::framework::master_test_suite(), cases);
    the_long_run.share = std::chrono::duration_cast<explorer::clock::duration>(
        std::chrono::duration<double>(seconds / cases.count));
  }
  ~long_run_fixture() {
    const long_run& run = the_long_run;
    if (run.models != 0)
      std::printf("prove: schedules models=%llu exhaustive=%llu partly=%llu "
                  "random=%llu bound=%u\n",
                  static_cast<unsigned long long>(run.models),
                  static_cast<unsigned long long>(run.exhaustive),
                  static_cast<unsigned long long>(run.partly),
                  static_cast<unsigned long long>(run.random),
                  run.bound);
  }
};

BOOST_TEST_GLOBAL_FIXTURE(long_run_fixture);

} // namespace

} // namespace weir::test

int main(int argc, char** argv) {
  // While the process has had only one thread, libstdc++ counts references
  // without atomics.
  std::thread([] {}).join();
  std::vector<char*> left;
  std::string_view before;
  for (int i = 0; i != argc; ++i) {
    const std::string_view arg = argv[i];
    if (before == "--seconds")
      weir::test::seconds = std::stod(argv[i]);
    else if (before == "--seed")
      weir::test::the_long_run.seed = std::stoull(argv[i]);
    else if (arg != "--seconds" && arg != "--seed")
      left.push_back(argv[i]);
    before = arg;
  }
  const int status = boost::unit_test::unit_test_main(
      &init_unit_test, static_cast<int>(left.size()), left.data());
  if (status != 0 && weir::test::seconds > 0)
    std::fprintf(
        stderr,
        "weir-schedules: failed; rerun with --seconds %g --seed %llu\n",
        weir::test::seconds,
        static_cast<unsigned long long>(weir::test::the_long_run.seed));
  return status;
}
