// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// How the scheduler wakes workers, under every schedule: an item that is pushed
// while they leave is taken by some worker.

#include "explorer/expect.hpp"
#include "explorer/explore_sync.hpp"
#include "explorer/explorer.hpp"
#include "runtime/idle_workers.hpp"
#include "runtime/run_queue.hpp"
#include "runtime/shared_queue.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

namespace weir::test::of_wake {

namespace {

using gate = detail::basic_idle_workers<explore_sync>;

enum class omit { nothing, last_look, fence_after_push };

// As scheduler::push() and drain(). Thread 0 pushes, the others are workers
// that look for work and are about to leave.
template <std::size_t workers, std::size_t pushes, omit omitted>
class push_and_leave {
public:
  static constexpr std::size_t threads = 1 + workers;

  push_and_leave() {
    for (std::size_t i = 0; i != workers; ++i) {
      gate_.try_enter();
      gate_.found_work();
    }
    for (std::size_t i = 0; i != workers; ++i)
      gate_.search();
  }

  void run(std::size_t thread) {
    if (thread == 0)
      for (detail::ready_item& i : items_)
        push(i);
    else
      drain(stolen_[thread - 1]);
  }

  std::string outcome() const {
    std::size_t taken = 0;
    bool posted = false;
    bool last_look_found = false;
    for (const notes& n : notes_) {
      taken += n.taken;
      posted = posted || n.posted;
      last_look_found = last_look_found || n.last_look_found;
    }
    if (taken == pushes)
      return last_look_found ? "seen by the last look" : "seen by the search";
    return posted ? "woken" : "lost";
  }

private:
  using queue = detail::basic_run_queue<explore_sync, 4>;
  struct notes {
    std::size_t taken = 0;
    bool posted = false;
    bool last_look_found = false;
  };
  notes& mine() { return notes_[explorer::thread()]; }

  void push(detail::ready_item& item) {
    queue_.push(item);
    if (omitted != omit::fence_after_push)
      explore_sync::fence_seq_cst();
    notify();
  }
  void notify() {
    if (gate_.try_enter())
      mine().posted = true; // A worker will come and find what is left.
  }

  void drain(queue& own) {
    for (bool searching = true;;) {
      detail::ready_item* item = searching ? nullptr : own.pop();
      if (item == nullptr) {
        if (!searching)
          gate_.search();
        searching = true;
        item = queue_.steal_into(own);
      }
      if (item == nullptr) {
        const bool is_nap = gate_.leave(true).is_nap;
        if (omitted == omit::last_look)
          return;
        explore_sync::fence_seq_cst();
        if (!(is_nap ? has_stranded_work() : has_work()) || !gate_.try_enter())
          return;
        mine().last_look_found = true;
        continue;
      }
      if (searching) {
        searching = false;
        if (gate_.found_work() && has_work()) {
          explore_sync::fence_seq_cst();
          notify();
        }
      }
      ++mine().taken;
    }
  }

  // The pusher is inside no drain().
  bool has_stranded_work() const { return !queue_.looks_empty(); }
  bool has_work() const {
    if (has_stranded_work())
      return true;
    for (const queue& q : stolen_)
      if (!q.looks_empty())
        return true;
    return false;
  }

  gate gate_{workers + 1};
  queue queue_; // the pusher's
  std::array<queue, workers> stolen_;
  std::array<detail::ready_item, pushes> items_;
  std::array<notes, threads> notes_; // each thread's
};

// As scheduler::push_again() and next(). Thread 0 is a worker whose task puts a
// chain into the shared queue and yields, which wakes no worker; then the
// worker takes from the shared queue and does not return. Thread 1 is a worker
// about to leave.
template <std::size_t chained>
class yield_and_take {
public:
  static constexpr std::size_t threads = 2;

  yield_and_take() {
    for (std::size_t i = 0; i != threads; ++i) {
      gate_.try_enter();
      gate_.found_work();
    }
    gate_.search();
    for (std::size_t i = 0; i + 1 < chained; ++i)
      chain_[i].ready_next = &chain_[i + 1];
    chain_[chained - 1].ready_next = nullptr;
  }

  void run(std::size_t thread) {
    if (thread == 0)
      yield();
    else
      leave();
  }

  std::string outcome() const {
    const std::size_t taken = taken_[0] + taken_[1];
    if (taken == chained + 1)
      return "seen by the other";
    if (posted_[0] || posted_[1])
      return "woken";
    return gate_.is_napping() ? "left to the nap" : "lost";
  }

private:
  using queue = detail::basic_run_queue<explore_sync, 4>;

  void notify(std::size_t thread) {
    explore_sync::fence_seq_cst();
    if (gate_.try_enter())
      posted_[thread] = true;
  }

  void yield() {
    shared_.push(chain_[0]);
    notify(0);
    queue_.push(yielding_);
    if (take_shared(queue_, 0) != nullptr || queue_.pop() != nullptr)
      ++taken_[0];
  }

  void leave() {
    do {
      while (take_one())
        ++taken_[1];
      (void)gate_.leave(true); // It naps, as thread 0 is active.
      explore_sync::fence_seq_cst();
    } while (!shared_.looks_empty() && gate_.try_enter());
  }
  bool take_one() {
    return own_.pop() != nullptr || take_shared(own_, 1) != nullptr ||
           queue_.steal_into(own_) != nullptr;
  }

  detail::ready_item* take_shared(queue& own, std::size_t thread) {
    detail::ready_item* const first = shared_.pop();
    if (first == nullptr || first->ready_next == nullptr)
      return first;
    for (detail::ready_item* rest = first->ready_next; rest != nullptr;)
      own.push(*std::exchange(rest, rest->ready_next));
    notify(thread);
    return first;
  }

  gate gate_{threads};
  detail::basic_shared_queue<explore_sync> shared_;
  queue queue_; // of thread 0
  queue own_;   // of thread 1
  detail::ready_item yielding_;
  std::array<detail::ready_item, chained> chain_;
  std::array<std::size_t, threads> taken_{};
  std::array<bool, threads> posted_{};
};

// As scheduler::push() and drain(), when a worker naps or may begin to. Thread
// 0 is an active worker whose task makes another one ready and does not return.
// Thread 1 is a worker that searches; thread 2 ends the nap that was pending at
// first. A thread from outside has pushed a task, too, if there is
// `other_work`; who finds it does not return.
enum class at_first { searches, naps, naps_and_searches };
template <at_first begin, bool other_work, bool watches_after_a_find>
class push_beside_a_nap {
public:
  static constexpr std::size_t threads = begin == at_first::searches ? 2 : 3;

  push_beside_a_nap() {
    (void)gate_.try_enter(); // thread 0
    (void)gate_.found_work();
    if (begin != at_first::searches) {
      (void)gate_.try_enter();
      (void)gate_.leave(true);
    }
    if (begin != at_first::naps)
      (void)gate_.try_enter(); // thread 1
    if (other_work)
      shared_.push(other_);
  }

  void run(std::size_t thread) {
    if (thread == 0)
      push();
    else if (thread == 2)
      end_watch();
    else if (begin != at_first::naps)
      search();
  }

  std::string outcome() {
    for (const notes& n : notes_)
      if (n.taken)
        return "seen by the search";
    for (const notes& n : notes_)
      if (n.posted)
        return "woken";
    // True: there is no watch.
    return gate_.watch() ? "lost" : "left to the watch";
  }

private:
  using queue = detail::basic_run_queue<explore_sync, 4>;
  struct notes {
    bool taken = false;
    bool posted = false;
  };
  notes& mine() { return notes_[explorer::thread()]; }

  void push() {
    queue_.push(item_);
    if (!gate_.is_napping())
      notify();
  }
  void notify() {
    explore_sync::fence_seq_cst();
    if (gate_.try_enter())
      mine().posted = true;
  }
  void end_watch() {
    if (gate_.end_watch())
      search();
  }
  void search() {
    if (shared_.pop() != nullptr) {
      if (gate_.found_work()) {
        explore_sync::fence_seq_cst();
        if (!queue_.looks_empty())
          notify();
        if (watches_after_a_find)
          (void)gate_.watch();
      }
      return;
    }
    queue own;
    if (queue_.steal_into(own) != nullptr) {
      mine().taken = true;
      return;
    }
    const bool is_nap = gate_.leave(true).is_nap;
    explore_sync::fence_seq_cst();
    if (!is_nap && !queue_.looks_empty())
      notify();
  }

  gate gate_{3};
  detail::basic_shared_queue<explore_sync> shared_;
  queue queue_; // of thread 0
  detail::ready_item item_;
  detail::ready_item other_;
  std::array<notes, 3> notes_{};
};

void is_found(const explorer::report& seen,
              std::initializer_list<const char*> possible) {
  for (const auto& [outcome, schedule] : seen.outcomes)
    BOOST_TEST((outcome != "lost" && outcome != "stuck"),
               outcome << " under " << schedule);
  for (const char* each : possible)
    expect(seen, each);
}

void nothing_is_lost(const explorer::report& seen) {
  for (const auto& [outcome, schedule] : seen.outcomes)
    BOOST_TEST((outcome != "lost" && outcome != "stuck"),
               outcome << " under " << schedule);
  for (const char* possible :
       {"seen by the search", "seen by the last look", "woken"})
    expect(seen, possible);
}

} // namespace

BOOST_AUTO_TEST_SUITE(wake_schedules)

BOOST_AUTO_TEST_CASE(a_push_beside_a_leaving_worker_is_not_lost) {
  nothing_is_lost(explored<push_and_leave<1, 1, omit::nothing>>(4));
}

BOOST_AUTO_TEST_CASE(pushes_beside_two_leaving_workers_are_not_lost) {
  nothing_is_lost(explored<push_and_leave<2, 2, omit::nothing>>(2));
}

BOOST_AUTO_TEST_CASE(without_the_last_look_a_push_is_lost) {
  const auto seen = explored<push_and_leave<1, 1, omit::last_look>>(2);
  expect(seen, "lost");
}

BOOST_AUTO_TEST_CASE(without_the_fence_after_it_a_push_is_lost) {
  const auto seen = explored<push_and_leave<1, 1, omit::fence_after_push>>(2);
  expect(seen, "lost");
}

BOOST_AUTO_TEST_CASE(a_task_that_yields_beside_a_leaving_worker_is_not_lost) {
  for (const auto& seen :
       {explored<yield_and_take<1>>(4), explored<yield_and_take<2>>(4)}) {
    for (const auto& [outcome, schedule] : seen.outcomes)
      BOOST_TEST((outcome != "lost" && outcome != "stuck"),
                 outcome << " under " << schedule);
    expect(seen, "seen by the other");
    expect(seen, "left to the nap");
  }
}

BOOST_AUTO_TEST_CASE(a_push_beside_a_worker_that_begins_a_nap_is_not_lost) {
  is_found(explored<push_beside_a_nap<at_first::searches, false, true>>(4),
           {"seen by the search", "woken", "left to the watch"});
}

BOOST_AUTO_TEST_CASE(a_push_beside_the_end_of_a_nap_is_not_lost) {
  is_found(explored<push_beside_a_nap<at_first::naps, false, true>>(4),
           {"seen by the search", "left to the watch"});
  is_found(
      explored<push_beside_a_nap<at_first::naps_and_searches, false, true>>(3),
      {"seen by the search", "left to the watch"});
}

BOOST_AUTO_TEST_CASE(a_push_beside_a_search_that_finds_other_work_is_not_lost) {
  is_found(explored<push_beside_a_nap<at_first::naps, true, true>>(4),
           {"woken", "left to the watch"});
  is_found(
      explored<push_beside_a_nap<at_first::naps_and_searches, true, true>>(3),
      {"woken", "left to the watch"});
}

BOOST_AUTO_TEST_CASE(without_a_watch_after_other_work_was_found_it_is_lost) {
  const auto seen = explored<push_beside_a_nap<at_first::naps, true, false>>(4);
  expect(seen, "lost");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_wake
