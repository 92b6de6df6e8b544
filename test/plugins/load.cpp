// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Loads the plug-ins named on the command line, all at once, and runs each on
// threads that end before and after it is closed.

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <latch>
#include <thread>
#include <vector>

namespace {

using sum_function = int (*)(int);

[[noreturn]] void fail(const char* what, const char* why) {
  std::fprintf(stderr, "%s: %s\n", what, why);
  std::exit(EXIT_FAILURE);
}

} // namespace

int main(int argc, char** argv) {
  std::vector<void*> plugins;
  std::vector<sum_function> sums;
  for (int i = 1; i != argc; ++i) {
    void* const plugin = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
    if (plugin == nullptr)
      fail(argv[i], dlerror());
    auto* const sum =
        reinterpret_cast<sum_function>(dlsym(plugin, "plugin_sum"));
    if (sum == nullptr)
      fail(argv[i], dlerror());
    plugins.push_back(plugin);
    sums.push_back(sum);
  }
  const auto run_all = [&] {
    for (const sum_function sum : sums)
      if (sum(100) != 5050)
        fail("plugin_sum", "wrong");
  };
  run_all();
  std::thread(run_all).join();
  std::latch has_run(1);
  std::latch may_end(1);
  std::thread late([&] {
    run_all();
    has_run.count_down();
    may_end.wait();
  });
  has_run.wait();
  for (void* const plugin : plugins)
    if (dlclose(plugin) != 0)
      fail("dlclose", dlerror());
  may_end.count_down();
  late.join();
  std::printf("%zu plug-ins\n", plugins.size());
}
