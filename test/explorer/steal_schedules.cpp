// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A worker's ring and its deque under every schedule: the owner pushes, pops
// and splits while others steal.

#include "explorer/expect.hpp"
#include "explorer/explore_sync.hpp"
#include "explorer/explorer.hpp"
#include "runtime/run_queue.hpp"
#include "runtime/work_deque.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

namespace weir::test::of_steal {

namespace {

using detail::ready_item;

// The tasks of a model, each with how it was taken.
template <std::size_t items>
class taken_items {
public:
  // By the o(wner), s(plit off), by a t(hief).
  std::string outcome() const {
    std::string by;
    for (const item& i : items_)
      if (i.taken.size() != 1)
        return i.taken.empty() ? "lost" : "twice";
      else
        by += i.taken;
    return by;
  }

protected:
  struct item : ready_item {
    std::string taken;
  };

  static void take(ready_item* i, char by) {
    static_cast<item*>(i)->taken += by;
  }
  // The owner; splits a full queue.
  template <typename Queue>
  static void push(Queue& to, item& i) {
    while (!to.push(i)) {
      ready_item* first = to.split();
      while (first != nullptr)
        take(std::exchange(first, first->ready_next), 's');
    }
  }

  std::array<item, items> items_;
};

template <std::size_t thieves, std::size_t items>
class ring : public taken_items<items> {
public:
  static constexpr std::size_t threads = 1 + thieves;

  void run(std::size_t thread) {
    if (thread == 0)
      own();
    else
      steal(queues_[thread]);
  }

private:
  using queue = detail::basic_run_queue<explore_sync, 4>;

  void own() {
    for (auto& i : this->items_)
      this->push(queues_[0], i);
    while (ready_item* i = queues_[0].pop())
      this->take(i, 'o');
  }

  void steal(queue& mine) {
    ready_item* i = queues_[0].steal_into(mine);
    for (; i != nullptr; i = mine.pop())
      this->take(i, 't');
  }

  std::array<queue, threads> queues_; // the owner's first
};

// What the owner of a deque does when it has pushed all items but the last.
enum class last_push {
  on_top,
  below_one, // the newest
  below_all,
};

template <std::size_t thieves, std::size_t items, last_push last>
class deque : public taken_items<items> {
public:
  static constexpr std::size_t threads = 1 + thieves;

  void run(std::size_t thread) {
    if (thread == 0)
      own();
    else
      while (ready_item* const i = deque_.steal())
        this->take(i, 't');
  }

private:
  void own() {
    for (std::size_t i = 0; i + 1 != items; ++i)
      this->push(deque_, this->items_[i]);
    auto& newest = this->items_[items - 1];
    const std::uint32_t below = last == last_push::below_one ? 1 : items;
    if (last == last_push::on_top || !deque_.push_below(newest, below))
      this->push(deque_, newest);
    while (ready_item* const i = deque_.pop(false))
      this->take(i, 'o');
  }

  detail::basic_work_deque<explore_sync, 4> deque_;
};

// Explores, and checks that nothing is lost and every outcome in `possible`
// happens.
template <typename Model>
void explore(unsigned faults, std::initializer_list<const char*> possible) {
  const explorer::report seen = explored<Model>(faults);
  for (const auto& [outcome, schedule] : seen.outcomes)
    BOOST_TEST(outcome.find_first_not_of("ost") == std::string::npos,
               outcome << " under " << schedule);
  for (const char* outcome : possible)
    expect(seen, outcome);
}

} // namespace

BOOST_AUTO_TEST_SUITE(steal_schedules)

BOOST_AUTO_TEST_CASE(an_item_goes_to_the_owner_or_to_the_thief) {
  explore<ring<1, 2>>(3, {"oo", "to", "ot"});
}

// One item more than the ring holds: the owner splits, and goes around.
BOOST_AUTO_TEST_CASE(a_slot_is_used_again_while_a_thief_reads_it) {
  explore<ring<1, 5>>(2, {"ssooo", "ttooo", "tsooo", "sstoo"});
}

BOOST_AUTO_TEST_CASE(two_thieves_share_without_taking_twice) {
  explore<ring<2, 3>>(2, {"ooo", "tto", "tot"});
}

BOOST_AUTO_TEST_CASE(the_newest_goes_to_the_owner_or_the_oldest_to_the_thief) {
  explore<deque<1, 2, last_push::on_top>>(3, {"oo", "to", "tt"});
}

BOOST_AUTO_TEST_CASE(a_slot_of_a_deque_is_used_again_while_a_thief_reads_it) {
  explore<deque<1, 5, last_push::on_top>>(2, {"ssooo", "ttooo", "stooo"});
}

BOOST_AUTO_TEST_CASE(two_thieves_of_a_deque_share_without_taking_twice) {
  explore<deque<2, 3, last_push::on_top>>(2, {"ooo", "too", "tto"});
}

BOOST_AUTO_TEST_CASE(tasks_are_moved_beside_a_thief) {
  explore<deque<1, 3, last_push::below_one>>(3, {"ooo", "too"});
  explore<deque<1, 3, last_push::below_all>>(3, {"ooo", "oot", "too"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_steal
