// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/base/frame_cache.hpp>
#include <weir/detail/base/sync.hpp>

#include "thread_context.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cxxabi.h>
#include <mutex>
#include <new>
#include <sys/mman.h>
#include <utility>

// Identifies this module to the C++ runtime, which keeps it loaded for as long
// as a thread has an object of this module to destroy.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" [[gnu::visibility("hidden")]] void* __dso_handle;

// A list that is full, with two batches, gives one to the pool that all threads
// share; an empty one takes one from it. So a producer on one thread and a
// consumer on another trade whole batches, one lock per batch. Both are
// bounded; surplus blocks go back to malloc.

namespace weir::detail {

// Shared by all threads that have no block of their own. Never written to.
constinit const thread_block no_block{};

constinit thread_local thread_lists* lists_of_thread
    [[gnu::tls_model("initial-exec")]] = const_cast<thread_block*>(&no_block);

namespace {

// Under AddressSanitizer every block comes from malloc, so that each use after
// free is detected.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool cache_is_off = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool cache_is_off = true;
#else
constexpr bool cache_is_off = false;
#endif
#else
constexpr bool cache_is_off = false;
#endif

constexpr unsigned batch = 32;                        // blocks
static_assert(cache_slack == std::size_t(3) * batch); // two kept, one not full
// Bytes that all stocks together keep from malloc.
constexpr std::size_t stock_limit = std::size_t(32) << 20;

void free_all(free_block* list) noexcept {
  while (list != nullptr)
    std::free(std::exchange(list, list->next));
}

// See grow_heap().
constexpr std::size_t heap_step = 120 << 10; // bytes; from 128 KiB malloc trims

bool has_block() noexcept { return lists_of_thread != &no_block; }

void flush(thread_lists& lists) noexcept {
  for (free_list& list : lists.of) {
    free_all(list.first);
    list = {nullptr, cache_is_off ? 0 : 2 * batch};
  }
}

// Runs when the thread ends, after the destructors of the thread_local objects
// that the thread created later.
void end_block(void* at) {
  lists_of_thread = const_cast<thread_block*>(&no_block);
  flush(*static_cast<thread_block*>(at));
  ::munmap(at, sizeof(thread_block));
}

// Null: there is no memory. Not allocated by malloc: a thread must be able to
// cancel without memory, even if that is the first call it makes.
thread_block* make_block() noexcept {
  void* const at = ::mmap(nullptr,
                          sizeof(thread_block),
                          PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS,
                          -1,
                          0);
  if (at == MAP_FAILED)
    return nullptr;
  auto* const block = ::new (at) thread_block{};
  flush(*block);
  block->heap_left = heap_step; // first growth only after that
  lists_of_thread = block;
  // As a thread_local object with a destructor would do. But such an object
  // needs static memory in each thread, and a guard.
  abi::__cxa_thread_atexit(
      &end_block, block, static_cast<void*>(&__dso_handle));
  return block;
}

// True: this thread may fill its lists.
bool is_caching() noexcept {
  return !cache_is_off && (has_block() || make_block() != nullptr);
}

// glibc extends the heap of a thread only by what is requested, so by one page
// per system call. A large block that is allocated and freed extends the heap
// at once, and the heap keeps that size. Done only when hundreds of tasks are
// created for the first time.
void grow_heap(std::size_t size) noexcept {
  std::size_t& left = own_block().heap_left;
  if (left < size) {
    // volatile: otherwise g++ removes an allocation that is only freed. May
    // fail: it is a hint.
    void* volatile top = std::malloc(heap_step);
    std::free(top);
    left = heap_step;
  }
  left -= size;
}

// Bytes in all stocks; a bound, not a synchronisation.
constinit std::atomic<std::size_t> stocked{0};

// Batches of one size class, shared by all threads.
class batch_stock {
public:
  void put(free_block* first) noexcept {
    std::lock_guard held(lock_);
    first->next_batch = batches_;
    batches_ = first;
  }
  free_block* take() noexcept {
    std::lock_guard held(lock_);
    free_block* first = batches_;
    if (first != nullptr)
      batches_ = first->next_batch;
    return first;
  }

private:
  spin_lock lock_;
  free_block* batches_ = nullptr;
};

// Constant-initialised and trivially destructible: outlives every thread.
constinit std::array<batch_stock, size_class::count> stocks;

// Moves one batch of a full list to the shared pool, or to malloc.
void shed(free_list& list, std::size_t index) noexcept {
  free_block* const first = list.first;
  free_block* last = first;
  for (unsigned i = 1; i != batch; ++i)
    last = last->next;
  list.first = std::exchange(last->next, nullptr);
  list.room += batch;
  const std::size_t bytes = size_class::bytes(index) * batch;
  // relaxed: only a sum.
  if (stocked.fetch_add(bytes, std::memory_order_relaxed) + bytes <=
      stock_limit) {
    stocks[index].put(first);
  } else {
    stocked.fetch_sub(bytes, std::memory_order_relaxed);
    free_all(first);
  }
}

} // namespace

thread_block& own_block() noexcept {
  if (!has_block() && make_block() == nullptr)
    std::abort();
  return static_cast<thread_block&>(*lists_of_thread);
}

void* cache_allocate_slowly(std::size_t size) {
  if (size <= size_class::largest) {
    // A block from malloc must later fit every size of the class.
    const std::size_t index = size_class::index(size);
    size = size_class::bytes(index);
    if (is_caching()) {
      if (free_block* const first = stocks[index].take()) {
        // relaxed: only a sum.
        stocked.fetch_sub(size * batch, std::memory_order_relaxed);
        lists_of_thread->of[index] = {first->next, batch + 1};
        return first;
      }
      grow_heap(size);
    }
  }
  if (void* p = std::malloc(size))
    return p;
  throw std::bad_alloc();
}

void cache_deallocate_slowly(void* block, std::size_t size) noexcept {
  if (size > size_class::largest || !is_caching()) {
    std::free(block);
    return;
  }
  const std::size_t index = size_class::index(size);
  free_list& list = lists_of_thread->of[index];
  if (list.room == 0)
    shed(list, index);
  cache_deallocate(block, size);
}

void empty_cache() noexcept {
  if (has_block())
    flush(*lists_of_thread);
  for (std::size_t i = 0; i != stocks.size(); ++i)
    while (free_block* const first = stocks[i].take()) {
      // relaxed: only a sum.
      stocked.fetch_sub(size_class::bytes(i) * batch,
                        std::memory_order_relaxed);
      free_all(first);
    }
}

void reserve_blocks(std::size_t count, std::size_t size) {
  struct block_chain {
    ~block_chain() {
      while (first != nullptr)
        cache_deallocate(std::exchange(first, first->next), size);
    }
    std::size_t size;
    free_block* first = nullptr;
  };
  block_chain all{std::max(size, sizeof(free_block))};
  for (; count != 0; --count) {
    auto* const block = static_cast<free_block*>(cache_allocate(all.size));
    block->next = all.first;
    all.first = block;
  }
}

} // namespace weir::detail
