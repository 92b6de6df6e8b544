// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "marks.hpp"

#include "program.hpp"

#include <algorithm>
#include <iterator>

namespace weir::test::model {

void program::gone(const presence& of) {
  --frames_;
  std::erase_if(fresh_, [&](const known_task& t) { return t.id == of.id(); });
  note(of.id(),
       of.error.empty() ? "has ended" : of.error.c_str(),
       parent_of({of.id()}));
  if (!is_stopped_ && model_.tasks[of.id()].parent != reference::none)
    model_.end(of.id(), of.how, of.error);
}

presence::presence(program& p, int id) noexcept : program_(&p), id_(id) {
  ++p.frames_;
}
presence::~presence() {
  if (program_ != nullptr)
    program_->gone(*this);
}

body_mark::~body_mark() {
  program_.note(id_, error.empty() ? "leaves group" : error.c_str(), in_);
  if (!program_.is_stopped_)
    program_.model_.end_body(id_, in_, how, error);
}

group_mark::~group_mark() { program_.groups_[in_] = nullptr; }

join_mark::join_mark(program& p, int in, bool counts) noexcept
    : program_(p), in_(in), count_(counts ? 1u : 0u) {
  p.joins_[in_] += count_;
}
join_mark::~join_mark() { program_.joins_[in_] -= count_; }

scope_mark::scope_mark(program& p, const place& at, const reference::scope& s)
    : program_(p), id_(at.id), is_timed_(at.timed) {
  p.model_.tasks[id_].scopes.push_back(s);
  if (is_timed_)
    p.timed_.push_back({id_, at.core});
}
scope_mark::~scope_mark() {
  if (program_.is_stopped_)
    return;
  program_.model_.tasks[id_].scopes.pop_back();
  if (is_timed_) {
    auto& all = program_.timed_;
    const auto last = std::find_if(
        all.rbegin(), all.rend(), [this](auto& t) { return t.id == id_; });
    all.erase(std::next(last).base());
  }
}

holding::~holding() {
  if (!program_.is_stopped_)
    program_.model_.release(permit_.weight());
  permit_.release();
}

ready_await::ready_await(program& p, const place& at, bool has_more)
    : program_(p), id_(at.id), asks_(p.asks(at)), has_more_(has_more) {}

void ready_await::completed() {
  has_completed_ = true;
  ++program_.seen_.ready;
  program_.require(asks_,
                   "an await of a cancelled task was ready and completed");
}

ready_await::~ready_await() {
  if (has_completed_ || program_.is_stopped_)
    return;
  ++program_.seen_.ready_ended;
  program_.require(!asks_ || (has_more_ && program_.model_.is_cancelled(id_)),
                   "an await that was ready did not complete");
}

} // namespace weir::test::model
