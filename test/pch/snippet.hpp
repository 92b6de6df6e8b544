// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// A file of its own: g++ refuses to precompile `#pragma once`.
#include "../snippets/fragment.hpp"
