// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "plan.hpp"

#include "chance.hpp"
#include "support/sanitized.hpp"

#include <algorithm>
#include <array>

namespace weir::test::threads {

namespace {

// Sanitizers slow everything down.
constexpr std::size_t slowness = sanitized ? 5 : 1;

std::size_t children(chance& random, std::size_t cap) {
  if (random.one_in(16))
    return cap >= 1000 ? 100 + random.below(1100) : 40 + random.below(60);
  return 1 + random.below(random.one_in(2) ? 4 : 30);
}

bool ends_whatever_they_do(fault f) {
  return f == fault::cancel || f == fault::deadline || f == fault::stop ||
         f == fault::swallow;
}

std::vector<errand> draw_errands(chance& random, cell where) {
  const bool is_uniform = random.one_in(2);
  const auto everywhere = static_cast<place>(random.below(places));
  const std::uint32_t longest = std::array{1u, 40u, 300u}[random.below(3)];
  std::size_t waits_one_in = 0; // for ever
  if (ends_whatever_they_do(where.what))
    waits_one_in = std::array<std::size_t, 3>{0, 4, 1}[random.below(3)];
  std::vector<errand> all(children(random, where.cap));
  for (std::size_t i = 0; i != all.size(); ++i)
    all[i] = {
        is_uniform ? everywhere : static_cast<place>(random.below(places)),
        errand::then::returns,
        waits_one_in != 0 && random.one_in(waits_one_in),
        where.what == fault::swallow && random.one_in(2),
        static_cast<std::uint32_t>(random.below(longest)),
        static_cast<std::uint32_t>(i),
    };
  const auto fails = [&](errand::then how) {
    errand& e = all[random.below(all.size())];
    e.at_end = how;
    if (e.where == place::spawn || e.where == place::channel)
      e.where = place::checkpoint;
  };
  if (where.what == fault::throws)
    for (std::size_t n = 1 + random.below(2); n != 0; --n)
      fails(errand::then::throws);
  if (where.what == fault::bad_alloc)
    fails(errand::then::allocates);
  // A sibling fails for certain if there is room for it. It must not itself run
  // for ever. Each of its turns comes after one turn of every loop, with their
  // pauses: so there are not too many loops.
  if (where.what == fault::throws && all.size() <= where.cap &&
      all.size() <= 20 && random.one_in(2))
    for (errand& e : all)
      e.for_ever =
          is_ready_at_once(e.where) && e.at_end != errand::then::throws;
  return all;
}

} // namespace

plan::plan(cell of, std::uint64_t seed, std::uint64_t iteration) : where(of) {
  chance random(seed, iteration);
  cancellation = random.one_in(2) ? on_cancel::raise : on_cancel::unwind;
  roots = random.one_in(3) ? 1 + random.below(3) : 0;
  ends = ending::joins;
  if (of.what == fault::stop && roots != 0)
    ends = static_cast<ending>(random.below(3));
  spawners = 1 + random.below(2);
  joiners = 1 + random.below(3);
  joins_first = random.one_in(8);
  pauses_seed = random.any();
  pauses_one_in =
      std::array<std::uint32_t, 4>{0, 1000, 100, 20}[random.below(4)];
  deadline = std::chrono::microseconds(random.below(2500 * slowness));
  errands = draw_errands(random, where);
  std::size_t n = 0;
  if (where.what == fault::cancel || where.what == fault::swallow)
    n = std::array<std::size_t, 3>{1, 2, 8}[random.below(3)];
  if (where.what == fault::stop)
    n = 1;
  const std::size_t can_begin = std::min(where.cap, errands.size());
  for (; n != 0; --n)
    moments.push_back({
        random.below(can_begin + 2),
        std::chrono::microseconds(random.below(1500 * slowness)),
        static_cast<std::uint32_t>(random.below(2000)),
    });
}

} // namespace weir::test::threads
