// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "options.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

namespace weir::test::threads {

namespace {

[[noreturn]] void usage(std::string_view about) {
  std::fprintf(stderr,
               "weir-threads: %.*s\n"
               "usage: weir-threads [--seconds S] [--seed N] [--iteration N]\n"
               "    [--threads 1|2|4|8] [--cap 1|2|7|1000|none]\n"
               "    [--fault none|throw|cancel|deadline|stop|swallow|"
               "bad_alloc]\n",
               static_cast<int>(about.size()),
               about.data());
  std::exit(2);
}

std::uint64_t number(const char* text) {
  char* end = nullptr;
  const std::uint64_t n = std::strtoull(text, &end, 10);
  if (end == text || *end != '\0')
    usage(text);
  return n;
}

} // namespace

options::options(int argc, char** argv) : seed(std::random_device()()) {
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name(argv[i]);
    if (i + 1 == argc)
      usage(name);
    const char* const value = argv[i + 1];
    if (name == "--seconds")
      seconds = static_cast<double>(number(value));
    else if (name == "--seed")
      seed = number(value);
    else if (name == "--iteration")
      iteration = number(value);
    else if (name == "--threads")
      threads = number(value);
    else if (name == "--cap")
      cap = value == std::string_view("none") ? unlimited : number(value);
    else if (const auto f = index_of(fault_names, value);
             name == "--fault" && f)
      what = static_cast<fault>(*f);
    else
      usage(name);
  }
  cell_of(0);
}

std::size_t options::cell_of(std::uint64_t n) const {
  std::array<std::size_t, cells> chosen{};
  std::size_t count = 0;
  for (std::size_t index = 0; index != cells; ++index) {
    const cell c = cell::at(index);
    if (c.threads == threads.value_or(c.threads) &&
        c.cap == cap.value_or(c.cap) && c.what == what.value_or(c.what))
      chosen[count++] = index;
  }
  if (count == 0)
    usage("no such threads or cap");
  return chosen[static_cast<std::size_t>(n % count)];
}

std::string options::rerun(std::uint64_t n) const {
  std::string s = "weir-threads --seconds 60 --seed " + std::to_string(seed) +
                  " --iteration " + std::to_string(n);
  if (threads)
    s += " --threads " + std::to_string(*threads);
  if (cap)
    s += " --cap " + (*cap == unlimited ? "none" : std::to_string(*cap));
  if (what)
    s +=
        std::string(" --fault ") + fault_names[static_cast<std::size_t>(*what)];
  return s;
}

} // namespace weir::test::threads
