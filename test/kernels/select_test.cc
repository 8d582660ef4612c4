// Which kernel serves which product on which machine.
#include "kernels/gemm/select.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "kernels/dwconv/kernels.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/variant.h"

namespace smelt {
namespace {

GemmShape shape_for(GemmVariant variant, size_t m) {
  return {.m = m,
          .n = 256,
          .kc = 256,
          .block = signature(variant).scale == WeightScale::kPerBlock ? size_t(32) : 0};
}

// Whatever the machine lacks, a scalar kernel remains: for every variant, for one row and for many.
TEST(SelectGemm, ScalarServesEverything) {
  const Cpu plain;
  for (size_t v = 0; v < kGemmVariantCount; ++v) {
    for (size_t m : {0, 1, 4, 1000}) {
      const auto variant = GemmVariant(v);
      const auto kernel = select_gemm(variant, shape_for(variant, m), plain);
      ASSERT_TRUE(kernel) << kernel.error().message;
      EXPECT_EQ((*kernel)->isa, Isa::kScalar);
      EXPECT_EQ((*kernel)->variant, variant);
    }
  }
  for (size_t v = 0; v < kDwconvVariantCount; ++v)
    EXPECT_TRUE(select_dwconv(DwconvVariant(v), plain));
}

// Everyone who could have been chosen is either chosen or has a reason why not, once.
TEST(SelectGemm, NothingIsSilent) {
  Cpu all;
  for (size_t i = 0; i < kIsaCount; ++i) all.isa = all.isa.with(Isa(i));
  all.sme_vl32 = 16;
  for (const Cpu& cpu : {Cpu{}, all}) {
    for (size_t v = 0; v < kGemmVariantCount; ++v) {
      const auto variant = GemmVariant(v);
      std::vector<RejectedKernel> rejected;
      const auto kernel = select_gemm(variant, shape_for(variant, 33), cpu, nullptr, &rejected);
      ASSERT_TRUE(kernel);
      size_t candidates = 0;
      for (const GemmKernel* k : gemm_kernels()) candidates += k->variant == variant;
      EXPECT_EQ(rejected.size() + 1, candidates);
      for (const RejectedKernel& r : rejected) {
        EXPECT_NE(r.kernel, *kernel);
        EXPECT_FALSE(r.why.empty()) << r.kernel->name;
      }
    }
  }
}

// Few columns: lanes are not left to columns that there are none of.
TEST(SelectGemm, FewColumnsShareVectors) {
  const auto cpu = Cpu::describe("x86-64-v4");
  ASSERT_TRUE(cpu);
  const auto chosen = [&](size_t n, size_t taps, size_t kc) {
    const auto kernel =
        select_gemm(GemmVariant::kPf32, {.m = 1000, .n = n, .kc = kc, .taps = taps}, *cpu);
    return kernel ? std::string((*kernel)->name) : kernel.error().message;
  };
  EXPECT_EQ(chosen(1, 1, 112), "gemm_pf32_avx512_12x1");
  EXPECT_EQ(chosen(1, 9, 64), "gemm_pf32_avx512_12x1");
  EXPECT_EQ(chosen(3, 3, 48), "gemm_pf32_avx512_12x4");
  EXPECT_EQ(chosen(4, 1, 32), "gemm_pf32_avx512_12x4");
  EXPECT_EQ(chosen(8, 3, 24), "gemm_pf32_avx512_12x8");
  EXPECT_EQ(chosen(16, 1, 112), "gemm_pf32_avx512_12x16");
  EXPECT_EQ(chosen(9, 1, 112), "gemm_pf32_avx512_12x16");
  EXPECT_EQ(chosen(8, 9, 1), "gemm_pf32_avx512_12x16");  // taps of one k would be half zeros
}

// Weights that have been packed decide; a product of one row then still finds a kernel.
TEST(SelectGemm, PackedWeightsDecide) {
  Cpu all;
  for (size_t i = 0; i < kIsaCount; ++i) all.isa = all.isa.with(Isa(i));
  all.sme_vl32 = 16;
  for (const GemmKernel* packed_for : gemm_kernels()) {
    if (packed_for->max_m != ~size_t(0)) continue;
    const auto kernel =
        select_gemm(packed_for->variant, shape_for(packed_for->variant, 1), all, &packed_for->rhs);
    ASSERT_TRUE(kernel) << packed_for->name;
    EXPECT_EQ((*kernel)->rhs, packed_for->rhs);
  }
  const PackLayout nobody{.rows = {11}};
  EXPECT_FALSE(select_gemm(GemmVariant::kPf32, shape_for(GemmVariant::kPf32, 1), all, &nobody));
}

#if defined(__x86_64__)
// (tier, variant, n) -> kernel. The number of rows does not matter: every kernel has tiles of every
// height.
TEST(SelectGemm, X86Goldens) {
  struct Golden {
    Isa best;
    GemmVariant variant;
    size_t n;
    const char* kernel;
  };
  using enum GemmVariant;
  constexpr Golden kGoldens[] = {
      {Isa::kAvx2, kPf32, 256, "gemm_pf32_avx2_6x16"},
      {Isa::kAvx2, kPqs8Qc8w, 256, "gemm_pqs8_qc8w_avx2_5x16"},
      {Isa::kAvx512, kPf32, 256, "gemm_pf32_avx512_12x32"},
      {Isa::kAvx512, kPf32, 16, "gemm_pf32_avx512_12x16"},
      {Isa::kAvx512, kPf32, 1000, "gemm_pf32_avx512_12x32"},
      {Isa::kAvx512, kPf16, 256, "gemm_pf16_avx512_6x32"},
      {Isa::kAvx512, kPqs8Qc8w, 256, "gemm_pqs8_qc8w_avx2_5x16"},
      {Isa::kAvx512Vnni, kPqs8Qc8w, 256, "gemm_pqs8_qc8w_avx512vnni_6x64"},
      {Isa::kAvx512Vnni, kPqs8Qc8w, 1000, "gemm_pqs8_qc8w_avx512vnni_6x64"},
      {Isa::kAvx512Vnni, kPqs8Qc8w, 96, "gemm_pqs8_qc8w_avx512vnni_6x64"},
      {Isa::kAvx512Vnni, kPqs8Qc8w, 32, "gemm_pqs8_qc8w_avx512vnni_6x64"},
      {Isa::kAvx512Vnni, kPqs8Qc8w, 48, "gemm_pqs8_qc8w_avx512vnni_12x16"},
      {Isa::kAvx512Vnni, kPqs8Qc8w, 10, "gemm_pqs8_qc8w_avx512vnni_12x16"},
      {Isa::kAvx512Vnni, kQp8F32Qb4w, 256, "gemm_qp8_f32_qb4w_avx512vnni_6x32"},
      {Isa::kAvx512Vnni, kQp8F32Qc4w, 256, "gemm_qp8_f32_qc4w_avx512vnni_12x32"},
      {Isa::kAvx512Vnni, kQp8F32Qc4w, 16, "gemm_qp8_f32_qc4w_avx512vnni_12x16"},
      {Isa::kAvx512Vbmi, kQp8F32Qb4w, 256, "gemm_qp8_f32_qb4w_avx512vbmi_3x64"},
      {Isa::kAvx512Vbmi, kQp8F32Qc4w, 256, "gemm_qp8_f32_qc4w_avx512vbmi_6x64"},
      {Isa::kAvx512Vbmi, kQp8F16Qc4w, 16, "gemm_qp8_f16_qc4w_avx512vbmi_12x16"},
      {Isa::kAvx512Vnni, kQp8F16Qc8w, 64, "gemm_qp8_f16_qc8w_avx512vnni_6x64"},
      {Isa::kAvx2, kQp8F32Qc8w, 1, "gemm_qp8_f32_qc8w_avx2_5x16"},
      {Isa::kAvx2, kPf16, 7, "gemm_pf16_avx2_6x16"},
      {Isa::kAvx512Bf16, kPbf16, 256, "gemm_pbf16_avx512bf16_6x64"},
  };
  for (const Golden& golden : kGoldens) {
    Cpu cpu;
    for (Isa isa : {Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Vnni, Isa::kAvx512Vbmi, Isa::kAvx512Bf16})
      if (isa <= golden.best) cpu.isa = cpu.isa.with(isa);
    for (size_t m : {1, 4, 1000}) {
      GemmShape shape = shape_for(golden.variant, m);
      shape.n = golden.n;
      const auto kernel = select_gemm(golden.variant, shape, cpu);
      ASSERT_TRUE(kernel);
      EXPECT_STREQ((*kernel)->name, golden.kernel) << "m = " << m << ", n = " << golden.n;
    }
  }
}

TEST(SelectDwconv, X86Goldens) {
  struct Golden {
    Isa best;
    DwconvVariant variant;
    const char* kernel;
  };
  using enum DwconvVariant;
  constexpr Golden kGoldens[] = {
      {Isa::kScalar, kF32, "dwconv_f32_scalar_2x4"},
      {Isa::kAvx2, kF32, "dwconv_f32_avx2_4x16"},
      {Isa::kAvx2, kF16, "dwconv_f16_avx2_4x16"},
      {Isa::kAvx2, kQs8, "dwconv_qs8_avx2_4x16"},
      {Isa::kAvx512, kF32, "dwconv_f32_avx512_4x32"},
      {Isa::kAvx512, kF16, "dwconv_f16_avx512_4x32"},
      {Isa::kAvx512Vnni, kQs8, "dwconv_qs8_avx512_4x32"},
  };
  for (const Golden& golden : kGoldens) {
    Cpu cpu;
    for (Isa isa : {Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Vnni})
      if (isa <= golden.best) cpu.isa = cpu.isa.with(isa);
    const auto kernel = select_dwconv(golden.variant, cpu);
    ASSERT_TRUE(kernel);
    EXPECT_STREQ((*kernel)->name, golden.kernel);
  }
}

// Where sums of products with weights times 16 would overflow, a kernel without that factor serves.
TEST(SelectGemm, LongSumsOfNibbles) {
  Cpu cpu;
  for (Isa isa : {Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Vnni}) cpu.isa = cpu.isa.with(isa);
  GemmShape shape = shape_for(GemmVariant::kQp8F32Qc4w, 1);
  shape.kc = 65536;
  EXPECT_EQ((*select_gemm(GemmVariant::kQp8F32Qc4w, shape, cpu))->isa, Isa::kAvx512Vnni);
  shape.kc = 65537;
  EXPECT_EQ((*select_gemm(GemmVariant::kQp8F32Qc4w, shape, cpu))->isa, Isa::kAvx2);
}
#endif

TEST(Kernels, NamesAreUniqueAndTellWhatTheyAre) {
  std::vector<std::string> names;
  for (const GemmKernel* k : gemm_kernels()) {
    names.push_back(k->name);
    const std::string prefix =
        "gemm_" + std::string(signature(k->variant).name) + "_" + std::string(name(k->isa)) + "_";
    EXPECT_EQ(names.back().substr(0, prefix.size()), prefix);
    EXPECT_EQ(k->nr, k->rhs.rows) << k->name;
  }
  for (const DwconvKernel* k : dwconv_kernels()) {
    names.push_back(k->name);
    const std::string prefix =
        "dwconv_" + std::string(name(k->variant)) + "_" + std::string(name(k->isa)) + "_";
    EXPECT_EQ(names.back().substr(0, prefix.size()), prefix);
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

}  // namespace
}  // namespace smelt
