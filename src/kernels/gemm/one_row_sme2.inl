// One row of the left side: sums of 4 vl columns are a group of four ZA vectors, and one
// instruction multiplies four vectors of weights by an element of the row that all columns share.
//
//   group p of ZA: vectors p, + a quarter of ZA, + two, + three   +=   weights of panel p x a[lane]
//
// Four panels go together, so that four sums are under way. 16 bytes of the row serve four groups
// of k.
//
// T: kKr, dot<lane>(group, weights, row). Weights and Sum: as in gemm/mopa.inl.
#include "kernels/gemm/gemm_kernel.h"
#include "kernels/gemm/sums_sme.inl"

namespace smelt {
namespace {

/// 0, but the compiler does not know: it would load the number of each group into a register,
/// beside each use. From an unknown first one, the others are immediate offsets.
SMELT_INLINE uint32_t first_group() SMELT_FN { return uint32_t(vector_bytes() % 16); }

template <class T, class Weights, class Sum>
struct OneRow {
  static SMELT_INLINE void begin() SMELT_FN { Weights::begin(); }
  static SMELT_INLINE void run(const GemmBlock& g) SMELT_FN {
    const size_t nr = 4 * svcntw();
    const std::byte* panel = g.rhs;
    size_t n0 = 0;
    for (; n0 + 3 * nr < g.n; n0 += 4 * nr, panel += 4 * g.rhs_panel_stride)
      panels<4>(g, panel, n0);
    if (n0 + nr < g.n) {
      panels<2>(g, panel, n0);
      n0 += 2 * nr, panel += 2 * g.rhs_panel_stride;
    }
    if (n0 < g.n) panels<1>(g, panel, n0);
  }

 private:
  // The products of a group of k, word kIndex from the pointers on.
  template <int kPanels, int kIndex>
  static SMELT_INLINE void group(svuint8_t row, const std::byte* w0, const std::byte* w1,
                                 const std::byte* w2, const std::byte* w3) SMELT_FN {
    const uint32_t first = first_group();
    T::template dot<kIndex>(first, Weights::template group<kIndex, 4>(w0), row);
    if constexpr (kPanels > 1)
      T::template dot<kIndex>(first + 1, Weights::template group<kIndex, 4>(w1), row);
    if constexpr (kPanels > 2)
      T::template dot<kIndex>(first + 2, Weights::template group<kIndex, 4>(w2), row);
    if constexpr (kPanels > 3)
      T::template dot<kIndex>(first + 3, Weights::template group<kIndex, 4>(w3), row);
  }

  template <int kPanels>
  static SMELT_INLINE void panels(const GemmBlock& g, const std::byte* panel, size_t n0) SMELT_FN {
    const size_t bytes = Weights::kVectors * vector_bytes(), stride = g.rhs_panel_stride;
    const std::byte* w0 = panel + Sum::kHeadFields * 4 * svcntb();
    const std::byte *w1 = w0 + stride, *w2 = w1 + stride, *w3 = w2 + stride;
    start_group<0>(panel);
    if constexpr (kPanels > 1) start_group<1>(panel + stride);
    if constexpr (kPanels > 2) start_group<2>(panel + 2 * stride);
    if constexpr (kPanels > 3) start_group<3>(panel + 3 * stride);

    const svbool_t all = svptrue_b8();
    for (size_t t = 0; t < g.taps; ++t) {
      const uint8_t* a = static_cast<const uint8_t*>(g.rows[t]);
      const size_t row_bytes = g.kc * (4 / T::kKr);
      for (size_t n = row_bytes / 16; n != 0; --n, a += 16) {
        const svuint8_t row = svld1rq(all, a);
        group<kPanels, 0>(row, w0, w1, w2, w3);
        group<kPanels, 1>(row, w0, w1, w2, w3);
        group<kPanels, 2>(row, w0, w1, w2, w3);
        group<kPanels, 3>(row, w0, w1, w2, w3);
        w0 += 4 * bytes, w1 += 4 * bytes, w2 += 4 * bytes, w3 += 4 * bytes;
      }
      if (const size_t left = row_bytes % 16; left != 0) {
        const svuint8_t row = svld1rq(svwhilelt_b8(uint64_t(0), uint64_t(left)), a);
        group<kPanels, 0>(row, w0, w1, w2, w3);
        if (left > 4) group<kPanels, 1>(row, w0, w1, w2, w3);
        if (left > 8) group<kPanels, 2>(row, w0, w1, w2, w3);
        if (left > 12) group<kPanels, 3>(row, w0, w1, w2, w3);
        const size_t step = (left + 3) / 4 * bytes;
        w0 += step, w1 += step, w2 += step, w3 += step;
      }
    }

    finish_group<0>(g, w0, n0);
    if constexpr (kPanels > 1) finish_group<1>(g, w1, n0);
    if constexpr (kPanels > 2) finish_group<2>(g, w2, n0);
    if constexpr (kPanels > 3) finish_group<3>(g, w3, n0);
  }

  template <int kGroup>
  static SMELT_INLINE void start_group(const std::byte* panel) SMELT_FN {
    const Float4 v = Sum::kHeadFields == 0 ? dup4(svdup_f32(0)) : load_float4(panel);
    svwrite_za32_f32_vg1x4(first_group() + kGroup, v);
  }
  template <int kGroup>
  static SMELT_INLINE void finish_group(const GemmBlock& g, const std::byte* tail, size_t n0)
      SMELT_FN {
    const size_t n = n0 + kGroup * 4 * svcntw();
    finish_one_row<Sum>(g, svreinterpret_u8(svread_za32_u32_vg1x4(first_group() + kGroup)), tail,
                        n);
  }
};

// ---- elements -----------------------------------------------------------------------------------

struct DotF32 {
  static constexpr size_t kKr = 1;
  template <int kLane>
  static SMELT_INLINE void dot(uint32_t group, Bytes4 w, svuint8_t row) SMELT_FN {
    svmla_lane_za32_f32_vg1x4(group, svreinterpret_f32(w), svreinterpret_f32(row), kLane);
  }
};
struct DotF16 {
  static constexpr size_t kKr = 2;
  template <int kLane>
  static SMELT_INLINE void dot(uint32_t group, Bytes4 w, svuint8_t row) SMELT_FN {
    svdot_lane_za32_f16_vg1x4(group, svreinterpret_f16(w), svreinterpret_f16(row), kLane);
  }
};
struct DotBF16 {
  static constexpr size_t kKr = 2;
  template <int kLane>
  static SMELT_INLINE void dot(uint32_t group, Bytes4 w, svuint8_t row) SMELT_FN {
    svdot_lane_za32_bf16_vg1x4(group, svreinterpret_bf16(w), svreinterpret_bf16(row), kLane);
  }
};
struct DotS8 {
  static constexpr size_t kKr = 4;
  template <int kLane>
  static SMELT_INLINE void dot(uint32_t group, Bytes4 w, svuint8_t row) SMELT_FN {
    svdot_lane_za32_s8_vg1x4(group, svreinterpret_s8(w), svreinterpret_s8(row), kLane);
  }
};

}  // namespace
}  // namespace smelt
