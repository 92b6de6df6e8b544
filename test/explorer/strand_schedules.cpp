// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The strand's word under every schedule: two threads submit while the holder
// releases the strand.

#include <weir/detail/task/strand.hpp>

#include "explorer/expect.hpp"
#include "explorer/explore_sync.hpp"
#include "explorer/explorer.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace weir::test::of_strand {

namespace {

using detail::strand_item;

// Thread 0 holds the strand, the others submit an item each.
class two_submit {
public:
  static constexpr std::size_t threads = 3;

  two_submit() {
    for (std::size_t i = 0; i != items_.size(); ++i)
      items_[i].model = this;
  }

  void run(std::size_t thread) {
    if (thread != 0) {
      item& mine = items_[thread - 1];
      if (!strand_.push_or_acquire(mine))
        return;
      run_item(mine, thread);
    }
    do
      for (strand_item* i = strand_.take(); i != nullptr;) {
        strand_item* const next = i->next;
        run_item(static_cast<item&>(*i), thread);
        i = next;
      }
    while (!strand_.try_release());
  }

  std::string outcome() const {
    if (overlapped_)
      return "overlap";
    std::string by;
    for (std::size_t i = 0; i != items_.size(); ++i)
      if (items_[i].runs != 1)
        return items_[i].runs == 0 ? "lost" : "twice";
      else
        by += items_[i].by == 0       ? 'h'  // the first holder
              : items_[i].by == i + 1 ? 's'  // its submitter
                                      : 'o'; // the other submitter
    return by;
  }

private:
  struct item : strand_item {
    item() : strand_item(run_by_the_model) {}
    static constexpr detail::strand_item_kind run_by_the_model = {nullptr};
    two_submit* model = nullptr;
    int runs = 0;
    std::size_t by = 0;
  };

  void run_item(item& i, std::size_t thread) {
    overlapped_ = overlapped_ || inside_;
    inside_ = true;
    explorer::active()->step();
    ++i.runs;
    i.by = thread;
    inside_ = false;
  }

  detail::basic_strand<explore_sync> strand_; // born held
  std::array<item, 2> items_;
  bool inside_ = false;
  bool overlapped_ = false;
};

} // namespace

BOOST_AUTO_TEST_SUITE(strand_schedules)

BOOST_AUTO_TEST_CASE(every_item_runs_once_and_never_beside_another) {
  const auto seen = explored<two_submit>(4);
  for (const auto& [outcome, schedule] : seen.outcomes)
    BOOST_TEST(outcome.find_first_not_of("hso") == std::string::npos,
               outcome << " under " << schedule);
  // By the holder, by its submitter, by the other one: all of it happens.
  for (const char* possible : {"hh", "hs", "sh", "ss", "so", "os"})
    expect(seen, possible);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_strand
