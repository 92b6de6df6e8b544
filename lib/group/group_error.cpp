// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/group_error.hpp>

#include <utility>

namespace weir {

struct group_error::contents {
  std::vector<entry> entries;
  std::uint64_t failed;
  std::string text;
};

namespace {

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "not a std::exception";
  }
}

} // namespace

group_error::group_error(std::vector<entry> entries, std::uint64_t failed) {
  std::string text = std::to_string(failed) + " of the group's tasks failed";
  for (const entry& e : entries) {
    text += "; ";
    if (e.index != body) {
      text += '#';
      text += std::to_string(e.index);
      if (!e.name.empty())
        text += ' ';
    }
    text += e.name;
    text += ": ";
    text += text_of(e.error);
  }
  contents_ = std::make_shared<const contents>(
      contents{std::move(entries), failed, std::move(text)});
}

const char* group_error::what() const noexcept {
  return contents_->text.c_str();
}

const std::vector<group_error::entry>& group_error::errors() const noexcept {
  return contents_->entries;
}

std::uint64_t group_error::failed() const noexcept { return contents_->failed; }

} // namespace weir
