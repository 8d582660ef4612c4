// Outer products with a scale per block of k: integers are summed over a block in two tiles, and
// then added, times the scales of their columns, to two tiles of floats.
//
//         b0  b1            b0  b1
//    a0 [ t0  t1 ]  ->    [ t2  t3 ]         2 vl columns at a time: half a panel
//         int32             float32
//
// T and Weights: as in gemm/mopa.inl. Elem: of the output. Layout: data, with a bfloat16 per column
// after the groups of each block | kBias, kScaledRowSum. Zero points: see gemm/int8_sums.inl.
#include "kernels/gemm/mopa.inl"

namespace smelt {
namespace {

template <class T, class Weights, class Elem>
struct MopaBlocks {
  static SMELT_INLINE void begin() SMELT_FN { Weights::begin(); }
  static SMELT_INLINE size_t nr() SMELT_FN { return 4 * svcntw(); }

  static SMELT_INLINE size_t run(const GemmBlock& g, size_t m0, size_t left, const std::byte* panel,
                                 size_t n0, size_t nb) SMELT_FN {
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

  template <int kIndex>
  static SMELT_INLINE void quad(Bytes4 a, const std::byte* rhs) SMELT_FN {
    group<kIndex>(svget4(a, 0), rhs);
    group<kIndex + 1>(svget4(a, 1), rhs);
    group<kIndex + 2>(svget4(a, 2), rhs);
    group<kIndex + 3>(svget4(a, 3), rhs);
  }

  // Columns half x 2 vl … of a panel.
  static SMELT_INLINE void halves(const GemmBlock& g, const std::byte* lhs, const Grid& at,
                                  const std::byte* panel, size_t half) SMELT_FN {
    constexpr uint64_t kIntegerTiles = 0x33;  // tiles 0 and 1, as 64-bit tiles
    const size_t bytes = vector_bytes(), packed = Weights::kVectors * bytes;
    static_assert(T::kKr == 4);
    const size_t steps = g.quant_block / 32, block = steps * 8 * packed + 2 * bytes;
    const std::byte* rhs = panel + half * (packed / 2);
    // 4 vl bfloat16 are two vectors, of which this half's is one; the fields are four each.
    const std::byte* scales = panel + steps * 8 * packed + half * bytes;
    const std::byte* bias = panel + g.kc / g.quant_block * block + 2 * half * bytes;
    start(at, bias + 4 * bytes);
    for (size_t k = 0; k < g.kc; k += g.quant_block, rhs += 2 * bytes, scales += block) {
      svzero_mask_za(kIntegerTiles);
      for (size_t n = steps; n != 0; --n, lhs += 8 * bytes, rhs += 8 * packed) {
        quad<0>(load4<0>(lhs), rhs);
        quad<4>(load4<4>(lhs), rhs);
      }
      const svfloat32x2_t s = widen_bf16(load1<0>(scales));
      add_scaled_tiles(svget2(s, 0), svget2(s, 1));
    }
    finish_half(at, bias);
  }

  // The floats begin as -zero_i x scaled row sum_j: an outer product.
  static SMELT_INLINE void start(const Grid& at, const std::byte* rowsums) SMELT_FN {
    const svbool_t all = svptrue_b32(), rows = lanes_from(0, at.rows);
    const RowQuant* q = at.g.row_quant + at.m0 * at.g.row_quant_stride;
    const svint32_t zero =
        at.g.row_quant_stride == 0 ? svdup_s32(q->zero) : svget2(svld2(rows, &q->zero), 0);
    const svfloat32_t minus = svneg_x(all, svcvt_f32_x(all, zero));
    const Float4 sums = columns<2>(rowsums);
    svzero_za();
    svmopa_za32_m(2, rows, all, minus, svget4(sums, 0));
    svmopa_za32_m(3, rows, all, minus, svget4(sums, 1));
  }

  // out = clamp(float x scale_i + bias_j)
  static SMELT_INLINE void finish_row(const Grid& at, const RowQuant& q, uint32_t slice,
                                      void* const* out, svfloat32_t b0, svfloat32_t b1) SMELT_FN {
    const svbool_t all = svptrue_b32();
    const svfloat32x2_t row = read_float_row(slice);
    const svfloat32_t scale = svdup_f32(q.scale);
    const svfloat32x2_t v = clamp2(
        svcreate2(svmad_x(all, svget2(row, 0), scale, b0), svmad_x(all, svget2(row, 1), scale, b1)),
        svdup_f32(at.g.stage.min), svdup_f32(at.g.stage.max));
    put_columns(static_cast<Elem*>(*out) + at.n0, at.nb, svget2(v, 0), svget2(v, 1));
  }

  static SMELT_INLINE void finish_half(const Grid& at, const std::byte* bias) SMELT_FN {
    const Float4 b = columns<2>(bias);
    const svfloat32_t b0 = svget4(b, 0), b1 = svget4(b, 1);
    const size_t stride = at.g.row_quant_stride;
    const RowQuant* q = at.g.row_quant + at.m0 * stride;
    void* const* out = at.g.out + at.m0;
    uint32_t slice = 0;
    const uint32_t end = opaque(uint32_t(at.rows / 4 * 16));
    for (; slice != end; out += 4, q += 4 * stride, slice = opaque(slice + 16)) {
      finish_row(at, q[0], slice, out, b0, b1);
      finish_row(at, q[stride], slice + 4, out + 1, b0, b1);
      finish_row(at, q[2 * stride], slice + 8, out + 2, b0, b1);
      finish_row(at, q[3 * stride], slice + 12, out + 3, b0, b1);
    }
    for (size_t n = at.rows % 4; n != 0; --n, ++out, q += stride, slice += 4)
      finish_row(at, *q, slice, out, b0, b1);
  }
};

}  // namespace
}  // namespace smelt
