// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/runtime.hpp>
#include <weir/version.hpp>

#include "base/processors.hpp"
#include "runtime_core.hpp"

#include <algorithm>
#include <cstddef>

namespace weir {

int version() noexcept { return WEIR_VERSION; }

std::size_t runtime_options::default_threads() noexcept {
  const std::size_t allowed = detail::processors_allowed();
  const std::size_t granted = detail::processors_granted("");
  // A quota above the number of processors has no effect.
  return granted == 0 ? allowed : std::min(allowed, granted);
}

runtime::runtime() : runtime(runtime_options()) {}

runtime::runtime(std::size_t threads)
    : runtime(runtime_options{.threads = threads}) {}

runtime::runtime(const runtime_options& options)
    : core_(new detail::runtime_core(options), detail::runtime_core::destroy) {}

runtime::~runtime() = default;

void runtime::stop() noexcept { core_->stop(); }

runtime_stats runtime::stats() const noexcept { return core_->stats(); }

} // namespace weir
