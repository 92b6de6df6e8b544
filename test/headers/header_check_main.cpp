// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir.hpp>

// Linking is the test: a function that a header defines without `inline` is
// now defined once per header_check_*.cpp.
int main() {}
