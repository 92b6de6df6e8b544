// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/frame_cache.hpp>

#include "support/sanitized.hpp"
#include "support/watchdog.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <set>
#include <thread>
#include <vector>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace weir::test::of_frame_cache {

namespace {

using detail::cache_allocate;
using detail::cache_deallocate;

// Sizes around the limits of the size classes, and beyond the last class.
const std::vector<std::size_t> sizes = {0,
                                        1,
                                        8,
                                        16,
                                        23,
                                        24,
                                        25,
                                        40,
                                        41,
                                        63,
                                        64,
                                        65,
                                        127,
                                        128,
                                        129,
                                        255,
                                        256,
                                        257,
                                        1023,
                                        1024,
                                        1025,
                                        1032,
                                        1033,
                                        2047,
                                        2048,
                                        2049,
                                        4096,
                                        65'536,
                                        std::size_t(1) << 24};

struct block {
  unsigned char* at = nullptr;
  std::size_t size = 0;
  unsigned char fill = 0;

  static block make(std::size_t size, unsigned char fill) {
    block b{static_cast<unsigned char*>(cache_allocate(size)), size, fill};
    std::memset(b.at, fill, size);
    return b;
  }
  bool is_intact() const {
    for (std::size_t i = 0; i != size; ++i)
      if (at[i] != fill)
        return false;
    return true;
  }
  void free() const { cache_deallocate(at, size); }
};

#if defined(__GLIBC__)
constexpr bool can_measure = !sanitized;
// What malloc has allocated: blocks in use, and blocks kept by the cache.
std::size_t given_out() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}
#else
constexpr bool can_measure = false;
std::size_t given_out() { return 0; }
#endif

boost::test_tools::assertion_result
memory_can_be_measured(boost::unit_test::test_unit_id) {
  return can_measure;
}

constexpr std::size_t megabyte = 1 << 20;

// Allocates `bytes` in blocks of `size` and frees them again.
void burst(std::size_t size, std::size_t bytes) {
  std::vector<void*> blocks(bytes / size);
  for (void*& b : blocks)
    b = cache_allocate(size);
  for (void* b : blocks)
    cache_deallocate(b, size);
}

// A coroutine that allocates a block each time that it is resumed.
struct allocating {
  struct promise_type {
    allocating get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

allocating allocates(std::size_t size, int times, void*& block) {
  for (int i = 0; i != times; ++i) {
    cache_deallocate(cache_allocate(size), size);
    block = cache_allocate(size);
    co_await std::suspend_always();
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(frame_cache)

BOOST_AUTO_TEST_CASE(blocks_of_every_size_are_aligned_and_apart) {
  for (int round = 0; round != 3; ++round) {
    std::vector<block> blocks;
    std::set<const void*> places;
    for (const std::size_t size : sizes)
      for (unsigned char n = 0; n != 3; ++n) {
        blocks.push_back(
            block::make(size, static_cast<unsigned char>(blocks.size())));
        const auto place = reinterpret_cast<std::uintptr_t>(blocks.back().at);
        BOOST_TEST(place % alignof(std::max_align_t) == 0u);
        BOOST_TEST(places.insert(blocks.back().at).second);
      }
    for (const block& b : blocks) {
      BOOST_TEST(b.is_intact());
      b.free();
    }
  }
}

BOOST_AUTO_TEST_CASE(a_size_that_no_memory_holds_throws_bad_alloc) {
  const std::size_t most = std::numeric_limits<std::size_t>::max() / 2;
  // Sanitizers end the program instead, unless told otherwise.
  if (!sanitized)
    BOOST_CHECK_THROW(cache_allocate(most), std::bad_alloc);
  detail::cache_allocator<std::uint64_t> allocator;
  BOOST_CHECK_THROW(allocator.allocate(most), std::bad_array_new_length);
}

BOOST_AUTO_TEST_CASE(the_allocator_serves_objects_of_any_type) {
  detail::cache_allocator<std::uint64_t> numbers;
  const detail::cache_allocator<void> rebound(numbers);
  BOOST_TEST((rebound == detail::cache_allocator<void>()));
  BOOST_TEST((numbers == detail::cache_allocator<std::uint64_t>(rebound)));
  std::uint64_t* const some = numbers.allocate(3);
  some[2] = 7;
  BOOST_TEST(some[2] == 7u);
  numbers.deallocate(some, 3);
}

BOOST_AUTO_TEST_CASE(a_freed_block_serves_the_next_of_its_size,
                     *boost::unit_test::precondition(memory_can_be_measured)) {
  for (const std::size_t size : {24u, 64u, 300u, 1000u}) {
    void* const first = cache_allocate(size);
    cache_deallocate(first, size);
    void* const second = cache_allocate(size);
    BOOST_TEST(first == second);
    cache_deallocate(second, size);
  }
}

BOOST_AUTO_TEST_CASE(a_coroutine_allocates_from_the_thread_that_resumes_it,
                     *boost::unit_test::precondition(memory_can_be_measured)) {
  constexpr std::size_t size = 200;
  void* block = nullptr;
  const auto coroutine = allocates(size, 2, block).handle;
  const auto resumes = [&] {
    void* const freed_here = cache_allocate(size);
    cache_deallocate(freed_here, size);
    coroutine.resume();
    BOOST_TEST(block == freed_here);
    cache_deallocate(block, size);
  };
  resumes();
  std::thread(resumes).join();
  coroutine.destroy();
}

BOOST_AUTO_TEST_CASE(any_thread_frees_what_another_allocated) {
  constexpr int rounds = sanitized ? 3000 : 30'000;
  constexpr std::size_t threads = 3;
  const watchdog limit;
  std::mutex mutex;
  std::vector<block> shared; // guarded by mutex
  std::atomic<bool> intact{true};
  const auto work = [&](unsigned seed) {
    std::minstd_rand random(seed);
    for (int i = 0; i != rounds; ++i) {
      const block mine = block::make(sizes[random() % (sizes.size() - 2)],
                                     static_cast<unsigned char>(random()));
      block other;
      {
        std::lock_guard held(mutex);
        shared.push_back(mine);
        if (shared.size() > 200)
          std::swap(shared[random() % shared.size()], shared.back());
        if (shared.size() > 150) {
          other = shared.back();
          shared.pop_back();
        }
      }
      if (other.at != nullptr) {
        if (!other.is_intact())
          intact = false;
        other.free();
      }
    }
  };
  std::vector<std::thread> workers;
  for (unsigned t = 0; t != threads; ++t)
    workers.emplace_back(work, t + 1);
  for (std::thread& w : workers)
    w.join();
  for (const block& b : shared) {
    BOOST_TEST(b.is_intact());
    b.free();
  }
  BOOST_TEST(intact);
}

// Destroyed after the thread's cache, if made before the cache was used.
struct late_user {
  bool is_used = false;
  ~late_user() {
    if (is_used)
      burst(900, 20 * 900);
  }
};

BOOST_AUTO_TEST_CASE(a_thread_past_the_end_of_its_cache_keeps_nothing,
                     *boost::unit_test::precondition(memory_can_be_measured)) {
  const watchdog limit;
  const std::size_t before = given_out();
  for (int i = 0; i != 200; ++i) {
    burst(900, 300 * 900); // Fills the pool of all threads.
    std::thread([] {
      static thread_local late_user user;
      user.is_used = true;
      burst(64, 64);
    }).join();
  }
  BOOST_TEST(given_out() < before + 2 * megabyte);
}

BOOST_AUTO_TEST_CASE(what_a_burst_freed_goes_back_to_malloc_for_the_most_part,
                     *boost::unit_test::precondition(memory_can_be_measured)) {
  const std::size_t before = given_out();
  // One size after the other: all sizes share one bound.
  for (const std::size_t size : {1000u, 700u, 300u}) {
    burst(size, 64 * megabyte);
    BOOST_TEST(given_out() < before + 36 * megabyte);
  }
}

BOOST_AUTO_TEST_CASE(a_producer_and_a_consumer_recycle_each_others_blocks,
                     *boost::unit_test::precondition(memory_can_be_measured)) {
  const watchdog limit;
  constexpr std::size_t size = 400;
  constexpr std::size_t load = 1000;
  std::vector<void*> blocks(load);
  const std::size_t before = given_out();
  for (int round = 0; round != 300; ++round) {
    for (void*& b : blocks)
      b = cache_allocate(size);
    std::thread([&] {
      for (void* b : blocks)
        cache_deallocate(b, size);
    }).join();
  }
  BOOST_TEST(given_out() < before + 4 * load * size);
}

BOOST_AUTO_TEST_CASE(a_thread_gives_its_blocks_back_at_its_end,
                     *boost::unit_test::precondition(memory_can_be_measured)) {
  const watchdog limit;
  // So few of each size that no block goes to the shared pool of all threads.
  const auto work = [] {
    for (std::size_t size = 32; size <= 1024; size += 16)
      burst(size, 50 * size);
  };
  std::thread(work).join();
  const std::size_t before = given_out();
  for (int i = 0; i != 100; ++i)
    std::thread(work).join();
  BOOST_TEST(given_out() < before + megabyte / 2);
}

BOOST_AUTO_TEST_CASE(what_a_user_wants_aligned_for_more_is) {
  struct alignas(64) wide : detail::cached_if_fits<wide> {
    char bytes[64];
  };
  std::vector<std::unique_ptr<wide>> all;
  std::size_t misplaced = 0;
  for (int i = 0; i != 16; ++i) {
    all.push_back(std::make_unique<wide>());
    misplaced += reinterpret_cast<std::uintptr_t>(all.back().get()) % 64 != 0;
  }
  BOOST_TEST(misplaced == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace weir::test::of_frame_cache
