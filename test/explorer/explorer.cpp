// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// Not instrumented: its accesses are not those of a model's thread.

#include "explorer_fiber.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace weir::test {

bool explorer::play(std::size_t threads,
                    unsigned liberties,
                    void* model,
                    body_fn body) {
  model_ = model;
  body_ = body;
  threads_ = threads;
  liberties_ = liberties;
  at_ = steps_ = length_ = 0;
  for (std::size_t t = 0; t != threads; ++t) {
    fiber& f = fibers_[t];
    if (!f.stack || !f.ended)
      make(t);
    f.ended = f.paused = false;
    f.delayed = 0;
  }
  meet();
  active_ = this;
  swap_out();
  active_ = nullptr;
  meet();
  for (std::size_t t = 0; t != threads; ++t)
    if (!fibers_[t].ended)
      return false;
  return true;
}

// --- schedules ---

std::string explorer::schedule() const {
  return std::string(schedule_.data(), length_);
}

bool explorer::next_trail() noexcept {
  while (!trail_.empty() && trail_.back().taken + 1 == trail_.back().options)
    trail_.pop_back();
  if (!trail_.empty())
    ++trail_.back().taken;
  return !trail_.empty();
}

// Chooses one of `options`, the first unless the trail says otherwise. `costs`:
// all but the first cost a liberty.
std::size_t explorer::choose(std::size_t options, bool costs) noexcept {
  if (options == 1)
    return 0;
  if (random_ != 0) {
    // xorshift64
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    const std::uint64_t drawn = random_ >> 32;
    if (costs && drawn % 8 != 0)
      return 0;
    return (drawn >> 3) % options;
  }
  if (at_ == trail_.size())
    trail_.push_back({0, static_cast<std::uint8_t>(options)});
  return trail_[at_++].taken;
}

// The running thread is the first option: to let it continue is no liberty.
// most_threads: no thread can continue.
std::size_t explorer::next_thread() noexcept {
  const bool can_go_on = running_ != most_threads && !fibers_[running_].ended &&
                         !fibers_[running_].paused;
  if (can_go_on && liberties_ == 0)
    return running_;
  std::size_t ready[most_threads];
  std::size_t count = 0;
  const std::size_t first = running_ == most_threads ? 0 : running_;
  for (std::size_t i = 0; i != threads_; ++i) {
    const std::size_t t =
        first + i < threads_ ? first + i : first + i - threads_;
    if (!fibers_[t].ended && !fibers_[t].paused)
      ready[count++] = t;
  }
  if (count == 0)
    return most_threads;
  const std::size_t next = ready[choose(count, can_go_on)];
  if (can_go_on && next != running_)
    --liberties_;
  return next;
}

void explorer::swap_out() noexcept {
  const std::size_t next = ++steps_ < longest ? next_thread() : most_threads;
  if (next != most_threads)
    schedule_[length_++] = static_cast<char>('0' + next);
  if (next != running_)
    switch_to(next);
}

void explorer::step() noexcept { swap_out(); }

bool explorer::fault() noexcept {
  if (liberties_ == 0 || choose(2, true) == 0)
    return false;
  --liberties_;
  schedule_[length_++] = '!';
  return true;
}

void explorer::wrote() noexcept {
  for (std::size_t t = 0; t != threads_; ++t)
    if (t != running_)
      fibers_[t].paused = false;
}

void explorer::pause() noexcept {
  if (fibers_[running_].delayed != 0) {
    flush(); // Meanwhile something may have been written: look again.
    return;
  }
  fibers_[running_].paused = true;
  swap_out();
}

void mark::set() noexcept {
  set_ = true;
  if (explorer* const e = explorer::active(); e != nullptr)
    e->wrote();
}

bool mark::is_set() const noexcept { return set_; }

// --- stores ---

const explorer::store* explorer::delayed(const void* where) const noexcept {
  const fiber& f = fibers_[running_];
  for (std::size_t i = f.delayed; i != 0; --i)
    if (f.stores[i - 1].where == where)
      return &f.stores[i - 1];
  return nullptr;
}

bool explorer::delay(const store& s) noexcept {
  if (fibers_[running_].delayed == most_delayed)
    flush();
  fiber& f = fibers_[running_];
  f.stores[f.delayed++] = s;
  return f.delayed == 1;
}

void explorer::publish() noexcept {
  fiber& f = fibers_[running_];
  if (f.delayed == 0)
    return;
  for (std::size_t i = 0; i != f.delayed; ++i)
    f.stores[i].apply(f.stores[i].where, f.stores[i].bits);
  f.delayed = 0;
  wrote();
}

void explorer::flush() noexcept {
  if (fibers_[running_].delayed != 0)
    step();
  publish();
}

} // namespace weir::test
