// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.
//
// Types that hold values, and what is co_returned.

#include <weir/detail/base/frame_cache.hpp>

#include "prelude.hpp"

struct counted {
  explicit counted(int) {}
};

weir::task<std::vector<int>> converts() {
  // error: what is co_returned converts only explicitly to the type that the
  // task gives: name the type, co_return T(value)
#ifdef a_number_is_returned_for_a_vector
  co_return 5;
#else
  co_return std::vector<int>(5);
#endif
}

weir::task<std::string> converts_not() {
  // error: what is co_returned does not convert to the type that the task gives
#ifdef a_null_pointer_is_returned_for_a_string
  co_return std::vector<int>();
#else
  co_return "text";
#endif
}

weir::task<int&> refers(int& n) {
  // error: the task gives a reference: co_return an lvalue of its type
#ifdef a_temporary_is_returned_for_a_reference
  co_return 5;
#else
  co_return n;
#endif
}

struct alignas(64) wide {
  char bytes[64];
};
weir::task<wide> converts_to_wide() {
  // error: what is co_returned does not convert to the type that the task gives
#ifdef a_number_is_returned_for_what_is_aligned
  co_return 5;
#else
  co_return wide();
#endif
}

// error: blocks of weir's frame cache are aligned for std::max_align_t: this
// class is aligned for more
#ifdef a_wide_class_is_cached
struct alignas(64) cached_wide : weir::detail::cached<cached_wide> {};
#else
struct cached_wide : weir::detail::cached<cached_wide> {};
#endif
void makes() {
  delete new cached_wide;

  // error: blocks of weir's frame cache are aligned for std::max_align_t: this
  // type is aligned for more
#ifdef a_wide_type_is_allocated_in_the_cache
  weir::detail::cache_allocator<wide> memory;
#else
  weir::detail::cache_allocator<int> memory;
#endif
  memory.deallocate(memory.allocate(1), 1);
}

// error: weir::channel: the values must be objects, and not const: use a
// pointer for a reference, std::monostate for void
#ifdef a_channel_has_const_values
void uses(weir::channel<const int>& c) { c.close(); }
#else
void uses(weir::channel<int>& c) { c.close(); }
#endif

// error: a channel hands its values from thread to thread, where nobody could
// catch what their move constructor throws
#ifdef a_value_of_a_channel_throws_when_it_is_moved
struct parcel {
  parcel() = default;
  parcel(parcel&&) noexcept(false) {}
};
#else
struct parcel {
  parcel() = default;
  parcel(parcel&&) noexcept {}
};
#endif
void makes_channel() { weir::channel<parcel> c(1); }

struct bundle {
  std::string text;
};

weir::task<> emplaces(weir::channel<counted>& c, weir::channel<bundle>& other) {
  // error: weir::channel::emplace: no value can be made of these arguments
#ifdef a_value_is_made_of_other_arguments
  co_await c.emplace("text");
#else
  co_await c.emplace(1);
#endif

  // error with g++ 12: g++ 12 destroys an aggregate temporary twice inside a
  // co_await expression. Give the type a constructor, or use
  // emplace(members...) or emplace(std::move(named))
#ifdef an_aggregate_is_sent
  co_await other.send(bundle());
#endif

  // error: weir::receive_any: name at least one channel
#ifdef no_channel_is_named
  co_await weir::receive_any();
#else
  co_await weir::receive_any(c, other);
#endif
}

// errors 5: weir::result holds an object: use a pointer for a reference,
// std::monostate for void
#ifdef a_result_is_a_reference
void reads(weir::result<int&>& r) { (void)r.has_value(); }
#else
void reads(weir::result<int*>& r) { (void)r.has_value(); }
#endif

// error: weir::started: the value must be an object, or void
#ifdef what_is_started_gives_a_reference
void tells(weir::started<int&>& ready) { (void)ready.is_set(); }
#else
void tells(weir::started<int*>& ready) { (void)ready.is_set(); }
#endif

// error: weir::single_flight: the value is shared, so it must be an object
#ifdef a_shared_value_is_a_reference
void waits(weir::single_flight<int, int&>& f) { (void)f.waiting(); }
#else
void waits(weir::single_flight<int, int*>& f) { (void)f.waiting(); }
#endif

// error: an asio::awaitable awaited in a weir::task runs on the task's strand:
// its executor type must be constructible from weir::executor, as
// asio::any_io_executor is
#ifdef an_awaitable_has_an_executor_of_its_own
asio::awaitable<void, asio::io_context::executor_type> other_code();
#else
asio::awaitable<void, weir::executor> other_code();
#endif
weir::task<> awaits_other_code() { co_await other_code(); }

weir::task<> takes_bundle(bundle b);
weir::task<> passes(weir::task_group& group, weir::work_queue<bundle>& jobs) {
  // error with g++ 12: g++ 12 destroys an aggregate temporary twice inside a
  // co_await expression. Give the type a constructor, or name the argument and
  // pass it as an lvalue
#ifdef an_aggregate_is_an_argument
  co_await group.spawn(takes_bundle, bundle());
#else
  bundle named;
  co_await group.spawn(takes_bundle, named);
#endif

  // error with g++ 12: g++ 12 destroys an aggregate temporary twice inside a
  // co_await expression. Give the type a constructor, or name the argument
#ifdef an_aggregate_makes_an_item
  struct item {
    item(bundle) {}
  };
  weir::work_queue<item>* items = nullptr;
  co_await items->push(bundle());
#endif
}

struct closing_event : event {
  std::string text;
};
weir::task<> awaits_aggregate() {
  // error with g++ 12: g++ 12 destroys an aggregate temporary twice inside a
  // co_await expression: name the awaitable, and await it as an lvalue or by
  // std::move()
#ifdef an_aggregate_is_awaited
  co_await closing_event();
#else
  closing_event named;
  co_await named;
#endif
}
