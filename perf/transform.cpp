// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Question: what does transform() cost per element when the function does next
// to nothing, beside a plain loop on each thread?

#include <weir/runtime.hpp>
#include <weir/transform.hpp>

#include "cases.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <cstddef>
#include <cstdint>
#include <future>
#include <numeric>
#include <vector>

namespace weir::perf {

namespace {

namespace asio = boost::asio;

using number = std::uint32_t;
using numbers = std::vector<number>;

number step(number n) noexcept { return n * 2654435761u + 1; }

numbers input(std::size_t n) {
  numbers all(n);
  std::iota(all.begin(), all.end(), number{0});
  return all;
}

void check(const numbers& in, const numbers& out) {
  require(out.size() == in.size(), "results");
  require(out.back() == step(in.back()), "the last result");
}

sample run_weir_transform(const workload& load) {
  runtime rt(load.threads);
  const numbers in = input(load.tasks);
  return measure(load, load.tasks, [&](std::size_t, stopwatch& watch) {
    watch.start();
    const numbers out = rt.run(transform(in, {}, step));
    watch.stop();
    check(in, out);
  });
}

sample run_loops(const workload& load) {
  asio::thread_pool pool(load.threads);
  const numbers in = input(load.tasks);
  return measure(load, load.tasks, [&](std::size_t, stopwatch& watch) {
    watch.start();
    numbers out(in.size());
    std::vector<std::future<void>> parts;
    for (std::size_t t = 0; t != load.threads; ++t) {
      auto part = [&, t] {
        const std::size_t end = in.size() * (t + 1) / load.threads;
        for (std::size_t i = in.size() * t / load.threads; i != end; ++i)
          out[i] = step(in[i]);
      };
      parts.push_back(asio::post(pool, asio::use_future(part)));
    }
    for (auto& part : parts)
      part.get();
    watch.stop();
    check(in, out);
  });
}

} // namespace

perf_case transform_case() {
  return {
      .name = "transform",
      .question = "a multiplication for each element of a vector",
      .loads = {{1'000'000, unlimited, 2}, {10'000'000, unlimited, 2}},
      .contenders = {{"weir", run_weir_transform},
                     {.library = "asio post, a loop per thread",
                      .run = run_loops,
                      .is_baseline = true}},
  };
}

} // namespace weir::perf
