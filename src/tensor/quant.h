// Quantisation: real = (stored - zero) x scale. The granularity says how many scales there are.
#pragma once

#include <cstdint>
#include <span>

#include "base/float16.h"
#include "base/row_quant.h"

namespace smelt {

enum class QuantGranularity : uint8_t {
  kNone,
  kPerTensor,   ///< one scale, one zero point
  kPerChannel,  ///< a scale for each index of `axis`; symmetric (zero is the same for all)
  kPerBlock,    ///< a bfloat16 scale for each `block` consecutive elements of the innermost axis,
                ///< [rows][k / block]
  kPerToken,    ///< found while running: a scale and a zero point per row; the innermost
                ///< `nonbatch_dims` form a row
};

/// Owns nothing: scales lie in the file's mapping, or in storage that the graph owns.
struct Quant {
  QuantGranularity granularity = QuantGranularity::kNone;
  uint8_t axis = 0;           ///< kPerChannel
  uint8_t nonbatch_dims = 0;  ///< kPerToken
  uint32_t block = 0;         ///< kPerBlock: elements per scale
  float scale = 1;            ///< kPerTensor
  int32_t zero = 0;           ///< the stored value that stands for 0; 8 for unsigned nibbles
  std::span<const float> channel_scale;
  std::span<const BFloat16> block_scale;
};

}  // namespace smelt
