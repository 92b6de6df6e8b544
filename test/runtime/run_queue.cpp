// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A worker's ring. explorer/steal_schedules.cpp runs all schedules of a small
// one.

#include "runtime/run_queue.hpp"

#include "support/sanitized.hpp"
#include "support/watchdog.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::test::of_run_queue {

namespace {

using detail::ready_item;

// Positions begin just below 2^32, so that they wrap around at once.
struct late_sync : detail::std_sync {
  template <typename T>
  class atomic : public std::atomic<T> {
  public:
    constexpr atomic() noexcept : std::atomic<T>(T()) {}
    constexpr atomic(T value) noexcept : std::atomic<T>(begin(value)) {}

  private:
    static constexpr T begin(T value) noexcept {
      if constexpr (std::is_same_v<T, std::uint32_t>)
        return value - 2;
      else
        return value;
    }
  };
};

using queues = boost::mpl::list<detail::basic_run_queue<detail::std_sync, 8>,
                                detail::basic_run_queue<late_sync, 8>>;

struct item : ready_item {
  int number = 0;
  int taken = 0; // written only by the thread that took it
};

std::vector<item> numbered(int count) {
  std::vector<item> all(static_cast<std::size_t>(count));
  for (int i = 0; i != count; ++i)
    all[static_cast<std::size_t>(i)].number = i;
  return all;
}

int number(const ready_item* i) {
  return i == nullptr ? -1 : static_cast<const item*>(i)->number;
}

std::vector<int> chain(const ready_item* first) {
  std::vector<int> all;
  for (; first != nullptr; first = first->ready_next)
    all.push_back(number(first));
  return all;
}

template <typename Queue>
std::vector<int> drain(Queue& queue) {
  std::vector<int> all;
  while (const ready_item* i = queue.pop())
    all.push_back(number(i));
  return all;
}

using numbers = std::vector<int>;
constexpr auto each = boost::test_tools::per_element();

} // namespace

BOOST_AUTO_TEST_SUITE(run_queue)

BOOST_AUTO_TEST_CASE_TEMPLATE(an_empty_queue_has_nothing, Queue, queues) {
  Queue queue;
  Queue other;
  BOOST_TEST(queue.looks_empty());
  BOOST_TEST(queue.size() == 0u);
  BOOST_TEST(queue.pop() == nullptr);
  BOOST_TEST(queue.split() == nullptr);
  BOOST_TEST(queue.steal_into(other) == nullptr);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_oldest_comes_first, Queue, queues) {
  Queue queue;
  auto items = numbered(100);
  int next = 0;
  // Around the ring, with every number of items in it.
  for (int i = 0; i != 100; ++i) {
    BOOST_TEST(queue.push(items[static_cast<std::size_t>(i)]));
    BOOST_TEST(!queue.looks_empty());
    for (; i - next > i % 7; ++next)
      BOOST_TEST(number(queue.pop()) == next);
    BOOST_TEST(queue.size() == static_cast<std::uint32_t>(i + 1 - next));
  }
  while (next != 100)
    BOOST_TEST(number(queue.pop()) == next++);
  BOOST_TEST(queue.looks_empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_full_queue_takes_no_more, Queue, queues) {
  Queue queue;
  auto items = numbered(9);
  for (std::size_t i = 0; i != 8; ++i)
    BOOST_TEST(queue.push(items[i]));
  BOOST_TEST(!queue.push(items[8]));
  BOOST_TEST(queue.size() == 8u);
  BOOST_TEST(number(queue.pop()) == 0);
  BOOST_TEST(queue.push(items[8]));
  BOOST_TEST(drain(queue) == (numbers{1, 2, 3, 4, 5, 6, 7, 8}), each);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(split_takes_the_older_half, Queue, queues) {
  for (int held = 0; held != 9; ++held) {
    Queue queue;
    auto items = numbered(held);
    for (item& i : items)
      queue.push(i);
    numbers expected;
    for (int i = 0; i != held / 2; ++i)
      expected.push_back(i);
    BOOST_TEST(chain(queue.split()) == expected, each);
    expected.clear();
    for (int i = held / 2; i != held; ++i)
      expected.push_back(i);
    BOOST_TEST(drain(queue) == expected, each);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_thief_gets_the_older_half_rounded_up,
                              Queue,
                              queues) {
  for (int held = 1; held != 9; ++held) {
    Queue queue;
    Queue mine;
    auto items = numbered(held);
    for (item& i : items)
      queue.push(i);
    const int stolen = held - held / 2;
    // The call returns the youngest item, the others are in the thief's queue.
    BOOST_TEST(number(queue.steal_into(mine)) == stolen - 1);
    numbers rest = drain(mine);
    BOOST_TEST(rest.size() == static_cast<std::size_t>(stolen - 1));
    for (int i = 0; i != stolen - 1; ++i)
      BOOST_TEST(rest[static_cast<std::size_t>(i)] == i);
    rest = drain(queue);
    BOOST_TEST(rest.size() == static_cast<std::size_t>(held - stolen));
    BOOST_TEST(std::is_sorted(rest.begin(), rest.end()));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(taken_counts_what_left_in_any_way,
                              Queue,
                              queues) {
  Queue queue;
  Queue mine;
  auto items = numbered(8);
  const std::uint32_t before = queue.taken();
  for (item& i : items)
    queue.push(i);
  BOOST_TEST(queue.taken() - before == 0u);
  queue.pop();
  BOOST_TEST(queue.taken() - before == 1u);
  queue.split();
  BOOST_TEST(queue.taken() - before == 4u);
  queue.steal_into(mine);
  BOOST_TEST(queue.taken() - before == 6u);
  BOOST_TEST(queue.size() == 2u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(each_item_is_taken_once_whoever_takes_it,
                              Queue,
                              queues) {
  constexpr int count = sanitized ? 20'000 : 200'000;
  constexpr std::size_t thieves = 3;
  const watchdog limit;
  Queue owners;
  auto items = numbered(count);
  std::atomic<int> left{count};
  std::atomic<int> stolen{0};
  const auto take = [&](ready_item* i) {
    ++static_cast<item*>(i)->taken;
    --left;
  };
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t != thieves; ++t)
    threads.emplace_back([&] {
      Queue mine;
      while (left != 0) {
        if (ready_item* i = owners.steal_into(mine)) {
          ++stolen;
          take(i);
          while ((i = mine.pop()) != nullptr)
            take(i);
        } else {
          std::this_thread::yield();
        }
      }
    });

  int popped = 0;
  int split = 0;
  for (std::size_t n = 0; n != items.size(); ++n) {
    while (!owners.push(items[n])) {
      // Ensures that both happen: the first time, only a thief makes room.
      if (stolen == 0)
        std::this_thread::yield();
      else
        for (ready_item* i = owners.split(); i != nullptr; ++split)
          take(std::exchange(i, i->ready_next));
    }
    if (n % 4 == 0)
      if (ready_item* i = owners.pop()) {
        ++popped;
        take(i);
      }
  }
  while (ready_item* i = owners.pop()) {
    ++popped;
    take(i);
  }
  for (std::thread& t : threads)
    t.join();
  BOOST_TEST(std::all_of(
      items.begin(), items.end(), [](const item& i) { return i.taken == 1; }));
  BOOST_TEST_MESSAGE(popped << " popped, " << split << " split off, " << stolen
                            << " thefts");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_run_queue
