// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Loops over elements.

#include <weir/checkpoint.hpp>
#include <weir/for_each.hpp>
#include <weir/transform.hpp>

#include "attempt.hpp"

#include <atomic>
#include <optional>
#include <ranges>

namespace weir::test {
namespace {

task<> later(int) { co_await checkpoint(); }
task<int> twice(int n) {
  co_await checkpoint();
  co_return 2 * n;
}
int at_once(int n) { return n; }

constexpr auto elements = std::views::iota(0, 5);

template <typename Make>
void tries(attempt& a, Make make) {
  auto main = [&]() -> task<> {
    a.begin();
    try {
      (void)co_await make();
    } catch (...) {
      a.note("await", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}
template <typename Make>
void tries_void(attempt& a, Make make) {
  auto main = [&]() -> task<> {
    a.begin();
    try {
      co_await make();
    } catch (...) {
      a.note("await", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}

struct producer {
  task<std::optional<int>> operator()() {
    co_await checkpoint();
    if (left == 0)
      co_return std::nullopt;
    co_return left--;
  }
  int left = 4;
};

void loops(attempt& a) {
  tries_void(a, [] { return for_each(elements, {}, at_once); });
}
void loops_later(attempt& a) {
  tries_void(a, [] { return for_each(elements, {.max_in_flight = 2}, later); });
}
void loops_over_a_producer(attempt& a) {
  tries_void(a,
             [] { return for_each(producer(), {.max_in_flight = 2}, later); });
}
void transforms(attempt& a) {
  tries(a, [] { return transform(elements, {}, at_once); });
}
void transforms_later(attempt& a) {
  tries(a, [] { return transform(elements, {.max_in_flight = 2}, twice); });
}
void transforms_what_is_produced(attempt& a) {
  tries(a, [] { return transform(producer(), {.max_in_flight = 2}, twice); });
}
void tries_to_transform(attempt& a) {
  auto main = [&]() -> task<> {
    a.begin();
    try {
      auto all = co_await try_transform(elements, {.max_in_flight = 2}, twice);
      for (auto& one : all)
        if (one.error())
          a.note("result", one.error());
    } catch (...) {
      a.note("await", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}

void collects_errors(attempt& a) {
  auto fails = [](int n) -> task<> {
    co_await checkpoint();
    throw n;
  };
  tries_void(a, [&] {
    return for_each(
        elements, {.max_in_flight = 2, .errors = collect(3)}, fails);
  });
}

constexpr scenario all[] = {
    {"for_each (plain)", loops},
    {"for_each", loops_later},
    {"for_each (producer)", loops_over_a_producer},
    {"for_each (collect)", collects_errors},
    {"transform (plain)", transforms},
    {"transform", transforms_later},
    {"transform (producer)", transforms_what_is_produced},
    {"try_transform", tries_to_transform},
};

} // namespace

std::span<const scenario> loop_scenarios() { return all; }

} // namespace weir::test
