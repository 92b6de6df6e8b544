// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Groups that keep or pass on results, used from a task.

#include <weir/checkpoint.hpp>
#include <weir/completion_group.hpp>
#include <weir/ordered_stream.hpp>
#include <weir/result_group.hpp>
#include <weir/with_result_group.hpp>

#include "tries.hpp"

#include <exception>

namespace weir::test {
namespace {

void makes_a_result_group(attempt& a) {
  makes(a, [&] { result_group<int> group(a.pool); });
}
void groups_results(attempt& a) {
  result_group<int> group(a.pool, {.max_in_flight = 1});
  tries(
      a,
      [&]() -> task<> {
        for (int i = 0; i != 3; ++i)
          co_await group.spawn(gives(i));
      },
      [&]() -> task<> {
        for (auto& one : co_await group.join())
          if (!one.has_value())
            a.note("result", one.error());
      });
}
void scopes_results(attempt& a) {
  auto main = [&]() -> task<> {
    a.begin();
    try {
      auto body = [](result_group<int>& group) -> task<> {
        co_await group.spawn(gives(1));
      };
      (void)co_await with_result_group<int>({}, body);
    } catch (...) {
      a.note("await", std::current_exception());
    }
    a.end();
  };
  a.run(main());
}
void makes_a_completion_group(attempt& a) {
  makes(a, [&] { completion_group<int> group(a.pool); });
}
void groups_completions(attempt& a) {
  completion_group<int> group(a.pool,
                              {.max_in_flight = 1, .max_unconsumed = 1});
  tries(
      a,
      [&]() -> task<> {
        for (int i = 0; i != 2; ++i)
          co_await group.spawn(gives(i));
      },
      [&]() -> task<> {
        group.close();
        while (auto one = co_await group.next())
          if (!one->result.has_value())
            a.note("result", one->result.error());
        co_await group.join();
      });
}
void makes_a_stream(attempt& a) {
  makes(a, [&] { ordered_stream<int> s(a.pool, {}, [](int) {}); });
}
void streams(attempt& a) {
  ordered_stream<int> s(
      a.pool, {.max_in_flight = 2, .max_reorder = 1}, [](int) {});
  auto slow = []() -> task<int> {
    for (int i = 0; i != 5; ++i)
      co_await checkpoint();
    co_return 1;
  };
  tries(
      a,
      [&]() -> task<> {
        co_await s.submit(slow);
        for (int i = 0; i != 3; ++i)
          co_await s.submit(gives(i));
      },
      [&]() -> task<> { co_await s.join(); });
}

constexpr scenario all[] = {
    {"result_group", makes_a_result_group},
    {"result_group::spawn and join", groups_results},
    {"with_result_group", scopes_results},
    {"completion_group", makes_a_completion_group},
    {"completion_group::spawn and next", groups_completions},
    {"ordered_stream", makes_a_stream},
    {"ordered_stream::submit and join", streams},
};

} // namespace

std::span<const scenario> result_scenarios() { return all; }

} // namespace weir::test
