// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "tally.hpp"

#include "pausing_sync.hpp"

namespace weir::test::threads {

namespace {

std::uint64_t at(const auto& ends, std::size_t p, child_end e) {
  return ends[p][static_cast<std::size_t>(e)];
}

} // namespace

std::string tally::missing() const {
  std::string all;
  const auto add = [&](const std::string& what) {
    all += "  never happened: " + what + '\n';
  };
  for (std::size_t i = 0; i != cells; ++i)
    if (!seen_[i]) {
      const cell c = cell::at(i);
      add(std::to_string(c.threads) + " threads, cap " + std::to_string(c.cap) +
          ", " + fault_names[static_cast<std::size_t>(c.what)]);
    }
  for (std::size_t i = 0; i != outcome_names.size(); ++i)
    if (outcomes_[i] == 0)
      add(outcome_names[i]);
  for (std::size_t p = 0; p != places; ++p) {
    const std::string in = std::string(" in ") + place_names[p];
    if (at(ends_, p, child_end::returned) == 0)
      add("a child returned" + in);
    if (static_cast<place>(p) == place::nowhere)
      continue;
    // The end of the runtime cancels an asio::awaitable, which is then resumed.
    const child_end cut = static_cast<place>(p) == place::asio_child
                              ? child_end::aborted
                              : child_end::dropped;
    if (at(stopped_, p, cut) == 0)
      add("a child was cut off" + in);
    // A child in a shield is cancelled after it.
    if (static_cast<place>(p) == place::shield)
      continue;
    if (at(ends_, p, child_end::aborted) == 0)
      add("a child was cancelled" + in);
  }
  if (pauses::taken() == 0)
    add("a pause");
  return all;
}

std::uint64_t tally::total(child_end e) const {
  std::uint64_t sum = 0;
  for (std::size_t p = 0; p != places; ++p)
    sum += at(ends_, p, e) + at(stopped_, p, e);
  return sum;
}

std::string tally::line() const {
  std::string s = "prove: threads";
  const auto add = [&](const char* key, std::uint64_t value) {
    s += std::string(" ") + key + '=' + std::to_string(value);
  };
  add("iterations", iterations_);
  add("cells", seen_.count());
  add("tasks", tasks_);
  add("faults", faults_);
  add("returned", total(child_end::returned));
  add("aborted", total(child_end::aborted));
  add("dropped", total(child_end::dropped));
  add("threw", total(child_end::threw));
  add("swallowed", total(child_end::swallowed));
  add("pauses", pauses::taken());
  return s;
}

} // namespace weir::test::threads
