#include "steps.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace smelt::cli {
namespace {

using Json = nlohmann::ordered_json;

/// "1.25 G"; no unit below 1000.
std::string human_count(double n) {
  constexpr const char* kPrefix[] = {"", " k", " M", " G", " T", " P"};
  size_t i = 0;
  for (; n >= 1000 && i + 1 < std::size(kPrefix); ++i) n /= 1000;
  return i == 0 ? fmt::format("{:.0f}", n) : fmt::format("{:.3g}{}", n, kPrefix[i]);
}

}  // namespace

double median(std::vector<double> v) {
  if (v.empty()) return 0;
  const auto middle = v.begin() + ptrdiff_t(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  if (v.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(v.begin(), middle)) / 2;
}

UnitShares unit_shares(std::span<const StepInfo> steps) {
  UnitShares s;
  uint64_t matrix = 0, simd = 0;
  for (const StepInfo& step : steps) {
    s.macs += step.macs;
    if (step.unit == Unit::kMatrix) matrix += step.macs;
    if (step.unit == Unit::kSimd) simd += step.macs;
  }
  if (s.macs == 0) return s;
  s.matrix = double(matrix) / double(s.macs);
  s.simd = double(simd) / double(s.macs);
  s.plain = double(s.macs - matrix - simd) / double(s.macs);
  return s;
}

std::string describe(const UnitShares& s) {
  if (s.macs == 0) return "no multiply-accumulates";
  return fmt::format("{} MACs: {:.1f} % on the matrix unit, {:.1f} % SIMD, {:.1f} % plain code",
                     human_count(double(s.macs)), 100 * s.matrix, 100 * s.simd, 100 * s.plain);
}

Json to_json(const StepInfo& s) {
  Json j;
  j["name"] = s.name;
  j["type"] = s.type;
  j["debug_handle"] = s.debug_handle;
  if (s.delegate >= 0) {
    j["delegate"] = s.delegate;
    j["node"] = s.node;
  }
  j["instruction"] = s.instruction;
  j["signature"] = s.signature;
  j["shapes"] = s.shapes;
  j["category"] = name(s.category);
  j["variant"] = s.variant;
  j["kernel"] = s.kernel;
  j["isa"] = s.isa;
  j["tile"] = s.tile;
  j["unit"] = name(s.unit);
  j["reason"] = s.reason;
  j["removed"] = s.removed;
  j["passes"] = s.passes;
  j["macs"] = s.macs;
  j["bytes"] = s.bytes;
  j["packed_bytes"] = s.packed_bytes;
  j["alternatives"] = Json::array();
  for (const Alternative& a : s.alternatives)
    j["alternatives"].push_back({{"kernel", a.kernel}, {"isa", a.isa}, {"reason", a.reason}});
  j["executorch"] = {{"v1.0", s.executorch_1_0}, {"current", s.executorch_current}};
  return j;
}

Json to_json(std::span<const StepInfo> steps) {
  Json j;
  j["nodes"] = Json::array();
  size_t removed = 0;
  for (const StepInfo& s : steps) {
    j["nodes"].push_back(to_json(s));
    removed += s.removed;
  }
  const UnitShares shares = unit_shares(steps);
  j["summary"] = {{"nodes", steps.size()},     {"removed", removed},
                  {"macs", shares.macs},       {"matrix_share", shares.matrix},
                  {"simd_share", shares.simd}, {"plain_share", shares.plain}};
  return j;
}

std::vector<StepTime> step_times(const Profile& profile, const Roofs& roofs) {
  // Per step, the time it took in each run.
  std::map<size_t, std::vector<double>> times;
  std::map<size_t, size_t> calls;
  std::map<size_t, double> run, busy, taken;
  size_t runs = 0;
  for (const ZoneTime& t : profile.times) {
    const Zone& zone = profile.zones[t.zone];
    if (zone.kind == Zone::Kind::kStep) {
      run[zone.step] += double(t.end_ns - t.begin_ns) / 1000;
      ++calls[zone.step];
      busy[zone.step] += double(t.busy_ns);
      taken[zone.step] += double(t.end_ns - t.begin_ns);
    } else if (zone.kind == Zone::Kind::kRun) {
      for (const auto& [step, us] : run) times[step].push_back(us);
      run.clear();
      ++runs;
    }
  }
  std::vector<StepTime> result;
  double total = 0;
  for (auto& [step, us] : times) {
    StepTime t;
    t.step = step;
    t.calls = calls[step] / std::max<size_t>(1, runs);
    t.median_us = median(std::move(us));
    total += t.median_us;
    const StepInfo& info = profile.steps[step];
    if (t.median_us > 0) {
      const double times_per_us = double(std::max<size_t>(1, t.calls)) / t.median_us;
      t.gflops = 2 * double(info.macs) * times_per_us / 1000;
      t.gbytes = double(info.bytes) * times_per_us / 1000;
      t.roof = roofs.least_seconds(info) * 1e6 * times_per_us;
    }
    if (taken[step] > 0) t.busy = busy[step] / taken[step] / profile.workers;
    result.push_back(t);
  }
  for (StepTime& t : result) t.share = total > 0 ? t.median_us / total : 0;
  return result;
}

void print_times(const Profile& profile, std::span<const StepTime> times) {
  size_t name_width = 4, kernel_width = 6;
  for (const StepTime& t : times) {
    name_width = std::max(name_width, profile.steps[t.step].name.size());
    kernel_width = std::max(kernel_width, profile.steps[t.step].kernel.size());
  }
  fmt::print("{:>10}  {:>6}  {:>9}  {:>7}  {:>5}  {:>5}  {:<6}  {:<{}}  {}\n", "median us", "share",
             "GFLOP/s", "GB/s", "roof", "busy", "unit", "kernel", kernel_width, "node");
  for (const StepTime& t : times) {
    const StepInfo& s = profile.steps[t.step];
    const std::string gflops = t.gflops > 0 ? fmt::format("{:.2f}", t.gflops) : "";
    const std::string roof = t.roof > 0 ? fmt::format("{:.0f}%", 100 * t.roof) : "";
    fmt::print("{:>10.2f}  {:>5.1f}%  {:>9}  {:>7.2f}  {:>5}  {:>4.0f}%  {:<6}  {:<{}}  {}\n",
               t.median_us, 100 * t.share, gflops, t.gbytes, roof, 100 * t.busy, name(s.unit),
               s.kernel, kernel_width, s.name);
  }
  std::map<std::string_view, double> by_category;
  for (const StepTime& t : times) by_category[name(profile.steps[t.step].category)] += t.share;
  for (const auto& [category, share] : by_category)
    fmt::print("{:>10}  {:>5.1f}%  {}\n", "", 100 * share, category);
}

Json to_json(const Profile& profile, const Roofs& roofs, std::span<const StepTime> times) {
  Json j = to_json(std::span(profile.steps));
  for (Json& node : j["nodes"]) node["calls"] = 0;
  for (const StepTime& t : times) {
    Json& node = j["nodes"][t.step];
    node["calls"] = t.calls;
    node["median_us"] = t.median_us;
    node["share"] = t.share;
    node["gflops"] = t.gflops;
    node["gbytes_per_s"] = t.gbytes;
    node["roof_share"] = t.roof;
    node["utilization"] = t.busy;
  }
  j["threads"] = profile.workers;
  j["roofs"] = to_json(roofs);
  j["dropped_times"] = profile.dropped;
  return j;
}

}  // namespace smelt::cli
