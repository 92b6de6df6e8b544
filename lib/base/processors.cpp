// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "processors.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <exception>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <cerrno>
#include <sched.h>
#endif

namespace weir::detail {

std::size_t processors_allowed() noexcept {
#if defined(__linux__)
  // The kernel refuses a set that is smaller than its own, which may be larger
  // than cpu_set_t.
  constexpr std::size_t most = std::size_t{1} << 20;
  for (std::size_t bits = CPU_SETSIZE; bits <= most; bits *= 2) {
    cpu_set_t* const set = CPU_ALLOC(bits);
    if (set == nullptr)
      break;
    const std::size_t size = CPU_ALLOC_SIZE(bits);
    const bool done = sched_getaffinity(0, size, set) == 0;
    const bool too_small = !done && errno == EINVAL;
    const int count = done ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0)
      return static_cast<std::size_t>(count);
    if (!too_small)
      break;
  }
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

namespace {

using words = std::vector<std::string>;

words split(const std::string& text, char at) {
  words parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);)
    parts.push_back(part);
  return parts;
}

bool has(const words& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// The first line; empty if there is none.
std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

// All of `text`, as a number above 0.
std::optional<std::uint64_t> positive(std::string_view text) {
  std::uint64_t value = 0;
  const char* const begin = text.data(); // NOLINT: `end` says where it ends
  const char* const end = begin + text.size();
  const auto [at, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || at != end || value == 0)
    return std::nullopt; // "max", "-1", garbage
  return value;
}

// A folder of mountinfo: a space stands there as \040, and so on.
std::string unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto is_octal = [&](std::size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '7';
    };
    if (text[i] == '\\' && is_octal(i + 1) && is_octal(i + 2) &&
        is_octal(i + 3)) {
      const int code = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                       (text[i + 3] - '0');
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// A hierarchy of control groups that may limit processors.
struct hierarchy {
  bool is_v2;
  std::string root;  // the group whose folder is mounted
  std::string point; // where
};

// "36 35 98:0 ROOT POINT OPTIONS [OPTIONAL...] - TYPE SOURCE SUPER_OPTIONS"
std::optional<hierarchy> hierarchy_of(const std::string& line) {
  const words parts = split(line, ' ');
  const auto dash = std::find(parts.begin(), parts.end(), "-");
  if (dash - parts.begin() < 6 || parts.end() - dash < 4)
    return std::nullopt;
  const bool is_v2 = dash[1] == "cgroup2";
  if (!is_v2 && (dash[1] != "cgroup" || !has(split(dash[3], ','), "cpu")))
    return std::nullopt;
  return hierarchy{is_v2, unescaped(parts[3]), unescaped(parts[4])};
}

// The group of the process in that hierarchy. "NUMBER:CONTROLLERS:GROUP", for
// v2 "0::GROUP".
std::optional<std::string> group_in(const hierarchy& where,
                                    const std::string& root) {
  std::ifstream in(root + "/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second =
        first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos)
      continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (where.is_v2 ? line.starts_with("0::")
                    : has(split(controllers, ','), "cpu"))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

// `group` as a path below the mount point. A group that is not below the one
// that is mounted, as in another namespace, is taken for that one.
std::string below(const hierarchy& where, const std::string& group) {
  const std::string root = where.root == "/" ? "" : where.root;
  if (group.find("/..") != group.npos || !group.starts_with(root))
    return "";
  const std::string rest = group.substr(root.size());
  return rest.starts_with('/') && rest != "/" ? rest : "";
}

// Processors, rounded up, that the folder of one group grants; 0: no quota.
std::uint64_t quota_in(const std::string& folder, bool is_v2) {
  std::string quota;
  std::string period;
  if (is_v2) {
    std::istringstream in(first_line(folder + "/cpu.max"));
    in >> quota >> period;
  } else {
    quota = first_line(folder + "/cpu.cfs_quota_us");
    period = first_line(folder + "/cpu.cfs_period_us");
  }
  const auto time = positive(quota);
  const auto each = positive(period);
  if (!time || !each)
    return 0;
  return *time / *each + (*time % *each != 0 ? 1 : 0);
}

// The smallest of two, where 0 is none.
std::uint64_t smaller(std::uint64_t a, std::uint64_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

} // namespace

std::size_t processors_granted(const std::string& root) noexcept {
  try {
    std::uint64_t granted = 0;
    std::ifstream mounts(root + "/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
      const auto where = hierarchy_of(line);
      const auto group = where ? group_in(*where, root) : std::nullopt;
      if (!group)
        continue;
      // The group itself and all above it, up to the one that is mounted: a
      // quota applies to all groups below.
      std::string path = below(*where, *group);
      const std::string mounted = root + where->point;
      while (true) {
        granted = smaller(granted, quota_in(mounted + path, where->is_v2));
        if (path.empty())
          break;
        path.resize(path.rfind('/'));
      }
    }
    return static_cast<std::size_t>(granted);
  } catch (const std::exception&) {
    return 0; // No memory: the caller goes by the affinity.
  }
}

} // namespace weir::detail
