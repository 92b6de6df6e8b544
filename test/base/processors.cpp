// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include "base/processors.hpp"

#include <weir/runtime.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace {

// A folder that stands for "/" and is removed with its contents.
class tree {
public:
  tree() {
    std::string path =
        (std::filesystem::temp_directory_path() / "weir-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr)
      throw std::runtime_error("no temporary folder: " + path);
    root_ = path;
  }
  tree(const tree&) = delete;
  tree& operator=(const tree&) = delete;
  ~tree() { std::filesystem::remove_all(root_); }

  void add(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::size_t granted() const {
    return weir::detail::processors_granted(root_);
  }

private:
  std::string root_;
};

// One hierarchy of version 2, and the group that the process is in.
struct v2_tree : tree {
  explicit v2_tree(const std::string& group) {
    add("/proc/self/mountinfo",
        "22 1 0:21 / /proc rw - proc proc rw\n"
        "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 "
        "rw,nsdelegate\n");
    add("/proc/self/cgroup", "0::" + group + "\n");
  }
  void limit(const std::string& group, const std::string& text) const {
    add("/sys/fs/cgroup" + group + "/cpu.max", text);
  }
};

// The hierarchy of version 1 that counts processor time, among others.
struct v1_tree : tree {
  explicit v1_tree(const std::string& mounted, const std::string& group) {
    add("/proc/self/mountinfo",
        "31 22 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "32 22 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
        "33 22 0:29 " +
            mounted +
            " /sys/fs/cgroup/cpu,cpuacct rw master:9 - cgroup cgroup "
            "rw,cpu,cpuacct\n");
    add("/proc/self/cgroup",
        "5:memory:/other\n4:cpuset:/other\n3:cpu,cpuacct:" + group +
            "\n0::/unified\n");
  }
  void limit(const std::string& group,
             const std::string& quota,
             const std::string& period) const {
    const std::string folder = "/sys/fs/cgroup/cpu,cpuacct" + group;
    add(folder + "/cpu.cfs_quota_us", quota);
    add(folder + "/cpu.cfs_period_us", period);
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(processors)

BOOST_AUTO_TEST_CASE(without_proc_there_is_no_quota) {
  BOOST_TEST(tree().granted() == 0);
}

BOOST_AUTO_TEST_CASE(a_v2_quota_is_rounded_up) {
  v2_tree on("/");
  on.limit("", "150000 100000\n");
  BOOST_TEST(on.granted() == 2);
  on.limit("", "200000 100000\n");
  BOOST_TEST(on.granted() == 2);
  on.limit("", "1000 100000\n");
  BOOST_TEST(on.granted() == 1);
}

BOOST_AUTO_TEST_CASE(the_word_max_is_no_quota) {
  v2_tree on("/a");
  on.limit("/a", "max 100000\n");
  BOOST_TEST(on.granted() == 0);
}

BOOST_AUTO_TEST_CASE(the_smallest_quota_of_all_groups_above_counts) {
  v2_tree on("/a/b/c");
  on.limit("/a/b/c", "800000 100000\n");
  BOOST_TEST(on.granted() == 8);
  on.limit("/a/b", "max 100000\n");
  on.limit("/a", "300000 100000\n");
  BOOST_TEST(on.granted() == 3);
  on.limit("/a/b/c", "100000 100000\n");
  BOOST_TEST(on.granted() == 1);
}

BOOST_AUTO_TEST_CASE(the_quota_of_a_sibling_does_not_count) {
  v2_tree on("/a/b");
  on.limit("/a/c", "100000 100000\n");
  on.limit("/a/b/d", "100000 100000\n");
  BOOST_TEST(on.granted() == 0);
}

BOOST_AUTO_TEST_CASE(a_v1_quota_is_rounded_up) {
  v1_tree on("/", "/a");
  on.limit("/a", "250000\n", "100000\n");
  BOOST_TEST(on.granted() == 3);
}

BOOST_AUTO_TEST_CASE(minus_one_is_no_v1_quota_and_the_group_above_counts) {
  v1_tree on("/", "/a/b");
  on.limit("/a/b", "-1\n", "100000\n");
  BOOST_TEST(on.granted() == 0);
  on.limit("/a", "50000\n", "25000\n");
  BOOST_TEST(on.granted() == 2);
}

BOOST_AUTO_TEST_CASE(a_mount_of_the_own_group_is_not_entered_twice) {
  v1_tree on("/docker/abc", "/docker/abc");
  on.limit("", "400000\n", "100000\n");
  on.limit("/docker/abc", "100000\n", "100000\n"); // of another group
  BOOST_TEST(on.granted() == 4);
}

BOOST_AUTO_TEST_CASE(a_group_below_the_mounted_one_is_found) {
  v1_tree on("/docker/abc", "/docker/abc/inner");
  on.limit("/inner", "200000\n", "100000\n");
  BOOST_TEST(on.granted() == 2);
}

BOOST_AUTO_TEST_CASE(a_group_outside_of_the_mount_is_taken_for_its_root) {
  v1_tree on("/docker/abc", "/elsewhere");
  on.limit("", "200000\n", "100000\n");
  on.limit("/elsewhere", "100000\n", "100000\n");
  BOOST_TEST(on.granted() == 2);
  v2_tree in("/../../outside");
  in.limit("", "500000 100000\n");
  BOOST_TEST(in.granted() == 5);
}

BOOST_AUTO_TEST_CASE(both_versions_side_by_side_give_the_smaller_quota) {
  v1_tree on("/", "/a");
  on.limit("/a", "600000\n", "100000\n");
  on.add("/proc/self/mountinfo",
         "33 22 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup "
         "rw,cpu,cpuacct\n"
         "34 22 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  on.add("/sys/fs/cgroup/unified/unified/cpu.max", "300000 100000\n");
  BOOST_TEST(on.granted() == 3);
}

BOOST_AUTO_TEST_CASE(a_mount_point_may_have_a_space) {
  tree on;
  on.add("/proc/self/mountinfo",
         "30 22 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n");
  on.add("/proc/self/cgroup", "0::/\n");
  on.add("/my groups/cpu.max", "700000 100000\n");
  BOOST_TEST(on.granted() == 7);
}

BOOST_AUTO_TEST_CASE(garbage_is_no_quota) {
  for (const char* const text : {"",
                                 "\n",
                                 "max",
                                 "100000",
                                 "0 100000",
                                 "100000 0",
                                 "-100000 100000",
                                 "1e5 100000",
                                 "99999999999999999999999 1",
                                 "a b c"}) {
    v2_tree on("/");
    on.limit("", text);
    BOOST_TEST_CONTEXT('"' << text << '"') BOOST_TEST(on.granted() == 0);
  }
  for (const char* const line : {"",
                                 "-",
                                 "30",
                                 "30 22 0:26 / /sys/fs/cgroup rw -",
                                 "30 22 0:26 / /sys/fs/cgroup rw - cgroup2",
                                 "- cgroup2 cgroup2 rw"}) {
    tree on;
    on.add("/proc/self/mountinfo", line);
    on.add("/proc/self/cgroup", "0::/\n");
    on.add("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    BOOST_TEST_CONTEXT('"' << line << '"') BOOST_TEST(on.granted() == 0);
  }
  for (const char* const line : {"", ":", "::", "0:", "x", "3:memory:/a"}) {
    v2_tree on("/");
    on.add("/proc/self/cgroup", line);
    on.limit("", "100000 100000\n");
    BOOST_TEST_CONTEXT('"' << line << '"') BOOST_TEST(on.granted() == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_runtime_has_at_least_one_thread_by_default) {
  BOOST_TEST(weir::runtime_options::default_threads() >= 1);
  BOOST_TEST(weir::runtime_options::default_threads() <=
             weir::detail::processors_allowed());
}

#if defined(__linux__)
BOOST_AUTO_TEST_CASE(a_thread_bound_to_one_processor_counts_one) {
  std::size_t counted = 0;
  bool is_bound = false;
  // A thread of its own, whose affinity ends with it.
  std::thread([&] {
    cpu_set_t now;
    CPU_ZERO(&now);
    if (sched_getaffinity(0, sizeof now, &now) != 0)
      return;
    for (int cpu = 0; cpu != CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &now))
        continue;
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      is_bound = sched_setaffinity(0, sizeof one, &one) == 0;
      break;
    }
    counted = weir::runtime_options::default_threads();
  }).join();
  BOOST_REQUIRE(is_bound);
  BOOST_TEST(counted == 1);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
