// What planning for another machine knows of kernels, against the kernels themselves.
#include <algorithm>
#include <string_view>

#include <gtest/gtest.h>

#include "kernels/dwconv/kernels.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/select.h"

namespace smelt {
namespace {

void expect_equal(const PackLayout& described, const PackLayout& built, const char* kernel) {
  EXPECT_EQ(described.rows, built.rows) << kernel;
  EXPECT_EQ(int(described.kr), int(built.kr)) << kernel;
  EXPECT_EQ(described.elem, built.elem) << kernel;
  EXPECT_EQ(described.nibble_pairs, built.nibble_pairs) << kernel;
  EXPECT_EQ(described.signed_nibbles, built.signed_nibbles) << kernel;
  EXPECT_EQ(int(described.head), int(built.head)) << kernel;
  EXPECT_EQ(int(described.tail), int(built.tail)) << kernel;
  EXPECT_EQ(described.block_scales, built.block_scales) << kernel;
  EXPECT_EQ(described.join_taps, built.join_taps) << kernel;
  EXPECT_EQ(int(described.lhs_offset), int(built.lhs_offset)) << kernel;
  EXPECT_EQ(described, built) << kernel << ": a field that is not compared above";
}

TEST(DescribedKernels, AgreeWithTheKernelsOfThisBuild) {
  size_t compared = 0;
  for (const GemmKernel* kernel : gemm_kernels()) {
    const auto all = described_gemm_kernels();
    const auto found = std::ranges::find_if(
        all, [&](const GemmKernel* k) { return std::string_view(k->name) == kernel->name; });
    ASSERT_NE(found, all.end()) << kernel->name;
    const GemmKernel& described = **found;
    EXPECT_EQ(described.isa, kernel->isa) << kernel->name;
    EXPECT_EQ(described.variant, kernel->variant) << kernel->name;
    EXPECT_EQ(described.mr, kernel->mr) << kernel->name;
    EXPECT_EQ(described.nr, kernel->nr) << kernel->name;
    EXPECT_EQ(described.lhs_form, kernel->lhs_form) << kernel->name;
    expect_equal(described.lhs, kernel->lhs, kernel->name);
    expect_equal(described.rhs, kernel->rhs, kernel->name);
    EXPECT_EQ(described.quantize_lhs != nullptr, kernel->quantize_lhs != nullptr) << kernel->name;
    EXPECT_EQ(described.prepared.bytes, kernel->prepared.bytes) << kernel->name;
    EXPECT_EQ(described.max_k, kernel->max_k) << kernel->name;
    EXPECT_EQ(described.max_m, kernel->max_m) << kernel->name;
    EXPECT_EQ(described.run, nullptr) << kernel->name;
    ++compared;
  }
  EXPECT_EQ(compared, gemm_kernels().size());
  EXPECT_GT(described_gemm_kernels().size(), compared)
      << "kernels of other architectures are described, too";
}

TEST(DescribedKernels, DepthwiseOnesToo) {
  size_t compared = 0;
  for (const DwconvKernel* kernel : dwconv_kernels()) {
    for (const DwconvKernel* described : described_dwconv_kernels()) {
      if (std::string_view(described->name) != kernel->name) continue;
      EXPECT_EQ(described->isa, kernel->isa) << kernel->name;
      EXPECT_EQ(described->variant, kernel->variant) << kernel->name;
      EXPECT_EQ(described->filter, kernel->filter) << kernel->name;
      EXPECT_EQ(described->run, nullptr) << kernel->name;
      ++compared;
    }
  }
  EXPECT_EQ(compared, dwconv_kernels().size());
  const auto m4 = Cpu::describe("apple-m4");
  ASSERT_TRUE(m4);
  EXPECT_STREQ(select_dwconv(DwconvVariant::kQs8, *m4).value()->name, "dwconv_qs8_sme2_4x4vl");
}

TEST(DescribedKernels, TheBestTierOfACpuIsUsed) {
  struct Case {
    const char* cpu;
    GemmVariant variant;
    size_t m;
    const char* kernel;
  };
  const Case cases[] = {
      {"apple-m4", GemmVariant::kPf32, 64, "gemm_pf32_sme2_1vlx4vl"},
      {"apple-m4", GemmVariant::kPf32, 1, "gemm_pf32_sme2_1x4vl"},
      {"snapdragon-x2", GemmVariant::kPqs8Qc8w, 64, "gemm_pqs8_qc8w_sme_1vlx4vl"},
      {"cortex-a53", GemmVariant::kPf32, 64, "gemm_pf32_neon_5x16"},
      {"cortex-a53", GemmVariant::kPqs8Qc8w, 64, "gemm_pqs8_qc8w_neon_5x16"},
      {"cortex-a55", GemmVariant::kQp8F32Qc4w, 64, "gemm_qp8_f32_qc4w_neondot_8x8"},
      {"neoverse-n1", GemmVariant::kPf16, 64, "gemm_pf16_neon_5x16"},
      {"neoverse-n1", GemmVariant::kPqs8Qc8w, 1, "gemm_pqs8_qc8w_neondot_5x16"},
      {"neoverse-v2", GemmVariant::kPf32, 64, "gemm_pf32_neon_5x16"},
      {"neoverse-v2", GemmVariant::kPf16, 64, "gemm_pf16_neonfhm_5x16"},
      {"neoverse-v2", GemmVariant::kPbf16, 64, "gemm_pbf16_neonbf16_6x16"},
      {"neoverse-v2", GemmVariant::kPqs8Qc8w, 1, "gemm_pqs8_qc8w_neoni8mm_6x16"},
      {"x86-64-v3", GemmVariant::kPf32, 64, "gemm_pf32_avx2_6x16"},
      {"x86-64-v2", GemmVariant::kPf32, 64, "gemm_pf32_scalar_4x8"},
  };
  for (const Case& c : cases) {
    const auto cpu = Cpu::describe(c.cpu);
    ASSERT_TRUE(cpu) << c.cpu;
    const auto kernel = select_gemm(c.variant, {.m = c.m, .n = 256, .kc = 256}, *cpu);
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_STREQ((*kernel)->name, c.kernel) << c.cpu;
  }
}

// Sums of nibbles times 16 fit 32 bits only so far.
TEST(DescribedKernels, KernelsForShortSumsAreNotNamedForLongOnes) {
  const auto cpu = Cpu::describe("x86-64-v4-vnni");
  ASSERT_TRUE(cpu);
  const auto named = [&](size_t k) {
    return std::string_view(
        select_gemm(GemmVariant::kQp8F32Qc4w, {.m = 64, .n = 256, .kc = k}, *cpu).value()->name);
  };
  EXPECT_EQ(named(65536), "gemm_qp8_f32_qc4w_avx512vnni_12x32");
  EXPECT_EQ(named(131072), "gemm_qp8_f32_qc4w_avx2_3x16");
}

TEST(DescribedKernels, UnknownCpusAreAnErrorThatNamesTheKnownOnes) {
  const auto cpu = Cpu::describe("z80");
  ASSERT_FALSE(cpu);
  EXPECT_EQ(cpu.error().code, ErrorCode::kInvalidArgument);
  for (const std::string_view name : Cpu::described_names())
    EXPECT_NE(cpu.error().message.find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace smelt
