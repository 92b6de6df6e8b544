// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/blocking_pool.hpp>
#include <weir/channel.hpp>
#include <weir/limiter.hpp>
#include <weir/runtime.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "cell.hpp"
#include "ledger.hpp"
#include "support/counted.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>

namespace weir::test::threads {

/// The objects that the children of an iteration share. They outlive the
/// runtime.
struct setting {
  explicit setting(tally& all) : seen(all) {}

  tally& seen;
  ledger book;
  channel<counted> box{1};   // each child sends one and receives one
  channel<counted> never{0}; // no value is sent
  limiter two{2};
  limiter plenty{1'000'000};
  high_water holding; // weight held of `two`
  std::optional<blocking_pool> outside;
  std::optional<runtime> pool;
};

/// What a child throws. test/tsan.supp does not suppress it.
struct injected {
  std::uint32_t number;
};

/// What a child does. Trivial, because it is an argument of coroutines.
struct errand {
  enum class then : std::uint8_t { returns, throws, allocates };

  place where;
  then at_end;
  bool for_ever; // it waits, or loops, until it is cancelled
  bool swallows;
  std::uint32_t length; // microseconds, or steps
  std::uint32_t number;
};

/// A child of `group`. The last argument counts it.
task<> child(setting& s, task_group& group, errand e, counted);
/// The same for Asio.
asio::awaitable<void> asio_child(setting& s, errand e, counted);

/// Spawns either, as `e.where` says.
spawn_operation spawn(setting& s, task_group& group, errand e);

} // namespace weir::test::threads
