// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/runtime.hpp>

#include "options.hpp"

#include <boost/program_options.hpp>

#include <cstddef>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <unistd.h>

/// What --help prints. A file of its own, so that a script can print it, too,
/// before anything is built.
inline constexpr const char* md5_help =
#include "md5_help.txt"
    ;

struct md5_options {
  std::filesystem::path dir;
  std::size_t jobs;
  std::size_t limit;
  bool keep_going;
  bool progress;
};

/// Nothing if --help was asked for, and answered.
///
/// Throws: `boost::program_options::error` that says what to mend.
inline std::optional<md5_options> parse_md5_options(int argc, char** argv) {
  namespace po = boost::program_options;
  const auto cores = weir::runtime_options::default_threads();

  po::options_description all;
  auto add = all.add_options();
  add("jobs", text_option("N", std::to_string(cores)));
  add("limit", text_option("N", "1000"));
  add("keep-going", "");
  add("progress", "");
  add("help", "");
  add("dir", po::value<std::string>());
  po::variables_map given;
  po::store(po::command_line_parser(argc, argv)
                .options(all)
                .positional(po::positional_options_description().add("dir", 1))
                .run(),
            given);
  if (given.contains("help")) {
    std::cout << md5_help;
    return std::nullopt;
  }
  if (!given.contains("dir"))
    throw po::error("no DIR given");

  return md5_options{
      given["dir"].as<std::string>(),
      number_in<std::size_t>(given, "jobs", 1, 1024),
      number_in<std::size_t>(given, "limit", 1, 1'000'000'000),
      given.contains("keep-going"),
      given.contains("progress") && ::isatty(STDERR_FILENO) == 1,
  };
}
