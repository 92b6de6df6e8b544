// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// MD5 of every file under a directory, as md5sum prints it, by a pipeline in
// two forms: stages joined by channels, as one writes it in Go, and the one
// line that does the same. The first error stops every stage.

#include <weir.hpp>

#include "md5_file.hpp"
#include "md5_walk.hpp"
#include "pipeline_options.hpp"

#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace fs = std::filesystem;

namespace {

class file_sum {
public:
  file_sum(fs::path path, std::string md5)
      : path_(std::move(path)), md5_(std::move(md5)) {}
  const fs::path& path() const noexcept { return path_; }
  const std::string& md5() const noexcept { return md5_; }
  /// It vanished after the walker saw it: no longer one of the files.
  bool is_gone() const noexcept { return md5_.empty(); }

private:
  fs::path path_;
  std::string md5_;
};

using sums = std::map<std::string, std::string>; // path -> hex

void add(sums& all, const file_sum& sum) {
  if (!sum.is_gone())
    all.emplace(sum.path(), sum.md5());
}

/// Nothing at the end.
weir::task<std::optional<fs::path>> next_file(md5_walk& tree) {
  while (auto step = tree.next()) {
    if (step->error)
      fail(step->error.value(), step->path);
    if (step->is_file)
      co_return std::move(step->path);
    co_await weir::checkpoint();
  }
  co_return std::nullopt;
}

weir::task<file_sum> digest(fs::path path) {
  md5_file file(std::move(path));
  // Blocks a thread of the runtime. Here that is all they are for.
  while (!file.is_gone() && file.add_chunk() == md5_file::chunk_size)
    co_await weir::checkpoint(); // Where it ends if it is cancelled.
  co_return file_sum(file.path(), file.is_gone() ? "" : file.hex());
}

// --- walk -> paths -> digesters -> results -> map ---

weir::task<> walk(fs::path dir, weir::channel<fs::path>& paths) {
  md5_walk tree(std::move(dir));
  while (std::optional<fs::path> path = co_await next_file(tree))
    co_await paths.send(std::move(*path));
  paths.close();
}

weir::task<> digest_each(weir::channel<fs::path>& paths,
                         weir::channel<file_sum>& results) {
  while (std::optional<fs::path> path = co_await paths.receive()) {
    file_sum sum = co_await digest(std::move(*path));
    co_await results.send(std::move(sum));
  }
}

weir::task<> digest_all(std::size_t digesters,
                        weir::channel<fs::path>& paths,
                        weir::channel<file_sum>& results) {
  co_await weir::with_task_group(
      {}, [&](weir::task_group& group) -> weir::task<> {
        for (std::size_t i = 0; i != digesters; ++i)
          co_await group.spawn(digest_each(paths, results));
      });
  results.close(); // All digesters have ended.
}

weir::task<sums> with_channels(const pipeline_options& options) {
  sums all;
  weir::channel<fs::path> paths(0);
  weir::channel<file_sum> results(0);
  co_await weir::with_task_group(
      {}, [&](weir::task_group& stages) -> weir::task<> {
        co_await stages.spawn(walk(options.dir, paths));
        co_await stages.spawn(digest_all(options.digesters, paths, results));
        while (std::optional<file_sum> sum = co_await results.receive())
          add(all, *sum);
      });
  co_return all;
}

// --- the same in one line ---

weir::task<sums> with_transform(const pipeline_options& options) {
  md5_walk tree(options.dir);
  const auto files = [&] { return next_file(tree); };
  const auto digested = co_await weir::transform(
      files, {.max_in_flight = options.digesters}, digest);
  sums all;
  for (const file_sum& sum : digested)
    add(all, sum);
  co_return all;
}

} // namespace

int main(int argc, char** argv) {
  try {
    const auto options = parse_pipeline_options(argc, argv);
    if (!options)
      return 0;
    weir::runtime runtime(options->jobs);
    const sums all =
        runtime.run(options->uses_channels ? with_channels(*options)
                                           : with_transform(*options));
    for (const auto& [path, md5] : all)
      std::cout << md5sum_line(path, md5);
    if (!std::cout.flush())
      throw std::runtime_error("cannot write the result");
  } catch (const boost::program_options::error& error) {
    std::cerr << "pipeline: " << error.what() << "; see --help\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "pipeline: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
