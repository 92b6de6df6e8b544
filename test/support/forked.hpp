// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace weir::test {

/// How a child process ended.
struct child_end {
  int signal;          ///< that ended it; 0 if it exited
  int status;          ///< with which it exited
  std::string printed; ///< what it wrote to stderr
};

/// Reads all that `child` writes to the pipe `from`, and waits for its end.
inline child_end end_of(::pid_t child, int from) {
  child_end result{};
  char buffer[512];
  for (::ssize_t n; (n = ::read(from, buffer, sizeof buffer)) > 0;)
    result.printed.append(buffer, static_cast<std::size_t>(n));
  ::close(from);
  int status = 0;
  ::waitpid(child, &status, 0);
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  return result;
}

/// Calls `f` in a forked process. The calling thread must be the only one, or
/// the locks that others hold stay locked in the child for ever: a case of
/// Boost.Test uses run_in_child(). A child that hangs is ended by SIGALRM after
/// `seconds`.
template <typename F>
child_end run_forked(F f, unsigned seconds) {
  int ends[2];
  if (::pipe(ends) != 0)
    throw std::runtime_error("pipe failed");
  std::fflush(nullptr);
  const ::pid_t child = ::fork();
  if (child < 0)
    throw std::runtime_error("fork failed");
  if (child == 0) {
    // Boost.Test's handlers would report the death as an error of the test.
    for (int s : {SIGABRT, SIGALRM, SIGSEGV, SIGTERM})
      std::signal(s, SIG_DFL);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::alarm(seconds);
    f();
    std::fflush(nullptr);
    ::_exit(0);
  }
  ::close(ends[1]);
  return end_of(child, ends[0]);
}

} // namespace weir::test
