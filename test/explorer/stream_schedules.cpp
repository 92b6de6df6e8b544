// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// An ordered_stream under every schedule: a task that waits for room passes
// through two queues, that of the stream and that of its group.

#include <weir/channel.hpp>
#include <weir/detail/group/stream_round.hpp>
#include <weir/detail/group/stream_steps.hpp>

#include "explorer/expect.hpp"
#include "explorer/group_models.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace weir::test::of_stream {

namespace {

using submitting = outsider<detail::submit_step<int>>;

// Of four tasks the first and the third wait for values, and the second for its
// turn. The last is not submitted yet, because no second result may wait. When
// the first ends, there is room for a result; but the cap is reached until the
// third has ended, too. With `cancels`, the last is withdrawn meanwhile.
template <bool cancels>
class gate_and_slot {
public:
  static constexpr std::size_t threads = cancels ? 3 : 2;

  gate_and_slot() {
    start_child(*round_->group, in_stream(receives(first_)));
    start_child(*round_->group, in_stream(gives(1)));
    start_child(*round_->group, in_stream(receives(third_)));
    run_ready();
    round_->group->set_max_in_flight(2);
    last_.start();
    join_.start();
  }
  void run(std::size_t thread) {
    if (thread == 2) {
      withdrew_ = last_.cancel();
      return;
    }
    if (thread == 0)
      (void)first_.try_send(0);
    else
      (void)third_.try_send(2);
    work_until(join_.done);
  }
  std::string outcome() {
    const std::string error = result_of(join_);
    if (!error.empty())
      return error;
    if (!last_.is_done() || last_.times() != 1)
      return "not told once";
    return seen_.order +
           (withdrew_ || last_.step.ended_by_cancel() ? " left" : " in");
  }

private:
  struct journal final : detail::stream_sink<int> {
    task<> deliver(int&& value) override {
      order += std::to_string(value);
      return {};
    }
    std::string order;
  };

  static task<int> receives(channel<int>& from) {
    co_return *co_await from.receive();
  }
  static task<int> gives(int value) { co_return value; }
  task<> in_stream(task<int> work) {
    return detail::run_in_stream<int>(*round_, std::move(work));
  }

  channel<int> first_{1};
  channel<int> third_{1};
  journal seen_;
  std::shared_ptr<detail::stream_round<int>> round_ =
      std::make_shared<detail::stream_round<int>>(
          engine_executor(), task_group_options{.max_in_flight = 3}, 1u, seen_);
  submitting last_{round_, in_stream(gives(3))};
  joining join_{core_of(*round_->group)};
  bool withdrew_ = false;
};

} // namespace

BOOST_AUTO_TEST_SUITE(stream_schedules)

BOOST_AUTO_TEST_CASE(who_has_room_waits_for_a_slot) {
  expect_outcomes<gate_and_slot<false>>(2, {"0123 in"});
}

BOOST_AUTO_TEST_CASE(who_leaves_on_the_way_to_a_slot_is_told_once) {
  expect_outcomes<gate_and_slot<true>>(1, {"0123 in", "012 left"});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_stream
