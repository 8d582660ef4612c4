// What SME and SME2 share: types of elements, and how one vector of results is stored.
//
// ZA as the kernels see it: four tiles of 32-bit elements, 0 to 3, each vl x vl, with vl =
// svcntw(). Row r of tile t is vector 4r + t of the ZA array, so "row r of all tiles" is four
// neighbouring vectors:
//
//              tile 0     tile 1     tile 2     tile 3
//   row 0     vector 0   vector 1   vector 2   vector 3
//   row 1     vector 4   vector 5   vector 6   vector 7      …
//
// sme.h and sme2.h give the same functions, so that everything above them is written once. "4" in a
// name: four vectors. Columns of a row are spread over tiles by load_columns() and come back by
// put_columns(), in runs with SME2, which loads and stores several vectors at once:
//
//   SME2   tile 0: columns 0 … vl - 1    tile 1: vl … 2 vl - 1    …
//   SME    tile 0: columns 0, 4, 8 …     tile 1: 1, 5, 9 …        tile 2: 2, 6, 10 …    tile 3: …
//
// and dealt out with SME, whose only instructions for four vectors are those of structures (LD4W,
// ST4W). Nothing above depends on the order.
#pragma once

#include <arm_sme.h>
#include <cstddef>
#include <cstdint>

#include "kernels/compiler.h"

// Attributes of every function that runs while ZA holds something. Kernels with a lookup table add
// "zt0".
#ifndef SMELT_ZA
#define SMELT_ZA "za"
#endif
#define SMELT_FN __arm_streaming __arm_inout(SMELT_ZA)

namespace smelt {
namespace {

using Bytes4 = svuint8x4_t;
using Float4 = svfloat32x4_t;
using Int4 = svint32x4_t;

SMELT_INLINE svbool_t lanes_from(size_t begin, size_t end) SMELT_FN {
  return svwhilelt_b32(uint64_t(begin), uint64_t(end));
}

/// The same number, but the compiler does not know: it keeps it in a register instead of computing
/// it anew beside each use, and keeps constant offsets from it in the instructions.
template <class T>
SMELT_INLINE T opaque(T x) SMELT_FN {
  asm("" : "+r"(x));
  return x;
}
SMELT_INLINE svfloat32_t opaque(svfloat32_t v) SMELT_FN {
  asm("" : "+w"(v));
  return v;
}

/// Where four neighbouring vectors begin, in elements: registers that loads and stores add to a
/// base.
struct VectorOffsets {
  size_t at[4];
};
SMELT_INLINE VectorOffsets vector_offsets(size_t first, size_t vector) SMELT_FN {
  return {{opaque(first), opaque(first + vector), opaque(first + 2 * vector),
           opaque(first + 3 * vector)}};
}

SMELT_INLINE Float4 dup4(svfloat32_t v) SMELT_FN { return svcreate4(v, v, v, v); }

/// v[i] x w[i]
SMELT_INLINE Float4 mul4(Float4 v, Float4 w) SMELT_FN {
  const svbool_t p = svptrue_b32();
  return svcreate4(svmul_x(p, svget4(v, 0), svget4(w, 0)), svmul_x(p, svget4(v, 1), svget4(w, 1)),
                   svmul_x(p, svget4(v, 2), svget4(w, 2)), svmul_x(p, svget4(v, 3), svget4(w, 3)));
}
/// v[i] x w[i] + c[i]
SMELT_INLINE Float4 multiply_add4(Float4 v, Float4 w, Float4 c) SMELT_FN {
  const svbool_t p = svptrue_b32();
  return svcreate4(svmad_x(p, svget4(v, 0), svget4(w, 0), svget4(c, 0)),
                   svmad_x(p, svget4(v, 1), svget4(w, 1), svget4(c, 1)),
                   svmad_x(p, svget4(v, 2), svget4(w, 2), svget4(c, 2)),
                   svmad_x(p, svget4(v, 3), svget4(w, 3), svget4(c, 3)));
}
/// v[i] - w[i] x x[i]
SMELT_INLINE Int4 sub_product4(Int4 v, Int4 w, Int4 x) SMELT_FN {
  const svbool_t p = svptrue_b32();
  return svcreate4(svmls_x(p, svget4(v, 0), svget4(w, 0), svget4(x, 0)),
                   svmls_x(p, svget4(v, 1), svget4(w, 1), svget4(x, 1)),
                   svmls_x(p, svget4(v, 2), svget4(w, 2), svget4(x, 2)),
                   svmls_x(p, svget4(v, 3), svget4(w, 3), svget4(x, 3)));
}

// ---- storing the lanes of one vector as narrower elements ---------------------------------------

SMELT_INLINE void store1(float* o, svbool_t p, svfloat32_t v) SMELT_FN { svst1(p, o, v); }
SMELT_INLINE void store1(float16_t* o, svbool_t p, svfloat32_t v) SMELT_FN {
  svst1h(p, reinterpret_cast<uint16_t*>(o), svreinterpret_u32(svcvt_f16_x(p, v)));
}
SMELT_INLINE void store1(bfloat16_t* o, svbool_t p, svfloat32_t v) SMELT_FN {
  svst1h(p, reinterpret_cast<uint16_t*>(o), svreinterpret_u32(svcvt_bf16_x(p, v)));
}
SMELT_INLINE void store1(int8_t* o, svbool_t p, svint32_t v) SMELT_FN { svst1b(p, o, v); }

}  // namespace
}  // namespace smelt
