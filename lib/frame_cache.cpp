// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/frame_cache.hpp>
#include <weir/detail/sync.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

// A list that is full, with two batches, gives one to the stock all threads
// share; an empty one takes one from it. So a producer on one thread and a
// consumer on another trade whole batches, one lock per batch. Both are
// bounded; what is over goes back to malloc.

namespace weir::detail {

constinit thread_local std::array<free_list, size_class::count> free_lists
    [[gnu::tls_model("initial-exec")]];

namespace {

// Under AddressSanitizer every block is malloc's, so that it sees each use
// after free.
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

constexpr unsigned batch = 32;           // blocks
static_assert(cache_slack == 3 * batch); // two kept, one not full
// Bytes that all stocks together keep from malloc.
constexpr std::size_t stock_limit = 32 << 20;

enum class thread_state : unsigned char {
  fresh,   // its end will flush nothing
  caching, //
  flushed, // its end has begun: no list is filled any more
};

constinit thread_local thread_state state = thread_state::fresh;

void free_all(free_block* list) noexcept {
  while (list != nullptr)
    std::free(std::exchange(list, list->next));
}

// Afterwards each list has `room`.
void flush(unsigned room) noexcept {
  for (free_list& list : free_lists) {
    free_all(list.first);
    list = {nullptr, room};
  }
}

struct flush_at_thread_exit {
  ~flush_at_thread_exit() {
    state = thread_state::flushed;
    flush(0);
  }
};

// True: this thread may fill its lists.
bool is_caching() noexcept {
  if (cache_is_off || state == thread_state::flushed)
    return false;
  if (state == thread_state::fresh) {
    static thread_local flush_at_thread_exit flush;
    (void)flush;
    state = thread_state::caching;
    for (free_list& list : free_lists)
      list.room = 2 * batch;
  }
  return true;
}

// glibc makes the heap of a thread longer by no more than it was asked for, so
// by a page, with a system call each. What is allocated at once and given back
// stays. Only where tasks by the hundred are made for the first time.
void grow_heap(std::size_t size) noexcept {
  constexpr std::size_t step = 120 << 10; // bytes; from 128 KiB malloc trims
  constinit static thread_local std::size_t left = step;
  if (left < size) {
    // volatile: g++ leaves out what is only freed. May fail: it is a hint.
    void* volatile top = std::malloc(step);
    std::free(top);
    left = step;
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

// Moves one batch of a full list to the stock, or to malloc.
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

void* cache_allocate_slowly(std::size_t size) {
  if (size <= size_class::largest) {
    // What malloc gives must be of use for all of the class later on.
    const std::size_t index = size_class::index(size);
    size = size_class::bytes(index);
    if (is_caching()) {
      if (free_block* const first = stocks[index].take()) {
        // relaxed: only a sum.
        stocked.fetch_sub(size * batch, std::memory_order_relaxed);
        free_lists[index] = {first->next, batch + 1};
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
  free_list& list = free_lists[index];
  if (list.room == 0)
    shed(list, index);
  cache_deallocate(block, size);
}

void empty_cache() noexcept {
  if (state == thread_state::caching)
    flush(2 * batch);
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
