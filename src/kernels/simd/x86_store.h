// What becomes of finished floats on x86: clamped, converted, stored.
#pragma once

#include "base/float16.h"
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

/// Upper halves of floats, rounded half to even; NaN stays NaN.
template <int kLanes>
struct RoundedBF16 {
  using Floats [[gnu::vector_size(kLanes * 4)]] = float;
  using Words [[gnu::vector_size(kLanes * 4)]] = uint32_t;
  using Halves [[gnu::vector_size(kLanes * 2)]] = uint16_t;
  static SMELT_INLINE Halves of(Floats r) {
    const Words u = (Words)r;
    const Words rounded = u + ((u >> 16 & 1) + 0x7fff);
    return __builtin_convertvector((r == r ? rounded : u | 0x400000) >> 16, Halves);
  }
};

/// An epilogue: the first `count` floats of a register, of which none or all may exist. V: Reg,
/// splat, min and max (the second operand is what comes out if either is NaN), put(T*, Reg, count).
template <class V, class T>
struct ClampedStore {
  using Elem = T;

  /// The same where there is nothing to clamp to.
  struct Unclamped {
    using Elem = T;
    struct Bounds {};
    static SMELT_INLINE Bounds bounds(const OutputStage&) { return {}; }
    static SMELT_INLINE void store(Elem* o, typename V::Reg r, Bounds, size_t count) {
      V::put(o, r, count);
    }
  };
  static SMELT_INLINE bool clamps(const OutputStage& s) {
    return s.min != -__builtin_inff() || s.max != __builtin_inff();
  }

  struct Bounds {
    typename V::Reg min, max;
  };
  static SMELT_INLINE Bounds bounds(const OutputStage& s) {
    return {V::splat(s.min), V::splat(s.max)};
  }
  static SMELT_INLINE void store(Elem* o, typename V::Reg r, const Bounds& b, size_t count) {
    V::put(o, V::min(b.max, V::max(b.min, r)), count);
  }
};

}  // namespace
}  // namespace smelt
