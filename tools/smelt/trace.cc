#include "trace.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace smelt::cli {

nlohmann::ordered_json to_trace(const Profile& profile) {
  using Json = nlohmann::ordered_json;
  uint64_t origin = ~uint64_t(0);
  for (const ZoneTime& t : profile.times) origin = std::min(origin, t.begin_ns);
  Json events = Json::array();
  events.push_back({{"name", "process_name"},
                    {"ph", "M"},
                    {"pid", 1},
                    {"tid", 1},
                    {"args", {{"name", "smelt"}}}});
  for (const ZoneTime& t : profile.times) {
    const Zone& zone = profile.zones[t.zone];
    Json e;
    e["ph"] = "X";
    e["pid"] = 1;
    e["tid"] = 1;
    e["ts"] = double(t.begin_ns - origin) / 1000;
    e["dur"] = double(t.end_ns - t.begin_ns) / 1000;
    switch (zone.kind) {
      case Zone::Kind::kRun:
        e["name"] = "run";
        e["cat"] = "run";
        break;
      case Zone::Kind::kDelegate:
        e["name"] = fmt::format("delegate {}", zone.delegate);
        e["cat"] = "delegate";
        break;
      case Zone::Kind::kStep: {
        const StepInfo& s = profile.steps[zone.step];
        e["name"] = s.name;
        e["cat"] = name(s.category);
        e["args"] = {{"kernel", s.kernel}, {"unit", name(s.unit)},
                     {"shapes", s.shapes}, {"debug_handle", s.debug_handle},
                     {"macs", s.macs},     {"bytes", s.bytes}};
        break;
      }
    }
    events.push_back(std::move(e));
  }
  Json j;
  j["traceEvents"] = std::move(events);
  j["displayTimeUnit"] = "ns";
  return j;
}

}  // namespace smelt::cli
