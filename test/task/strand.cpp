// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The strand's word alone. explorer/strand_schedules.cpp runs all its
// schedules.

#include <weir/detail/task/strand.hpp>

#include "support/sanitized.hpp"
#include "support/watchdog.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace weir::test::of_strand {

namespace {

using detail::strand_item;

struct item : strand_item {
  item() : strand_item(kind) {}
  static constexpr detail::strand_item_kind kind = {
      [](strand_item&, how) noexcept {}};
};

// The items of a chain, in order.
std::vector<const strand_item*> chain(const strand_item* first) {
  std::vector<const strand_item*> all;
  for (; first != nullptr; first = first->next)
    all.push_back(first);
  return all;
}

using items = std::vector<const strand_item*>;

// A strand that guards a log without any other synchronisation.
struct guarded_log {
  struct entry : strand_item {
    entry() : strand_item(kind) {}
    static void run_it(strand_item& i, how) noexcept { add(i); }
    static constexpr detail::strand_item_kind kind = {&entry::run_it};
    guarded_log* log = nullptr;
    std::size_t pusher = 0;
    std::size_t number = 0;
    entry* another = nullptr; // pushed by this one
  };

  static void add(strand_item& i) noexcept {
    auto& e = static_cast<entry&>(i);
    e.log->seen.push_back(&e);
    if (e.another != nullptr)
      e.log->word.push_as_holder(*e.another);
  }

  // As a task does: run the entry, then those that arrived meanwhile, then
  // release.
  void submit(entry& e) {
    if (!word.push_or_acquire(e))
      return;
    e.run(strand_item::how::run);
    do
      for (strand_item* i = word.take(); i != nullptr;) {
        strand_item* next = i->next;
        i->run(strand_item::how::run);
        i = next;
      }
    while (!word.try_release());
  }

  detail::strand word;
  std::vector<const entry*> seen; // by the holder of `word`
};

} // namespace

BOOST_AUTO_TEST_SUITE(strand)

BOOST_AUTO_TEST_CASE(a_new_strand_is_held) {
  detail::strand s;
  BOOST_TEST(!s.try_acquire());
  BOOST_TEST(s.take() == nullptr);
  BOOST_TEST(s.try_release());
}

BOOST_AUTO_TEST_CASE(an_idle_strand_can_be_acquired_once) {
  detail::strand s;
  for (int round = 0; round != 3; ++round) {
    BOOST_TEST(s.try_release());
    BOOST_TEST(s.try_acquire());
    BOOST_TEST(!s.try_acquire());
  }
}

BOOST_AUTO_TEST_CASE(pushing_to_an_idle_strand_acquires_and_queues_nothing) {
  detail::strand s;
  item a;
  BOOST_TEST(s.try_release());
  BOOST_TEST(s.push_or_acquire(a));
  BOOST_TEST(!s.try_acquire());
  BOOST_TEST(s.take() == nullptr);
  BOOST_TEST(s.try_release());
}

BOOST_AUTO_TEST_CASE(items_pushed_to_a_held_strand_come_oldest_first) {
  detail::strand s;
  item a;
  item b;
  item c;
  BOOST_TEST(!s.push_or_acquire(a));
  BOOST_TEST(!s.push_or_acquire(b));
  s.push_as_holder(c);
  BOOST_TEST(chain(s.take()) == (items{&a, &b, &c}),
             boost::test_tools::per_element());
  BOOST_TEST(s.take() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_strand_with_items_is_not_released) {
  detail::strand s;
  item a;
  BOOST_TEST(!s.push_or_acquire(a));
  BOOST_TEST(!s.try_release());
  BOOST_TEST(!s.try_acquire());
  BOOST_TEST(chain(s.take()) == (items{&a}), boost::test_tools::per_element());
  BOOST_TEST(s.try_release());
  BOOST_TEST(s.try_acquire());
}

BOOST_AUTO_TEST_CASE(what_comes_while_items_run_waits_for_the_next_take) {
  detail::strand s;
  item a;
  item b;
  BOOST_TEST(!s.push_or_acquire(a));
  strand_item* const first = s.take();
  BOOST_TEST(!s.push_or_acquire(b));
  BOOST_TEST(chain(first) == (items{&a}), boost::test_tools::per_element());
  BOOST_TEST(chain(s.take()) == (items{&b}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_item_can_be_queued_again_once_it_was_taken) {
  detail::strand s;
  item a;
  item b;
  for (int round = 0; round != 3; ++round) {
    BOOST_TEST(!s.push_or_acquire(a));
    BOOST_TEST(!s.push_or_acquire(b));
    BOOST_TEST(chain(s.take()) == (items{&a, &b}),
               boost::test_tools::per_element());
  }
  BOOST_TEST(s.try_release());
}

BOOST_AUTO_TEST_CASE(one_thread_at_a_time_runs_every_item_in_order_of_push) {
  constexpr std::size_t each = sanitized ? 5000 : 50'000;
  for (std::size_t threads : {2, 3, 4}) {
    BOOST_TEST_CONTEXT(threads << " threads") {
      const watchdog limit;
      guarded_log log;
      log.seen.reserve(threads * each);
      // Half are pushed by threads, and each of them pushes one as holder.
      std::vector<std::vector<guarded_log::entry>> entries(threads);
      for (std::size_t t = 0; t != threads; ++t) {
        entries[t] = std::vector<guarded_log::entry>(each);
        for (std::size_t n = 0; n != each; ++n) {
          entries[t][n].log = &log;
          entries[t][n].pusher = t;
          entries[t][n].number = n;
          if (n % 2 == 0)
            entries[t][n].another = &entries[t][n + 1];
        }
      }
      BOOST_TEST(log.word.try_release());
      std::atomic<bool> go{false};
      std::vector<std::thread> pushers;
      for (std::size_t t = 0; t != threads; ++t)
        pushers.emplace_back([&, t] {
          while (!go)
            std::this_thread::yield();
          for (std::size_t n = 0; n != each; n += 2)
            log.submit(entries[t][n]);
        });
      go = true;
      for (std::thread& p : pushers)
        p.join();

      BOOST_TEST(log.seen.size() == threads * each);
      std::vector<std::size_t> evens(threads);
      std::vector<std::size_t> odds(threads);
      bool in_order = true;
      for (const guarded_log::entry* e : log.seen) {
        std::size_t& count = (e->number % 2 == 0 ? evens : odds)[e->pusher];
        in_order = in_order && e->number / 2 == count++;
      }
      BOOST_TEST(in_order);
      BOOST_TEST(log.word.try_acquire()); // It was released at the end.
      BOOST_TEST(log.word.take() == nullptr);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_item_runs_by_its_pusher_or_by_the_holder) {
  // Which of the two happens depends on the threads, so both are forced here.
  guarded_log log;
  guarded_log::entry a;
  guarded_log::entry b;
  a.log = b.log = &log;
  log.submit(a); // Held, by us.
  BOOST_TEST(log.seen.empty());
  std::thread([&] { log.submit(b); }).join();
  BOOST_TEST(log.seen.empty());
  for (strand_item* i = log.word.take(); i != nullptr; i = i->next)
    i->run(strand_item::how::run);
  BOOST_TEST((log.seen == std::vector<const guarded_log::entry*>{&a, &b}));
  BOOST_TEST(log.word.try_release());
  std::thread([&] { log.submit(a); }).join();
  BOOST_TEST(log.seen.size() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_strand
