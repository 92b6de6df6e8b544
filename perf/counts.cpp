// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// weir-counts: does one operation as often as it is told, on one thread, for
// counts.py, which counts the instructions.

#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/for_each.hpp>
#include <weir/race.hpp>
#include <weir/runtime.hpp>
#include <weir/sleep.hpp>
#include <weir/when_all.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::perf {

namespace {

using namespace std::chrono_literals;

// Tasks that share an operation which takes more than one.
constexpr std::size_t yielding = 100;
constexpr std::size_t sleeping = 5'000;

task<void> nothing() { co_return; }

task<void> spawn_join(std::size_t count) {
  auto body = [&](task_group& group) -> task<void> {
    for (std::size_t i = 0; i != count; ++i)
      co_await group.spawn(nothing());
  };
  co_await with_task_group({.max_in_flight = 1'000}, body);
}

task<void> hop(std::size_t count) {
  for (std::size_t i = 0; i != count; ++i)
    co_await checkpoint();
}

task<void> yield(std::size_t count) {
  auto body = [&](task_group& group) -> task<void> {
    for (std::size_t i = 0; i != yielding; ++i)
      co_await group.spawn(hop(count / yielding));
  };
  co_await with_task_group({}, body);
}

task<void> doze(std::size_t count) {
  for (std::size_t i = 0; i != count; ++i)
    co_await sleep_for(10ms);
}

task<void> sleep(std::size_t count) {
  auto body = [&](task_group& group) -> task<void> {
    for (std::size_t i = 0; i != sleeping; ++i)
      co_await group.spawn(doze(count / sleeping));
  };
  co_await with_task_group({}, body);
}

task<void> timeout(std::size_t count) {
  for (std::size_t i = 0; i != count; ++i)
    co_await with_timeout(1s, nothing());
}

task<void> send(channel<std::size_t>& to, std::size_t count) {
  for (std::size_t i = 0; i != count; ++i)
    co_await to.send(i);
  to.close();
}

task<void> send_receive(std::size_t count) {
  channel<std::size_t> values(64);
  auto body = [&](task_group& group) -> task<void> {
    co_await group.spawn(send(values, count));
    while (std::optional<std::size_t> n = co_await values.receive()) {
    }
  };
  co_await with_task_group({}, body);
}

task<void> await_child(std::size_t count) {
  for (std::size_t i = 0; i != count; ++i)
    co_await nothing();
}

// A group for each, as a service has one for each request.
template <std::size_t children>
task<void> group_of(std::size_t count) {
  auto body = [](task_group& group) -> task<void> {
    for (std::size_t i = 0; i != children; ++i)
      co_await group.spawn(nothing());
  };
  for (std::size_t i = 0; i != count; ++i)
    co_await with_task_group({}, body);
}

template <std::size_t children>
task<void> when_all_of(std::size_t count) {
  for (std::size_t i = 0; i != count; ++i) {
    std::vector<task<void>> works;
    works.reserve(children);
    for (std::size_t k = 0; k != children; ++k)
      works.push_back(nothing());
    co_await when_all(std::move(works));
  }
}

task<void> for_each_of_8(std::size_t count) {
  std::vector<int> elements(8);
  for (std::size_t i = 0; i != count; ++i)
    co_await weir::for_each(
        elements, {.max_in_flight = 8}, [](int) { return nothing(); });
}

task<void> race_of_2(std::size_t count) {
  for (std::size_t i = 0; i != count; ++i)
    co_await race(nothing(), nothing());
}

// Groups inside each other.
constexpr std::size_t levels = 100;

task<void> nest(std::size_t depth) {
  if (depth == 0)
    co_return;
  auto body = [depth](task_group& group) -> task<void> {
    co_await group.spawn(nest(depth - 1));
  };
  co_await with_task_group({}, body);
}

task<void> nested(std::size_t count) {
  for (std::size_t i = 0; i != count / levels; ++i)
    co_await nest(levels);
}

struct operation_name {
  const char* name;
  task<void> (*run)(std::size_t count);
};

constexpr operation_name operations[] = {{"spawn_join", spawn_join},
                                         {"yield", yield},
                                         {"sleep", sleep},
                                         {"timeout", timeout},
                                         {"send_receive", send_receive},
                                         {"await_child", await_child},
                                         {"group_of_1", group_of<1>},
                                         {"group_of_8", group_of<8>},
                                         {"when_all_of_8", when_all_of<8>},
                                         {"for_each_of_8", for_each_of_8},
                                         {"race_of_2", race_of_2},
                                         {"nested", nested}};

void print_compiler() {
#if defined(__clang__)
  std::cout << "clang " << __clang_version__;
#else
  std::cout << "g++ " << __VERSION__;
#endif
#if !defined(NDEBUG)
  std::cout << " with assertions";
#endif
  std::cout << '\n';
}

int run(std::string_view name, std::size_t count) {
  for (const operation_name& each : operations)
    if (each.name == name) {
      runtime rt(1);
      rt.run(each.run(count));
      return 0;
    }
  std::cerr << "weir-counts: no operation '" << name << "'\n";
  return 2;
}

} // namespace

} // namespace weir::perf

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (argc == 2 && first == "--list") {
    for (const auto& each : weir::perf::operations)
      std::cout << each.name << '\n';
    return 0;
  }
  if (argc == 2 && first == "--compiler") {
    weir::perf::print_compiler();
    return 0;
  }
  if (argc == 3)
    return weir::perf::run(first, std::strtoul(argv[2], nullptr, 10));
  std::cerr << "usage: weir-counts OPERATION COUNT | --list | --compiler\n";
  return 2;
}
