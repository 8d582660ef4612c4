// One row of the left side, without SME2: sums of 4 vl columns are four registers, as in any SVE
// loop. 16 bytes of the row, repeated in each 128-bit segment of a register, serve four groups of
// k. Two panels go together, so that eight sums are under way.
//
// T: kKr, dot<lane>(sums, weights, row). Weights and Sum: as in gemm/mopa.inl.
#include "kernels/gemm/gemm_kernel.h"
#include "kernels/gemm/sums_sme.inl"

namespace smelt {
namespace {

/// Adds the products of a group of k to four vectors of sums.
template <class T, int kLane>
SMELT_INLINE Bytes4 dot4(Bytes4 s, Bytes4 w, svuint8_t row) SMELT_FN {
  return svcreate4(T::template dot<kLane>(svget4(s, 0), svget4(w, 0), row),
                   T::template dot<kLane>(svget4(s, 1), svget4(w, 1), row),
                   T::template dot<kLane>(svget4(s, 2), svget4(w, 2), row),
                   T::template dot<kLane>(svget4(s, 3), svget4(w, 3), row));
}

/// … of groups kIndex and kIndex + 1.
template <class T, class Weights, int kIndex>
SMELT_INLINE Bytes4 dot_pair(Bytes4 s, const std::byte* w, svuint8_t row) SMELT_FN {
  Bytes4 b0, b1;
  Weights::template pair<kIndex, 4>(w, b0, b1);
  return dot4<T, kIndex + 1>(dot4<T, kIndex>(s, b0, row), b1, row);
}

template <class T, class Weights, class Sum>
struct OneRow {
  static SMELT_INLINE void begin() SMELT_FN { Weights::begin(); }
  static SMELT_INLINE void run(const GemmBlock& g) SMELT_FN {
    const size_t nr = 4 * svcntw();
    const std::byte* panel = g.rhs;
    size_t n0 = 0;
    for (; n0 + nr < g.n; n0 += 2 * nr, panel += 2 * g.rhs_panel_stride) panels<2>(g, panel, n0);
    if (n0 < g.n) panels<1>(g, panel, n0);
  }

 private:
  template <int kPanels, int kIndex>
  static SMELT_INLINE void group(Bytes4& s0, Bytes4& s1, svuint8_t row, const std::byte* w0,
                                 const std::byte* w1) SMELT_FN {
    s0 = dot4<T, kIndex>(s0, Weights::template group<kIndex, 4>(w0), row);
    if constexpr (kPanels > 1)
      s1 = dot4<T, kIndex>(s1, Weights::template group<kIndex, 4>(w1), row);
  }
  template <int kPanels, int kIndex>
  static SMELT_INLINE void pair(Bytes4& s0, Bytes4& s1, svuint8_t row, const std::byte* w0,
                                const std::byte* w1) SMELT_FN {
    // One after the other: loads that run ahead need more registers than there are.
    if constexpr (Weights::kVectors == 4) {
      group<kPanels, kIndex>(s0, s1, row, w0, w1);
      return group<kPanels, kIndex + 1>(s0, s1, row, w0, w1);
    }
    s0 = dot_pair<T, Weights, kIndex>(s0, w0, row);
    if constexpr (kPanels > 1) s1 = dot_pair<T, Weights, kIndex>(s1, w1, row);
  }
  template <int kPanels>
  static SMELT_INLINE void panels(const GemmBlock& g, const std::byte* panel, size_t n0) SMELT_FN {
    const size_t bytes = Weights::kVectors * vector_bytes();
    const std::byte* w0 = panel + Sum::kHeadFields * 4 * svcntb();
    const std::byte* w1 = w0 + g.rhs_panel_stride;
    Bytes4 s0 = first(panel), s1 = kPanels > 1 ? first(panel + g.rhs_panel_stride) : s0;

    for (size_t t = 0; t < g.taps; ++t) {
      const uint8_t* a = static_cast<const uint8_t*>(g.rows[t]);
      const size_t row_bytes = g.kc * (4 / T::kKr);
      for (size_t n = row_bytes / 16; n != 0; --n, a += 16, w0 += 4 * bytes, w1 += 4 * bytes) {
        const svuint8_t row = svld1rq(svptrue_b8(), a);
        pair<kPanels, 0>(s0, s1, row, w0, w1);
        pair<kPanels, 2>(s0, s1, row, w0, w1);
      }
      if (const size_t left = row_bytes % 16; left != 0) {
        const svuint8_t row = svld1rq(svwhilelt_b8(uint64_t(0), uint64_t(left)), a);
        group<kPanels, 0>(s0, s1, row, w0, w1);
        if (left > 4) group<kPanels, 1>(s0, s1, row, w0, w1);
        if (left > 8) group<kPanels, 2>(s0, s1, row, w0, w1);
        if (left > 12) group<kPanels, 3>(s0, s1, row, w0, w1);
        w0 += (left + 3) / 4 * bytes, w1 += (left + 3) / 4 * bytes;
      }
    }
    finish_one_row<Sum>(g, s0, w0, n0);
    if constexpr (kPanels > 1) finish_one_row<Sum>(g, s1, w1, n0 + 4 * svcntw());
  }

  static SMELT_INLINE Bytes4 first(const std::byte* panel) SMELT_FN {
    if constexpr (Sum::kHeadFields != 0) return load_columns<4, 0>(panel);
    return svreinterpret_u8(dup4(svdup_f32(0)));
  }
};

// ---- elements -----------------------------------------------------------------------------------

struct DotF32 {
  static constexpr size_t kKr = 1;
  template <int kLane>
  static SMELT_INLINE svuint8_t dot(svuint8_t s, svuint8_t w, svuint8_t row) SMELT_FN {
    return svreinterpret_u8(
        svmla_lane(svreinterpret_f32(s), svreinterpret_f32(w), svreinterpret_f32(row), kLane));
  }
};
struct DotF16 {
  static constexpr size_t kKr = 2;
  template <int kLane>
  static SMELT_INLINE svuint8_t dot(svuint8_t s, svuint8_t w, svuint8_t row) SMELT_FN {
    const svfloat16_t b = svreinterpret_f16(w), a = svreinterpret_f16(row);
    const svfloat32_t even = svmlalb_lane(svreinterpret_f32(s), b, a, 2 * kLane);
    return svreinterpret_u8(svmlalt_lane(even, b, a, 2 * kLane + 1));
  }
};
struct DotBF16 {
  static constexpr size_t kKr = 2;
  template <int kLane>
  static SMELT_INLINE svuint8_t dot(svuint8_t s, svuint8_t w, svuint8_t row) SMELT_FN {
    return svreinterpret_u8(
        svbfdot_lane(svreinterpret_f32(s), svreinterpret_bf16(w), svreinterpret_bf16(row), kLane));
  }
};
struct DotS8 {
  static constexpr size_t kKr = 4;
  template <int kLane>
  static SMELT_INLINE svuint8_t dot(svuint8_t s, svuint8_t w, svuint8_t row) SMELT_FN {
    return svreinterpret_u8(
        svdot_lane(svreinterpret_s32(s), svreinterpret_s8(w), svreinterpret_s8(row), kLane));
  }
};

}  // namespace
}  // namespace smelt
