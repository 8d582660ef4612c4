#include "report.h"

#include <fmt/format.h>

#include "base/status.h"
#include "platform/file.h"
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

/// The steps of the median run, in microseconds since it began.
nlohmann::ordered_json timeline(const Profile& profile) {
  auto steps = nlohmann::ordered_json::array();
  const RecordedRun run = median_run(profile);
  for (size_t k = run.first; k < run.last; ++k) {
    const ZoneTime& t = profile.times[k];
    const Zone& zone = profile.zones[t.zone];
    if (zone.kind != Zone::Kind::kStep) continue;
    const uint64_t begin = profile.times[run.last].begin_ns;
    steps.push_back(
        {zone.step, double(t.begin_ns - begin) / 1000, double(t.end_ns - begin) / 1000});
  }
  return steps;
}

Status write_page(const std::filesystem::path& path, const char* body,
                  const nlohmann::ordered_json& data, const char* script) {
  const std::string text = script_json(data);
  return write_file(
      path,
      {part(kPageHead), part(body), part(kDataBegin), part(text), part(kDataEnd), part(script)},
      IfExists::kReplace);
}

}  // namespace

Status write_report(const std::filesystem::path& path, const ReportOf& of, const Profile& profile,
                    const Roofs& roofs, std::span<const StepTime> times) {
  nlohmann::ordered_json data;
  data["title"] = of.title;
  data["version"] = version();
  data["cpu"] = of.cpu;
  data["runs"] = of.runs;
  data.update(to_json(profile, roofs, times));
  data["timeline"] = timeline(profile);
  return write_page(path, kReportBody, data, kReportTail);
}

Status write_comparison(const std::filesystem::path& path,
                        const nlohmann::ordered_json& comparison) {
  return write_page(path, kCompareBody, comparison, kCompareTail);
}

}  // namespace smelt::cli
