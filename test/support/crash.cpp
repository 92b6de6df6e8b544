// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A crash ends the test program at once, with the name of the case. Boost.Test
// would jump out of the signal handler and continue with the next case. On a
// thread that is not the case's, or while other threads still run, that is a
// second crash, which hides the first.

#include "support/sanitized.hpp"

#include <boost/test/framework.hpp>
#include <boost/test/tree/observer.hpp>
#include <boost/test/tree/test_unit.hpp>
#include <boost/test/unit_test_suite.hpp>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace weir::test {

namespace {

// Written by the case's thread between cases; read by a signal handler, on the
// thread that crashed.
char running[256] = "before the first case";
std::size_t running_size = sizeof "before the first case" - 1;

void says_where(int signal) {
  static constexpr char text[] = ": crashed here\n";
  // A failed write is ignored.
  (void)(::write(STDERR_FILENO, running, running_size) < 0 ||
         ::write(STDERR_FILENO, text, sizeof text - 1) < 0);
  std::signal(signal, SIG_DFL); // The instruction, or abort(), raises it again.
}

class names_cases final : public boost::unit_test::test_observer {
public:
  names_cases() { boost::unit_test::framework::register_observer(*this); }
  ~names_cases() override {
    boost::unit_test::framework::deregister_observer(*this);
  }
  names_cases(const names_cases&) = delete;
  names_cases& operator=(const names_cases&) = delete;

  void test_unit_start(const boost::unit_test::test_unit& unit) override {
    const std::string name = unit.full_name();
    running_size = std::min(name.size(), sizeof running);
    std::copy_n(name.data(), running_size, running);
  }
};

// Set before Boost.Test reads the variable.
const bool is_set = [] {
  ::setenv("BOOST_TEST_CATCH_SYSTEM_ERRORS", "no", 1);
  std::signal(SIGABRT, says_where);
  if (!sanitized) // The sanitizers handle it.
    std::signal(SIGSEGV, says_where);
  return true;
}();

BOOST_TEST_GLOBAL_FIXTURE(names_cases);

} // namespace

} // namespace weir::test
