// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The smallest program that uses weir: any header tells the linker how the
// program is configured.

#include <weir/version.hpp>

int main() { return weir::version() == WEIR_VERSION ? 0 : 1; }
