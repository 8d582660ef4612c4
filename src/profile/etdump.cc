#include "profile/etdump.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "etdump_generated.h"

namespace smelt {

namespace {

using Builder = flatbuffers::FlatBufferBuilder;
using EventOffset = flatbuffers::Offset<etdump::Event>;

// ExecuTorch's events of instructions and delegates belong to chain 0; those of a whole run to
// none.
constexpr int32_t kNoChain = -1, kNoInstruction = -1, kNoDebugId = -1;

EventOffset named_event(Builder& b, std::string_view name, int32_t chain, int32_t instruction,
                        uint64_t begin, uint64_t end) {
  const auto text = b.CreateString(name);
  return etdump::CreateEvent(
      b, etdump::CreateProfileEvent(b, text, chain, instruction, kNoDebugId, 0, 0, begin, end));
}

EventOffset delegate_event(Builder& b, const StepInfo& step, uint64_t begin, uint64_t end) {
  const auto id = b.CreateString(step.name);
  const auto metadata =
      b.CreateVector(reinterpret_cast<const uint8_t*>(step.kernel.data()), step.kernel.size());
  return etdump::CreateEvent(b, etdump::CreateProfileEvent(b, 0, 0, int32_t(step.instruction),
                                                           kNoDebugId, id, metadata, begin, end));
}

flatbuffers::Offset<etdump::RunData> block(Builder& b, std::string_view name,
                                           const std::vector<EventOffset>& events) {
  const auto text = b.CreateString(name);
  const auto list = b.CreateVector(events);
  return etdump::CreateRunData(b, text, -1, 0, list);
}

}  // namespace

std::vector<std::byte> write_etdump(const Profile& profile, const LoadTimes& load) {
  Builder b;
  std::vector<flatbuffers::Offset<etdump::RunData>> runs;
  runs.push_back(block(b, "Default",
                       {named_event(b, "Method::init", kNoChain, kNoInstruction,
                                    load.method_begin_ns, load.method_end_ns),
                        named_event(b, "Program::load_method", kNoChain, kNoInstruction,
                                    load.program_begin_ns, load.method_end_ns)}));
  std::vector<EventOffset> events;
  for (const ZoneTime& t : profile.times) {
    const Zone& zone = profile.zones[t.zone];
    switch (zone.kind) {
      case Zone::Kind::kRun:
        events.push_back(
            named_event(b, "Method::execute", kNoChain, kNoInstruction, t.begin_ns, t.end_ns));
        runs.push_back(block(b, "Execute", events));
        events.clear();
        break;
      case Zone::Kind::kDelegate:
        events.push_back(
            named_event(b, "DELEGATE_CALL", 0, int32_t(zone.instruction), t.begin_ns, t.end_ns));
        break;
      case Zone::Kind::kStep: {
        const StepInfo& step = profile.steps[zone.step];
        if (step.delegate >= 0) {
          events.push_back(delegate_event(b, step, t.begin_ns, t.end_ns));
          break;
        }
        const auto instruction = int32_t(zone.instruction);
        const size_t colon = step.type.rfind(':') + 1;  // npos + 1 is 0
        events.push_back(named_event(b, "native_call_" + step.type.substr(colon), 0, instruction,
                                     t.begin_ns, t.end_ns));
        events.push_back(named_event(b, "OPERATOR_CALL", 0, instruction, t.begin_ns, t.end_ns));
        break;
      }
    }
  }
  const auto list = b.CreateVector(runs);
  b.FinishSizePrefixed(etdump::CreateETDump(b, 0, list), etdump::ETDumpIdentifier());
  std::vector<std::byte> bytes(b.GetSize());
  std::memcpy(bytes.data(), b.GetBufferPointer(), bytes.size());
  return bytes;
}

Result<std::vector<EtDumpStep>> read_etdump(std::span<const std::byte> bytes,
                                            std::string_view where) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size());
  if (!verifier.VerifySizePrefixedBuffer<etdump::ETDump>(etdump::ETDumpIdentifier()))
    return fail(ErrorCode::kInvalidFile, "{}: not an ETDump, truncated or corrupt", where);
  const auto* runs = flatbuffers::GetSizePrefixedRoot<etdump::ETDump>(data)->run_data();
  std::vector<EtDumpStep> steps;
  std::map<std::pair<std::string, size_t>, size_t> index;
  size_t executed = 0;
  for (flatbuffers::uoffset_t r = 0; runs != nullptr && r < runs->size(); ++r) {
    const etdump::RunData& run = *runs->Get(r);
    if (run.name() == nullptr || run.name()->string_view() != "Execute" || run.events() == nullptr)
      continue;
    ++executed;
    std::map<std::string, size_t> seen;
    for (const etdump::Event* event : *run.events()) {
      const etdump::ProfileEvent* p = event->profile_event();
      if (p == nullptr) continue;
      std::string name;
      if (p->delegate_debug_id_str() != nullptr) {
        name = p->delegate_debug_id_str()->str();
      } else if (p->delegate_debug_id_int() >= 0) {
        name = fmt::format("delegate event {}", p->delegate_debug_id_int());
      } else if (p->name() != nullptr && p->name()->string_view().starts_with("native_call_")) {
        name = p->name()->str();
      } else {
        continue;
      }
      if (p->end_time() < p->start_time())
        return fail(ErrorCode::kInvalidFile, "{}: run_data[{}]: \"{}\" ends before it starts",
                    where, r, name);
      const auto [at, added] = index.emplace(std::pair(name, seen[name]++), steps.size());
      if (added) {
        const auto* metadata = p->delegate_debug_metadata();
        std::string kernel;
        if (metadata != nullptr) kernel.assign(metadata->begin(), metadata->end());
        const bool text = std::ranges::all_of(kernel, [](char c) { return c >= ' ' && c <= '~'; });
        steps.push_back({std::move(name), text ? std::move(kernel) : std::string(), {}});
      }
      steps[at->second].us.push_back(double(p->end_time() - p->start_time()) / 1000);
    }
  }
  if (executed == 0)
    return fail(ErrorCode::kInvalidFile,
                "{}: holds no block \"Execute\": nothing ran while it was recorded", where);
  return steps;
}

}  // namespace smelt
