// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Random programs against the reference model of the group.
//
//     weir-model [--seconds S] [--seeds N] [--first F]
//     weir-model --replay HEX     one program, and what its tasks do
//     weir-model --corpus DIR     each file is a program
//     weir-model --self-test      of the shrinker, with wrong references
//
// WEIR_SEED=n runs that seed alone and prints what its tasks do. A program that
// fails is shrunk as far as possible and printed, for use with --replay.

#include "sandbox.hpp"
#include "script.hpp"
#include "shrink.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace weir::test::model;
using wall_clock = std::chrono::steady_clock;

constexpr unsigned most_seconds = 10; // for one program

const report& run_one(const bytes& text, int flaw, bool traced = false) {
  return run_apart(most_seconds, [&](report& into) {
    run_program(text, into, flaw, traced);
  });
}

struct shrunk {
  bytes text;
  std::size_t runs;
};

shrunk shrink(const bytes& text, const std::string& kind, int flaw) {
  shrinker smaller([&](const bytes& candidate) {
    return kind_of(run_one(candidate, flaw).why) == kind;
  });
  bytes best = smaller(text);
  return {best, smaller.runs()};
}

int print_failure(const bytes& text, const std::string& where, int flaw) {
  const std::string kind = kind_of(run_one(text, flaw).why);
  if (kind.empty()) {
    std::fprintf(stderr,
                 "%s: failed only after others; weir-model --replay %s\n",
                 where.c_str(),
                 to_hex(text).c_str());
    return 1;
  }
  const shrunk small = shrink(text, kind, flaw);
  const report& last = run_one(small.text, flaw, true);
  std::fprintf(stderr,
               "%s%s%s: %s\n%zu bytes, %zu after %zu runs; again with\n"
               "    weir-model --replay %s\n",
               script(small.text).to_string().c_str(),
               last.trace,
               where.c_str(),
               last.why,
               text.size(),
               small.text.size(),
               small.runs,
               to_hex(small.text).c_str());
  return 1;
}

int replay(const bytes& text) {
  const report& r = run_one(text, 0, true);
  std::fprintf(
      stderr, "%s%s%s\n", script(text).to_string().c_str(), r.trace, r.why);
  return r.why[0] == '\0' ? 0 : 1;
}

// --- the corpus ---

int run_corpus(const char* folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  const auto read = [](const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return bytes(std::istreambuf_iterator<char>(in), {});
  };
  // Named: g++ takes a reference for one into a temporary argument.
  const std::function<void(report&)> run_all = [&](report& into) {
    for (std::size_t i = 0; i != files.size() && into.why[0] == '\0'; ++i) {
      into.at = i;
      run_program(read(files[i]), into, 0, false);
    }
  };
  const report& r = run_apart(60, run_all);
  if (r.why[0] != '\0') {
    const std::filesystem::path& file = files[r.at];
    return print_failure(read(file), file.string(), 0);
  }
  std::printf("prove: corpus files=%zu steps=%llu\n",
              files.size(),
              static_cast<unsigned long long>(r.seen.steps));
  return files.empty() ? 1 : 0;
}

// --- seeds ---

struct numbers {
  std::uint64_t first = 1;
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
  double seconds = std::numeric_limits<double>::infinity();
};

// Runs them until one fails.
const report& run_seeds(const numbers& n, int flaw) {
  // A program that runs longer hangs.
  const double most = std::min(n.seconds, 1e6) + most_seconds;
  return run_apart(static_cast<unsigned>(most), [&](report& into) {
    const auto begin = wall_clock::now();
    for (std::uint64_t i = 0; i != n.count && into.why[0] == '\0'; ++i) {
      const std::chrono::duration<double> taken = wall_clock::now() - begin;
      if (taken.count() >= n.seconds)
        break;
      into.at = n.first + i;
      run_program(program_of(into.at), into, flaw, false);
    }
  });
}

// True if everything that can happen has happened.
bool is_complete(const tally& t) {
  const std::uint64_t all[] = {
      t.waited,          t.lent,           t.refused,
      t.closed,          t.full,           t.overloaded,
      t.gave_up,         t.failed,         t.cancelled,
      t.joins_well,      t.joins_failed,   t.joins_aborted,
      t.joins_timed_out, t.would_deadlock, t.reopened,
      t.nested,          t.timed_out,      t.acquired,
      t.oversized,       t.sent,           t.received,
      t.ready,           t.ready_ended,    t.hooks,
      t.faults_delay,    t.faults_cancel,  t.faults_throw,
      t.faults_stop,
  };
  return std::find(std::begin(all), std::end(all), 0u) == std::end(all);
}

int run_many(const numbers& n) {
  const report& r = run_seeds(n, 0);
  if (r.why[0] != '\0') {
    const std::uint64_t seed = r.at;
    return print_failure(program_of(seed), "seed " + std::to_string(seed), 0);
  }
  const tally& t = r.seen;
  std::printf("%llu children; spawns: %llu waited, %llu lent, %llu gave up, "
              "%llu refused, %llu closed, %llu full, %llu overloaded; joins: "
              "%llu well, %llu failed, %llu aborted, %llu timed out, %llu "
              "would deadlock; %llu reopened, %llu nested, %llu timed out, "
              "%llu acquired, %llu oversized, %llu sent, %llu received; %llu "
              "ready at once, %llu of them ended by a cancellation\n",
              (unsigned long long)t.spawned,
              (unsigned long long)t.waited,
              (unsigned long long)t.lent,
              (unsigned long long)t.gave_up,
              (unsigned long long)t.refused,
              (unsigned long long)t.closed,
              (unsigned long long)t.full,
              (unsigned long long)t.overloaded,
              (unsigned long long)t.joins_well,
              (unsigned long long)t.joins_failed,
              (unsigned long long)t.joins_aborted,
              (unsigned long long)t.joins_timed_out,
              (unsigned long long)t.would_deadlock,
              (unsigned long long)t.reopened,
              (unsigned long long)t.nested,
              (unsigned long long)t.timed_out,
              (unsigned long long)t.acquired,
              (unsigned long long)t.oversized,
              (unsigned long long)t.sent,
              (unsigned long long)t.received,
              (unsigned long long)t.ready,
              (unsigned long long)t.ready_ended);
  if (t.runs >= 5000 && !is_complete(t)) {
    std::fputs("something never happened\n", stderr);
    return 1;
  }
  std::printf("prove: seeds runs=%llu first=%llu steps=%llu faults_delay=%llu "
              "faults_cancel=%llu faults_throw=%llu faults_memory=%llu "
              "faults_stop=%llu\n",
              (unsigned long long)t.runs,
              (unsigned long long)n.first,
              (unsigned long long)t.steps,
              (unsigned long long)t.faults_delay,
              (unsigned long long)t.faults_cancel,
              (unsigned long long)t.faults_throw,
              (unsigned long long)t.faults_memory,
              (unsigned long long)t.faults_stop);
  return 0;
}

// --- the shrinker ---

int self_test() {
  for (int flaw = 1; flaw <= 2; ++flaw) {
    numbers n;
    n.count = 100'000;
    const report& r = run_seeds(n, flaw);
    if (r.why[0] == '\0') {
      std::fprintf(stderr, "wrong reference %d was not noticed\n", flaw);
      return 1;
    }
    const bytes text = program_of(r.at);
    const std::string kind = kind_of(r.why);
    const shrunk small = shrink(text, kind, flaw);
    const bytes again = from_hex(to_hex(small.text));
    bool minimal = kind_of(run_one(again, flaw).why) == kind;
    for (std::size_t i = script::header; i + 2 <= again.size(); i += 2) {
      bytes less = again;
      less.erase(less.begin() + static_cast<std::ptrdiff_t>(i),
                 less.begin() + static_cast<std::ptrdiff_t>(i + 2));
      minimal = minimal && kind_of(run_one(less, flaw).why) != kind;
    }
    const bool right = run_one(again, 0).why[0] == '\0';
    std::printf("wrong reference %d: %s; %zu bytes, %zu after %zu runs: %s\n",
                flaw,
                kind.c_str(),
                text.size(),
                again.size(),
                small.runs,
                to_hex(again).c_str());
    constexpr std::size_t most = script::header + 2 * 8;
    if (!minimal || !right || again.size() > most) {
      std::fprintf(stderr, "it is not as small as it could be, or not wrong\n");
      return 1;
    }
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) try {
  numbers n;
  if (argc == 2 && std::string_view(argv[1]) == "--self-test")
    return self_test();
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option(argv[i]);
    const char* const value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "--replay")
      return replay(from_hex(value));
    if (option == "--corpus")
      return run_corpus(value);
    if (option == "--seeds")
      n.count = std::strtoull(value, nullptr, 10);
    else if (option == "--first" || option == "--seed")
      n.first = std::strtoull(value, nullptr, 10);
    else if (option == "--seconds")
      n.seconds = std::strtod(value, nullptr);
    else {
      std::fprintf(stderr, "weir-model: what is %s?\n", argv[i]);
      return 2;
    }
  }
  if (const char* given = std::getenv("WEIR_SEED"))
    return replay(program_of(std::strtoull(given, nullptr, 10)));
  return run_many(n);
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 2;
}
