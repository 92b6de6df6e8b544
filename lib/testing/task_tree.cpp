// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "task_tree.hpp"

#include "runtime/runtime_core.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace weir::detail {

namespace {

using tasks = std::vector<task_core*>;
using groups = std::vector<const tracked_group*>;

// Lists hold the newest first.
groups groups_of(runtime_core& runtime) {
  groups all;
  runtime.for_each_group([&](const tracked_group& g) { all.push_back(&g); });
  std::reverse(all.begin(), all.end());
  return all;
}

tasks roots_of(runtime_core& runtime) {
  tasks roots;
  runtime.for_each_root([&](task_core& t) { roots.push_back(&t); });
  std::reverse(roots.begin(), roots.end());
  return roots;
}

tasks children_of(const tracked_group& group) {
  tasks children;
  group.for_each_child([&](task_core& t) { children.push_back(&t); });
  std::sort(children.begin(), children.end(), [](auto* a, auto* b) {
    return a->index < b->index;
  });
  return children;
}

class printer final {
public:
  explicit printer(runtime_core& runtime) : groups_(groups_of(runtime)) {}

  void task(task_core& task, bool is_child, std::size_t depth) {
    indent(depth);
    out_ += "task ";
    if (is_child)
      out_ += '#' + std::to_string(task.index) + ' ';
    out_ += task.name != nullptr ? task.name : "(unnamed)";
    const wait_kind* const kind = task.waits_for();
    out_ += kind != nullptr ? std::string(" waits: ") + kind->name
                            : std::string(" is about to run");
    out_ += '\n';
    for (const tracked_group*& g : groups_)
      if (g != nullptr && g->maker() == &task)
        group(*std::exchange(g, nullptr), depth + 1);
  }

  // Groups that no task created, or a task that has ended.
  void rest() {
    for (const tracked_group*& g : groups_)
      if (g != nullptr)
        group(*std::exchange(g, nullptr), 1);
  }

  std::string take() { return std::move(out_); }

private:
  void group(const tracked_group& group, std::size_t depth) {
    const group_summary s = group.summary();
    indent(depth);
    out_ += std::string("group ") + s.name + ": " +
            std::to_string(s.in_flight) + " in flight";
    if (s.cap != std::numeric_limits<std::size_t>::max())
      out_ += ", at most " + std::to_string(s.cap);
    if (s.waiting != 0)
      out_ += ", " + std::to_string(s.waiting) + " wait to be spawned";
    out_ += '\n';
    for (task_core* child : children_of(group))
      task(*child, true, depth + 1);
  }

  void indent(std::size_t depth) { out_.append(2 * depth, ' '); }

  groups groups_; // not printed yet; null: printed
  std::string out_;
};

} // namespace

std::string task_tree::print(runtime_core& runtime) {
  printer to(runtime);
  for (task_core* root : roots_of(runtime))
    to.task(*root, false, 1);
  to.rest();
  return to.take();
}

bool task_tree::may_go_on(runtime_core& runtime) {
  const auto does = [](task_core* task) {
    const wait_kind* const kind = task->waits_for();
    return kind == nullptr || kind->ends_outside;
  };
  const tasks roots = roots_of(runtime);
  if (std::any_of(roots.begin(), roots.end(), does))
    return true;
  for (const tracked_group* group : groups_of(runtime)) {
    const tasks children = children_of(*group);
    if (std::any_of(children.begin(), children.end(), does))
      return true;
  }
  return false;
}

} // namespace weir::detail
