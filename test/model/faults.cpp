// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "faults.hpp"

#ifdef WEIR_MODEL_REPLACES_MALLOC
#include "../support/failing_malloc.hpp"
#endif

#include <array>
#include <cstdlib>
#include <utility>

namespace weir::test::model {

#ifdef WEIR_MODEL_REPLACES_MALLOC

namespace {

using free_lists = std::array<detail::free_list, detail::size_class::count>;

free_lists& lists() noexcept { return detail::lists_of_thread->of; }

free_lists none_kept() noexcept {
  constexpr unsigned room = 64; // of a list that is empty
  free_lists none;
  none.fill({nullptr, room});
  return none;
}

} // namespace

no_memory_here::no_memory_here(std::int64_t k, bool sticky) noexcept
    : is_off_(k == 0) {
  if (is_off_)
    return;
  // A thread that has allocated nothing yet has no lists to write to.
  detail::reserve_blocks(1, detail::size_class::smallest);
  saved_ = std::exchange(lists(), none_kept());
  allocation_faults::arm(k, sticky);
}

no_memory_here::~no_memory_here() {
  if (is_off_)
    return;
  allocation_faults::disarm();
  for (const detail::free_list& list : std::exchange(lists(), saved_))
    for (detail::free_block* b = list.first; b != nullptr;)
      std::free(std::exchange(b, b->next));
}

std::uint64_t no_memory_here::failed() const noexcept {
  return is_off_ ? 0 : allocation_faults::injected();
}

#else

no_memory_here::no_memory_here(std::int64_t, bool) noexcept : is_off_(true) {}
no_memory_here::~no_memory_here() = default;
std::uint64_t no_memory_here::failed() const noexcept {
  return is_off_ ? 0 : 1;
}

#endif

} // namespace weir::test::model
