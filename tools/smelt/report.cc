#include "report.h"

#include <fstream>

#include <fmt/format.h>

#include "base/status.h"
#include "report_page.h"

namespace smelt::cli {
namespace {

/// JSON inside a script element: no "</script>", no "<!--".
std::string script_json(const nlohmann::ordered_json& j) {
  std::string out;
  for (const char c : j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

/// The steps of the last run that was recorded whole, in microseconds since it began.
nlohmann::ordered_json timeline(const Profile& profile) {
  auto last = nlohmann::ordered_json::array();
  size_t begin = 0;
  for (size_t i = 0; i < profile.times.size(); ++i) {
    const ZoneTime& run = profile.times[i];
    if (profile.zones[run.zone].kind != Zone::Kind::kRun) continue;
    last.clear();
    for (size_t k = begin; k < i; ++k) {
      const ZoneTime& t = profile.times[k];
      const Zone& zone = profile.zones[t.zone];
      if (zone.kind != Zone::Kind::kStep) continue;
      last.push_back({zone.step, double(t.begin_ns - run.begin_ns) / 1000, double(t.end_ns - run.begin_ns) / 1000});
    }
    begin = i + 1;
  }
  return last;
}

}  // namespace

Status write_report(const std::filesystem::path& path, const std::string& title, const Profile& profile,
                    const Roofs& roofs, std::span<const StepTime> times) {
  nlohmann::ordered_json data;
  data["title"] = title;
  data["version"] = version();
  data.update(to_json(profile, roofs, times));
  data["timeline"] = timeline(profile);
  std::ofstream file(path, std::ios::binary);
  file << kReportHead << script_json(data) << kReportTail;
  file.close();
  if (!file) return fail(ErrorCode::kIo, "{}: cannot be written", path.string());
  return {};
}

}  // namespace smelt::cli
