// How the weights of kernels for dynamically quantised rows lie.
#pragma once

#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

/// `word` is how many k of int8 an instruction takes together. Nibbles are two words: see
/// gemm/int8_weights.inl. They are signed where kernels multiply weights times 16.
constexpr PackLayout qp8_weights(GemmVariant variant, uint16_t nr, int word,
                                 bool signed_nibbles = true) {
  const PackLayout int8{
      .rows = {nr}, .kr = uint8_t(word), .elem = DType::kS8, .tail = kBias | kRowSum | kScale};
  PackLayout nibbles = int8;
  nibbles.kr = uint8_t(2 * word);
  nibbles.elem = DType::kU4;
  nibbles.signed_nibbles = signed_nibbles;
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

}  // namespace
}  // namespace smelt
