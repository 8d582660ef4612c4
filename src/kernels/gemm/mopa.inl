// Multiplying by outer products of vectors (MOPA): each instruction adds vl x vl x kKr products to
// a tile of ZA.
//
// The left side comes in panels of vl rows, the right side in panels of 4 vl columns. A group of
// kKr consecutive k is one vector of a left panel (vl x kKr elements) and four vectors of a right
// one. Four tiles form the grid that fits the columns:
//
//   more than 2 vl columns: 1 x 4          up to 2 vl: 2 x 2         up to vl: 4 x 1
//
//         b0  b1  b2  b3                       b0  b1                    b0
//    a0 [ t0  t1  t2  t3 ]                a0 [ t0  t1 ]             a0 [ t0 ]
//                                         a1 [ t2  t3 ]             a1 [ t1 ]  …
//
// So tile t holds panel t / kCols of rows and vector t % kCols of columns. At the end of a block
// there are fewer rows (one or two panels); no tile is computed that has no output. Four groups of
// a left panel are one load of four vectors.
//
// The including file has included simd/sme.h or simd/sme2.h, and names:
// T: how elements multiply: kKr, mopa<tile>(lhs vector, rhs vector).
// Weights: how packed bytes become vectors: see gemm/weights_sme.inl.
// Sum: where sums start and what becomes of them: see gemm/sums_sme.inl.
#include "kernels/gemm/gemm_kernel.h"
#include "kernels/gemm/sums_sme.inl"
#include "kernels/gemm/weights_sme.inl"

namespace smelt {
namespace {

template <class T, class Weights, class Sum>
struct Mopa {
  static SMELT_INLINE void begin() SMELT_FN { Weights::begin(); }
  static SMELT_INLINE size_t nr() SMELT_FN { return 4 * svcntw(); }

  static SMELT_INLINE size_t run(const GemmBlock& g, size_t m0, size_t left, const std::byte* panel,
                                 size_t n0, size_t nb) SMELT_FN {
    const size_t vl = svcntw();
    if (nb > 3 * vl) return grid<1, 4>(g, m0, left, panel, n0, nb);
    if (nb > 2 * vl) return grid<1, 3>(g, m0, left, panel, n0, nb);
    if (nb > vl)
      return left > vl ? grid<2, 2>(g, m0, left, panel, n0, nb)
                       : grid<1, 2>(g, m0, left, panel, n0, nb);
    if (left > 3 * vl) return grid<4, 1>(g, m0, left, panel, n0, nb);
    return left > vl ? grid<2, 1>(g, m0, left, panel, n0, nb)
                     : grid<1, 1>(g, m0, left, panel, n0, nb);
  }

 private:
  // One group: kRows x kCols outer products.
  template <int kRows, int kCols>
  static SMELT_INLINE void group(svuint8_t a0, svuint8_t a1, svuint8_t a2, svuint8_t a3, Bytes4 b)
      SMELT_FN {
    row<0, kCols>(a0, b);
    if constexpr (kRows > 1) row<kCols, kCols>(a1, b);
    if constexpr (kRows > 2) row<2 * kCols, kCols>(a2, b);
    if constexpr (kRows > 3) row<3 * kCols, kCols>(a3, b);
  }
  template <int kTile, int kCols>
  static SMELT_INLINE void row(svuint8_t a, Bytes4 b) SMELT_FN {
    T::template mopa<kTile>(a, svget4(b, 0));
    if constexpr (kCols > 1) T::template mopa<kTile + 1>(a, svget4(b, 1));
    if constexpr (kCols > 2) T::template mopa<kTile + 2>(a, svget4(b, 2));
    if constexpr (kCols > 3) T::template mopa<kTile + 3>(a, svget4(b, 3));
  }

  // Four groups, from group 4 x kQuad on.
  template <int kRows, int kCols, int kQuad>
  static SMELT_INLINE void quad(const std::byte* lhs, size_t lhs_stride, const std::byte* rhs)
      SMELT_FN {
    const Bytes4 a0 = load4<4 * kQuad>(lhs);
    const Bytes4 a1 = kRows > 1 ? load4<4 * kQuad>(lhs + lhs_stride) : a0;
    const Bytes4 a2 = kRows > 2 ? load4<4 * kQuad>(lhs + 2 * lhs_stride) : a0;
    const Bytes4 a3 = kRows > 3 ? load4<4 * kQuad>(lhs + 3 * lhs_stride) : a0;
    Bytes4 b0, b1;
    Weights::template pair<4 * kQuad, kCols>(rhs, b0, b1);
    group<kRows, kCols>(svget4(a0, 0), svget4(a1, 0), svget4(a2, 0), svget4(a3, 0), b0);
    group<kRows, kCols>(svget4(a0, 1), svget4(a1, 1), svget4(a2, 1), svget4(a3, 1), b1);
    Weights::template pair<4 * kQuad + 2, kCols>(rhs, b0, b1);
    group<kRows, kCols>(svget4(a0, 2), svget4(a1, 2), svget4(a2, 2), svget4(a3, 2), b0);
    group<kRows, kCols>(svget4(a0, 3), svget4(a1, 3), svget4(a2, 3), svget4(a3, 3), b1);
  }

  template <int kRows, int kCols>
  static SMELT_INLINE void multiply(const std::byte* lhs, size_t lhs_stride, const std::byte* rhs,
                                    size_t groups) SMELT_FN {
    const size_t bytes = vector_bytes(), rhs_bytes = Weights::kVectors * bytes;
    for (size_t n = groups / 8; n != 0; --n, lhs += 8 * bytes, rhs += 8 * rhs_bytes) {
      quad<kRows, kCols, 0>(lhs, lhs_stride, rhs);
      quad<kRows, kCols, 1>(lhs, lhs_stride, rhs);
    }
    if (groups % 8 >= 4) {
      quad<kRows, kCols, 0>(lhs, lhs_stride, rhs);
      lhs += 4 * bytes, rhs += 4 * rhs_bytes;
    }
    for (size_t n = groups % 4; n != 0; --n, lhs += bytes, rhs += rhs_bytes) {
      const svuint8_t a0 = load1<0>(lhs);
      group<kRows, kCols>(a0, kRows > 1 ? load1<0>(lhs + lhs_stride) : a0,
                          kRows > 2 ? load1<0>(lhs + 2 * lhs_stride) : a0,
                          kRows > 3 ? load1<0>(lhs + 3 * lhs_stride) : a0,
                          Weights::template group<0, kCols>(rhs));
    }
  }

  template <int kRows, int kCols>
  static SMELT_INLINE size_t grid(const GemmBlock& g, size_t m0, size_t left,
                                  const std::byte* panel, size_t n0, size_t nb) SMELT_FN {
    const size_t vl = svcntw(), rows = left < kRows * vl ? left : kRows * vl;
    const size_t groups = g.taps * ((g.kc + T::kKr - 1) / T::kKr);
    const std::byte* rhs = panel + Sum::kHeadFields * 4 * svcntb();
    start<Sum, kCols>(panel);
    multiply<kRows, kCols>(g.lhs + m0 / vl * g.lhs_panel_stride, g.lhs_panel_stride, rhs, groups);
    finish<Sum, kRows, kCols>(Grid{g, m0, rows, n0, nb},
                              rhs + groups * Weights::kVectors * svcntb());
    return rows;
  }
};

// ---- elements -----------------------------------------------------------------------------------

struct MopaF32 {
  static constexpr size_t kKr = 1;
  template <int kTile>
  static SMELT_INLINE void mopa(svuint8_t a, svuint8_t b) SMELT_FN {
    svmopa_za32_m(kTile, svptrue_b32(), svptrue_b32(), svreinterpret_f32(a), svreinterpret_f32(b));
  }
};
struct MopaF16 {
  static constexpr size_t kKr = 2;
  template <int kTile>
  static SMELT_INLINE void mopa(svuint8_t a, svuint8_t b) SMELT_FN {
    svmopa_za32_m(kTile, svptrue_b16(), svptrue_b16(), svreinterpret_f16(a), svreinterpret_f16(b));
  }
};
struct MopaBF16 {
  static constexpr size_t kKr = 2;
  template <int kTile>
  static SMELT_INLINE void mopa(svuint8_t a, svuint8_t b) SMELT_FN {
    svmopa_za32_m(kTile, svptrue_b16(), svptrue_b16(), svreinterpret_bf16(a),
                  svreinterpret_bf16(b));
  }
};
struct MopaS8 {
  static constexpr size_t kKr = 4;
  template <int kTile>
  static SMELT_INLINE void mopa(svuint8_t a, svuint8_t b) SMELT_FN {
    svmopa_za32_m(kTile, svptrue_b8(), svptrue_b8(), svreinterpret_s8(a), svreinterpret_s8(b));
  }
};

}  // namespace
}  // namespace smelt
