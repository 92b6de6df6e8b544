// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "progress.hpp"

#include <cstdio>
#include <unistd.h>
#include <utility>

namespace weir::perf {

progress::progress(std::string case_name, std::size_t all)
    : case_name_(std::move(case_name)), all_(all),
      is_shown_(::isatty(STDERR_FILENO) == 1) {}

progress::~progress() {
  if (is_shown_)
    std::fputs("\r\x1b[K", stderr);
}

void progress::begin(const std::string& library, const std::string& what) {
  if (!is_shown_)
    return;
  const std::size_t done = begun_++;
  std::fprintf(stderr,
               // No wrap-around: a narrow terminal cuts the line.
               "\r\x1b[?7l[%-20.*s]  %s: %s: %s\x1b[K\x1b[?7h",
               static_cast<int>(done * 20 / all_),
               "####################",
               case_name_.c_str(),
               library.c_str(),
               what.c_str());
}

} // namespace weir::perf
