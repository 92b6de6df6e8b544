// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What one thread hands to another through the engine's words and locks, the
// other sees: plain data on both sides, for ThreadSanitizer to look at.

#include <weir/detail/base/sync.hpp>
#include <weir/detail/sync/channel_impl.hpp>
#include <weir/detail/task/strand.hpp>

#include "group/slot_counter.hpp"
#include "runtime/run_queue.hpp"
#include "runtime/work_deque.hpp"
#include "support/watchdog.hpp"
#include "sync/permit_counter.hpp"

#include <boost/mp11/list.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <thread>

namespace weir::test::of_hand_over {

namespace {

using detail::std_sync;
using slots = detail::slot_counter;

constexpr int rounds = 100;

template <typename Work>
void until_true(Work work) {
  while (!work())
    std::this_thread::yield();
}

bool leave(slots& word) {
  bool idle = false;
  detail::group_waiter* joiner = nullptr;
  return word.try_leave(idle, joiner) == slots::exit::left;
}

struct numbered_item : detail::strand_item {
  numbered_item() : strand_item(not_run) {}
  static constexpr detail::strand_item_kind not_run = {nullptr};
  int number = -1;
};

struct numbered_task : detail::ready_item {
  int number = -1;
};

struct watched {
  watchdog dog;
};

// The permits' word, as a limiter uses it: `inside` may be used by the holder
// of the only permit, or under the lock while the permit is free.
struct counted_inside {
  detail::basic_permit_counter<std_sync> word{1};
  int inside = 0;

  void by_permit() {
    until_true([this] { return word.try_take(1); });
    ++inside;
    until_true([this] { return word.try_give(1); });
  }
  void by_lock() {
    until_true([this] {
      const std::optional<std::size_t> free = word.lock();
      if (*free == 1)
        ++inside;
      word.unlock(free);
      return *free == 1;
    });
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(hand_over, watched)

BOOST_AUTO_TEST_CASE(a_group_sees_what_its_children_did) {
  for (int round = 0; round != rounds; ++round) {
    slots word(2);
    slots::counts now{};
    std::array<int, 2> results{};
    (void)word.try_enter(now);
    (void)word.try_enter(now);
    const auto child = [&](std::size_t i) {
      results[i] = round;
      until_true([&] { return leave(word); });
    };
    std::thread first(child, 0);
    std::thread second(child, 1);
    int sum = 0;
    until_true([&] {
      const slots::counts left = word.lock();
      if (left.running == 0)
        sum = results[0] + results[1];
      (void)word.unlock(left, false, 2);
      return left.running == 0;
    });
    first.join();
    second.join();
    BOOST_TEST_REQUIRE(sum == 2 * round);
  }
}

BOOST_AUTO_TEST_CASE(a_child_sees_what_was_done_before_it_entered) {
  for (int round = 0; round != rounds; ++round) {
    slots word(1);
    int decided = -1;
    int seen = -1;
    const slots::counts none = word.lock();
    std::thread child([&] {
      slots::counts now{};
      until_true([&] { return word.try_enter(now) == slots::entry::entered; });
      seen = decided;
    });
    decided = round;
    (void)word.unlock(none, false, 1);
    child.join();
    BOOST_TEST_REQUIRE(seen == round);
  }
}

// Otherwise the end of a runtime might wait for a group whose last child did
// not see that the end waits.
BOOST_AUTO_TEST_CASE(a_child_that_leaves_sees_who_looked_for_it) {
  for (int round = 0; round != rounds; ++round) {
    slots word(1);
    slots::counts now{};
    (void)word.try_enter(now);
    int waits = -1;
    int seen = -1;
    const slots::counts one = word.lock();
    std::thread child([&] {
      until_true([&] { return leave(word); });
      seen = waits;
    });
    waits = round;
    (void)word.unlock(one, false, 1);
    child.join();
    BOOST_TEST_REQUIRE(seen == round);
  }
}

BOOST_AUTO_TEST_CASE(a_permit_passes_on_what_was_done_with_it) {
  counted_inside limited;
  const auto by_permit = [&] {
    for (int round = 0; round != rounds; ++round)
      limited.by_permit();
  };
  std::thread first(by_permit);
  std::thread second(by_permit);
  first.join();
  second.join();
  BOOST_TEST(limited.inside == 2 * rounds);
}

BOOST_AUTO_TEST_CASE(a_permit_passes_on_what_was_done_under_the_lock) {
  for (int round = 0; round != rounds; ++round) {
    counted_inside limited;
    std::thread first([&] { limited.by_lock(); });
    std::thread second([&] { limited.by_permit(); });
    first.join();
    second.join();
    BOOST_TEST_REQUIRE(limited.inside == 2);
  }
}

BOOST_AUTO_TEST_CASE(a_lock_passes_on_what_was_done_under_it) {
  detail::spin_lock lock;
  int inside = 0;
  const auto by_lock = [&] {
    for (int round = 0; round != rounds; ++round) {
      lock.lock();
      ++inside;
      lock.unlock();
    }
  };
  std::thread first(by_lock);
  std::thread second(by_lock);
  first.join();
  second.join();
  BOOST_TEST(inside == 2 * rounds);
}

BOOST_AUTO_TEST_CASE(a_holder_sees_the_item_pushed_to_it) {
  for (int round = 0; round != rounds; ++round) {
    numbered_item item;
    detail::strand held; // by this thread
    std::thread other([&] {
      item.number = round;
      held.push_as_holder(item);
    });
    detail::strand_item* taken = nullptr;
    until_true([&] { return (taken = held.take()) != nullptr; });
    BOOST_TEST_REQUIRE(static_cast<numbered_item*>(taken)->number == round);
    other.join();
  }
}

BOOST_AUTO_TEST_CASE(the_next_holder_sees_what_the_last_one_did) {
  for (int round = 0; round != rounds; ++round) {
    int number = -1;
    int seen = -1;
    bool acquired = false;
    numbered_item item;
    detail::strand word; // held by this thread
    std::atomic<bool> is_free{false};
    std::thread other([&] {
      // relaxed: orders nothing but the time.
      until_true([&] { return is_free.load(std::memory_order_relaxed); });
      acquired =
          round % 2 == 0 ? word.try_acquire() : word.push_or_acquire(item);
      seen = number;
    });
    number = round;
    const bool released = word.try_release();
    is_free.store(true, std::memory_order_relaxed); // as above
    other.join();
    BOOST_TEST_REQUIRE((released && acquired));
    BOOST_TEST_REQUIRE(seen == round);
  }
}

BOOST_AUTO_TEST_CASE(a_thief_sees_the_task_it_steals) {
  for (int round = 0; round != rounds; ++round) {
    numbered_task task;
    detail::run_queue queue;
    detail::run_queue mine;
    std::thread owner([&] {
      task.number = round;
      (void)queue.push(task);
    });
    detail::ready_item* stolen = nullptr;
    until_true([&] { return (stolen = queue.steal_into(mine)) != nullptr; });
    BOOST_TEST_REQUIRE(static_cast<numbered_task*>(stolen)->number == round);
    owner.join();
  }
}

BOOST_AUTO_TEST_CASE(a_thief_sees_the_task_it_steals_from_a_deque) {
  for (int round = 0; round != rounds; ++round) {
    numbered_task task;
    detail::work_deque deque;
    std::thread owner([&] {
      task.number = round;
      (void)deque.push(task);
    });
    detail::ready_item* stolen = nullptr;
    until_true([&] { return (stolen = deque.steal()) != nullptr; });
    BOOST_TEST_REQUIRE(static_cast<numbered_task*>(stolen)->number == round);
    owner.join();
  }
}

// Moved outside of a channel's lock, where an int is moved under it.
struct moved_apart {
  moved_apart(int n) : number(n) {}
  moved_apart(moved_apart&& other) noexcept : number(other.number) {}
  operator int() const { return number; }
  int number;
};
using sent_types = boost::mp11::mp_list<int, moved_apart>;

BOOST_AUTO_TEST_CASE_TEMPLATE(a_receiver_sees_the_value, T, sent_types) {
  for (int round = 0; round != rounds; ++round) {
    detail::channel_core<T> channel(1);
    int value = -1;
    std::thread receiver([&] {
      until_true([&] {
        const std::optional<T> got = channel.try_receive();
        value = got ? int(*got) : -1;
        return got.has_value();
      });
    });
    const send_status sent = channel.try_send(T(round));
    receiver.join();
    BOOST_TEST_REQUIRE((sent == send_status::sent));
    BOOST_TEST_REQUIRE(value == round);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_sender_gets_the_empty_room, T, sent_types) {
  for (int round = 0; round != rounds; ++round) {
    detail::channel_core<T> channel(1);
    BOOST_TEST_REQUIRE((channel.try_send(T(round)) == send_status::sent));
    std::thread sender([&] {
      until_true(
          [&] { return channel.try_send(T(-round)) == send_status::sent; });
    });
    const std::optional<T> first = channel.try_receive();
    sender.join();
    BOOST_TEST_REQUIRE(int(first.value()) == round);
    BOOST_TEST_REQUIRE(int(channel.try_receive().value()) == -round);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_hand_over
