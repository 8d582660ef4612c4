// Vectors of four floats or integers in portable C++: what the scalar tier computes with. The compilers' own vector type
// becomes the baseline's vectors, and plain scalars where there are none. A multiply-add is two roundings: a fused one
// without hardware for it is a library call.
#pragma once

#include "base/float16.h"
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

using Float4 = float __attribute__((vector_size(16)));
using Int4 = int32_t __attribute__((vector_size(16)));

struct ScalarF32 {
  using Reg = Float4;
  static constexpr size_t kLanes = 4;
  static SMELT_INLINE Reg splat(float x) { return Reg{x, x, x, x}; }
  static SMELT_INLINE Reg load_f32(const float* p) { return Reg{p[0], p[1], p[2], p[3]}; }
  static SMELT_INLINE Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
};

// ---- elements of the left side and of packed weights ------------------------------------------------------------------

struct ScalarLoadF32 {
  using Elem = float;
  static SMELT_INLINE Float4 splat(const Elem* p) { return ScalarF32::splat(*p); }
  static SMELT_INLINE Float4 load(const Elem* p) { return ScalarF32::load_f32(p); }
};
/// Half or BFloat16, as left sides: 16-bit weights are widened when they are packed.
template <class T>
struct ScalarLoad16 {
  using Elem = T;
  static SMELT_INLINE Float4 splat(const Elem* p) { return ScalarF32::splat(float(*p)); }
};

// ---- epilogues ----------------------------------------------------------------------------------------------------------

/// Clamps, converts and stores up to four floats as float, Half or BFloat16. NaN stays NaN.
template <class T>
struct ScalarStore {
  using Elem = T;
  static SMELT_INLINE OutputStage bounds(const OutputStage& stage) { return stage; }
  static SMELT_INLINE void store(Elem* o, Float4 r, const OutputStage& s, size_t count) {
    SMELT_UNROLL for (int i = 0; i < 4; ++i) {
      if (size_t(i) >= count) break;
      const float raised = r[i] < s.min ? s.min : r[i];
      o[i] = Elem(raised > s.max ? s.max : raised);
    }
  }
};

}  // namespace
}  // namespace smelt
