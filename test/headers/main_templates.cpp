// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A program as a user would write it: the main template of each public header,
// with a plain type and one that owns memory. It is compiled with warnings as
// errors: g++ 12 warns at -O1 of code that it cannot analyse. Exits with 0.

#include <weir.hpp>

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

template <typename T>
T made(int n) {
  return T(std::to_string(n));
}
template <>
int made<int>(int n) {
  return n;
}

template <typename T>
weir::task<T> gives(int n) {
  co_await weir::checkpoint();
  co_return made<T>(n);
}

template <typename T>
weir::task<std::size_t> groups() {
  auto ex = co_await asio::this_coro::executor;
  std::size_t results = 0;
  auto body = [](weir::task_group& group) -> weir::task<T> {
    co_await group.spawn(gives<T>(1));
    co_await group.spawn(gives<T>, 2);
    co_return co_await gives<T>(3);
  };
  (void)co_await weir::with_task_group({}, body);
  auto result_body = [](weir::result_group<T>& group) -> weir::task<> {
    co_await group.spawn(gives<T>(1));
    co_await group.spawn(gives<T>, 2);
  };
  std::vector<weir::result<T>> all =
      co_await weir::with_result_group<T>({}, result_body);
  results += weir::values(std::move(all)).size();

  weir::completion_group<T> completions(ex);
  co_await completions.spawn(gives<T>(1));
  completions.close();
  while (auto done = co_await completions.next()) {
    (void)done->result.value();
    ++results;
  }
  co_await completions.join();

  auto count = [&results](T) { ++results; };
  weir::ordered_stream<T> stream(ex, {}, count);
  co_await stream.submit(gives<T>(1));
  co_await stream.join();
  co_return results; // 4
}

template <typename T>
weir::task<std::size_t> queues() {
  auto ex = co_await asio::this_coro::executor;
  std::size_t results = 0;
  weir::channel<T> values(2);
  weir::channel<T> others(2);
  co_await values.send(made<T>(1));
  co_await others.send(made<T>(2));
  std::optional<T> value = co_await values.receive();
  results += value.has_value();
  auto from_any = co_await weir::receive_any(values, others);
  results += from_any.has_value();
  co_await values.send(made<T>(3));
  std::vector<weir::channel<T>*> range{&values, &others};
  auto from_range = co_await weir::receive_any(range);
  results += from_range.has_value();

  auto work = [](T) -> weir::task<> { co_return; };
  weir::work_queue<T> queue(ex, {.consumers = 1}, work);
  co_await queue.push(made<T>(1));
  co_await queue.join();
  auto feeds = [](weir::work_queue<T>& to) -> weir::task<> {
    co_await to.push(made<T>(2));
  };
  co_await weir::with_work_queue<T>({.consumers = 1}, work, feeds);

  weir::limiter limit(1);
  const weir::permit held = co_await limit.acquire();
  results += held.weight();
  co_return results; // 4
}

template <typename T>
weir::task<std::size_t> compositions() {
  auto ex = co_await asio::this_coro::executor;
  std::size_t results = 0;
  std::tuple<T, T> both = co_await weir::when_all(gives<T>(1), gives<T>(2));
  results += std::get<0>(both) != std::get<1>(both);
  weir::indexed_value<T> one = co_await weir::race(gives<T>(1), gives<T>(2));
  results += one.index < 2;
  auto enough = co_await weir::quorum(1, gives<T>(1), gives<T>(2));
  results += enough.size();
  both = co_await (gives<T>(1) && gives<T>(2));
  std::variant<T, std::monostate> either =
      co_await (gives<T>(1) || weir::sleep_for(1h));
  results += either.index() == 0;

  std::vector<int> numbers{1, 2, 3};
  std::vector<T> changed = co_await weir::transform(numbers, {}, gives<T>);
  results += changed.size();
  auto uses = [](int n) -> weir::task<> { (void)co_await gives<T>(n); };
  co_await weir::for_each(numbers, {}, uses);

  weir::single_flight<T, T> flights(ex);
  weir::flight_result<T> flown = co_await flights.run(made<T>(1), gives<T>, 1);
  results += *flown == made<T>(1);
  co_return results; // 8
}

template <typename T>
weir::task<> comes_up(weir::started<T>& ready) {
  ready.set(made<T>(1));
  co_return;
}

template <typename T>
weir::task<std::size_t> scopes() {
  std::size_t results = 0;
  auto cleanup = []() -> weir::task<> { co_return; };
  const T one = made<T>(1);
  results += co_await weir::with_timeout(1h, gives<T>(1)) == one;
  results += co_await weir::shield(gives<T>(1)) == one;
  results += co_await weir::finally(gives<T>(1), cleanup) == one;
  results += co_await weir::unwinding(gives<T>(1)) == one;
  std::optional<T> whole = co_await weir::as_stopped(gives<T>(1));
  results += whole.has_value();
  results += co_await weir::named("name", gives<T>(1)) == one;

  weir::blocking_pool pool;
  results += co_await weir::offload(pool, made<T>, 1) == one;

  auto body = [&](weir::task_group& group) -> weir::task<bool> {
    co_return co_await weir::start<T>(group, comes_up<T>) == one;
  };
  results += co_await weir::with_task_group({}, body);
  co_return results; // 8
}

template <typename T>
weir::task<std::size_t> all() {
  std::size_t results = co_await groups<T>();
  results += co_await queues<T>();
  results += co_await compositions<T>();
  results += co_await scopes<T>();
  co_return results; // 24
}

} // namespace

int main() {
  weir::runtime runtime(2);
  auto strings = weir::co_spawn(runtime, all<std::string>(), asio::use_future);
  const std::size_t results = runtime.run(all<int>()) + strings.get();
  return results == 48 ? 0 : 1;
}
