// What kernels of Advanced SIMD for dynamically quantised rows have in common: how weights lie, and
// how rows are quantised.
#pragma once

#include "kernels/gemm/gemm_kernel.h"
#include "kernels/pack/neon_packers.h"
#include "kernels/simd/neon_int8.h"

namespace smelt {
namespace {

/// `word` is how many k of int8 an instruction takes together. Nibbles are two words: see
/// gemm/int8_weights.inl.
constexpr PackLayout qp8_weights(GemmVariant variant, uint16_t nr, int word) {
  const PackLayout int8{
      .rows = {nr}, .kr = uint8_t(word), .elem = DType::kS8, .tail = kBias | kRowSum | kScale};
  PackLayout nibbles = int8;
  nibbles.kr = uint8_t(2 * word);
  nibbles.elem = DType::kU4;
  nibbles.signed_nibbles = true;
  switch (variant) {
    case GemmVariant::kQp8F32Qc4w:
    case GemmVariant::kQp8F16Qc4w:
      return nibbles;
    case GemmVariant::kQp8F32Qb4w:
    case GemmVariant::kQp8F16Qb4w:
      nibbles.tail = kBias | kScaledRowSum;
      nibbles.block_scales = true;
      return nibbles;
    default:
      return int8;
  }
}

/// A kernel that reads rows where they are. V multiplies.
template <class V>
constexpr GemmKernel qp8_rows(GemmVariant variant, const char* name, uint16_t mr, uint16_t nr,
                              void (*run)(const GemmBlock&)) {
  GemmKernel kernel{.name = name,
                    .isa = V::kIsa,
                    .variant = variant,
                    .mr = {mr},
                    .nr = {nr},
                    .rhs = qp8_weights(variant, nr, V::kK),
                    .quantize_lhs = quantize_rows_neon,
                    .run = run};
  if (kernel.rhs.elem == DType::kU4) kernel.max_k = kMaxSixteenths;
  return kernel;
}

/// A kernel that reads pairs of rows, packed.
template <class V>
constexpr GemmKernel qp8_pairs(GemmVariant variant, const char* name, uint16_t mr, uint16_t nr,
                               void (*run)(const GemmBlock&)) {
  GemmKernel kernel = qp8_rows<V>(variant, name, mr, nr, run);
  kernel.lhs_form = LhsForm::kPacked;
  kernel.lhs = {.rows = {2}, .kr = V::kK, .elem = DType::kS8, .join_taps = true};
  kernel.rhs.join_taps = true;
  kernel.pack_lhs = pack_pairs_neon;
  kernel.quantize_lhs = quantize_pairs_neon;
  return kernel;
}

}  // namespace
}  // namespace smelt
