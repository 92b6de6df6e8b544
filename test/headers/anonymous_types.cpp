// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A program as a user would write it: each coroutine template behind a public
// name, with functions, members and pointers that name a type of an anonymous
// namespace. g++ 14 has an internal error where one of them is a parameter or a
// local variable of a coroutine template and this file is included by another,
// as in a unity build: anonymous_types_included.cpp is that file. Exits with 0.

#include <weir.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdio>
#include <optional>
#include <tuple>
#include <variant>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using weir::task;

struct thing {
  explicit thing(int value) : n(value) {}
  task<int> doubled(int thing::*member) { return twice(this->*member); }
  static task<int> twice(int value) {
    co_await weir::checkpoint();
    co_return 2 * value;
  }
  int n;
};

// Types whose namespace g++ 14 cannot determine. Each is passed, returned and
// stored below.
using function = int (*)(const thing&);
using data = int thing::*;
using method = task<int> (thing::*)(data);

int n_of(const thing& of) { return of.n; }

// The variables in the frames of the program's own coroutines.
template <typename T>
struct box {
  box(T v) : value(v) {}
  T value;
};

int wrong = 0;

void check(bool is_right, int line) {
  if (is_right)
    return;
  std::printf("anonymous_types.cpp:%d: another value\n", line);
  ++wrong;
}
#define CHECK(...) check((__VA_ARGS__), __LINE__)

// Each T below is one of the three. The callables are functions, whose own
// types are of that kind, too.
template <typename T>
task<T> gives(thing, box<T> given) {
  co_await weir::checkpoint();
  co_return given.value;
}
template <typename T>
asio::awaitable<T> gives_awaitable(thing, box<T> given) {
  co_return given.value;
}
task<> uses(thing of, box<function> f, box<data> d, box<method> m) {
  CHECK(f.value(of) == of.*d.value);
  const int twice = co_await (of.*m.value)(d.value);
  CHECK(twice == 2 * of.n);
}

template <typename Operation>
task<> waits(Operation operation) {
  (void)co_await std::move(operation);
}

template <typename T>
struct with {
  static inline T value{};
  static inline int left = 0;

  static task<T> makes() { return gives<T>(thing(1), value); }
  static task<T> body(weir::task_group&) { return makes(); }
  static asio::awaitable<T> awaitable_body(weir::task_group&) {
    return gives_awaitable<T>(thing(1), value);
  }
  static task<T> result_body(weir::result_group<T>& group) {
    CHECK(group.try_spawn(makes()) == weir::spawn_status::started);
    return makes();
  }
  static task<> consumes(T given) { return takes(given); }
  static task<> takes(box<T> given) {
    CHECK(given.value == value);
    co_return;
  }
  static void consumes_at_once(T given) { CHECK(given == value); }
  static T makes_state() { return value; }
  static task<> consumes_with(T&, T item) { return takes(item); }
  static task<> queue_body(weir::work_queue<T>& queue) {
    return waits(queue.push(value));
  }
  static task<T> changes(T element) { return gives<T>(thing(1), element); }
  static T changes_at_once(T element) { return element; }
  static task<std::optional<T>> produces() {
    co_return left-- > 0 ? std::optional<T>(value) : std::nullopt;
  }
  static task<> starts(weir::started<T>& ready, T given) {
    ready.set(given);
    return takes(given);
  }
  static T blocks(thing, T given) { return given; }
};

template <typename T>
void groups(weir::runtime& on) {
  using w = with<T>;
  const auto ex = on.get_executor();
  CHECK(on.run(weir::with_task_group({}, &w::body)) == w::value);
  auto awaitable = weir::with_task_group(ex, {}, &w::awaitable_body);
  CHECK(on.run(weir::shield(std::move(awaitable))) == w::value);
  CHECK(on.run(weir::shield(gives_awaitable<T>(thing(1), w::value))) ==
        w::value);
  auto all = on.run(weir::with_result_group<T>({}, &w::result_body));
  CHECK(all.at(0).value() == w::value);

  weir::task_group group(ex);
  on.run(waits(group.spawn(gives<T>, thing(1), w::value)));
  on.run(waits(group.spawn(gives_awaitable<T>(thing(1), w::value))));
  (void)group.try_spawn(gives<T>, thing(1), w::value);
  on.run(waits(group.join()));

  weir::result_group<T> results(ex);
  on.run(waits(results.spawn(gives<T>, thing(1), w::value)));
  on.run(waits(results.join()));

  weir::completion_group<T> completions(ex);
  on.run(waits(completions.spawn(gives<T>, thing(1), w::value)));
  on.run(waits(completions.spawn(gives_awaitable<T>(thing(1), w::value))));
  completions.close();
  for (int i = 0; i != 2; ++i)
    on.run(waits(completions.next()));
  on.run(waits(completions.join()));

  weir::ordered_stream<T> stream(ex, {}, &w::consumes_at_once);
  on.run(waits(stream.submit(gives<T>, thing(1), w::value)));
  on.run(waits(stream.join()));
  weir::ordered_stream<T> slow(ex, {}, &w::consumes);
  on.run(waits(slow.submit(gives<T>(thing(1), w::value))));
  on.run(waits(slow.join()));
}

template <typename T>
void queues(weir::runtime& on) {
  using w = with<T>;
  const auto ex = on.get_executor();
  weir::channel<T> values(2);
  on.run(waits(values.send(w::value)));
  on.run(waits(values.receive()));
  on.run(waits(values.send(w::value)));
  on.run(waits(weir::receive_any(values)));

  weir::work_queue<T> queue(ex, {.consumers = 1}, &w::consumes);
  on.run(waits(queue.push(w::value)));
  on.run(waits(queue.join()));
  weir::work_queue<T> plain(ex, {.consumers = 1}, &w::consumes_at_once);
  on.run(waits(plain.push(w::value)));
  on.run(waits(plain.join()));
  weir::work_queue<T> stateful(
      ex, {.consumers = 1}, &w::makes_state, &w::consumes_with);
  on.run(waits(stateful.push(w::value)));
  on.run(waits(stateful.join()));
  weir::work_queue<T> asking(
      ex, {.consumers = 1}, &w::makes, &w::consumes_with);
  on.run(waits(asking.push(w::value)));
  on.run(waits(asking.join()));
  on.run(
      weir::with_work_queue<T>({.consumers = 1}, &w::consumes, &w::queue_body));
}

template <typename T>
void compositions(weir::runtime& on) {
  using w = with<T>;
  auto both = on.run(weir::when_all(w::makes(), &w::makes));
  CHECK(std::get<1>(both) == w::value);
  std::vector<task<T>> works;
  works.push_back(w::makes());
  auto all = on.run(weir::when_all(std::move(works)));
  CHECK(all.at(0) == w::value);
  CHECK(on.run(weir::race(w::makes(), &w::makes)).value == w::value);
  auto first = on.run(weir::first_completed(w::makes(), &w::makes));
  CHECK(first.value == w::value);
  auto enough = on.run(weir::quorum(1, w::makes(), &w::makes));
  CHECK(enough.size() == 1);
  CHECK(std::get<0>(on.run(w::makes() && w::makes())) == w::value);
  CHECK(on.run(w::makes() && weir::sleep_for(0s)) == w::value);
  CHECK(on.run(w::makes() || weir::sleep_for(1h)).index() == 0);

  std::vector<T> elements{w::value, w::value};
  auto changed = on.run(weir::transform(elements, {}, &w::changes));
  CHECK(changed.at(1) == w::value);
  changed = on.run(weir::transform(elements, {}, &w::changes_at_once));
  CHECK(changed.at(1) == w::value);
  auto tried = on.run(weir::try_transform(elements, {}, &w::changes));
  CHECK(tried.at(1).value() == w::value);
  on.run(weir::for_each(elements, {}, &w::changes));
  on.run(weir::for_each(elements, {}, &w::consumes_at_once));
  w::left = 1;
  on.run(weir::for_each(&w::produces, {}, &w::changes));
  w::left = 1;
  changed = on.run(weir::transform(&w::produces, {}, &w::changes));
  CHECK(changed.at(0) == w::value);
}

template <typename T>
void scopes(weir::runtime& on) {
  using w = with<T>;
  const auto ex = on.get_executor();
  CHECK(on.run(weir::with_timeout(1h, w::makes())) == w::value);
  CHECK(on.run(weir::shield(&w::makes)) == w::value);
  CHECK(on.run(weir::finally(w::makes(), &w::makes)) == w::value);
  CHECK(on.run(weir::unwinding(w::makes())) == w::value);
  CHECK(on.run(weir::as_stopped(w::makes())).value() == w::value);
  CHECK(on.run(weir::named("name", w::makes())) == w::value);
  weir::blocking_pool pool;
  auto offloaded = weir::offload(pool, &w::blocks, thing(1), w::value);
  CHECK(on.run(weir::shield(std::move(offloaded))) == w::value);
  weir::single_flight<int, T> flights(ex);
  on.run(waits(flights.run(1, gives<T>, thing(1), w::value)));
  weir::task_group group(ex);
  CHECK(on.run(weir::start(group, &w::starts, w::value)) == w::value);
  on.run(waits(group.join()));
}

template <typename T>
void each(weir::runtime& on, T value) {
  with<T>::value = value;
  groups<T>(on);
  queues<T>(on);
  compositions<T>(on);
  scopes<T>(on);
}

} // namespace

int main() {
  weir::runtime on(2);
  each<function>(on, &n_of);
  each<data>(on, &thing::n);
  each<method>(on, &thing::doubled);

  weir::task_group group(on.get_executor());
  on.run(waits(group.spawn(uses, thing(3), &n_of, &thing::n, &thing::doubled)));
  thing kept(4);
  on.run(waits(group.spawn(&thing::doubled, &kept, &thing::n)));
  on.run(waits(group.join()));
  return wrong == 0 ? 0 : 1;
}
