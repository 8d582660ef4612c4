// Elements on their way into a panel: Raw, kInBytes of the source for 16 bytes of the panel;
// packed(raw).
#pragma once

#include "kernels/simd/neon.h"

namespace smelt {
namespace {

/// p + bytes, in a register of its own: loads and stores move such pointers on by themselves.
/// Otherwise compilers express them by each other, and add up beside the loads what does not fit.
template <class T>
SMELT_INLINE T* moved(T* p, size_t bytes) {
  p += bytes;
  asm("" : "+r"(p));
  return p;
}

/// Sources need not be aligned: everything is loaded as bytes.
struct AsItIs {
  using Raw = uint8x16_t;
  static constexpr size_t kInBytes = 16;
  static SMELT_INLINE Raw load(const std::byte* p) {
    return vld1q_u8(reinterpret_cast<const uint8_t*>(p));
  }
  static SMELT_INLINE uint8x16_t packed(Raw x) { return x; }
};

template <class T>
struct Narrowed {
  using Raw = Float8;
  static constexpr size_t kInBytes = 32;
  static SMELT_INLINE Raw load(const std::byte* p) {
    return {vreinterpretq_f32_u8(AsItIs::load(p)), vreinterpretq_f32_u8(AsItIs::load(p + 16))};
  }
  static SMELT_INLINE uint8x16_t packed(Raw x) {
    return vreinterpretq_u8_u16(NeonStore<T>::to_16_bits(x, T{}));
  }
};

}  // namespace
}  // namespace smelt
