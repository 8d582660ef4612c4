// Outer products with a scale per block of k: integers are summed over a block in two tiles, and then added, times the scales
// of their columns, to two tiles of floats.
//
//         b0  b1            b0  b1
//    a0 [ t0  t1 ]  ->    [ t2  t3 ]         2 vl columns at a time: half a panel
//         int32             float32
//
// Weights and Sum: as in gemm/mopa.inl; the panel has a bfloat16 per column after the groups of each block.
#include "kernels/gemm/mopa.inl"

namespace smelt {
namespace {

template <class T, class Weights, class Sum>
struct MopaBlocks {
  static SMELT_INLINE void begin() SMELT_FN { Weights::begin(); }
  static SMELT_INLINE size_t nr() SMELT_FN { return 4 * svcntw(); }

  static SMELT_INLINE size_t run(const GemmBlock& g, size_t m0, size_t left, const std::byte* panel, size_t n0,
                                 size_t nb) SMELT_FN {
    const size_t vl = svcntw(), rows = left < vl ? left : vl, half = 2 * vl;
    const std::byte* lhs = g.lhs + m0 / vl * g.lhs_panel_stride;
    halves(g, lhs, Grid{g, m0, rows, n0, nb < half ? nb : half}, panel, 0);
    if (nb > half) halves(g, lhs, Grid{g, m0, rows, n0 + half, nb - half}, panel, 1);
    return rows;
  }

 private:
  template <int kIndex>
  static SMELT_INLINE void group(svuint8_t a, const std::byte* rhs) SMELT_FN {
    const Bytes4 b = Weights::template group<kIndex, 2>(rhs);
    T::template mopa<0>(a, svget4(b, 0));
    T::template mopa<1>(a, svget4(b, 1));
  }

  // Columns half x 2 vl … of a panel.
  static SMELT_INLINE void halves(const GemmBlock& g, const std::byte* lhs, const Grid& at, const std::byte* panel,
                                  size_t half) SMELT_FN {
    constexpr uint64_t kIntegerTiles = 0x33;  // tiles 0 and 1, as 64-bit tiles
    const size_t bytes = vector_bytes(), packed = Weights::kVectors * bytes;
    const std::byte* rhs = panel + half * (packed / 2);
    svzero_za();
    for (size_t k = 0; k < g.kc; k += g.quant_block) {
      svzero_mask_za(kIntegerTiles);
      for (size_t n = g.quant_block / (4 * T::kKr); n != 0; --n, lhs += 4 * bytes, rhs += 4 * packed) {
        const Bytes4 a = load4<0>(lhs);
        group<0>(svget4(a, 0), rhs);
        group<1>(svget4(a, 1), rhs);
        group<2>(svget4(a, 2), rhs);
        group<3>(svget4(a, 3), rhs);
      }
      // 4 vl bfloat16 are two vectors, of which this half's is one.
      const std::byte* scales = rhs - half * (packed / 2) + half * bytes;
      const svfloat32x2_t s = widen_bf16(svreinterpret_u16(load1<0>(scales)));
      add_scaled_tiles(svget2(s, 0), svget2(s, 1));
      rhs += 2 * bytes;
    }
    finish_half<Sum>(at, rhs - half * (packed / 2), half);
  }

  template <class S>
  static SMELT_INLINE void finish_half(const Grid& at, const std::byte* tail, size_t half) SMELT_FN {
    const size_t vector = svcntb();
    const Float4 bias = upper_columns(tail + 2 * half * vector);
    const Float4 rowsum = upper_columns(tail + (4 + 2 * half) * vector);
    const svbool_t p0 = lanes_from(0, at.nb), p1 = lanes_from(svcntw(), at.nb);
    void* const* out = at.g.out + at.m0;
    uint32_t slice = 0;
    for (size_t r = 0; r < at.rows; ++r, ++out, slice += 4) {
      const Float4 v = S::template value<1, 4>(at, r, read_row(slice), bias, rowsum, bias);
      auto* o = static_cast<typename S::Elem*>(*out) + at.n0;
      store1(o, p0, svget4(v, 2));
      store1(o + svcntw(), p1, svget4(v, 3));
    }
  }
  // Fields of two vectors of columns, beside the tiles of floats.
  static SMELT_INLINE Float4 upper_columns(const std::byte* field) SMELT_FN {
    const svuint8x2_t f = load2<0>(field);
    const svfloat32_t f0 = svreinterpret_f32(svget2(f, 0)), f1 = svreinterpret_f32(svget2(f, 1));
    return svcreate4(f0, f1, f0, f1);
  }
};

}  // namespace
}  // namespace smelt
