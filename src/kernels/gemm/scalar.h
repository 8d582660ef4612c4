// Vectors of four floats or integers in portable C++: what the scalar tier computes with. The
// compilers' own vector type becomes the baseline's vectors, and plain scalars where there are
// none. A multiply-add is two roundings: a fused one without hardware for it is a library call.
#pragma once

#include "base/float16.h"
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

using Float4 = float __attribute__((vector_size(16)));
using Int4 = int32_t __attribute__((vector_size(16)));
using UInt4 = uint32_t __attribute__((vector_size(16)));

template <class T>
SMELT_INLINE T load_any(const void* p) {
  T v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

struct ScalarF32 {
  using Reg = Float4;
  static constexpr size_t kLanes = 4;
  static constexpr int kChains = 8;
  static SMELT_INLINE Reg splat(float x) { return Reg{x, x, x, x}; }
  static SMELT_INLINE Reg load_f32(const float* p) { return load_any<Reg>(p); }
  static SMELT_INLINE Reg add(Reg a, Reg b) { return a + b; }
  static SMELT_INLINE Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
};

// ---- elements of the left side and of packed weights ------------------------------------------------------------------

/// The first `count` of four elements, the others zero.
template <class Load>
SMELT_INLINE Float4 load_scalar_part(const typename Load::Elem* p, size_t count) {
  typename Load::Elem v[4] = {};
  for (size_t i = 0; i < count && i < 4; ++i) v[i] = p[i];
  return Load::load(v);
}

struct ScalarLoadF32 {
  using Elem = float;
  static SMELT_INLINE Float4 splat(const Elem* p) { return ScalarF32::splat(*p); }
  static SMELT_INLINE Float4 load(const Elem* p) { return ScalarF32::load_f32(p); }
  static SMELT_INLINE Float4 load_part(const Elem* p, size_t count) {
    return load_scalar_part<ScalarLoadF32>(p, count);
  }
};

struct ScalarLoadF16 {
  using Elem = Half;
  static SMELT_INLINE Float4 splat(const Elem* p) { return ScalarF32::splat(float(*p)); }
  static SMELT_INLINE Float4 load(const Elem* p) {
    const UInt4 h = {p[0].bits, p[1].bits, p[2].bits, p[3].bits};
    // As base/float16.h has it. No step makes a denormal float: those are zeros while programs run.
    const UInt4 magnitude = h & 0x7fff;
    const UInt4 normal = (magnitude << 13) + 0x38000000u;
    const UInt4 special = (UInt4)((Int4)magnitude >= 0x7c00) & 0x7f800000u;
    const UInt4 small =
        (UInt4)(__builtin_convertvector((Int4)magnitude, Float4) * ScalarF32::splat(0x1p-24f));
    const UInt4 is_small = (UInt4)((Int4)magnitude < 0x400);
    return (Float4)((is_small & small) | (~is_small & (normal | special)) | (h & 0x8000) << 16);
  }
  static SMELT_INLINE Float4 load_part(const Elem* p, size_t count) {
    return load_scalar_part<ScalarLoadF16>(p, count);
  }
};

struct ScalarLoadBF16 {
  using Elem = BFloat16;
  static SMELT_INLINE Float4 splat(const Elem* p) { return ScalarF32::splat(float(*p)); }
  static SMELT_INLINE Float4 load(const Elem* p) {
    return (Float4)(UInt4{p[0].bits, p[1].bits, p[2].bits, p[3].bits} << 16);
  }
};

// ---- epilogues --------------------------------------------------------------------------------------------------------

/// Clamps, converts and stores up to four floats as float, Half or BFloat16. NaN stays NaN.
template <class T>
struct ScalarStore {
  using Elem = T;
  static SMELT_INLINE OutputStage bounds(const OutputStage& stage) { return stage; }
  static SMELT_INLINE void store(Elem* o, Float4 r, const OutputStage& s, size_t count) {
    SMELT_UNROLL for (int i = 0; i < 4; ++i) {
      const float raised = r[i] < s.min ? s.min : r[i];
      if (size_t(i) < count) o[i] = Elem(raised > s.max ? s.max : raised);
    }
  }
};

// ---- int8 ---------------------------------------------------------------------------------------------------------------

struct ScalarDot4 {
  static constexpr Isa kIsa = Isa::kScalar;
  /// Column c's four k are bytes 4c … 4c + 3.
  struct Bytes {
    int8_t v[16];
  };
  using Int = UInt4;  // unsigned, because it may wrap
  using Float = Float4;
  static constexpr size_t kLanes = 4;
  static constexpr int kK = 4;
  static constexpr int kChains = 1;
  static constexpr int32_t kLhsOffset = 0;

  static SMELT_INLINE Bytes load_s8(const std::byte* p) { return load_any<Bytes>(p); }
  static SMELT_INLINE void load_u4(const std::byte* p, Bytes (&b)[2]) {
    const Bytes packed = load_any<Bytes>(p);
    SMELT_UNROLL for (int i = 0; i < 16; ++i) {
      b[0].v[i] = int8_t((packed.v[i] & 15) - 8);
      b[1].v[i] = int8_t((uint8_t(packed.v[i]) >> 4) - 8);
    }
  }
  using Elem = int8_t;
  using Staged = int8_t;
  static SMELT_INLINE void stage(Staged* to, const Elem* from, size_t count) {
    __builtin_memcpy(to, from, count);
    __builtin_memset(to + count, 0, 16);
  }
  static SMELT_INLINE Bytes splat_k(const Staged* p) {
    Bytes b;
    SMELT_UNROLL for (int i = 0; i < 4; ++i) __builtin_memcpy(b.v + 4 * i, p, 4);
    return b;
  }
  static SMELT_INLINE Int dot(Int acc, Bytes b, Bytes a) {
    SMELT_UNROLL for (int c = 0; c < 4; ++c) {
      int32_t sum = 0;
      SMELT_UNROLL for (int x = 0; x < 4; ++x) sum += int32_t(a.v[4 * c + x]) * b.v[4 * c + x];
      acc[c] += uint32_t(sum);
    }
    return acc;
  }
  /// Products of the first `count` of four neighbouring elements.
  static SMELT_INLINE Int mac_s8(Int acc, const int8_t* in, size_t count, const int8_t* w) {
    SMELT_UNROLL for (size_t i = 0; i < 4; ++i) if (i < count) acc[i] +=
        uint32_t(int32_t(in[i]) * w[i]);
    return acc;
  }
  static SMELT_INLINE Int add(Int a, Int b) { return a + b; }
  static SMELT_INLINE Int zero_int() { return Int{0, 0, 0, 0}; }
  static SMELT_INLINE Int load_int(const std::byte* p) { return load_any<Int>(p); }
  /// a - b x factor
  static SMELT_INLINE Int sub_scaled(Int a, Int b, int32_t factor) {
    return a - b * uint32_t(factor);
  }
  static SMELT_INLINE Float to_float(Int a) { return __builtin_convertvector((Int4)a, Float4); }
  static SMELT_INLINE Float splat(float x) { return ScalarF32::splat(x); }
  static SMELT_INLINE Float load_float(const std::byte* p) { return load_any<Float>(p); }
  static SMELT_INLINE Float load_bf16(const std::byte* p) {
    using UShort4 = uint16_t __attribute__((vector_size(8)));
    return (Float4)(__builtin_convertvector(load_any<UShort4>(p), UInt4) << 16);
  }
  static SMELT_INLINE Float mul(Float a, Float b) { return a * b; }
  static SMELT_INLINE Float fma(Float a, Float b, Float c) { return a * b + c; }

  /// zero + round_half_even(clamp(x)), for the first `count` elements of kVecs vectors.
  template <int kVecs>
  static SMELT_INLINE void store_s8(int8_t* o, const Float (&x)[kVecs], const OutputStage& s,
                                    size_t count) {
    // Adding 1.5 x 2^23 leaves no bits for a fraction, and the addition itself rounds half to even.
    constexpr float magic = 12582912.0f;
    SMELT_UNROLL for (size_t i = 0; i < kVecs * 4; ++i) {
      const float raised = x[i / 4][i % 4] < s.min ? s.min : x[i / 4][i % 4];
      const float clamped = raised > s.max ? s.max : raised;
      if (i < count) o[i] = int8_t(int32_t(clamped + magic - magic) + s.zero);
    }
  }
};

}  // namespace
}  // namespace smelt
