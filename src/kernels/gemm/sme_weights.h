// How the weights of kernels for matrix units lie.
#pragma once

#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

/// Weights in panels of 4 vl, 32 bits of a column together (16 of nibbles).
constexpr PackLayout sme_weights(GemmVariant variant) {
  PackLayout layout{.rows = {4, true}, .kr = 4, .elem = DType::kS8};
  const auto floats = [&](DType elem, uint8_t kr) {
    layout.elem = elem;
    layout.kr = kr;
    layout.head = kBias;
  };
  const auto nibbles = [&] {
    layout.elem = DType::kU4;
    layout.nibble_pairs = true;
  };
  switch (variant) {
    case GemmVariant::kPf32:
      floats(DType::kF32, 1);
      break;
    case GemmVariant::kPf16:
      floats(DType::kF16, 2);
      break;
    case GemmVariant::kPbf16:
    case GemmVariant::kPbf16F32:
      floats(DType::kBF16, 2);
      break;
    case GemmVariant::kPqs8Qc8w:
      layout.head = kFoldedBias;
      layout.tail = kScale;
      break;
    case GemmVariant::kQp8F32Qb4w:
    case GemmVariant::kQp8F16Qb4w:
      nibbles();
      layout.tail = kBias | kScaledRowSum;
      layout.block_scales = true;
      break;
    case GemmVariant::kQp8F32Qc4w:
    case GemmVariant::kQp8F16Qc4w:
      nibbles();
      [[fallthrough]];
    default:
      layout.tail = kBias | kRowSum | kScale;
  }
  return layout;
}

}  // namespace
}  // namespace smelt
