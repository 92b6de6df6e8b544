// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "worker.hpp"

#include <weir/task_group.hpp> // weir::unlimited

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <limits>
#include <spawn.h>
#include <sstream>
#include <string_view>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace weir::perf {

namespace {

constexpr unsigned longest_round = 600; // s

const std::filesystem::path& own_path() {
  static const auto path = std::filesystem::read_symlink("/proc/self/exe");
  return path;
}

// Beside weir-perf; a peer is one folder below.
const std::filesystem::path& counter_path() {
  static const auto path = [] {
    const auto folder = own_path().parent_path();
    const char* const name = "libweir-perf-allocations.so";
    return exists(folder / name) ? folder / name : folder.parent_path() / name;
  }();
  return path;
}

std::string count(std::size_t n) {
  return n == unlimited ? "unlimited" : std::to_string(n);
}

void check(int error, const char* what) {
  if (error != 0)
    throw std::system_error(error, std::system_category(), what);
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& each : strings)
    pointers.push_back(each.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_for(purpose why) {
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    // A malloc that is being tried out stays, but where ours counts.
    if (why == purpose::time ||
        !std::string_view(*each).starts_with("LD_PRELOAD="))
      variables.emplace_back(*each);
  }
  if (why == purpose::count_allocations)
    variables.push_back("LD_PRELOAD=" + counter_path().string());
  return variables;
}

// What `program` writes to stdout, and how it ended as waitpid() tells it.
std::string output_of(std::vector<std::string> arguments,
                      std::vector<std::string> environment,
                      int& status) {
  int ends[2];
  check(::pipe(ends) == 0 ? 0 : errno, "pipe");
  ::posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addclose(&actions, ends[0]);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addclose(&actions, ends[1]);
  ::pid_t child = 0;
  const int error = ::posix_spawn(&child,
                                  own_path().c_str(),
                                  &actions,
                                  nullptr,
                                  pointers_to(arguments).data(),
                                  pointers_to(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string output;
  char buffer[256];
  for (::ssize_t n; error == 0 && (n = ::read(ends[0], buffer, 256)) != 0;) {
    if (n > 0)
      output.append(buffer, static_cast<std::size_t>(n));
    else if (errno != EINTR)
      break;
  }
  ::close(ends[0]);
  check(error, "posix_spawn");
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return output;
}

} // namespace

bool can_count_allocations() { return std::filesystem::exists(counter_path()); }

sample run_in_fresh_process(const perf_case& which,
                            const contender& who,
                            const workload& load,
                            purpose why) {
  std::vector<std::string> arguments = {own_path().string(),
                                        "--worker",
                                        who.library,
                                        "--case",
                                        which.name,
                                        "--tasks",
                                        count(load.tasks),
                                        "--threads",
                                        count(load.threads)};
  if (which.takes_cap()) {
    arguments.push_back("--cap");
    arguments.push_back(count(load.cap));
  }
  int status = 0;
  std::istringstream output(output_of(arguments, environment_for(why), status));

  const std::string round = which.name + ", " + who.library;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    throw std::runtime_error(round + ": no end after " +
                             std::to_string(longest_round) + " s");
  if (WIFSIGNALED(status))
    throw std::runtime_error(round + ": killed by signal " +
                             std::to_string(WTERMSIG(status)));
  sample seen;
  output >> seen.wall_s >> seen.cpu_s >> seen.peak_rss_kib;
  if (why == purpose::count_allocations)
    output >> seen.allocations;
  if (!output || WEXITSTATUS(status) != 0)
    throw std::runtime_error(round + ": exit status " +
                             std::to_string(WEXITSTATUS(status)));
  for (figure each; output >> each.name >> each.value;)
    seen.figures.push_back(each);
  return seen;
}

void run_as_worker(const perf_case& which, const std::string& library) {
  ::alarm(longest_round); // a hang is a failure
  for (const contender& who : which.contenders) {
    if (who.library != library)
      continue;
    const sample seen = who.run(which.loads.front());
    std::cout.precision(std::numeric_limits<double>::max_digits10);
    std::cout << seen.wall_s << ' ' << seen.cpu_s << ' ' << seen.peak_rss_kib;
    if (allocations_so_far()) // else the counter was not preloaded
      std::cout << ' ' << seen.allocations;
    for (const figure& each : seen.figures)
      std::cout << '\n' << each.name << ' ' << each.value;
    std::cout << std::endl;
    return;
  }
  throw std::runtime_error("no library '" + library + "' in " + which.name);
}

} // namespace weir::perf
