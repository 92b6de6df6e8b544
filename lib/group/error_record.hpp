// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>

namespace weir::detail {

// What join() will report: the first error, or up to n of them. Written under
// the group's lock while children run, read without it when all have ended.
class error_record {
public:
  struct node {
    std::unique_ptr<node> next;
    std::uint64_t index = 0;
    std::string name;
    std::exception_ptr error;
  };

  explicit error_record(std::size_t collected) noexcept : wanted_(collected) {}
  ~error_record();

  // Forgets all errors; they are left in `old`.
  void reset(error_record& old) noexcept;

  bool is_collecting() const noexcept { return wanted_ != 0; }
  // Takes `kept` if the error is among the first n, and otherwise leaves it.
  void add(const std::exception_ptr& error,
           std::unique_ptr<node>& kept) noexcept;
  bool has_error() const noexcept { return first_ != nullptr; }
  const std::exception_ptr& first() const noexcept { return first_; }
  // Null if there is none. May throw bad_alloc when collecting.
  std::exception_ptr get() const;

private:
  const std::size_t wanted_;
  std::size_t kept_ = 0;
  std::uint64_t failed_ = 0;
  std::exception_ptr first_;
  std::unique_ptr<node> nodes_;
};

} // namespace weir::detail
