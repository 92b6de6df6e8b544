// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Fails every allocation of every public operation in turn, in one mode only
// that one, in the other also all later ones, and compares the outcome with
// allowed.csv. Each attempt runs in a child process, so that a crash or a hang
// is detected.
//
// Beyond a reported error without leaks, the table allows this: an
// asio::awaitable as work leaks a few blocks, and ends the process if all later
// allocations fail, both in Asio's own co_spawn (Boost 1.81).
//
// weir-faults TABLE          all; takes seconds, whatever is to be proved
// weir-faults TABLE NAME...  these only
// weir-faults --trace NAME MODE K   one attempt, in this process (for a
//                                   debugger)

#include "attempt.hpp"
#include "support/failing_malloc.hpp"
#include "support/forked.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <tuple>
#include <utility>
#include <vector>

namespace weir::test {
namespace {

// The number of blocks that one run leaves behind.
std::int64_t
left_after(const scenario& s, std::int64_t k, bool sticky, std::string& what) {
  const std::int64_t before = allocation_faults::live();
  {
    attempt a(k, sticky);
    s.run(a);
    a.end();
    what = a.outcome();
  }
  detail::empty_cache();
  return allocation_faults::live() - before;
}

constexpr std::int64_t never = 1'000'000'000;

// The class of an outcome, as it is counted.
const char* class_of(const std::string& outcome) {
  const auto has = [&](const char* part) {
    return outcome.find(part) != std::string::npos;
  };
  if (outcome == "done")
    return "done"; // the operation did without the memory
  if (has("leaked") || has("left a child"))
    return "leaked";
  if (has("terminated") || has("signal"))
    return "ended";
  if (has("hung"))
    return "hung";
  return has("bad_alloc") ? "bad_alloc" : "error";
}

// In the child process: prints the outcome on stderr.
void try_one(const scenario& s, std::int64_t k, bool sticky) {
  std::string outcome;
  // First allocates what is made only once.
  (void)left_after(s, never, false, outcome);
  outcome.clear();
  outcome.reserve(1000);
  const std::int64_t left = left_after(s, k, sticky, outcome);
  const auto injected = allocation_faults::injected();
  // Asio's threads keep a block or two each. A leak grows with each run.
  constexpr int again = 10;
  if (left > 0) {
    std::string each;
    std::int64_t sum = 0;
    for (int i = 0; i != again; ++i)
      sum += left_after(s, k, sticky, each);
    if (sum >= again)
      outcome += "+leaked";
  }
  std::fprintf(stderr, "\n%c%s", injected != 0 ? '!' : '=', outcome.c_str());
}

struct row {
  std::set<std::string> allowed;
  bool never_allocates = false;
};

// operation,mode,outcomes: "a|b"; the outcome "nothing to fail" says that the
// operation does not allocate.
std::map<std::string, row> read_table(const char* path) {
  std::map<std::string, row> table;
  std::ifstream in(path);
  std::string line;
  std::getline(in, line); // the heading
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::string name, mode, outcomes, one;
    std::getline(fields, name, ',');
    std::getline(fields, mode, ',');
    std::getline(fields, outcomes);
    std::istringstream each(outcomes);
    while (std::getline(each, one, '|')) {
      if (one == "nothing to fail")
        table[name + "," + mode].never_allocates = true;
      else
        table[name + "," + mode].allowed.insert(one);
    }
  }
  return table;
}

class report {
public:
  explicit report(const char* table) : table_(read_table(table)) {}

  void try_all(const scenario& s, bool sticky) {
    const std::string key =
        std::string(s.name) + (sticky ? ",sticky" : ",once");
    std::map<std::string, int> seen;
    int points = 0;
    for (std::int64_t k = 1;; ++k) {
      auto [hit, what] = attempted(s, k, sticky);
      // On a busy machine a batch of tasks takes longer than its limit, and the
      // engine allocates to continue with the rest. It has a reserve.
      if (hit && what == "done" && !is_allowed(key, what))
        std::tie(hit, what) = attempted(s, k, sticky);
      if (!hit) {
        if (what != "done" && !is_allowed(key, what))
          fail(key + ": without a failure: " + what);
        break;
      }
      ++points;
      ++classes_[class_of(what)];
      if (++seen[what] == 1 && !is_allowed(key, what)) {
        fail(key + ": allocation " + std::to_string(k) + ": " + what);
        std::printf("run it alone: weir-faults --trace \"%s\" %s %lld\n",
                    s.name,
                    sticky ? "sticky" : "once",
                    static_cast<long long>(k));
      }
      if (points == 500) {
        fail(key + ": no end");
        break;
      }
    }
    std::printf("%s,%d", key.c_str(), points);
    for (const auto& [what, times] : seen)
      std::printf(",%s %d", what.c_str(), times);
    std::printf("\n");
    std::fflush(stdout);
    if (points != 0 && table_[key].never_allocates)
      fail(key + ": allocates");
    if (points == 0)
      ++need_none_;
    known_.insert(key);
    faults_ += points;
  }
  void check_table() {
    for (const auto& [key, unused] : table_)
      if (!known_.contains(key))
        fail(key + ": in the table, but there is no such operation");
  }
  bool is_fine() const { return failures_ == 0; }
  void print_sum() const {
    // Each operation is tried in two modes.
    std::printf("prove: faults operations=%zu need_none=%d injected=%d",
                known_.size() / 2,
                need_none_ / 2,
                faults_);
    for (const char* const name :
         {"done", "bad_alloc", "error", "leaked", "ended", "hung"}) {
      const auto found = classes_.find(name);
      std::printf(" %s=%d", name, found == classes_.end() ? 0 : found->second);
    }
    std::printf(" not_allowed=%d\n", failures_);
  }

private:
  // Whether there was such an allocation, and the outcome.
  static std::pair<bool, std::string>
  attempted(const scenario& s, std::int64_t k, bool sticky) {
    const child_end end = run_forked([&] { try_one(s, k, sticky); }, 60);
    const auto mark = end.printed.find_last_of("\n");
    if (end.signal == SIGABRT)
      return {true, "terminated"};
    if (end.signal == SIGALRM)
      return {true, "hung"};
    if (end.signal != 0 || mark == std::string::npos)
      return {true, "ended by signal " + std::to_string(end.signal)};
    return {end.printed[mark + 1] == '!', end.printed.substr(mark + 2)};
  }

  bool is_allowed(const std::string& key, const std::string& what) {
    return table_[key].allowed.contains(what);
  }
  void fail(const std::string& text) {
    ++failures_;
    std::printf("NOT ALLOWED %s\n", text.c_str());
  }

  std::map<std::string, row> table_;
  std::set<std::string> known_;
  std::map<std::string, int> classes_;
  int failures_ = 0;
  int faults_ = 0;
  int need_none_ = 0; // operations that do not allocate, in a mode
};

std::vector<scenario> all_scenarios() {
  std::vector<scenario> all;
  for (const auto part : {task_scenarios(),
                          group_scenarios(),
                          object_scenarios(),
                          token_scenarios(),
                          object_token_scenarios(),
                          loop_scenarios(),
                          result_scenarios(),
                          deterministic_scenarios()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

int run(const std::vector<std::string>& args) {
  const auto all = all_scenarios();
  if (args.size() == 4 && args[0] == "--trace") {
    for (const scenario& s : all)
      if (args[1] == s.name)
        try_one(s, std::atoll(args[3].c_str()), args[2] == "sticky");
    return 0;
  }
  if (args.empty())
    return 2;
  report out(args[0].c_str());
  const std::set<std::string> wanted(args.begin() + 1, args.end());
  for (const scenario& s : all)
    if (wanted.empty() || wanted.contains(s.name))
      for (bool sticky : {false, true})
        out.try_all(s, sticky);
  if (wanted.empty())
    out.check_table();
  out.print_sum();
  return out.is_fine() ? 0 : 1;
}

} // namespace
} // namespace weir::test

int main(int argc, char** argv) {
  // Attempts that crash would write gigabytes of core dumps.
  const ::rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  return weir::test::run(std::vector<std::string>(argv + 1, argv + argc));
}
