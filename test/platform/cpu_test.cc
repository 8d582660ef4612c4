#include "platform/cpu.h"

#include <gtest/gtest.h>

namespace smelt {
namespace {

TEST(Cpu, ScalarIsAlwaysThere) {
  const auto cpu = Cpu::detect();
  ASSERT_TRUE(cpu);
  EXPECT_TRUE(cpu->isa.has(Isa::kScalar));
  EXPECT_GE(cpu->cores, 1u);
  EXPECT_GT(cpu->l1d_bytes, 0u);
}

TEST(Cpu, MaskKeepsOnlyWhatItNames) {
  const auto cpu = Cpu::detect("scalar");
  ASSERT_TRUE(cpu);
  EXPECT_EQ(cpu->isa, IsaSet());
  EXPECT_EQ(cpu->sme_vl32, 0u);
}

TEST(Cpu, UnknownTierIsAnErrorThatNamesTheKnownOnes) {
  const auto cpu = Cpu::detect("avx2,avx1024");
  ASSERT_FALSE(cpu);
  EXPECT_EQ(cpu.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(cpu.error().message.find("avx1024"), std::string::npos);
  EXPECT_NE(cpu.error().message.find("avx512vnni"), std::string::npos);
}

TEST(Cpu, EveryTierNameParses) {
  for (size_t i = 0; i < kIsaCount; ++i) {
    const auto set = parse_isa_list(name(Isa(i)));
    ASSERT_TRUE(set);
    EXPECT_TRUE(set->has(Isa(i)));
  }
}

#if defined(__aarch64__)
// FEAT_FP16 does not imply FEAT_FHM: a tier of FMLAL is not called after the former.
TEST(Cpu, ProductsOfHalvesAreATierThatIsCalledAfterTheInstruction) {
  EXPECT_TRUE(parse_isa_list("neonfhm"));
  EXPECT_FALSE(parse_isa_list("neonfp16"));
  const auto core = Cpu::describe("cortex-a55");  // FEAT_FP16, no FEAT_FHM
  ASSERT_TRUE(core);
  EXPECT_EQ(core->isa & parse_isa_list("neonfhm").value_or(IsaSet()), IsaSet());
}

TEST(Cpu, StreamingVectorLengthComesWithSme) {
  const auto cpu = Cpu::detect();
  ASSERT_TRUE(cpu);
  if (cpu->isa.has(Isa::kSme)) {
    EXPECT_GE(cpu->sme_vl32, 4u);
    EXPECT_EQ(cpu->sme_vl32 & (cpu->sme_vl32 - 1), 0u);
  } else {
    EXPECT_EQ(cpu->sme_vl32, 0u);
  }
}
#endif

}  // namespace
}  // namespace smelt
