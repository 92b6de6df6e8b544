// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/permit.hpp>

#include "reference.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace weir::detail {
class task_core;
} // namespace weir::detail

namespace weir::test::model {

class program;

// The position of a task, which decides what it may do without waiting for
// itself.
struct place {
  int id = 0;
  int from = 0;    // the first group it may spawn in
  int nested[3]{}; // groups whose body or child it is
  int depth = 0;   // how many there are
  int budget = 0;  // how many more scripts may be nested
  bool timed = false;
  detail::task_core* core = nullptr;
};

// In the frame of a child: updates the reference when the frame is destroyed.
class presence final {
public:
  presence(program& p, int id) noexcept;
  presence(presence&& other) noexcept
      : how(other.how), error(std::move(other.error)),
        program_(std::exchange(other.program_, nullptr)), id_(other.id_) {}
  presence& operator=(presence&&) = delete;
  ~presence();

  reference::ending how = reference::ending::stopped;
  std::string error;
  int id() const noexcept { return id_; }

private:
  program* program_;
  int id_;
};

// In the frame of a body of with_task_group: the same.
class body_mark final {
public:
  body_mark(program& p, int id, int in) noexcept
      : program_(p), id_(id), in_(in) {}
  body_mark(const body_mark&) = delete;
  body_mark& operator=(const body_mark&) = delete;
  ~body_mark();

  reference::ending how = reference::ending::stopped;
  std::string error;

private:
  program& program_;
  int id_;
  int in_;
};

// Around with_task_group: the group exists.
class group_mark final {
public:
  group_mark(program& p, int in) noexcept : program_(p), in_(in) {}
  group_mark(const group_mark&) = delete;
  group_mark& operator=(const group_mark&) = delete;
  ~group_mark();

private:
  program& program_;
  int in_;
};

// A join() that has no outcome yet. A join of the task's own group does not
// count.
class join_mark final {
public:
  join_mark(program& p, int in, bool counts) noexcept;
  join_mark(const join_mark&) = delete;
  join_mark& operator=(const join_mark&) = delete;
  ~join_mark();

private:
  program& program_;
  int in_;
  std::size_t count_;
};

// A scope of a task, in a frame inside the scope.
class scope_mark final {
public:
  scope_mark(program& p, const place& at, const reference::scope& s);
  scope_mark(const scope_mark&) = delete;
  scope_mark& operator=(const scope_mark&) = delete;
  ~scope_mark();

private:
  program& program_;
  int id_;
  bool is_timed_;
};

// One await that is ready at once: it completes, unless the task is cancelled
// when it begins.
class ready_await final {
public:
  /// `has_more`: what it awaits contains more awaits.
  ready_await(program& p, const place& at, bool has_more = false);
  ready_await(const ready_await&) = delete;
  ready_await& operator=(const ready_await&) = delete;
  ~ready_await();

  /// True if the reference is asked.
  bool asks() const noexcept { return asks_; }
  void completed();

private:
  program& program_;
  int id_;
  bool asks_;
  bool has_more_;
  bool has_completed_ = false;
};

// A permit of the limiter and of the reference's limiter.
class holding final {
public:
  holding(program& p, permit held) noexcept
      : program_(p), permit_(std::move(held)) {}
  holding(const holding&) = delete;
  holding& operator=(const holding&) = delete;
  ~holding();

private:
  program& program_;
  permit permit_;
};

// A value that counts how many exist.
class parcel final {
public:
  parcel(int& alive, int number) noexcept : alive_(&alive), number_(number) {
    ++alive;
  }
  parcel(parcel&& other) noexcept
      : alive_(std::exchange(other.alive_, nullptr)), number_(other.number_) {}
  parcel& operator=(parcel&& other) noexcept {
    std::swap(alive_, other.alive_);
    std::swap(number_, other.number_);
    return *this;
  }
  ~parcel() {
    if (alive_ != nullptr)
      --*alive_;
  }
  int number() const noexcept { return number_; }

private:
  int* alive_;
  int number_;
};

} // namespace weir::test::model
