// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "asio_callbacks.hpp"
#include "peers/skynet_range.hpp"
#include "peers/trees.hpp"

#include <boost/asio/post.hpp>

#include <array>
#include <cstdint>

namespace weir::perf {

namespace {

constexpr std::size_t warm_up = 10'000;

// A call of fib.
struct fib_call {
  unsigned n;

  bool is_leaf() const { return n < 2; }
  std::uint64_t value() const { return n; }
  std::size_t parts() const { return 2; }
  fib_call part(std::size_t i) const {
    return {n - 1 - static_cast<unsigned>(i)};
  }
};

// A node of skynet.
struct skynet_call {
  range all;

  bool is_leaf() const { return all.count == 1; }
  std::uint64_t value() const { return all.first; }
  std::size_t parts() const { return all.parts(); }
  skynet_call part(std::size_t i) const { return {all.part(i)}; }
};

// Computes trees on one context, one after the other, so that what is queued is
// of one tree; each call is a function that goes through the queue.
template <typename Call>
class grower {
public:
  explicit grower(asio::io_context& context) : context_(context) {}

  void add(Call tree) { trees_.push_back(tree); }
  std::uint64_t sum() const { return sum_; }

  void next() {
    if (trees_.empty())
      return;
    const Call tree = trees_.back();
    trees_.pop_back();
    start(tree, nullptr);
  }

private:
  struct node {
    node* parent;
    std::size_t left;
    std::uint64_t sum = 0;
  };

  void start(Call call, node* parent) {
    asio::post(context_, [this, call, parent] {
      if (call.is_leaf())
        return finish(call.value(), parent);
      const std::size_t parts = call.parts();
      node* const own = new node{.parent = parent, .left = parts};
      for (std::size_t i = 0; i != parts; ++i)
        start(call.part(i), own);
    });
  }

  void finish(std::uint64_t value, node* to) {
    while (to != nullptr) {
      to->sum += value;
      if (--to->left != 0)
        return;
      const node ended = *to;
      delete to;
      value = ended.sum;
      to = ended.parent;
    }
    sum_ += value;
    next();
  }

  asio::io_context& context_;
  std::vector<Call> trees_;
  std::uint64_t sum_ = 0;
};

// The calls `levels` below, and the leaves above them.
template <typename Call>
void divide(Call call, std::size_t levels, std::vector<Call>& parts) {
  if (levels == 0 || call.is_leaf())
    return parts.push_back(call);
  for (std::size_t i = 0; i != call.parts(); ++i)
    divide(call.part(i), levels - 1, parts);
}

// The sum of the leaves. In turn each thread gets a part of those `levels`
// below.
template <typename Call>
std::uint64_t sum_of_leaves(contexts& all, Call root, std::size_t levels) {
  std::vector<Call> parts;
  divide(root, levels, parts);
  std::deque<grower<Call>> growers;
  for (std::size_t i = 0; i != all.size(); ++i)
    growers.emplace_back(all[i]);
  for (std::size_t i = 0; i != parts.size(); ++i)
    growers[i % all.size()].add(parts[i]);
  all.run([&](std::size_t i) { growers[i].next(); });
  std::uint64_t sum = 0;
  for (const grower<Call>& each : growers)
    sum += each.sum();
  return sum;
}

// Makes group after group. A child is a function that goes through the queue.
template <std::size_t children>
class group_maker {
public:
  group_maker(asio::io_context& context, std::size_t groups)
      : context_(context), left_(groups) {}

  void next() {
    done_ = {};
    running_ = children;
    for (std::size_t& each : done_)
      asio::post(context_, [this, &each] {
        each = 1;
        if (--running_ == 0)
          end();
      });
  }
  std::size_t sum() const { return sum_; }

private:
  void end() {
    for (const std::size_t each : done_)
      sum_ += each;
    if (--left_ != 0)
      next();
  }

  asio::io_context& context_;
  std::size_t left_;
  std::array<std::size_t, children> done_{};
  std::size_t running_ = 0;
  std::size_t sum_ = 0;
};

} // namespace

sample run_callbacks_skynet(const workload& load) {
  contexts all(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    const skynet_call root{{0, tasks}};
    require(sum_of_leaves(all, root, 2) == sum_to(tasks), "sum of the leaves");
  });
}

sample run_callbacks_fib(const workload& load) {
  contexts all(load.threads);
  return measure(load, warm_up, [&](std::size_t tasks, stopwatch&) {
    const unsigned n = fib_of_size(tasks);
    require(sum_of_leaves(all, fib_call{n}, 8) == fib_of(n), "fib");
  });
}

// Each group comes after the last one, so there is nothing to divide.
sample run_callbacks_groups_8(const workload& load) {
  contexts all(1);
  return measure(load, warm_up, [&](std::size_t groups, stopwatch&) {
    group_maker<8> maker(all[0], groups);
    all.run([&](std::size_t) { maker.next(); });
    require(maker.sum() == groups * 8, "children that ran");
  });
}

} // namespace weir::perf
