// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "iteration.hpp"

#include <weir/co_spawn.hpp>

#include "check.hpp"
#include "joined.hpp"
#include "roots.hpp"
#include "setting.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <future>
#include <thread>
#include <vector>

namespace weir::test::threads {

namespace {

using boost::system::error_code;

// Waits until other threads have done what they are about to do. watch() ends a
// wait that is too long.
template <typename Condition>
void settle(Condition condition) {
  while (!condition())
    std::this_thread::yield();
}

struct spawn_handler {
  void operator()(std::exception_ptr error) {
    (*this)(error ? asio::error::operation_aborted : error_code());
  }
  void operator()(error_code error) {
    check(asks.ends(!error), "a handler was called twice");
  }
  request asks;
};

class iteration final {
public:
  iteration(const plan& p, tally& seen) : plan_(p), s_(seen) {}

  void run() {
    const auto on_pool = [](errand e) { return e.where == place::offload; };
    if (std::any_of(plan_.errands.begin(), plan_.errands.end(), on_pool))
      s_.outside.emplace(blocking_pool_options{.threads = 2});
    s_.pool.emplace(plan_.where.threads);
    if (plan_.ends == plan::ending::joins)
      use_group();
    else
      end_runtime();
    s_.pool.reset();
    check_end();
    if (plan_.ends == plan::ending::destroys)
      s_.seen.saw(s_.book.has_returned(plan_.errands.size())
                      ? outcome::destroyed_too_late
                      : outcome::destroyed_in_time);
  }

  const ledger& book() const noexcept { return s_.book; }

private:
  void use_group() {
    task_group group(*s_.pool, group_options(plan_, plan_.roots != 0));
    group.set_error_hook([this](const task_failure&) { ++s_.book.hooked; });
    act(group);
    // Every spawn has an answer. A stopped pool drops it later.
    if (plan_.where.what != fault::stop)
      settle([&] { return s_.book.has_answered(); });
    check_group(group.stats());
  }

  // The roots are not joined: they are destroyed with the runtime.
  void end_runtime() {
    for (std::size_t i = 0; i != plan_.roots; ++i)
      co_spawn(*s_.pool, root(s_, plan_, i), spawn_handler{request(roots_)});
    await(plan_.moments.front());
    s_.book.stopping = plan_.ends == plan::ending::stops;
    if (s_.book.stopping)
      s_.pool->stop();
  }

  void act(task_group& group) {
    std::vector<std::future<void>> joins;
    const auto join = [&] {
      for (std::size_t i = 0; i != plan_.joiners; ++i)
        joins.push_back(group.join()(asio::use_future));
    };
    std::vector<std::thread> others;
    for (const moment m : plan_.moments)
      others.emplace_back([this, m, &group] { strike(m, group); });
    if (plan_.where.what == fault::deadline && plan_.roots == 0)
      group.cancel_after(plan_.deadline);
    if (plan_.joins_first)
      join();
    std::vector<std::thread> spawners;
    const std::size_t n = plan_.roots == 0 ? plan_.spawners : 1;
    for (std::size_t i = 0; i != n; ++i)
      spawners.emplace_back([this, i, n, &group] {
        if (plan_.roots == 0)
          spawn_some(group, i, n);
        else
          spawn_roots(group);
      });
    for (std::thread& t : spawners)
      t.join();
    if (!plan_.joins_first)
      join();
    // All joiners see the same result.
    const joined first(joins.front());
    for (std::size_t i = 1; i != joins.size(); ++i)
      check(joined(joins[i]) == first, "two joiners saw different ends");
    // Some may have been spawned after that.
    auto last = group.join()(asio::use_future);
    const joined again(last);
    check(again == first || plan_.where.what == fault::stop ||
              plan_.joins_first,
          "the last joiner saw another end");
    for (std::thread& t : others)
      t.join();
    result_ = again;
  }

  // On a thread of its own.
  void strike(moment m, task_group& group) {
    await(m);
    if (plan_.where.what == fault::stop) {
      s_.book.stopping = true;
      s_.pool->stop();
    } else {
      group.cancel();
      s_.book.cancelled = plan_.roots == 0;
    }
  }

  void await(moment m) const {
    const auto latest = std::chrono::steady_clock::now() + m.at_latest;
    while (s_.book.began < m.begun && std::chrono::steady_clock::now() < latest)
      std::this_thread::yield();
    for (volatile std::uint32_t i = 0; i < m.spins;)
      i = i + 1;
  }

  // On a thread of its own: every n-th, from the i-th on.
  void spawn_some(task_group& group, std::size_t i, std::size_t n) {
    for (; i < plan_.errands.size(); i += n)
      spawn(s_, group, plan_.errands[i])(spawn_handler{request(s_.book)});
  }

  void spawn_roots(task_group& group) {
    for (std::size_t i = 0; i != plan_.roots; ++i)
      group.spawn(root(s_, plan_, i))(spawn_handler{request(roots_)});
  }

  void check_group(const task_group_stats& stats);
  void check_end();

  const plan& plan_;
  setting s_;
  ledger roots_; // only its requests
  joined result_;
};

void iteration::check_group(const task_group_stats& stats) {
  const ledger& book = s_.book;
  const fault what = plan_.where.what;
  check(stats.in_flight == 0, "children in flight after the join");
  check(stats.waiting == 0, "spawns wait after the join");
  const std::size_t groups = std::max<std::size_t>(plan_.roots, 1);
  check(plan_.where.cap > 2000 ||
            static_cast<std::size_t>(book.inside.peak()) <=
                plan_.where.cap * groups,
        "more children at once than the cap");
  const std::uint64_t threw = book.ended(child_end::threw);
  if (what == fault::stop) {
    // A child that was unwound may only have been cancelled.
    result_.check_stopped(plan_.roots == 0 &&
                          plan_.cancellation == on_cancel::raise &&
                          book.ended(child_end::dropped) != 0);
  } else {
    check(book.began == book.all_ended(), "a child is still there");
    check(book.alive == 0, "arguments of a child are still there");
    check(book.began <= book.admitted, "a child ran that was refused");
    check(stats.spawned == stats.completed + stats.failed + stats.cancelled,
          "a child did not count, or twice");
    if (plan_.roots == 0) {
      check(stats.failed == threw, "the errors do not add up");
      check(book.hooked == threw, "the error hook missed one");
      check(stats.completed == book.ended(child_end::returned) +
                                   book.ended(child_end::swallowed),
            "the children that returned do not add up");
      check(stats.spawned == book.admitted, "the spawns do not add up");
    }
    result_.check_running(threw != 0, what == fault::deadline);
    settle([&] {
      const runtime_stats now = s_.pool->stats();
      return now.timers == 0 && now.groups == 1 && now.root_tasks == 0;
    });
  }
  if (what == fault::none) {
    check(book.ended(child_end::returned) == book.admitted,
          "not every child returned");
    check(book.refused == 0 || plan_.joins_first, "a spawn was refused");
  }
  result_.note(s_.seen, book, plan_);
}

// The runtime is destroyed, too.
void iteration::check_end() {
  const ledger& book = s_.book;
  check(book.has_answered(), "a spawn has no answer");
  check(roots_.has_answered(), "a root has no answer");
  check(book.alive == 0, "arguments of a child outlived the runtime");
  check(book.began == book.all_ended(), "a child outlived the runtime");
  check(book.inside.inside() == 0, "a slot is still held");
  check(s_.two.in_use() == 0 && s_.two.waiting() == 0, "a permit was lost");
  check(s_.plenty.in_use() == 0, "a permit of many was lost");
  check(s_.holding.inside() == 0, "a permit is still held");
  check(s_.holding.peak() <= 2, "more permits than there are");
  check(s_.box.waiting_senders() == 0 && s_.box.waiting_receivers() == 0 &&
            s_.never.waiting_receivers() == 0,
        "somebody waits on a channel");
  std::uint64_t buffered = 0;
  while (s_.box.try_receive())
    ++buffered;
  if (plan_.cancellation == on_cancel::raise && plan_.where.what != fault::stop)
    check(book.sent == book.received + buffered,
          "a value was lost, or received twice");
  check(book.values == 0, "a value is still there");
}

} // namespace

void run(const plan& p, std::size_t index_of_cell, tally& seen) {
  pauses::begin(p.pauses_seed, p.pauses_one_in);
  iteration one(p, seen);
  one.run();
  pauses::begin(0, 0);
  std::uint64_t faults = p.moments.size();
  if (p.where.what == fault::deadline)
    faults = 1;
  seen.saw(index_of_cell,
           faults + one.book().ended(child_end::threw),
           one.book().began);
}

} // namespace weir::test::threads
