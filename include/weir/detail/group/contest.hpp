// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/task/as_value.hpp>
#include <weir/detail/task/await_operation.hpp>
#include <weir/detail/wait/shared_claim.hpp>
#include <weir/group_error.hpp>
#include <weir/indexed_value.hpp>

#include "group_steps.hpp"
#include "join_block.hpp"
#include "work_value.hpp"

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// race() and quorum(): the first `wanted` tasks that succeed count; with
// first_completed() the first to end in any way. What counts takes a share of a
// claim: a channel's operation before it takes effect, so that one that is too
// late takes nothing; a task when it has ended.

namespace weir::detail {

// What ends a contest besides `wanted` successes.
enum class contest_end : bool {
  when_hopeless, // too few are left to succeed
  by_any_error,
};

// How many have won and lost, and the errors. Entrants write to it while they
// run, each to what is its own; it is read when they have been joined.
class WEIR_API contest_score : public join_block {
public:
  contest_score(const contest_score&) = delete;
  contest_score& operator=(const contest_score&) = delete;

  // Of the entrant at `position`: an operation that asks for its share of the
  // claim before it takes effect.
  template <typename Step>
  void contend(std::size_t position, operation<Step>& work) noexcept {
    operation_access::step(work).contend(claim_, entrants_[position].claimed);
  }

  // Throws what ended it, or a group_error with all errors.
  [[noreturn]] void fail_with_all() const;
  // Throws an asio::multiple_exceptions, unless no error counts.
  void fail_with_first() const;

protected:
  struct entrant {
    bool claimed = false; // It had its share of the claim.
    const char* name = nullptr;
    std::exception_ptr error;
  };

  contest_score(task_core& parent,
                const char* name,
                std::size_t wanted,
                contest_end end) noexcept;
  ~contest_score();
  // Once, before the first entrant: by position, in the derived class.
  void set_entrants(std::span<entrant> all) noexcept { entrants_ = all; }

  // An operation has taken effect.
  bool has_taken() const noexcept {
    // relaxed: joined.
    return taken_.load(std::memory_order_relaxed);
  }
  // False: it is too late.
  bool is_in_time(std::size_t position) noexcept;
  // The how-manieth winner the caller is, counted from 0. The last that is
  // wanted cancels the others.
  std::size_t rank_of_winner() noexcept;

private:
  void fail(task_core& core, const std::exception_ptr& error) noexcept final;

  shared_claim claim_;
  std::span<entrant> entrants_;
  const std::size_t wanted_;
  const contest_end end_;
  std::exception_ptr decisive_; // by_any_error: of the first to end
  sync::atomic<std::size_t> won_{0};
  sync::atomic<std::size_t> lost_{0};
  sync::atomic<bool> taken_{false};
  std::exception_ptr first_; // written by the entrant that lost first
};

// The results of the winners, by rank, which is below the number wanted: each
// has its share of the claim. Of one, without further memory, or of many.
template <typename R, bool One>
class winners {
public:
  explicit winners(std::size_t) noexcept {}
  bool is_full() const noexcept { return first_.has_value(); }
  template <typename... Args>
  void emplace(std::size_t, Args&&... args) {
    first_.emplace(std::forward<Args>(args)...);
  }
  R take() { return std::move(*first_); }

private:
  std::optional<R> first_;
};
template <typename R>
class winners<R, false> {
public:
  explicit winners(std::size_t wanted) : all_(wanted) {}
  bool is_full() const noexcept {
    for (const auto& winner : all_)
      if (!winner)
        return false;
    return true;
  }
  template <typename... Args>
  void emplace(std::size_t rank, Args&&... args) {
    all_[rank].emplace(std::forward<Args>(args)...);
  }
  std::vector<R> take() {
    std::vector<R> taken;
    taken.reserve(all_.size());
    for (auto& winner : all_)
      taken.push_back(std::move(*winner));
    return taken;
  }

private:
  std::vector<std::optional<R>> all_;
};

template <typename R, bool One>
class contest : public contest_score {
public:
  // Joined: there are as many winners as were wanted.
  bool is_decided() const noexcept { return winners_.is_full(); }
  auto take() { return winners_.take(); }

protected:
  contest(task_core& parent,
          const char* name,
          std::size_t wanted,
          contest_end end)
      : contest_score(parent, name, wanted, end), winners_(wanted) {}
  ~contest() = default;

  // An entrant has returned. The result is with its position, or, when their
  // types differ, in a variant whose index is the position.
  template <std::size_t Alternative, typename T>
  void won(task_core& core) {
    const auto position = static_cast<std::size_t>(core.index);
    if (!is_in_time(position))
      return;
    const std::size_t rank = rank_of_winner();
    if constexpr (std::is_same_v<R, indexed_value<kept_value<T>>>)
      winners_.emplace(rank, R(position, take_kept<T>(core)));
    else
      winners_.emplace(
          rank, std::in_place_index<Alternative>, take_kept<T>(core));
  }

private:
  // As an operation alone, it hands on what was taken to a task that is
  // cancelled.
  bool keeps_results() const noexcept final {
    return has_taken() && is_decided();
  }

  winners<R, One> winners_;
};

template <typename... Ts>
struct raced_type {
  using type = std::variant<kept_value<Ts>...>;
};
template <typename T, std::same_as<T>... Ts>
struct raced_type<T, Ts...> {
  using type = indexed_value<kept_value<T>>;
};
template <typename... Ts>
using raced_value = typename raced_type<Ts...>::type;

// An operation that asks for the claim before it takes effect.
template <typename T>
struct is_contended : std::false_type {};
template <typename Step>
requires requires(Step& step, shared_claim& all, bool& claimed) {
  step.contend(all, claimed);
}
struct is_contended<operation<Step>> : std::true_type {};

// An argument that enters: such an operation as it is, all else as a task.
template <typename Arg>
auto entrant_of(Arg&& arg, const char* who) {
  if constexpr (is_contended<std::remove_cvref_t<Arg>>::value)
    return std::remove_cvref_t<Arg>(std::forward<Arg>(arg));
  else
    return task_of(std::forward<Arg>(arg), who);
}
template <typename Arg>
using entrant = decltype(entrant_of(std::declval<Arg>(), ""));

template <typename R, bool One, typename... Entrants>
class contest_of_pack final : public contest<R, One> {
public:
  contest_of_pack(task_core& self,
                  const char* name,
                  std::size_t wanted,
                  contest_end end,
                  std::tuple<Entrants...>& works)
      : contest<R, One>(self, name, wanted, end) {
    this->set_entrants(entrants_);
    enter(works, std::index_sequence_for<Entrants...>());
  }

  contest_of_pack(const contest_of_pack&) = delete;
  contest_of_pack& operator=(const contest_of_pack&) = delete;
  ~contest_of_pack() { this->close(); }

private:
  template <typename T>
  void enter_one(std::size_t, task<T>& work) {
    this->add(unstarted(std::move(work)));
  }
  template <typename Step>
  void enter_one(std::size_t position, operation<Step>& work) {
    using T = typename work_value<operation<Step>>::type;
    this->contend(position, work);
    this->add(unstarted(await_value<T, operation<Step>>(std::move(work))));
  }
  template <std::size_t... I>
  void enter(std::tuple<Entrants...>& works, std::index_sequence<I...>) {
    (enter_one(I, std::get<I>(works)), ...);
  }

  void keep(task_core& core) override {
    keep_one(core, std::index_sequence_for<Entrants...>());
  }
  template <std::size_t... I>
  void keep_one(task_core& core, std::index_sequence<I...>) {
    (void)((core.index == I &&
            (this->template won<I, typename work_value<Entrants>::type>(core),
             true)) ||
           ...);
  }

  std::array<contest_score::entrant, sizeof...(Entrants)> entrants_;
};

template <typename R, bool One, typename T>
class contest_of_range final : public contest<R, One> {
public:
  contest_of_range(task_core& self,
                   const char* name,
                   std::size_t wanted,
                   contest_end end,
                   std::vector<task<T>>& works)
      : contest<R, One>(self, name, wanted, end), entrants_(works.size()) {
    this->set_entrants(entrants_);
    for (task<T>& work : works)
      this->add(unstarted(std::move(work)));
  }

  contest_of_range(const contest_of_range&) = delete;
  contest_of_range& operator=(const contest_of_range&) = delete;
  ~contest_of_range() { this->close(); }

private:
  void keep(task_core& core) override { this->template won<0, T>(core); }

  std::vector<contest_score::entrant> entrants_;
};

// What is thrown when all have lost: a group_error, or as Asio's operator does
// a multiple_exceptions with the error that came first.
enum class when_lost : unsigned char { group, first };

// One result, or all that were wanted.
template <typename R, bool One>
using contest_result = std::conditional_t<One, R, std::vector<R>>;

template <when_lost Throws, typename R, bool One>
contest_result<R, One> take_result(contest<R, One>& all) {
  if (!all.is_decided()) {
    if constexpr (Throws == when_lost::first)
      all.fail_with_first();
    all.fail_with_all();
  }
  return all.take();
}

template <typename R,
          bool One,
          when_lost Throws = when_lost::group,
          typename... Entrants>
task<contest_result<R, One>>
run_contest(std::size_t wanted,
            const char* name,
            std::tuple<Entrants...> works,
            contest_end end = contest_end::when_hopeless) {
  task_core& self = co_await this_core();
  contest_of_pack<R, One, Entrants...> all(self, name, wanted, end, works);
  co_await await_join(all);
  co_return take_result<Throws>(all);
}

template <typename R, bool One, typename T>
task<contest_result<R, One>>
run_contest(std::size_t wanted,
            const char* name,
            std::vector<task<T>> works,
            contest_end end = contest_end::when_hopeless) {
  task_core& self = co_await this_core();
  contest_of_range<R, One, T> all(self, name, wanted, end, works);
  co_await await_join(all);
  co_return take_result<when_lost::group>(all);
}

} // namespace weir::detail
