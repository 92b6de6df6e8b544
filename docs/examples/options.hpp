// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <boost/lexical_cast/try_lexical_convert.hpp>
#include <boost/program_options.hpp>

#include <string>

/// An option with a value, read as text at first: a whole number that the
/// library itself reads may be -1 for a very large one.
inline auto text_option(const char* value_name, const std::string& standard) {
  return boost::program_options::value<std::string>()
      ->value_name(value_name)
      ->default_value(standard);
}

/// The value of --`name`, at least `least` and at most `most`.
///
/// Throws: `boost::program_options::error` that names value and rule.
template <typename Number>
Number number_in(const boost::program_options::variables_map& given,
                 const std::string& name,
                 Number least,
                 Number most) {
  const auto& text = given[name].as<std::string>();
  Number value{};
  // Not a number fails both comparisons.
  if (boost::conversion::try_lexical_convert(text, value) && value >= least &&
      value <= most && !text.starts_with('-'))
    return value;
  std::ostringstream message;
  message << "--" << name << " is '" << text << "', must be a number from "
          << least << " to " << most;
  throw boost::program_options::error(message.str());
}
