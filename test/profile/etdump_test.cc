#include "profile/etdump.h"

#include <gtest/gtest.h>

#include "etdump_generated.h"

namespace smelt {
namespace {

// Two runs of a delegate of one node and of an operator.
Profile sample() {
  Profile p;
  StepInfo node, op;
  node.name = "Fully Connected (NC, PF32) GEMM #1";
  node.kernel = "gemm_pf32_scalar_4x8";
  node.delegate = 0;
  op.name = op.type = "aten::add.out";
  op.instruction = 1;
  p.steps = {node, op};
  p.zones = {{.kind = Zone::Kind::kRun},
             {.kind = Zone::Kind::kDelegate, .delegate = 0, .instruction = 0},
             {.kind = Zone::Kind::kStep, .step = 1, .instruction = 1},
             {.kind = Zone::Kind::kStep, .step = 0, .delegate = 0}};
  for (uint64_t t : {1000u, 2000u}) {
    p.times.push_back({3, t + 10, t + 20});
    p.times.push_back({1, t + 5, t + 30});
    p.times.push_back({2, t + 40, t + 60});
    p.times.push_back({0, t, t + 70});
  }
  return p;
}

TEST(EtDump, IsWhatExecuTorchReads) {
  const std::vector<std::byte> bytes = write_etdump(sample(), {100, 200, 200, 400});
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size());
  ASSERT_TRUE(verifier.VerifySizePrefixedBuffer<etdump::ETDump>("ED00"));
  const auto& dump = *flatbuffers::GetSizePrefixedRoot<etdump::ETDump>(data);
  ASSERT_EQ(dump.run_data()->size(), 3u);
  EXPECT_EQ(dump.run_data()->Get(0)->name()->str(), "Default");
  EXPECT_EQ(dump.run_data()->Get(0)->events()->Get(1)->profile_event()->name()->str(),
            "Program::load_method");
  for (uint32_t r : {1u, 2u}) {
    const etdump::RunData& run = *dump.run_data()->Get(r);
    EXPECT_EQ(run.name()->str(), "Execute");
    ASSERT_EQ(run.events()->size(), 5u);
    const auto event = [&](uint32_t i) { return run.events()->Get(i)->profile_event(); };
    // Exactly one of name and debug identifier.
    EXPECT_EQ(event(0)->delegate_debug_id_str()->str(), "Fully Connected (NC, PF32) GEMM #1");
    EXPECT_EQ(event(0)->name(), nullptr);
    EXPECT_EQ(event(0)->delegate_debug_id_int(), -1);
    EXPECT_EQ(event(0)->start_time(), 1000u * r + 10);
    EXPECT_EQ(event(0)->end_time(), 1000u * r + 20);
    EXPECT_EQ(event(1)->name()->str(), "DELEGATE_CALL");
    EXPECT_EQ(event(1)->instruction_id(), 0);
    EXPECT_EQ(event(2)->name()->str(), "native_call_add.out");
    EXPECT_EQ(event(2)->instruction_id(), 1);
    EXPECT_EQ(event(3)->name()->str(), "OPERATOR_CALL");
    EXPECT_EQ(event(4)->name()->str(), "Method::execute");
    EXPECT_EQ(event(4)->instruction_id(), -1);
  }
}

TEST(EtDump, IsReadBackStepByStep) {
  const std::vector<std::byte> bytes = write_etdump(sample(), {100, 200, 200, 400});
  const auto steps = read_etdump(bytes, "x.etdp");
  ASSERT_TRUE(steps) << steps.error().message;
  ASSERT_EQ(steps->size(), 2u);
  EXPECT_EQ((*steps)[0].name, "Fully Connected (NC, PF32) GEMM #1");
  EXPECT_EQ((*steps)[0].kernel, "gemm_pf32_scalar_4x8");
  EXPECT_EQ((*steps)[0].us, (std::vector<double>{0.01, 0.01}));
  EXPECT_EQ((*steps)[1].name, "native_call_add.out");
  EXPECT_EQ((*steps)[1].us, (std::vector<double>{0.02, 0.02}));
}

// As ExecuTorch writes it: names repeat within a run, a run may have more steps than another,
// integers are identifiers too.
TEST(EtDump, OfExecuTorchIsRead) {
  flatbuffers::FlatBufferBuilder b;
  const auto event = [&](const char* name, int32_t id, uint64_t begin, uint64_t end) {
    const auto text = name == nullptr ? 0 : b.CreateString(name);
    return etdump::CreateEvent(b, etdump::CreateProfileEvent(b, text, 0, 0, id, 0, 0, begin, end));
  };
  std::vector<flatbuffers::Offset<etdump::RunData>> runs;
  for (const bool longer : {false, true}) {
    std::vector<flatbuffers::Offset<etdump::Event>> events = {
        event("native_call_add.out", -1, 1000, 3000), event("OPERATOR_CALL", -1, 900, 3100),
        event("native_call_add.out", -1, 4000, 5000), event("Method::execute", -1, 0, 9000)};
    if (longer) events.push_back(event(nullptr, 7, 5000, 5500));
    const auto list = b.CreateVector(events);
    runs.push_back(etdump::CreateRunData(b, b.CreateString("Execute"), -1, 0, list));
  }
  const auto list = b.CreateVector(runs);
  b.FinishSizePrefixed(etdump::CreateETDump(b, 0, list), etdump::ETDumpIdentifier());
  const std::span bytes(reinterpret_cast<const std::byte*>(b.GetBufferPointer()), b.GetSize());
  const auto steps = read_etdump(bytes, "x.etdp");
  ASSERT_TRUE(steps) << steps.error().message;
  ASSERT_EQ(steps->size(), 3u);
  EXPECT_EQ((*steps)[0].us, (std::vector<double>{2, 2}));
  EXPECT_EQ((*steps)[1].us, (std::vector<double>{1, 1}));
  EXPECT_EQ((*steps)[2].name, "delegate event 7");
  EXPECT_EQ((*steps)[2].us, (std::vector<double>{0.5}));
}

TEST(EtDump, BadFilesAreRefusedByName) {
  const std::vector<std::byte> whole = write_etdump(sample(), {100, 200, 200, 400});
  for (size_t size = 0; size < whole.size(); size += 7) {
    const auto cut = read_etdump(std::span(whole).first(size), "cut.etdp");
    ASSERT_FALSE(cut) << size;
    EXPECT_EQ(cut.error().code, ErrorCode::kInvalidFile);
    EXPECT_TRUE(cut.error().message.starts_with("cut.etdp: "));
  }
  const auto idle = read_etdump(write_etdump(Profile(), {1, 2, 3, 4}), "idle.etdp");
  ASSERT_FALSE(idle);
  EXPECT_NE(idle.error().message.find("Execute"), std::string::npos);
}

}  // namespace
}  // namespace smelt
