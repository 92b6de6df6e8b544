// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "forked.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace weir::test {

/// The variable that makes a process the child of a run_in_child(): the number
/// of that call in its case, from 1.
inline constexpr const char* child_variable = "WEIR_TEST_CHILD";

/// How many calls of run_in_child() this case has made, this one included.
inline int count_of_children(const std::string& in) {
  static std::string last;
  static int count = 0;
  if (last != in) {
    last = in;
    count = 0;
  }
  return ++count;
}

/// Starts this program again with this case alone, as the child `number`.
inline child_end begin_anew(const std::string& name, int number) {
  int ends[2];
  if (::pipe(ends) != 0)
    throw std::runtime_error("pipe failed");
  for (int end : ends)
    ::fcntl(end, F_SETFD, FD_CLOEXEC);

  std::vector<std::string> words = {
      boost::unit_test::framework::master_test_suite().argv[0],
      "--run_test=" + name,
      "--log_level=nothing",
      "--report_level=no",
  };
  std::vector<char*> arguments;
  for (std::string& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string mark = child_variable + ("=" + std::to_string(number));
  std::vector<char*> variables{mark.data()};
  for (char** each = environ; *each != nullptr; ++each)
    variables.push_back(*each);
  variables.push_back(nullptr);

  ::posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  ::posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::pid_t child = 0;
  const int failed = ::posix_spawnp(&child,
                                    arguments[0],
                                    &actions,
                                    nullptr,
                                    arguments.data(),
                                    variables.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failed != 0) {
    ::close(ends[0]);
    throw std::runtime_error(std::string("posix_spawn: ") +
                             std::strerror(failed));
  }
  return end_of(child, ends[0]);
}

/// Calls `f` in a child process, a new run of this program. It has only this
/// thread, whatever ran in this process before. A child that hangs is ended by
/// SIGALRM after `seconds`.
///
/// The child also runs the case up to this call: what the case does before
/// happens twice. For the child, an earlier call of the case returns at once.
template <typename F>
child_end run_in_child(F f, unsigned seconds = 300) {
  const std::string name =
      boost::unit_test::framework::current_test_case().full_name();
  const int number = count_of_children(name);
  const char* const asked = std::getenv(child_variable);
  if (asked == nullptr)
    return begin_anew(name, number);
  if (std::atoi(asked) != number)
    return {};
  ::alarm(seconds);
  f();
  std::fflush(nullptr);
  ::_exit(0);
}

} // namespace weir::test
