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

/// How the steps behind `items` share what `amount` gives of each.
template <class T>
UnitShares shares(std::span<const T> items, auto step_of, auto amount) {
  UnitShares s;
  for (const T& item : items) {
    const double x = amount(item);
    const Unit unit = step_of(item).unit;
    s.total += x;
    (unit == Unit::kMatrix ? s.matrix : unit == Unit::kSimd ? s.simd : s.plain) += x;
  }
  if (s.total == 0) return {};
  s.matrix /= s.total, s.simd /= s.total, s.plain /= s.total;
  return s;
}

std::string percentages(const UnitShares& s) {
  return fmt::format("{:.1f} % on the matrix unit, {:.1f} % SIMD, {:.1f} % plain code",
                     100 * s.matrix, 100 * s.simd, 100 * s.plain);
}

Json to_json(const UnitShares& s) {
  return {{"matrix_share", s.matrix}, {"simd_share", s.simd}, {"plain_share", s.plain}};
}

}  // namespace

double median(std::vector<double> v) {
  if (v.empty()) return 0;
  const auto middle = v.begin() + ptrdiff_t(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  if (v.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(v.begin(), middle)) / 2;
}

UnitShares mac_shares(std::span<const StepInfo> steps) {
  return shares(
      steps, [](const StepInfo& s) -> const StepInfo& { return s; },
      [](const StepInfo& s) { return double(s.macs); });
}

UnitShares time_shares(const Profile& profile, std::span<const StepTime> times) {
  return shares(
      times, [&](const StepTime& t) -> const StepInfo& { return profile.steps[t.step]; },
      [](const StepTime& t) { return t.median_us; });
}

std::string summary(std::span<const StepInfo> steps) {
  const UnitShares macs = mac_shares(steps);
  std::string text = macs.total == 0
                         ? "no multiply-accumulates"
                         : fmt::format("{} MACs: {}", human_count(macs.total), percentages(macs));
  size_t floats = 0;
  uint64_t float_macs = 0;
  for (const StepInfo& s : steps) {
    floats += s.stayed_float;
    float_macs += s.stayed_float ? s.macs : 0;
  }
  if (floats != 0)
    text += fmt::format(
        "\nquantised when exporting, but {} product{} ({:.1f} % of the MACs) multipl{} floats: the "
        "quantize and dequantize operators around {} are outside delegates",
        floats, floats == 1 ? "" : "s", macs.total == 0 ? 0 : 100 * double(float_macs) / macs.total,
        floats == 1 ? "ies" : "y", floats == 1 ? "it" : "them");
  return text;
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
  if (!s.outside.empty()) {
    j["outside"] = s.outside;
    j["delegable"] = name(s.delegable);
  }
  j["stayed_float"] = s.stayed_float;
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
  size_t removed = 0, floats = 0;
  for (const StepInfo& s : steps) {
    j["nodes"].push_back(to_json(s));
    removed += s.removed;
    floats += s.stayed_float;
  }
  const UnitShares macs = mac_shares(steps);
  j["summary"] = {{"nodes", steps.size()},
                  {"removed", removed},
                  {"stayed_float", floats},
                  {"macs", uint64_t(macs.total)}};
  j["summary"].update(to_json(macs));
  j["summary"]["text"] = summary(steps);
  return j;
}

RecordedRun median_run(const Profile& profile) {
  std::vector<RecordedRun> runs;
  size_t begin = 0;
  for (size_t i = 0; i < profile.times.size(); ++i) {
    const ZoneTime& t = profile.times[i];
    if (profile.zones[t.zone].kind != Zone::Kind::kRun) continue;
    runs.push_back({begin, i, double(t.end_ns - t.begin_ns) / 1000});
    begin = i + 1;
  }
  if (runs.empty()) return {};
  const auto middle = runs.begin() + ptrdiff_t((runs.size() - 1) / 2);
  std::ranges::nth_element(runs, middle, {}, &RecordedRun::us);
  return *middle;
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
  fmt::print("{:>10.2f}  the median run\n", median_run(profile).us);
  fmt::print("time: {}\n{}\n", percentages(time_shares(profile, times)), summary(profile.steps));
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
  j["summary"]["time"] = to_json(time_shares(profile, times));
  j["median_run_us"] = median_run(profile).us;
  j["threads"] = profile.workers;
  j["roofs"] = to_json(roofs);
  j["dropped_times"] = profile.dropped;
  return j;
}

}  // namespace smelt::cli
