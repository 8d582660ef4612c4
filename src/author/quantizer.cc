#include "author/quantizer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace smelt {
namespace {

// Quotients are formed in double: the quotient of two floats that is an exact tie in float is then
// still one, and the result does not depend on how a compiler divides floats.
double quotient(float value, float scale) { return std::nearbyint(double(value) / double(scale)); }

template <class T>
T quantize(float value, float scale, int32_t zero, int32_t low, int32_t high) {
  return T(std::clamp(quotient(value, scale) + zero, double(low), double(high)));
}

float largest_magnitude(std::span<const float> values) {
  float largest = 0;
  for (const float v : values) largest = std::max(largest, std::fabs(v));
  return largest;
}

// A row of zeros gets scale 1: any scale is right, but 0 is no scale.
float symmetric_scale(std::span<const float> values, float limit) {
  const float scale = largest_magnitude(values) / limit;
  return scale >= std::numeric_limits<float>::min() ? scale : 1.0f;
}

constexpr int32_t kNibbleZero = 8;

uint8_t nibble(float value, float scale) {
  return uint8_t(quantize<int32_t>(value, scale, kNibbleZero, 0, 15));
}

}  // namespace

AffineInt8 affine_int8(float min, float max) {
  min = std::min(min, 0.0f);
  max = std::max(max, 0.0f);
  const float scale = (max - min) / 255.0f;
  if (scale < std::numeric_limits<float>::min()) return {1.0f, 0};
  return {scale, int32_t(std::clamp(-128.0 - quotient(min, scale), -128.0, 127.0))};
}

AffineInt8 symmetric_int8(std::span<const float> values) {
  return {symmetric_scale(values, 127.0f), 0};
}

std::vector<int8_t> quantize_int8(std::span<const float> values, AffineInt8 q) {
  std::vector<int8_t> out(values.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = quantize<int8_t>(values[i], q.scale, q.zero, -128, 127);
  }
  return out;
}

ChannelInt8 quantize_channels_int8(std::span<const float> values, size_t rows) {
  const size_t columns = values.size() / rows;
  ChannelInt8 out;
  out.values.reserve(values.size());
  for (size_t r = 0; r < rows; ++r) {
    const std::span row = values.subspan(r * columns, columns);
    const float scale = symmetric_scale(row, 127.0f);
    out.scales.push_back(scale);
    for (const float v : row) out.values.push_back(quantize<int8_t>(v, scale, 0, -127, 127));
  }
  return out;
}

ChannelInt4 quantize_channels_int4(std::span<const float> values, size_t rows) {
  const size_t columns = values.size() / rows;
  const size_t row_bytes = (columns + 1) / 2;
  ChannelInt4 out;
  out.packed.assign(rows * row_bytes, uint8_t(kNibbleZero | kNibbleZero << 4));
  for (size_t r = 0; r < rows; ++r) {
    const std::span row = values.subspan(r * columns, columns);
    const float scale = symmetric_scale(row, 7.0f);
    out.scales.push_back(scale);
    for (size_t c = 0; c < columns; ++c) {
      uint8_t& byte = out.packed[r * row_bytes + c / 2];
      const uint8_t q = nibble(row[c], scale);
      byte = c % 2 == 0 ? uint8_t((byte & 0xf0) | q) : uint8_t((byte & 0x0f) | q << 4);
    }
  }
  return out;
}

BlockInt4 quantize_blocks_int4(std::span<const float> values, size_t rows, size_t block) {
  const size_t columns = values.size() / rows;
  BlockInt4 out;
  out.packed.reserve(values.size() / 2);
  out.scales.reserve(values.size() / block);
  for (size_t i = 0; i < rows * columns; i += block) {
    const std::span one = values.subspan(i, block);
    // The nibbles are found with the scale as it is stored, not with the one before rounding.
    const BFloat16 scale(symmetric_scale(one, 7.0f));
    out.scales.push_back(scale);
    for (size_t c = 0; c < block; c += 2) {
      out.packed.push_back(
          uint8_t(nibble(one[c], float(scale)) | nibble(one[c + 1], float(scale)) << 4));
    }
  }
  return out;
}

std::vector<int32_t> quantize_bias(std::span<const float> values, std::span<const float> scales) {
  std::vector<int32_t> out(values.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] =
        quantize<int32_t>(values[i], scales[scales.size() == 1 ? 0 : i], 0,
                          std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
  }
  return out;
}

}  // namespace smelt
