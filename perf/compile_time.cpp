// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: how long does the compiler take for a program that prints a line
// from a coroutine on a thread pool, at -O2, without linking? A task is a
// compilation; CPU time says more than wall time.

#include <weir/task_group.hpp> // weir::unlimited

#include "cases.hpp"
#include "compile_command.hpp" // made by Meson: how this file was compiled

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace weir::perf {

namespace {

// Where the compiler writes to. Gone with this object.
class scratch_file {
public:
  scratch_file()
      : path_((std::filesystem::temp_directory_path() / "weir-perf-XXXXXX")
                  .string()),
        fd_(::mkstemp(path_.data())) {
    if (fd_ < 0)
      throw std::system_error(errno, std::system_category(), path_);
  }
  scratch_file(const scratch_file&) = delete;
  scratch_file& operator=(const scratch_file&) = delete;
  ~scratch_file() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }

private:
  std::string path_;
  int fd_;
};

void compile(const std::string& source, sample& seen) {
  const scratch_file object;
  std::vector<std::string> words = compile_command;
  words.insert(
      words.end(),
      {std::string(compile_folder) + "/" + source, "-o", object.path()});
  std::vector<char*> pointers;
  for (std::string& each : words)
    pointers.push_back(each.data());
  pointers.push_back(nullptr);

  ::pid_t child = 0;
  const int error = ::posix_spawnp(
      &child, pointers.front(), nullptr, nullptr, pointers.data(), environ);
  if (error != 0)
    throw std::system_error(error, std::system_category(), words.front());
  int status = 0;
  ::rusage used{};
  while (::wait4(child, &status, 0, &used) < 0 && errno == EINTR) {
  }
  require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it compiles");
  seen.peak_rss_kib =
      std::max(seen.peak_rss_kib, static_cast<std::uint64_t>(used.ru_maxrss));
}

sample run_compiler(const std::string& source, const workload& load) {
  ::setenv("CCACHE_DISABLE", "1", 1); // or it would measure a cache
  sample seen;
  const double cpu = cpu_seconds(RUSAGE_CHILDREN);
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i != load.tasks; ++i)
    compile(source, seen);
  const std::chrono::duration<double> wall =
      std::chrono::steady_clock::now() - begin;
  seen.wall_s = wall.count();
  seen.cpu_s = cpu_seconds(RUSAGE_CHILDREN) - cpu;
  return seen;
}

} // namespace

perf_case compile_time_case() {
  const auto with = [](std::string library,
                       sample (*run)(const workload&),
                       bool is_baseline) {
    return contender{
        .library = std::move(library), .run = run, .is_baseline = is_baseline};
  };
  return {
      .name = "compile_time",
      .question = "the time to compile a hello at -O2; a task is a compilation",
      .loads = {{.tasks = 1, .cap = unlimited, .threads = 1}},
      .contenders = {with(
                         "weir, used headers",
                         [](const workload& load) {
                           return run_compiler("weir_parts.cpp", load);
                         },
                         false),
                     with(
                         "weir, all headers",
                         [](const workload& load) {
                           return run_compiler("weir.cpp", load);
                         },
                         false),
                     with(
                         "asio, used headers",
                         [](const workload& load) {
                           return run_compiler("asio_parts.cpp", load);
                         },
                         true),
                     with(
                         "asio, all headers",
                         [](const workload& load) {
                           return run_compiler("asio.cpp", load);
                         },
                         false)},
      .counts_allocations = false,
  };
}

} // namespace weir::perf
