// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#define BOOST_TEST_MODULE weir
#include <boost/test/unit_test.hpp>
