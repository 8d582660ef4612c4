// Files as systems have them; what is made of them.
#include "platform/workers.h"

#include <fstream>
#include <numeric>
#include <sched.h>

#include <gtest/gtest.h>

#include "platform/threads.h"

namespace smelt {
namespace {

/// A machine's files, in a folder that goes away.
class Machine {
 public:
  Machine(const Machine&) = delete;
  Machine() {
    static int count = 0;
    root_ = std::filesystem::path(::testing::TempDir()) /
            ("smelt_workers_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
  }
  ~Machine() { std::filesystem::remove_all(root_); }

  Machine& with(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << "\n";
    return *this;
  }
  /// A number for each core.
  Machine& with_cores(const std::string& file, const std::vector<int>& numbers) {
    for (size_t i = 0; i < numbers.size(); ++i)
      with("sys/devices/system/cpu/cpu" + std::to_string(i) + "/" + file,
           std::to_string(numbers[i]));
    return *this;
  }
  Workers find(std::vector<unsigned> allowed) const { return find_workers(allowed, root_); }
  Workers find(unsigned cores) const {
    std::vector<unsigned> all(cores);
    std::iota(all.begin(), all.end(), 0u);
    return find(all);
  }

 private:
  std::filesystem::path root_;
};

TEST(Workers, OnePerCoreWhereNothingIsKnown) {
  EXPECT_EQ(Machine().find(8).count(), 8u);
  EXPECT_EQ(Machine().find(8).why(), "one for each of 8 cores");
  EXPECT_EQ(Machine().find({5, 9}).count(), 2u);
  EXPECT_EQ(Machine().find(0).count(), 1u);
}

TEST(Workers, SmallCoresOfArmAreLeftOut) {
  Machine big_little;
  big_little.with_cores("cpu_capacity", {530, 530, 530, 530, 1024, 1024, 1024, 1024});
  EXPECT_EQ(big_little.find(8).count(), 4u);
  EXPECT_EQ(big_little.find(8).why(),
            "one for each of 4 performance cores; 4 small cores are left out");
  // Who may use small cores only uses those.
  EXPECT_EQ(big_little.find({0, 1, 2}).count(), 3u);
  EXPECT_EQ(big_little.find({3, 4}).count(), 1u);
}

TEST(Workers, LargeCoresBesideAPrimeOneStay) {
  Machine m;
  m.with_cores("cpu_capacity", {160, 160, 160, 160, 620, 620, 1024, 1024});
  EXPECT_EQ(m.find(8).count(), 4u);
  Machine alike;
  alike.with_cores("cpu_capacity", {900, 900, 900, 1024});
  EXPECT_EQ(alike.find(4).count(), 4u);
}

TEST(Workers, FrequenciesTellWhereCapacitiesAreUnknown) {
  Machine m;
  m.with_cores("cpufreq/cpuinfo_max_freq", {1400000, 1400000, 2200000, 2200000, 2200000});
  EXPECT_EQ(m.find(5).count(), 3u);
  // One that says nothing might be anything.
  EXPECT_EQ(m.find(6).count(), 6u);
  m.with_cores("cpu_capacity", {1024, 1024, 1024, 1024, 1024});
  EXPECT_EQ(m.find(5).count(), 5u);
}

TEST(Workers, EfficiencyCoresOfX86AreLeftOut) {
  Machine m;
  m.with("sys/devices/cpu_core/cpus", "0-3,6").with("sys/devices/cpu_atom/cpus", "4-5,7-15");
  EXPECT_EQ(m.find(16).count(), 5u);
  EXPECT_EQ(m.find({6, 7}).count(), 1u);
  EXPECT_EQ(m.find({8, 9, 10}).count(), 3u);
  Machine one_kind;
  one_kind.with("sys/devices/cpu_core/cpus", "0-3");
  EXPECT_EQ(one_kind.find(8).count(), 8u);
}

TEST(Workers, QuotasOfControlGroupsAreRoundedUp) {
  const std::pair<const char*, unsigned> cases[] = {
      {"max 100000", 8},  {"150000 100000", 2},  {"200000 100000", 2},
      {"1000 100000", 1}, {"9900000 100000", 8}, {"-1 100000", 8},
      {"100000", 8},      {"100000 0", 8},       {"", 8}};
  for (const auto& [text, count] : cases) {
    Machine m;
    m.with("proc/self/cgroup", "0::/").with("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(m.find(8).count(), count) << text;
  }
  Machine m;
  m.with("proc/self/cgroup", "0::/").with("sys/fs/cgroup/cpu.max", "150000 100000");
  EXPECT_EQ(m.find(8).why(), "one for each of 8 cores; a quota of 1.5 cores limits them to 2");
}

TEST(Workers, TheLeastQuotaOfAllGroupsAboveCounts) {
  Machine m;
  m.with("proc/self/cgroup", "0::/a/b").with("sys/fs/cgroup/a/b/cpu.max", "max 100000");
  EXPECT_EQ(m.find(8).count(), 8u);
  m.with("sys/fs/cgroup/a/cpu.max", "300000 100000");
  EXPECT_EQ(m.find(8).count(), 3u);
  m.with("sys/fs/cgroup/a/b/cpu.max", "500000 100000");
  EXPECT_EQ(m.find(8).count(), 3u);
  // A name that is that of the host, or above what the container sees.
  Machine container;
  container.with("proc/self/cgroup", "0::/docker/f00")
      .with("sys/fs/cgroup/cpu.max", "200000 100000");
  EXPECT_EQ(container.find(8).count(), 2u);
  container.with("proc/self/cgroup", "0::/../../f00");
  EXPECT_EQ(container.find(8).count(), 2u);
}

TEST(Workers, TheFirstVersionOfControlGroupsCountsToo) {
  Machine m;
  m.with("proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/docker/f00\n3:cpuset:/\n0::/y")
      .with("sys/fs/cgroup/cpu,cpuacct/docker/f00/cpu.cfs_quota_us", "250000")
      .with("sys/fs/cgroup/cpu,cpuacct/docker/f00/cpu.cfs_period_us", "100000");
  EXPECT_EQ(m.find(8).count(), 3u);
  m.with("sys/fs/cgroup/cpu,cpuacct/docker/f00/cpu.cfs_quota_us", "-1");
  EXPECT_EQ(m.find(8).count(), 8u);
  Machine link;
  link.with("proc/self/cgroup", "4:cpuacct,cpu:/")
      .with("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000")
      .with("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  EXPECT_EQ(link.find(8).count(), 1u);
}

TEST(Workers, TheAffinityMaskCounts) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  const auto first = [&] {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &before)) return cpu;
    return 0;
  }();
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const Workers w = default_workers();
  const unsigned created = ThreadPool::create(0)->workers();
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(w.count(), 1u);
  EXPECT_EQ(created, 1u);
  if (w.online > 1) EXPECT_NE(w.why().find("the affinity mask leaves 1 of"), std::string::npos);
}

}  // namespace
}  // namespace smelt
