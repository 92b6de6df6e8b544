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

struct pipeline_options {
  std::filesystem::path dir;
  bool uses_channels; // or else transform
  std::size_t jobs;
  std::size_t digesters;
};

/// Nothing if --help was asked for, and answered.
///
/// Throws: `boost::program_options::error` that says what to mend.
inline std::optional<pipeline_options> parse_pipeline_options(int argc,
                                                              char** argv) {
  namespace po = boost::program_options;
  const auto cores = weir::runtime_options::default_threads();

  po::options_description shown("options");
  auto add = shown.add_options();
  add("form", text_option("FORM", "channels"), "channels or transform");
  add("digesters", text_option("N", "20"), "files that are read at once");
  add("jobs", text_option("N", std::to_string(cores)), "threads");
  add("help", "show this text");

  po::options_description all;
  all.add(shown).add_options()("dir", po::value<std::string>());
  po::variables_map given;
  po::store(po::command_line_parser(argc, argv)
                .options(all)
                .positional(po::positional_options_description().add("dir", 1))
                .run(),
            given);
  if (given.contains("help")) {
    std::cout << "usage: pipeline [options] DIR\n\n"
                 "Prints the MD5 of every regular file under DIR, as md5sum "
                 "does, sorted by name.\n\n"
              << shown;
    return std::nullopt;
  }
  if (!given.contains("dir"))
    throw po::error("no DIR given");
  const auto& form = given["form"].as<std::string>();
  if (form != "channels" && form != "transform")
    throw po::error("--form is '" + form + "', must be channels or transform");

  return pipeline_options{
      given["dir"].as<std::string>(),
      form == "channels",
      number_in<std::size_t>(given, "jobs", 1, 1024),
      number_in<std::size_t>(given, "digesters", 1, 1000),
  };
}
