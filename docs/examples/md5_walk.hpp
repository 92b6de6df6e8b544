// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

/// What is below a folder, in small steps. Links are seen, not followed; what
/// vanishes meanwhile is left out. Keeps one folder open at a time.
class md5_walk final {
public:
  struct step {
    std::filesystem::path path;
    /// A regular file, or something that only opening it will tell.
    bool is_file = false;
    /// Why the folder `path` could not be read, or not to its end.
    std::error_code error = {};
  };

  explicit md5_walk(std::filesystem::path root)
      : root_(std::move(root)), todo_{root_} {}

  /// Nothing at the end.
  std::optional<step> next() {
    if (at_ != std::filesystem::directory_iterator()) {
      const std::filesystem::directory_entry entry = *at_;
      at_.increment(error_); // the next step tells
      std::error_code unknown;
      const auto type = entry.symlink_status(unknown).type();
      if (type == std::filesystem::file_type::directory)
        todo_.push_back(entry.path());
      const bool regular = type == std::filesystem::file_type::regular;
      return step{entry.path(), regular || unknown};
    }
    if (error_)
      return step{folder_, false, std::exchange(error_, {})};
    if (todo_.empty())
      return std::nullopt;
    folder_ = std::move(todo_.back());
    todo_.pop_back();
    at_ = std::filesystem::directory_iterator(folder_, error_);
    if (error_ == std::errc::no_such_file_or_directory && folder_ != root_)
      error_.clear();
    return step{folder_};
  }

private:
  const std::filesystem::path root_;
  std::vector<std::filesystem::path> todo_;
  std::filesystem::path folder_;
  std::filesystem::directory_iterator at_;
  std::error_code error_;
};
