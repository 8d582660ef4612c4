#include "platform/workers.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>
#include <sched.h>
#include <string_view>
#include <unistd.h>

#include <fmt/format.h>

namespace smelt {
namespace {

using std::filesystem::path;

std::string first_line(const path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

std::optional<int64_t> parse(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

std::optional<int64_t> read_number(const path& file) { return parse(first_line(file)); }

/// "0-3,8,10-11", as sysfs lists processors.
bool lists(std::string_view list, unsigned cpu) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    const size_t dash = item.find('-');
    const auto first = parse(item.substr(0, dash));
    const auto last = dash == item.npos ? first : parse(item.substr(dash + 1));
    if (first && last && *first <= int64_t(cpu) && int64_t(cpu) <= *last) return true;
  }
  return false;
}

/// How many of these processors are not of the smallest kind, where that is much smaller than the
/// largest: a prime core beside large ones is no reason to leave those out.
unsigned without_smallest(std::span<const int64_t> sizes) {
  const auto [least, most] = std::ranges::minmax_element(sizes);
  if (4 * *least >= 3 * *most) return unsigned(sizes.size());
  return unsigned(std::ranges::count_if(sizes, [&](int64_t s) { return s > *least; }));
}

/// Small cores take as long for their piece as large ones for three, and everybody waits for the
/// last piece.
unsigned count_fast(std::span<const unsigned> allowed, const path& root) {
  const path devices = root / "sys/devices";
  // x86 with two kinds of cores has a list of each.
  if (!first_line(devices / "cpu_atom/cpus").empty()) {
    const std::string large = first_line(devices / "cpu_core/cpus");
    const auto n = std::ranges::count_if(allowed, [&](unsigned cpu) { return lists(large, cpu); });
    if (n != 0) return unsigned(n);
  }
  // Arm tells capacities (work per time), or at least frequencies.
  for (const char* file : {"cpu_capacity", "cpufreq/cpuinfo_max_freq"}) {
    std::vector<int64_t> sizes;
    for (const unsigned cpu : allowed) {
      if (const auto size = read_number(devices / fmt::format("system/cpu/cpu{}", cpu) / file))
        sizes.push_back(*size);
    }
    if (!sizes.empty() && sizes.size() == allowed.size()) return without_smallest(sizes);
  }
  return unsigned(allowed.size());
}

double share(std::optional<int64_t> quota, std::optional<int64_t> period) {
  return quota && period && *quota > 0 && *period > 0 ? double(*quota) / double(*period) : 0;
}

/// Of version 2, one file has both: "150000 100000"; "max" is no limit.
double quota_of_group(const path& group) {
  const std::string line = first_line(group / "cpu.max");
  const size_t space = line.find(' ');
  if (space != line.npos)
    return share(parse(line), parse(std::string_view(line).substr(space + 1)));
  return share(read_number(group / "cpu.cfs_quota_us"), read_number(group / "cpu.cfs_period_us"));
}

/// The least quota of a group and the groups that it is in; 0: none. A container may see its groups
/// under another name than the one it is told: then the one at the top is its own.
double quota_in(const path& mount, path group) {
  double least = 0;
  for (;;) {
    const double quota = quota_of_group(mount / group);
    if (quota != 0 && (least == 0 || quota < least)) least = quota;
    if (group.empty()) return least;
    group = group.parent_path();
  }
}

bool has_item(std::string_view list, std::string_view item) {
  for (;;) {
    const size_t comma = list.find(',');
    if (list.substr(0, comma) == item) return true;
    if (comma == list.npos) return false;
    list.remove_prefix(comma + 1);
  }
}

double find_quota(const path& root) {
  double least = 0;
  std::ifstream groups(root / "proc/self/cgroup");
  // "0::/user.slice" of version 2; "4:cpu,cpuacct:/docker/f00" of version 1.
  for (std::string line; std::getline(groups, line);) {
    const size_t a = line.find(':'), b = a == line.npos ? a : line.find(':', a + 1);
    if (b == line.npos) continue;
    const std::string controllers = line.substr(a + 1, b - a - 1);
    path group = path(line.substr(b + 1)).relative_path();
    if (std::ranges::find(group, path("..")) != group.end()) group.clear();
    const path mounts = root / "sys/fs/cgroup";
    std::vector<path> candidates;
    if (controllers.empty()) {
      candidates = {mounts, mounts / "unified"};
    } else if (has_item(controllers, "cpu")) {
      candidates = {mounts / controllers, mounts / "cpu"};
    }
    for (const path& mount : candidates) {
      const double quota = quota_in(mount, group);
      if (quota != 0 && (least == 0 || quota < least)) least = quota;
    }
  }
  return least;
}

/// Empty if the system does not say.
std::vector<unsigned> affinity() {
  std::vector<unsigned> cpus;
  for (int most = 1024; most <= 1 << 20; most *= 2) {
    cpu_set_t* set = CPU_ALLOC(size_t(most));
    if (set == nullptr) return cpus;
    const size_t bytes = CPU_ALLOC_SIZE(size_t(most));
    const int error = sched_getaffinity(0, bytes, set) == 0 ? 0 : errno;
    for (int cpu = 0; error == 0 && cpu < most; ++cpu) {
      if (CPU_ISSET_S(size_t(cpu), bytes, set)) cpus.push_back(unsigned(cpu));
    }
    CPU_FREE(set);
    if (error != EINVAL) return cpus;  // EINVAL: the system has more processors than fit
  }
  return cpus;
}

}  // namespace

unsigned Workers::count() const {
  unsigned n = std::min(allowed, fast);
  if (quota > 0 && quota < n) n = unsigned(std::ceil(quota));
  return std::max(n, 1u);
}

std::string Workers::why() const {
  const auto each_of = [](unsigned n, std::string_view cores) {
    return n == 1 ? fmt::format("one for the only {}", cores)
                  : fmt::format("one for each of {} {}s", n, cores);
  };
  const unsigned small = allowed - std::min(allowed, fast);
  std::string text = each_of(allowed - small, small == 0 ? "core" : "performance core");
  if (small != 0)
    text += fmt::format("; {} small core{} left out", small, small == 1 ? " is" : "s are");
  if (allowed < online)
    text += fmt::format("; the affinity mask leaves {} of {} cores", allowed, online);
  if (quota > 0 && quota < std::min(allowed, fast))
    text += fmt::format("; a quota of {:.4g} cores limits them to {}", quota, count());
  return text;
}

Workers find_workers(std::span<const unsigned> allowed, const std::filesystem::path& root) {
  Workers w;
  w.online = w.allowed = w.fast = std::max(1u, unsigned(allowed.size()));
  if (!allowed.empty()) w.fast = count_fast(allowed, root);
  w.quota = find_quota(root);
  return w;
}

Workers default_workers() {
  std::vector<unsigned> allowed = affinity();
  const auto online = unsigned(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  for (unsigned cpu = 0; allowed.empty() && cpu < online; ++cpu) allowed.push_back(cpu);
  Workers w = find_workers(allowed, "/");
  w.online = std::max(online, w.allowed);
  return w;
}

}  // namespace smelt
