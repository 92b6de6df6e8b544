// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// MD5 of every file under a directory, as md5sum prints it: a walker feeds the
// paths to a bounded group of digesters. The first error, or Ctrl-C, stops all.

#include <weir.hpp>

#include "md5_file.hpp"
#include "md5_options.hpp"
#include "md5_progress.hpp"
#include "md5_walk.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

struct results {
  md5_progress progress;
  std::mutex mutex;
  std::map<std::string, std::string> md5_of; // path -> hex; under the mutex
  int signal = 0;                            // the one that stopped us
};

weir::task<> digest(fs::path path, results& out) {
  md5_file file(std::move(path));
  if (file.is_gone())
    co_return; // since the walker saw it: no longer one of the files
  for (;;) {
    // Blocks a thread of the runtime. Here that is all they are for, and it
    // is faster than weir::offload: docs/design/blocking-reads.md.
    const std::size_t size = file.add_chunk();
    out.progress.bytes += size;
    if (size != md5_file::chunk_size)
      break;
    co_await weir::checkpoint(); // Where it ends if it is cancelled.
  }
  ++out.progress.files;
  const std::lock_guard lock(out.mutex);
  out.md5_of.emplace(file.path(), file.hex());
}

// A folder that cannot be read fails like a file, as a child of the group.
weir::task<> fail_later(std::error_code error, fs::path folder) {
  fail(error.value(), folder);
  co_return;
}

weir::task<> feed(fs::path dir, weir::task_group& digesters, results& out) {
  md5_walk tree(std::move(dir));
  while (const auto step = tree.next()) {
    if (step->error)
      co_await digesters.spawn(fail_later(step->error, step->path));
    else if (step->is_file)
      co_await digesters.spawn(digest(step->path, out)); // waits for a slot
    else
      co_await weir::checkpoint();
  }
}

weir::task<> stop_on_signal(weir::task_group& all, results& out) {
  asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
  out.signal = co_await signals.async_wait(asio::deferred);
  all.cancel();
}

// A digester holds one each, and the rest of the program needs a few.
std::size_t spare_descriptors() {
  const long most = ::sysconf(_SC_OPEN_MAX);
  return most < 0 ? weir::unlimited : std::max(most - 24, 1L);
}

weir::task<> md5_all(const md5_options& options, results& out) {
  weir::task_group_options limits;
  limits.max_in_flight = std::min(options.limit, spare_descriptors());
  if (options.keep_going)
    limits.errors = weir::collect(weir::unlimited);

  co_await weir::with_task_group(
      {}, [&](weir::task_group& all) -> weir::task<> {
        co_await all.spawn(stop_on_signal(all, out));
        if (options.progress) {
          co_await all.spawn(count(options.dir, out.progress));
          co_await all.spawn(show(out.progress));
        }
        co_await weir::with_task_group(
            limits, [&](weir::task_group& digesters) {
              return feed(options.dir, digesters, out);
            });
        out.progress.is_done = true;
        all.cancel(); // There is nothing left to watch.
      });
}

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  }
}

} // namespace

int main(int argc, char** argv) {
  results out;
  int status = 0;
  try {
    const auto options = parse_md5_options(argc, argv);
    if (!options)
      return 0;
    weir::runtime runtime(options->jobs);
    runtime.run(md5_all(*options, out));
  } catch (const weir::group_error& error) { // only under --keep-going
    for (const auto& failure : error.errors())
      std::cerr << "md5_all: " << message_of(failure.error) << '\n';
    status = 1;
  } catch (const boost::program_options::error& error) {
    std::cerr << "md5_all: " << error.what() << "; see --help\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "md5_all: " << error.what() << '\n';
    return 1;
  }
  if (out.signal != 0)
    return 128 + out.signal;
  for (const auto& [path, md5] : out.md5_of)
    std::cout << md5sum_line(path, md5);
  if (!std::cout.flush()) {
    std::cerr << "md5_all: cannot write the result\n";
    return 1;
  }
  return status;
}
