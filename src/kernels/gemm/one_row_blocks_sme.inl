// One row with a scale per block of k, without SME2: integers of a block in four registers, floats
// in four others.
#include "kernels/gemm/one_row_sme.inl"

namespace smelt {
namespace {

template <class T, class Weights, class Sum>
struct OneRowBlocks {
  static SMELT_INLINE void begin() SMELT_FN { Weights::begin(); }
  static SMELT_INLINE void run(const GemmBlock& g) SMELT_FN {
    const size_t bytes = vector_bytes(), packed = Weights::kVectors * bytes, nr = 4 * svcntw();
    const std::byte* panel = g.rhs;
    for (size_t n0 = 0; n0 < g.n; n0 += nr, panel += g.rhs_panel_stride) {
      const std::byte* w = panel;
      const uint8_t* a = static_cast<const uint8_t*>(g.rows[0]);
      Float4 total = dup4(svdup_f32(0));
      for (size_t k = 0; k < g.kc; k += g.quant_block) {
        Bytes4 sum = svreinterpret_u8(dup4(svdup_f32(0)));
        for (size_t n = g.quant_block / 16; n != 0; --n, a += 16, w += 4 * packed) {
          const svuint8_t row = svld1rq(svptrue_b8(), a);
          sum = dot_pair<T, Weights, 0>(sum, w, row);
          sum = dot_pair<T, Weights, 2>(sum, w, row);
        }
        const Bytes4 scales = load_columns<2, 0>(w);
        const svfloat32x2_t lo = widen_bf16(svget4(scales, 0)), hi = widen_bf16(svget4(scales, 1));
        total = multiply_add4(to_float4(svreinterpret_s32(sum)),
                              svcreate4(svget2(lo, 0), svget2(lo, 1), svget2(hi, 0), svget2(hi, 1)),
                              total);
        w += 2 * bytes;
      }
      finish_one_row<Sum>(g, svreinterpret_u8(total), w, n0);
    }
  }
};

}  // namespace
}  // namespace smelt
