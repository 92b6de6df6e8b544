// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/base/export.hpp>
#include <weir/detail/base/sync.hpp>
#include <weir/detail/wait/shared_claim.hpp>
#include <weir/group_error.hpp>
#include <weir/indexed_value.hpp>

#include "group_access.hpp"
#include "group_steps.hpp"
#include "work_value.hpp"

#include <atomic>
#include <concepts>
#include <cstddef>
#include <exception>
#include <optional>
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
class contest_score {
public:
  contest_score(std::size_t entrants, std::size_t wanted, contest_end end)
      : claim_(wanted), errors_(entrants), wanted_(wanted), end_(end) {}

  // For operations that ask before they take effect.
  shared_claim& claim() noexcept { return claim_; }
  // One of them did.
  bool has_taken() const noexcept {
    // relaxed: joined.
    return taken_.load(std::memory_order_relaxed);
  }

  // An entrant's error. It counts unless it is the abort of a cancellation of
  // `group`; one too many cancels the group. `claimed`: it had its share.
  WEIR_API void lost(task_group& group,
                     std::size_t position,
                     const char* name,
                     const std::exception_ptr& error,
                     bool claimed) noexcept;

  // Throws what ended it, or a group_error with all errors, also those that the
  // group itself noted (`seen_by_group`, null for none).
  WEIR_API [[noreturn]] void
  fail(const std::exception_ptr& seen_by_group) const;
  // Throws an asio::multiple_exceptions, unless no error counts.
  WEIR_API void fail_with_first() const;

protected:
  // False: it is too late.
  bool is_in_time(bool claimed) noexcept {
    if (claimed)
      taken_.store(true, std::memory_order_relaxed); // as has_taken()
    return claimed || claim_.take();
  }
  // The how-manieth winner the caller is, counted from 0. The last that is
  // wanted cancels the group.
  WEIR_API std::size_t rank_of_winner(task_group& group) noexcept;

private:
  struct loss {
    const char* name = nullptr;
    std::exception_ptr error;
  };
  shared_claim claim_;
  std::vector<loss> errors_; // by position
  const std::size_t wanted_;
  const contest_end end_;
  std::exception_ptr decisive_; // by_any_error: of the first to end
  sync::atomic<std::size_t> won_{0};
  sync::atomic<std::size_t> lost_{0};
  sync::atomic<bool> taken_{false};
  std::exception_ptr first_; // written by the entrant that lost first
};

template <typename R>
class contest final : public contest_score {
public:
  contest(std::size_t entrants, std::size_t wanted, contest_end end)
      : contest_score(entrants, wanted, end), winners_(wanted) {}

  template <typename Make>
  void won(task_group& group, bool claimed, Make make) {
    if (!is_in_time(claimed))
      return;
    const std::size_t rank = rank_of_winner(group);
    if (rank < winners_.size())
      winners_[rank].emplace(make());
  }

  // Joined: all places are filled.
  bool is_decided() const noexcept {
    for (const auto& winner : winners_)
      if (!winner)
        return false;
    return true;
  }
  R take_first() { return std::move(*winners_.front()); }
  std::vector<R> take_all() {
    std::vector<R> all;
    all.reserve(winners_.size());
    for (auto& winner : winners_)
      all.push_back(std::move(*winner));
    return all;
  }

private:
  std::vector<std::optional<R>> winners_; // by rank
};

// The result of one of several tasks: with its position, or, when their types
// differ, a variant whose index is the position.
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

template <typename R, std::size_t Alternative, typename T>
R raced(std::size_t position, outcome<T>& result) {
  if constexpr (std::is_same_v<R, indexed_value<kept_value<T>>>)
    return R(position, keep(result));
  else
    return R(std::in_place_index<Alternative>, keep(result));
}

template <typename R, std::size_t Alternative, typename T>
void score(outcome<T>& result,
           bool claimed,
           std::size_t position,
           const char* name,
           contest<R>& all,
           task_group& group) {
  if (result.error())
    all.lost(group, position, name, result.error(), claimed);
  else
    all.won(group, claimed, [&] {
      return raced<R, Alternative, T>(position, result);
    });
}

template <typename R, std::size_t Alternative, typename T>
task<> compete(task<T> work,
               std::size_t position,
               contest<R>& all,
               task_group& group) {
  const char* const name = task_access::name(work);
  outcome<T> result =
      co_await outcome_of<T>(std::move(work), if_abandoned::failed);
  if (result.is_stopped())
    co_await pass_on_stop();
  score<R, Alternative, T>(result, false, position, name, all, group);
}

// An operation that asks for the claim before it takes effect.
template <typename T>
struct is_contended : std::false_type {};
template <typename Step>
requires requires(Step& step, shared_claim& all, bool& claimed) {
  step.contend(all, claimed);
}
struct is_contended<operation<Step>> : std::true_type {};

template <typename R, std::size_t Alternative, typename Step>
task<> compete_in(operation<Step> work,
                  std::size_t position,
                  contest<R>& all,
                  task_group& group) {
  using T = typename work_value<operation<Step>>::type;
  bool claimed = false;
  operation_access::step(work).contend(all.claim(), claimed);
  outcome<T> result = co_await outcome_of<T>(
      await_value<T, operation<Step>>(std::move(work)), if_abandoned::failed);
  if (result.is_stopped())
    co_await pass_on_stop();
  score<R, Alternative, T>(result, claimed, position, nullptr, all, group);
}

// False: it is decided already, nothing was started.
template <typename R, std::size_t Alternative, typename T>
bool spawn_entrant(task<T>&& work,
                   std::size_t position,
                   contest<R>& all,
                   task_group& group) {
  const char* const name = task_access::name(work);
  task<> child =
      compete<R, Alternative, T>(std::move(work), position, all, group);
  task_access::set_name(child, name);
  return group.try_spawn(std::move(child)) == spawn_status::started;
}

template <typename R, std::size_t Alternative, typename Step>
bool spawn_entrant(operation<Step>&& work,
                   std::size_t position,
                   contest<R>& all,
                   task_group& group) {
  return group.try_spawn(compete_in<R, Alternative, Step>(
             std::move(work), position, all, group)) == spawn_status::started;
}

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

// What starts the entrants: several of them, or a range of tasks.
template <typename R, typename... Entrants>
class start_each {
public:
  explicit start_each(std::tuple<Entrants...> works)
      : works_(std::move(works)) {}
  std::size_t size() const noexcept { return sizeof...(Entrants); }
  void operator()(contest<R>& all, task_group& group) {
    start(all, group, std::index_sequence_for<Entrants...>());
  }

private:
  template <std::size_t... I>
  void start(contest<R>& all, task_group& group, std::index_sequence<I...>) {
    (void)(spawn_entrant<R, I>(std::get<I>(std::move(works_)), I, all, group) &&
           ...);
  }
  std::tuple<Entrants...> works_;
};

template <typename R, typename T>
class start_range {
public:
  explicit start_range(std::vector<task<T>> works) : works_(std::move(works)) {}
  std::size_t size() const noexcept { return works_.size(); }
  void operator()(contest<R>& all, task_group& group) {
    for (std::size_t i = 0; i != works_.size(); ++i)
      if (!spawn_entrant<R, 0>(std::move(works_[i]), i, all, group))
        return;
  }

private:
  std::vector<task<T>> works_;
};

// What is thrown when all have lost: a group_error, or as Asio's operator does
// a multiple_exceptions with the error that came first.
enum class when_lost : unsigned char { group, first };

inline task<> join_contest(task_group& group) { co_await group.join(); }

template <typename R,
          bool One,
          when_lost Throws = when_lost::group,
          typename Start>
task<std::conditional_t<One, R, std::vector<R>>>
run_contest(std::size_t wanted,
            const char* name,
            Start start,
            contest_end end = contest_end::when_hopeless) {
  task_core& self = co_await this_core();
  // Before the group, whose children refer to it.
  contest<R> all(start.size(), wanted, end);
  task_group group(group_access::maker(self),
                   children_of(self, collect(unlimited), name));
  // Made before there is a child to join: there may be no memory for it.
  task<> join = join_contest(group);
  const std::exception_ptr failed =
      launch_into(group, [&] { start(all, group); });
  outcome<void> joined =
      co_await outcome_of<void>(std::move(join), if_abandoned::failed);
  if (failed)
    std::rethrow_exception(failed);
  // As an operation alone, it hands on what was taken to a task that is
  // cancelled.
  if (!(all.has_taken() && all.is_decided())) {
    if (joined.is_stopped())
      co_await pass_on_stop();
    if (joined.error() && is_aborted(joined.error())) // from outside
      joined.get();
    if (!all.is_decided()) {
      if constexpr (Throws == when_lost::first)
        all.fail_with_first();
      all.fail(joined.error()); // frames that were destroyed, say
    }
  }
  if constexpr (One)
    co_return all.take_first();
  else
    co_return all.take_all();
}

} // namespace weir::detail
