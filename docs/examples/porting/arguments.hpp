// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/lexical_cast/try_lexical_convert.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

// What the programs of this directory share, and a port does not touch.

/// The number in the `index`-th argument of the program, `least` or more.
///
/// Throws: `std::invalid_argument` that names the argument and the rule.
template <typename Number>
Number number_at(int argc, char** argv, int index, Number least) {
  const std::string text = index < argc ? argv[index] : "";
  Number value{};
  if (boost::conversion::try_lexical_convert(text, value) && value >= least &&
      !text.starts_with('-'))
    return value;
  throw std::invalid_argument("argument " + std::to_string(index) + " is '" +
                              text + "', must be a number from " +
                              std::to_string(least));
}

/// The port in the first argument; 0 is one that is free.
inline unsigned short port_of(int argc, char** argv) {
  return number_at<unsigned short>(argc, argv, 1, 0);
}

/// Prints the port on which the program listens.
inline void announce(const boost::asio::ip::tcp::acceptor& acceptor) {
  std::cout << "listening on " << acceptor.local_endpoint().port() << std::endl;
}

/// What main() does with an exception.
inline int failed(char** argv, const std::exception& error) {
  std::cerr << argv[0] << ": " << error.what() << '\n';
  return 1;
}
