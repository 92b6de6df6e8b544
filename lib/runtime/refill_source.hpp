// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

namespace weir::detail {

// What a worker calls when it has nothing left to run, before it looks at the
// other workers' queues.
class refill_source {
public:
  // A pool thread. True: it may have made some tasks ready.
  virtual bool refill() noexcept = 0;

protected:
  ~refill_source() = default;
};

} // namespace weir::detail
