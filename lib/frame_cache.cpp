// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/frame_cache.hpp>
#include <weir/detail/sync.hpp>

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

// Per-thread free lists by size class. A list that grows past two batches
// gives one to the stock all threads share; an empty list takes one from it.
// So a producer on one thread and a consumer on another trade whole batches,
// one lock per batch. Both are bounded; what is over goes back to malloc.
// Under AddressSanitizer every block is malloc's, so that it sees each use
// after free.

#if defined(__SANITIZE_ADDRESS__)
#define WEIR_CACHE_OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEIR_CACHE_OFF 1
#endif
#endif

namespace weir::detail {

namespace {

void* allocate_block(std::size_t size) {
  if (void* p = std::malloc(size))
    return p;
  throw std::bad_alloc();
}

} // namespace

#if defined(WEIR_CACHE_OFF)

void* cache_allocate(std::size_t size) { return allocate_block(size); }
void cache_deallocate(void* block, std::size_t) noexcept { std::free(block); }

#else

namespace {

// Size classes are 24, 40, 56, ... bytes: glibc's malloc puts 8 bytes before a
// block and rounds the whole up to a multiple of 16.
constexpr std::size_t class_step = 16;
constexpr std::size_t class_count = 64;
constexpr std::size_t smallest = 24;
constexpr std::size_t largest = smallest + class_step * (class_count - 1);
constexpr unsigned batch = 32; // blocks
// Bytes that all stocks together keep from malloc.
constexpr std::size_t stock_limit = 32 << 20;

struct free_block {
  free_block* next;
  free_block* next_batch; // in the first block of a batch in the stock
};

std::size_t class_of(std::size_t size) noexcept {
  return size <= smallest ? 0 : (size - smallest - 1) / class_step + 1;
}

std::size_t size_of(std::size_t size_class) noexcept {
  return smallest + size_class * class_step;
}

void free_all(free_block* list) noexcept {
  while (list != nullptr)
    std::free(std::exchange(list, list->next));
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
constinit std::array<batch_stock, class_count> stocks;

struct free_list {
  free_block* first = nullptr;
  unsigned count = 0;
};

struct thread_cache {
  std::array<free_list, class_count> lists;
  bool registered = false; // the thread's end will flush it
  bool closed = false;     // it was flushed
};

constinit thread_local thread_cache cache [[gnu::tls_model("initial-exec")]];

struct flush_at_thread_exit {
  ~flush_at_thread_exit() {
    cache.closed = true;
    for (free_list& list : cache.lists) {
      free_all(list.first);
      list = {};
    }
  }
};

void register_thread() noexcept {
  if (cache.registered)
    return;
  static thread_local flush_at_thread_exit flush;
  (void)flush;
  cache.registered = true;
}

// Moves one batch of the thread's list to the stock, or to malloc.
void shed(free_list& list, std::size_t size_class) noexcept {
  register_thread();
  free_block* first = list.first;
  free_block* last = first;
  for (unsigned i = 1; i != batch; ++i)
    last = last->next;
  list.first = last->next;
  list.count -= batch;
  last->next = nullptr;
  const std::size_t bytes = size_of(size_class) * batch;
  // relaxed: only a sum.
  if (stocked.fetch_add(bytes, std::memory_order_relaxed) + bytes <=
      stock_limit) {
    stocks[size_class].put(first);
  } else {
    stocked.fetch_sub(bytes, std::memory_order_relaxed);
    free_all(first);
  }
}

} // namespace

void* cache_allocate(std::size_t size) {
  if (size > largest)
    return allocate_block(size);
  const std::size_t size_class = class_of(size);
  free_list& list = cache.lists[size_class];
  if (list.first == nullptr) {
    free_block* first = cache.closed ? nullptr : stocks[size_class].take();
    if (first != nullptr) {
      register_thread();
      // relaxed: only a sum.
      stocked.fetch_sub(size_of(size_class) * batch, std::memory_order_relaxed);
      list.first = first;
      list.count = batch;
    } else {
      return allocate_block(size_of(size_class));
    }
  }
  free_block* block = list.first;
  list.first = block->next;
  --list.count;
  return block;
}

void cache_deallocate(void* p, std::size_t size) noexcept {
  if (size > largest || cache.closed) {
    std::free(p);
    return;
  }
  const std::size_t size_class = class_of(size);
  free_list& list = cache.lists[size_class];
  if (list.first == nullptr)
    register_thread();
  auto* block = static_cast<free_block*>(p);
  block->next = list.first;
  list.first = block;
  if (++list.count > 2 * batch)
    shed(list, size_class);
}

#endif

} // namespace weir::detail
