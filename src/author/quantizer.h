// Float weights and ranges into the integers and scales that the exporter stores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/float16.h"

namespace smelt {

/// real = (stored - zero) x scale, for a whole tensor.
struct AffineInt8 {
  float scale = 1;
  int32_t zero = 0;
};

/// The scale and zero point that map [min, max], widened to contain 0, onto [-128, 127].
/// `min` <= `max`, both finite.
AffineInt8 affine_int8(float min, float max);

/// Symmetric int8: the scale that maps the largest magnitude onto 127; zero point 0.
AffineInt8 symmetric_int8(std::span<const float> values);

/// clamp(round(value / scale) + zero), ties to even.
std::vector<int8_t> quantize_int8(std::span<const float> values, AffineInt8);

/// Rows of int8, one scale each; symmetric.
struct ChannelInt8 {
  std::vector<int8_t> values;  ///< [rows][columns]
  std::vector<float> scales;   ///< [rows]
};
/// `values` is [rows][values.size() / rows].
ChannelInt8 quantize_channels_int8(std::span<const float> values, size_t rows);

/// Rows of nibbles, stored as value + 8, the low nibble first; an odd last column leaves the high
/// nibble of the row's last byte at 8, which stands for zero.
struct ChannelInt4 {
  std::vector<uint8_t> packed;  ///< [rows][(columns + 1) / 2]
  std::vector<float> scales;    ///< [rows]
};
ChannelInt4 quantize_channels_int4(std::span<const float> values, size_t rows);

/// Rows of nibbles with a bfloat16 scale for each `block` consecutive columns.
struct BlockInt4 {
  std::vector<uint8_t> packed;   ///< [rows][columns / 2]
  std::vector<BFloat16> scales;  ///< [rows][columns / block]
};
/// The number of columns is a multiple of `block`, which is even.
BlockInt4 quantize_blocks_int4(std::span<const float> values, size_t rows, size_t block);

/// A bias as int32, in units of input scale x weight scale; `scales` holds one for all, or one
/// each.
std::vector<int32_t> quantize_bias(std::span<const float> values, std::span<const float> scales);

}  // namespace smelt
