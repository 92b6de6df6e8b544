// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/runtime.hpp>
#include <weir/task.hpp>

#include "options.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/program_options.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <string>

using seconds = std::chrono::duration<double>;

/// How the server is to be, and what it has done.
struct echo_service {
  boost::asio::ip::tcp::endpoint endpoint;
  std::size_t max_connections;
  seconds idle;
  seconds grace;

  std::atomic<std::uint64_t> connections = 0;
  std::atomic<std::uint64_t> cut_off = 0; ///< idle, reset, out of grace
  std::atomic<std::uint64_t> lines = 0;   ///< read to their end
};

/// What a connection has read and not yet answered. Knows no sockets.
class line_echo final {
public:
  /// With its newline.
  static constexpr std::size_t longest_line = 64 * 1024;

  explicit line_echo(echo_service& service) noexcept : service_(service) {}

  /// Where the next bytes are read to.
  boost::asio::mutable_buffer space() noexcept {
    return boost::asio::buffer(space_);
  }

  /// `size` bytes were read there.
  void received(std::size_t size) {
    const char* at = space_.data();
    const char* const end = at + size;
    while (at != end && !is_too_long_) {
      const char* const newline = std::find(at, end, '\n');
      const bool is_complete = newline != end;
      line_.append(at, newline + is_complete);
      at = newline + is_complete;
      is_too_long_ = line_.size() > longest_line;
      if (is_complete && !is_too_long_) {
        answer_ += line_;
        line_.clear();
        ++service_.lines;
      }
    }
    if (is_too_long_ || (is_last_ && has_answer()))
      line_.clear();
  }

  /// What is to be sent, and that the first `size` bytes of it were.
  boost::asio::const_buffer answer() const noexcept {
    return boost::asio::buffer(answer_);
  }
  void sent(std::size_t size) { answer_.erase(0, size); }

  bool has_answer() const noexcept { return !answer_.empty(); }
  bool is_too_long() const noexcept { return is_too_long_; }

  /// A line has begun and was not answered to its end.
  bool is_open() const noexcept { return has_answer() || !line_.empty(); }

  /// No line begins any more; one that has begun may be read to its end.
  void begin_no_more() noexcept { is_last_ = true; }

private:
  echo_service& service_;
  std::array<char, 8 * 1024> space_;
  std::string line_;
  std::string answer_;
  bool is_too_long_ = false;
  bool is_last_ = false;
};

/// The system is short of what an accept() needs; those it has served before
/// will give some back.
inline bool is_shortage(const boost::system::error_code& error) {
  namespace errc = boost::system::errc;
  return error == errc::too_many_files_open ||
         error == errc::too_many_files_open_in_system ||
         error == errc::no_buffer_space || error == errc::not_enough_memory;
}

/// Nothing if --help was asked for, and answered.
///
/// Throws: `boost::program_options::error` that says what to mend.
inline std::unique_ptr<echo_service> parse_echo_options(int argc, char** argv) {
  namespace po = boost::program_options;

  po::options_description options("options");
  auto add = options.add_options();
  add("address", text_option("IP", "127.0.0.1"), "where to listen");
  add("port", text_option("N", "7777"), "0: one that is free");
  add("max-connections", text_option("N", "1000"), "more have to wait");
  add("idle", text_option("SECONDS", "60"), "silence that ends a connection");
  add("grace", text_option("SECONDS", "5"), "for open exchanges at the end");
  add("help", "show this text");

  po::variables_map given;
  po::store(po::command_line_parser(argc, argv)
                .options(options)
                .positional(po::positional_options_description())
                .run(),
            given);
  if (given.contains("help")) {
    std::cout << "usage: echo_server [options]\n\n"
                 "Answers every line with the same line, over TCP, until "
                 "SIGTERM or Ctrl-C.\n\n"
              << options;
    return nullptr;
  }

  constexpr double day = 24 * 60 * 60;
  const auto& address = given["address"].as<std::string>();
  boost::system::error_code error;
  const auto ip = boost::asio::ip::make_address(address, error);
  if (error)
    throw po::error("--address is '" + address + "', must be an IP address");
  const auto port = number_in<std::uint16_t>(given, "port", 0, 65535);
  return std::unique_ptr<echo_service>(new echo_service{
      {ip, port},
      number_in<std::size_t>(given, "max-connections", 1, 1'000'000),
      seconds(number_in(given, "idle", 0.001, day)),
      seconds(number_in(given, "grace", 0.0, day)),
  });
}

/// Options, runtime, summary and errors of both servers.
inline int
echo_main(int argc, char** argv, weir::task<> (&run)(echo_service&)) {
  try {
    const auto service = parse_echo_options(argc, argv);
    if (!service)
      return 0;
    weir::runtime runtime;
    runtime.run(run(*service));
    std::cout << service->connections << " connections (" << service->cut_off
              << " cut off), " << service->lines << " lines\n";
    return 0;
  } catch (const boost::program_options::error& error) {
    std::cerr << argv[0] << ": " << error.what() << "; see --help\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 1;
  }
}
