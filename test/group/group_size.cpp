// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// What a group costs before anything is asked of it: a service makes one for
// each request.

#include <weir/detail/group/group_access.hpp>
#include <weir/runtime.hpp>
#include <weir/task_group.hpp>

#include "group/group_core.hpp"
#include "support/sanitized.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstring>
#include <vector>

namespace weir::test {

BOOST_AUTO_TEST_SUITE(group_size)

// A byte was written if it differs from what the block was filled with.
BOOST_AUTO_TEST_CASE(to_make_a_group_writes_at_most_256_bytes) {
  if (sanitized) // The group gets another block than the one that was filled.
    return;
  constexpr std::size_t size = sizeof(detail::group_core);
  runtime pool(1);
  std::vector<bool> written(size);
  for (const unsigned char filling : {0xA5, 0x5A}) {
    void* const block = detail::cache_allocate(size);
    std::memset(block, filling, size);
    detail::cache_deallocate(block, size);
    task_group group(pool);
    const auto* const core = reinterpret_cast<const unsigned char*>(
        &detail::group_access::core(group));
    BOOST_TEST_REQUIRE(core == block);
    for (std::size_t i = 0; i != size; ++i)
      written[i] = written[i] || core[i] != filling;
  }
  std::size_t count = 0;
  for (const bool each : written)
    count += each ? 1 : 0;
  BOOST_TEST_MESSAGE("bytes written: " << count << " of " << size);
  BOOST_TEST(count <= 256u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test
