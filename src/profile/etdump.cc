#include "profile/etdump.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "etdump_generated.h"

namespace smelt {

namespace {

using Builder = flatbuffers::FlatBufferBuilder;
using EventOffset = flatbuffers::Offset<etdump::Event>;

// ExecuTorch's events of instructions and delegates belong to chain 0; those of a whole run to none.
constexpr int32_t kNoChain = -1, kNoInstruction = -1, kNoDebugId = -1;

EventOffset named_event(Builder& b, std::string_view name, int32_t chain, int32_t instruction, uint64_t begin,
                        uint64_t end) {
  const auto text = b.CreateString(name);
  return etdump::CreateEvent(
      b, etdump::CreateProfileEvent(b, text, chain, instruction, kNoDebugId, 0, 0, begin, end));
}

EventOffset delegate_event(Builder& b, const StepInfo& step, uint64_t begin, uint64_t end) {
  const auto id = b.CreateString(step.name);
  const auto metadata = b.CreateVector(reinterpret_cast<const uint8_t*>(step.kernel.data()), step.kernel.size());
  return etdump::CreateEvent(b, etdump::CreateProfileEvent(b, 0, 0, int32_t(step.instruction), kNoDebugId, id, metadata,
                                                           begin, end));
}

flatbuffers::Offset<etdump::RunData> block(Builder& b, std::string_view name, const std::vector<EventOffset>& events) {
  const auto text = b.CreateString(name);
  const auto list = b.CreateVector(events);
  return etdump::CreateRunData(b, text, -1, 0, list);
}

}  // namespace

std::vector<std::byte> write_etdump(const Profile& profile, const LoadTimes& load) {
  Builder b;
  std::vector<flatbuffers::Offset<etdump::RunData>> runs;
  runs.push_back(block(
      b, "Default",
      {named_event(b, "Program::load_method", kNoChain, kNoInstruction, load.program_begin_ns, load.method_end_ns),
       named_event(b, "Method::init", kNoChain, kNoInstruction, load.method_begin_ns, load.method_end_ns)}));
  std::vector<EventOffset> events;
  for (const ZoneTime& t : profile.times) {
    const Zone& zone = profile.zones[t.zone];
    switch (zone.kind) {
      case Zone::Kind::kRun:
        events.push_back(named_event(b, "Method::execute", kNoChain, kNoInstruction, t.begin_ns, t.end_ns));
        runs.push_back(block(b, "Execute", events));
        events.clear();
        break;
      case Zone::Kind::kDelegate:
        events.push_back(named_event(b, "DELEGATE_CALL", 0, int32_t(zone.instruction), t.begin_ns, t.end_ns));
        break;
      case Zone::Kind::kStep: {
        const StepInfo& step = profile.steps[zone.step];
        if (step.delegate >= 0) {
          events.push_back(delegate_event(b, step, t.begin_ns, t.end_ns));
          break;
        }
        const auto instruction = int32_t(zone.instruction);
        const size_t colon = step.type.rfind(':') + 1;  // npos + 1 is 0
        events.push_back(
            named_event(b, "native_call_" + step.type.substr(colon), 0, instruction, t.begin_ns, t.end_ns));
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

}  // namespace smelt
