// One row with a scale per block of k: integers are summed over a block in a group of ZA vectors,
// and then added, times the scales, to another group, of floats. Two panels go together.
//
//   groups 0, 1: integers of panels 0, 1;  groups 2, 3: their floats
#include "kernels/gemm/one_row_sme2.inl"

namespace smelt {
namespace {

template <class T, class Weights, class Sum>
struct OneRowBlocks {
  static SMELT_INLINE void begin() SMELT_FN { Weights::begin(); }
  static SMELT_INLINE void run(const GemmBlock& g) SMELT_FN {
    const size_t nr = 4 * svcntw();
    const std::byte* panel = g.rhs;
    size_t n0 = 0;
    for (; n0 + nr < g.n; n0 += 2 * nr, panel += 2 * g.rhs_panel_stride) panels<2>(g, panel, n0);
    if (n0 < g.n) panels<1>(g, panel, n0);
  }

 private:
  // Vectors p, p + quarter, … are vectors of tile p, for quarters are whole rows of the tiles:
  // groups 0 and 1 as 64-bit tiles.
  static constexpr uint64_t kIntegers = 0x33;

  template <int kPanels, int kIndex>
  static SMELT_INLINE void group(uint32_t first, svuint8_t row, const std::byte* w0,
                                 const std::byte* w1) SMELT_FN {
    T::template dot<kIndex>(first, Weights::template group<kIndex, 4>(w0), row);
    if constexpr (kPanels > 1)
      T::template dot<kIndex>(first + 1, Weights::template group<kIndex, 4>(w1), row);
  }

  // The floats of a panel += its integers x scales.
  static SMELT_INLINE void add_scaled(uint32_t integers, const std::byte* scales) SMELT_FN {
    const svuint8x2_t packed = load2<0>(scales);
    const svfloat32x2_t lo = widen_bf16(svget2(packed, 0));
    const svfloat32x2_t hi = widen_bf16(svget2(packed, 1));
    svmla_za32_f32_vg1x4(integers + 2, to_float4(svread_za32_s32_vg1x4(integers)),
                         svcreate4(svget2(lo, 0), svget2(lo, 1), svget2(hi, 0), svget2(hi, 1)));
  }

  template <int kPanels>
  static SMELT_INLINE void panels(const GemmBlock& g, const std::byte* panel, size_t n0) SMELT_FN {
    const size_t bytes = vector_bytes(), packed = Weights::kVectors * bytes, nr = 4 * svcntw();
    const uint32_t first = first_group();
    const std::byte *w0 = panel, *w1 = panel + g.rhs_panel_stride;
    const uint8_t* a = static_cast<const uint8_t*>(g.rows[0]);
    svzero_za();
    for (size_t k = 0; k < g.kc; k += g.quant_block) {
      for (size_t n = g.quant_block / 16; n != 0;
           --n, a += 16, w0 += 4 * packed, w1 += 4 * packed) {
        const svuint8_t row = svld1rq(svptrue_b8(), a);
        group<kPanels, 0>(first, row, w0, w1);
        group<kPanels, 1>(first, row, w0, w1);
        group<kPanels, 2>(first, row, w0, w1);
        group<kPanels, 3>(first, row, w0, w1);
      }
      add_scaled(first, w0);
      if constexpr (kPanels > 1) add_scaled(first + 1, w1);
      svzero_mask_za(kIntegers);
      w0 += 2 * bytes, w1 += 2 * bytes;
    }
    finish_one_row<Sum>(g, svreinterpret_u8(svread_za32_u32_vg1x4(first + 2)), w0, n0);
    if constexpr (kPanels > 1)
      finish_one_row<Sum>(g, svreinterpret_u8(svread_za32_u32_vg1x4(first + 3)), w1, n0 + nr);
  }
};

}  // namespace
}  // namespace smelt
