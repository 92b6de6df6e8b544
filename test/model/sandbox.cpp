// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "sandbox.hpp"

#include "program.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <sys/mman.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace weir::test::model {

namespace {

[[noreturn]] void give_up(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

report& shared_report() {
  static void* const page = ::mmap(nullptr,
                                   sizeof(report),
                                   PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS,
                                   -1,
                                   0);
  if (page == MAP_FAILED)
    give_up("weir-model: mmap");
  return *static_cast<report*>(page);
}

void copy(char* to, std::size_t size, const std::string& from) {
  std::snprintf(to, size, "%s", from.c_str());
}

} // namespace

const report& run_apart(unsigned seconds,
                        const std::function<void(report&)>& work) {
  report& into = shared_report();
  into.seen = {};
  into.at = 0;
  into.why[0] = into.trace[0] = '\0';
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0)
    give_up("weir-model: fork");
  if (child == 0) {
    ::alarm(seconds);
    work(into);
    // Functions that run at exit would use what the parent still needs.
    ::_exit(into.why[0] == '\0' ? 0 : 1);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      give_up("weir-model: waitpid");
  if (into.why[0] != '\0')
    return into;
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGALRM)
      copy(into.why, sizeof into.why, "it hangs");
    else
      copy(into.why,
           sizeof into.why,
           std::string("signal ") + std::to_string(signal));
  } else if (WEXITSTATUS(status) != 0) {
    copy(into.why,
         sizeof into.why,
         "exit status " + std::to_string(WEXITSTATUS(status)));
  }
  return into;
}

void run_program(const bytes& text, report& into, int flaw, bool traced) {
  // Not destroyed when it fails: its groups may have children, and no task is
  // left to join them.
  auto one = std::make_unique<program>(text, into.seen, flaw);
  if (traced)
    one->trace_it();
  try {
    one->run();
    copy(into.trace, sizeof into.trace, one->trace());
    return;
  } catch (const std::exception& e) {
    copy(into.why, sizeof into.why, e.what());
  }
  copy(into.trace, sizeof into.trace, one->trace());
  (void)one.release();
}

std::string kind_of(const char* why) {
  return std::string(why, std::strcspn(why, "("));
}

} // namespace weir::test::model
