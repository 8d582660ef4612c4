// Which kernel serves which product on Arm CPUs that are well known, and why the others do not.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/dwconv/kernels.h"
#include "kernels/gemm/select.h"
#include "kernels/gemm/variant.h"

namespace smelt {
namespace {

using testing::HasSubstr;

struct Family {
  std::vector<const char*> cpus;
  /// "<isa>_<tile>" by what is multiplied.
  const char *f32, *f16, *bf16, *int8, *int4, *int4_blocks;
  /// The tier of depthwise kernels.
  const char *dwconv_f32, *dwconv_f16, *dwconv_s8;
};

// A CPU's best instructions for each type: FMLA for float32 everywhere but on matrix units. Tiles
// of 16 columns load less per multiply-accumulate than those of 8; 4-bit weights are unpacked once
// for 8 rows.
const Family kFamilies[] = {
    {.cpus = {"cortex-a53", "cortex-a72"},
     .f32 = "neon_5x16",
     .f16 = "neon_5x16",
     .bf16 = "neon_5x16",
     .int8 = "neon_5x16",
     .int4 = "neon_8x8",
     .int4_blocks = "neon_6x8",
     .dwconv_f32 = "neon",
     .dwconv_f16 = "neon",
     .dwconv_s8 = "neon"},
    {.cpus = {"cortex-a55", "cortex-a76", "cortex-a78", "cortex-x1", "neoverse-n1"},
     .f32 = "neon_5x16",
     .f16 = "neon_5x16",
     .bf16 = "neon_5x16",
     .int8 = "neondot_5x16",
     .int4 = "neondot_8x8",
     .int4_blocks = "neondot_8x8",
     .dwconv_f32 = "neon",
     .dwconv_f16 = "neon",
     .dwconv_s8 = "neondot"},
    {.cpus = {"apple-m1"},
     .f32 = "neon_5x16",
     .f16 = "neonfhm_5x16",
     .bf16 = "neon_5x16",
     .int8 = "neondot_5x16",
     .int4 = "neondot_8x8",
     .int4_blocks = "neondot_8x8",
     .dwconv_f32 = "neon",
     .dwconv_f16 = "neonfhm",
     .dwconv_s8 = "neondot"},
    {.cpus = {"cortex-a510", "cortex-a520", "cortex-a720", "cortex-x3", "cortex-x4", "neoverse-v1",
              "neoverse-n2", "neoverse-v2", "neoverse-v3", "apple-m2", "apple-m3", "snapdragon-x"},
     .f32 = "neon_5x16",
     .f16 = "neonfhm_5x16",
     .bf16 = "neonbf16_6x16",
     .int8 = "neoni8mm_6x16",
     .int4 = "neoni8mm_8x8",
     .int4_blocks = "neoni8mm_8x8",
     .dwconv_f32 = "neon",
     .dwconv_f16 = "neonfhm",
     .dwconv_s8 = "neondot"},
    {.cpus = {"snapdragon-x2"},
     .f32 = "sme_1vlx4vl",
     .f16 = "sme_1vlx4vl",
     .bf16 = "sme_1vlx4vl",
     .int8 = "sme_1vlx4vl",
     .int4 = "sme_1vlx4vl",
     .int4_blocks = "sme_1vlx4vl",
     .dwconv_f32 = "sme",
     .dwconv_f16 = "sme",
     .dwconv_s8 = "sme"},
    {.cpus = {"apple-a18", "apple-m4", "arm-c1"},
     .f32 = "sme2_1vlx4vl",
     .f16 = "sme2_1vlx4vl",
     .bf16 = "sme2_1vlx4vl",
     .int8 = "sme2_1vlx4vl",
     .int4 = "sme2_1vlx4vl",
     .int4_blocks = "sme2_1vlx4vl",
     .dwconv_f32 = "sme2",
     .dwconv_f16 = "sme2",
     .dwconv_s8 = "sme2"},
};

GemmShape shape_for(GemmVariant variant, size_t m, size_t n = 256) {
  return {.m = m,
          .n = n,
          .kc = 256,
          .block = signature(variant).scale == WeightScale::kPerBlock ? size_t(32) : 0};
}

std::string expected(const Family& family, GemmVariant variant, size_t m) {
  const GemmSignature& types = signature(variant);
  const bool blocks = types.scale == WeightScale::kPerBlock;
  const char* kernel = types.rhs == DType::kF32    ? family.f32
                       : types.rhs == DType::kF16  ? family.f16
                       : types.rhs == DType::kBF16 ? family.bf16
                       : types.rhs == DType::kS8   ? family.int8
                       : blocks                    ? family.int4_blocks
                                                   : family.int4;
  std::string name = fmt::format("gemm_{}_{}", types.name, kernel);
  // Matrix units have kernels of their own for one row.
  if (const size_t at = name.find("1vlx4vl"); at != std::string::npos && m == 1)
    name.replace(at, 7, "1x4vl");
  return name;
}

TEST(SelectGemm, ArmGoldens) {
  for (const Family& family : kFamilies) {
    for (const char* name : family.cpus) {
      const auto cpu = Cpu::describe(name);
      ASSERT_TRUE(cpu) << cpu.error().message;
      for (size_t v = 0; v < kGemmVariantCount; ++v) {
        for (size_t m : {1, 4, 1000}) {
          const auto variant = GemmVariant(v);
          const auto kernel = select_gemm(variant, shape_for(variant, m), *cpu);
          ASSERT_TRUE(kernel) << kernel.error().message;
          EXPECT_EQ((*kernel)->name, expected(family, variant, m)) << name << ", m = " << m;
        }
      }
    }
  }
}

TEST(SelectDwconv, ArmGoldens) {
  for (const Family& family : kFamilies) {
    for (const char* name : family.cpus) {
      const auto cpu = Cpu::describe(name);
      ASSERT_TRUE(cpu) << cpu.error().message;
      const auto isa = [&](DwconvVariant variant) {
        return smelt::name(select_dwconv(variant, *cpu).value()->isa);
      };
      EXPECT_EQ(isa(DwconvVariant::kF32), family.dwconv_f32) << name;
      EXPECT_EQ(isa(DwconvVariant::kF16), family.dwconv_f16) << name;
      EXPECT_EQ(isa(DwconvVariant::kQs8), family.dwconv_s8) << name;
    }
  }
}

// No Arm CPU that is described is left out above.
TEST(SelectGemm, ArmGoldensAreComplete) {
  for (const std::string_view name : Cpu::described_names()) {
    if (!Cpu::describe(name).value().isa.has(Isa::kNeon)) continue;
    EXPECT_TRUE(std::ranges::any_of(kFamilies, [&](const Family& family) {
      return std::ranges::find(family.cpus, name) != family.cpus.end();
    })) << name;
  }
}

// Why a kernel lost.
TEST(SelectGemm, ArmReasons) {
  struct Case {
    const char* cpu;
    GemmVariant variant;
    size_t m, n;
    const char* chosen;
    const char* loser;
    const char* why;
  };
  using enum GemmVariant;
  const Case cases[] = {
      {"cortex-a76", kPqs8Qc8w, 64, 256, "gemm_pqs8_qc8w_neondot_5x16",
       "gemm_pqs8_qc8w_neoni8mm_6x16", "neoni8mm is not available"},
      {"cortex-a76", kPf16, 64, 256, "gemm_pf16_neon_5x16", "gemm_pf16_neonfhm_5x16",
       "neonfhm is not available"},
      {"neoverse-v2", kPqs8Qc8w, 64, 256, "gemm_pqs8_qc8w_neoni8mm_6x16",
       "gemm_pqs8_qc8w_neondot_5x16", "neondot is less capable than neoni8mm"},
      {"neoverse-v2", kPf32, 64, 256, "gemm_pf32_neon_5x16", "gemm_pf32_neon_8x8", "would cost"},
      // Half of a panel of 16 would be padding.
      {"neoverse-v2", kPf32, 64, 8, "gemm_pf32_neon_8x8", "gemm_pf32_neon_5x16", "would cost"},
      {"apple-m4", kPf32, 1, 256, "gemm_pf32_sme2_1x4vl", "gemm_pf32_sme2_1vlx4vl",
       "is for any m, here m is 1"},
      {"apple-m4", kPf32, 2, 256, "gemm_pf32_sme2_1vlx4vl", "gemm_pf32_sme2_1x4vl",
       "is for m up to 1"},
      {"apple-m4", kPf32, 64, 256, "gemm_pf32_sme2_1vlx4vl", "gemm_pf32_sme_1vlx4vl",
       "sme is less capable than sme2"},
  };
  for (const Case& c : cases) {
    const auto cpu = Cpu::describe(c.cpu);
    ASSERT_TRUE(cpu) << cpu.error().message;
    std::vector<RejectedKernel> rejected;
    const auto kernel =
        select_gemm(c.variant, shape_for(c.variant, c.m, c.n), *cpu, nullptr, &rejected);
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_STREQ((*kernel)->name, c.chosen) << c.cpu;
    const auto loser = std::ranges::find_if(rejected, [&](const RejectedKernel& r) {
      return std::string_view(r.kernel->name) == c.loser;
    });
    ASSERT_NE(loser, rejected.end()) << c.loser;
    EXPECT_THAT(loser->why, HasSubstr(c.why)) << c.loser << " on " << c.cpu;
  }
}

}  // namespace
}  // namespace smelt
