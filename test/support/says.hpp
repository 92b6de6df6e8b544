// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/error.hpp>

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

/// For BOOST_TEST.
inline std::ostream& boost_test_print_type(std::ostream& out, errc e) {
  return out << make_error_code(e);
}

} // namespace weir

namespace weir::test {

/// For BOOST_CHECK_EXCEPTION: what() contains the text.
inline auto says(std::string text) {
  return [text = std::move(text)](const std::exception& e) {
    return std::string_view(e.what()).find(text) != std::string_view::npos;
  };
}

/// For BOOST_CHECK_EXCEPTION: a system_error with this code.
inline auto has_code(boost::system::error_code code) {
  return
      [code](const boost::system::system_error& e) { return e.code() == code; };
}

/// The code of the system_error in `error`; empty if null or another type.
inline boost::system::error_code code_of(const std::exception_ptr& error) {
  try {
    if (error)
      std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    return e.code();
  } catch (...) {
    return {};
  }
  return {};
}

/// what() of the exception in `error`; "" if null, "?" if of no std type.
inline std::string text_of(const std::exception_ptr& error) {
  try {
    if (error)
      std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "?";
  }
  return "";
}

} // namespace weir::test
