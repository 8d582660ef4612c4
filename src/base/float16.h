// IEEE binary16 and bfloat16 as storage types. Conversions follow IEEE 754: round to nearest, ties
// to even; NaN stays NaN. These are the definitions; vector kernels convert with the CPU's own
// instructions.
#pragma once

#include <bit>
#include <cstdint>

namespace smelt {

/// binary16: 1 sign, 5 exponent, 10 fraction bits.
struct Half {
  uint16_t bits = 0;
  constexpr Half() = default;
  constexpr explicit Half(float f) : bits(encode(f)) {}
  constexpr explicit operator float() const { return decode(bits); }
  static constexpr Half from_bits(uint16_t b) {
    Half h;
    h.bits = b;
    return h;
  }

 private:
  static constexpr uint16_t encode(float f) {
    const uint32_t u = std::bit_cast<uint32_t>(f);
    const uint16_t sign = uint16_t((u >> 16) & 0x8000u);
    uint32_t a = u & 0x7fffffffu;
    if (a > 0x7f800000u) return uint16_t(sign | 0x7e00u | ((a >> 13) & 0x3ffu));  // NaN, quiet
    if (a >= 0x477ff000u) return uint16_t(sign | 0x7c00u);  // rounds to infinity
    if (a < 0x38800000u) {                                  // subnormal or zero
      // Adding 0.5 makes the hardware's own rounding drop the bits below 2^-24.
      const float shifted = std::bit_cast<float>(a) + 0.5f;
      return uint16_t(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
    }
    a += 0xc8000fffu + ((a >> 13) & 1u);  // rebias the exponent by -112, round to nearest even
    return uint16_t(sign | (a >> 13));
  }
  static constexpr float decode(uint16_t h) {
    const uint32_t sign = uint32_t(h & 0x8000u) << 16;
    const uint32_t magnitude = h & 0x7fffu;
    if (magnitude >= 0x7c00u)
      return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
    if (magnitude >= 0x0400u) return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000u));
    const float f = float(magnitude) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(f));
  }
};

/// bfloat16: the upper half of a binary32.
struct BFloat16 {
  uint16_t bits = 0;
  constexpr BFloat16() = default;
  constexpr explicit BFloat16(float f) : bits(encode(f)) {}
  constexpr explicit operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
  static constexpr BFloat16 from_bits(uint16_t b) {
    BFloat16 h;
    h.bits = b;
    return h;
  }

 private:
  static constexpr uint16_t encode(float f) {
    const uint32_t u = std::bit_cast<uint32_t>(f);
    if ((u & 0x7fffffffu) > 0x7f800000u) return uint16_t((u >> 16) | 0x40u);
    return uint16_t((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
};

}  // namespace smelt
