// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/task_group.hpp> // weir::unlimited

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

// What bare Asio offers: the groups its users write by hand. The token is
// asio::deferred throughout, the cheapest one.

namespace weir::perf {

namespace asio = boost::asio;

using pool_executor = asio::thread_pool::executor_type;

/// A cap and a join, out of channels and a counter.
class asio_scope {
public:
  asio_scope(const asio::any_io_executor& ex, std::size_t cap)
      : is_capped_(cap != unlimited), slots_(ex, is_capped_ ? cap : 0),
        ended_(std::make_shared<channel>(ex, 1)) {}

  /// Waits for a free slot. try_send first: an async_send always goes through
  /// the queue.
  asio::awaitable<void> enter() {
    if (is_capped_ && !slots_.try_send(boost::system::error_code()))
      co_await slots_.async_send(boost::system::error_code(), asio::deferred);
    hold();
  }

  void hold() {
    // relaxed: whoever calls this holds the scope already.
    running_.fetch_add(1, std::memory_order_relaxed);
  }

  void leave() {
    if (is_capped_)
      slots_.try_receive([](boost::system::error_code) {});
    drop();
  }

  void drop() {
    // The joiner may destroy *this as soon as it is woken.
    const std::shared_ptr<channel> ended = ended_;
    if (is_last())
      ended->try_send(boost::system::error_code());
  }

  asio::awaitable<void> join() {
    if (!is_last())
      co_await ended_->async_receive(asio::deferred);
  }

private:
  using channel =
      asio::experimental::concurrent_channel<void(boost::system::error_code)>;

  bool is_last() {
    // acq_rel: the last one to go has seen what the others wrote.
    return running_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

  const bool is_capped_;
  channel slots_;
  std::shared_ptr<channel> ended_;
  std::atomic<std::size_t> running_ = 1; // the joiner
};

/// The cheapest: children on the pool, no cancellation. To emit a signal to
/// such a child would be a race.
class pool_group {
public:
  pool_group(const asio::any_io_executor& ex, std::size_t cap)
      : ex_(ex), scope_(ex, cap) {}

  asio::awaitable<void> spawn(asio::awaitable<void> child) {
    co_await scope_.enter();
    asio::co_spawn(ex_, std::move(child), [this](std::exception_ptr error) {
      if (error)
        std::rethrow_exception(error); // no child of this group may fail
      scope_.leave();
    });
  }

  asio::awaitable<void> join() { return scope_.join(); }

private:
  asio::any_io_executor ex_;
  asio_scope scope_;
};

/// What a careful user writes: each child on a strand of its own with a signal
/// of its own; the first error cancels the siblings and comes out of join().
class strand_group {
public:
  strand_group(const pool_executor& ex, std::size_t cap)
      : ex_(ex), scope_(ex, cap) {}

  asio::awaitable<void> spawn(asio::awaitable<void> work) {
    co_await scope_.enter();
    const entry added = add();
    asio::co_spawn(added->strand,
                   std::move(work),
                   asio::bind_cancellation_slot(
                       added->signal.slot(),
                       [this, added](const std::exception_ptr& error) {
                         end(added, error);
                       }));
    launched(added);
  }

  asio::awaitable<void> join() {
    co_await scope_.join();
    if (error_)
      std::rethrow_exception(error_);
  }

private:
  struct child {
    explicit child(const pool_executor& ex) : strand(asio::make_strand(ex)) {}

    asio::strand<pool_executor> strand;
    asio::cancellation_signal signal; // only on strand, once launched
    bool is_launched = false;         // co_spawn has set the slot
    bool has_ended = false;
  };
  using entry = std::list<child>::iterator;

  entry add() {
    std::lock_guard held(mutex_);
    return children_.emplace(children_.end(), ex_);
  }

  // co_spawn may have run the child to its end by now.
  void launched(entry it) {
    std::lock_guard held(mutex_);
    it->is_launched = true;
    if (is_cancelled_)
      request_cancel(*it);
    else if (it->has_ended)
      children_.erase(it);
  }

  void end(entry it, const std::exception_ptr& error) {
    {
      std::lock_guard held(mutex_);
      it->has_ended = true;
      if (error && !is_cancelled_) {
        error_ = error;
        is_cancelled_ = true;
        for (child& each : children_)
          if (each.is_launched)
            request_cancel(each);
      } else if (it->is_launched && !is_cancelled_) {
        children_.erase(it);
      } // Else an emission may be on its way to it.
    }
    scope_.leave();
  }

  void request_cancel(child& target) {
    scope_.hold();
    asio::post(target.strand, [this, &target] {
      target.signal.emit(asio::cancellation_type::terminal);
      scope_.drop();
    });
  }

  pool_executor ex_;
  asio_scope scope_;
  std::mutex mutex_;
  std::list<child> children_; // under mutex_
  bool is_cancelled_ = false; // under mutex_
  std::exception_ptr error_;  // under mutex_; after the join by nobody else
};

/// Spawns `count` times what `make()` returns into a Group, and joins.
template <typename Group, typename Make>
asio::awaitable<void> spawn_all(Group& group, std::size_t count, Make make) {
  for (std::size_t i = 0; i != count; ++i)
    co_await group.spawn(make());
  co_await group.join();
}

/// Runs that on `pool` to its end.
template <typename Group, typename Make>
void run_all(asio::thread_pool& pool,
             std::size_t count,
             std::size_t cap,
             Make make) {
  Group group(pool.get_executor(), cap);
  asio::co_spawn(pool, spawn_all(group, count, make), asio::use_future).get();
}

/// A latch out of a counter and a channel: for children whose number is known;
/// no cap, no cancellation.
struct latch {
  using channel =
      asio::experimental::concurrent_channel<void(boost::system::error_code)>;

  latch(const asio::any_io_executor& ex, std::size_t count)
      : opened(std::make_shared<channel>(ex, 1)), left(count) {}

  void count_down() {
    const std::shared_ptr<channel> kept = opened; // *this may go
    // acq_rel: the last one to come has seen what the others wrote.
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1)
      kept->try_send(boost::system::error_code());
  }

  std::shared_ptr<channel> opened;
  std::atomic<std::size_t> left;
};

} // namespace weir::perf
