// How depthwise kernels multiply with SME of the first generation: streaming SVE, sums in
// registers. The 4 vl sums of a pixel are four vectors, of which 16-bit products leave even and odd
// lanes apart:
//
//   float32  FMLA            ch 0 …  | vl …   | 2vl …  | 3vl …
//   float16  FMLALB, FMLALT  ch 0 2 … | 1 3 … | of the first 2 vl channels; then of the others
//   int8     SMLALB, SMLALT  likewise: elements are loaded as int16
#include "kernels/dwconv/dwconv_kernel.h"

namespace smelt {
namespace {

/// Of types without tail fields.
struct NoField {
  using Last = size_t;
  template <int kVecs>
  static SMELT_INLINE Last last(const std::byte*) SMELT_FN {
    return 0;
  }
};

/// Masks are made of the count where they are needed; compilers move them out of loops.
struct CountedLanes {
  using Lanes = size_t;
  template <int kVecs>
  static SMELT_INLINE Lanes lanes(size_t count) SMELT_FN {
    return count;
  }
};

/// Lanes of vector kVector of 16-bit elements that exist.
template <int kVector>
SMELT_INLINE svbool_t halves(size_t count) SMELT_FN {
  return svwhilelt_b16(uint64_t(kVector * svcnth()), uint64_t(count));
}

/// 4 vl words of a field, even and odd ones of each half apart.
SMELT_INLINE svint32x4_t load_even_odd(const std::byte* field) SMELT_FN {
  const int32_t* p = reinterpret_cast<const int32_t*>(field);
  const svint32x2_t lo = svld2(svptrue_b32(), p), hi = svld2(svptrue_b32(), p + 2 * svcntw());
  return svcreate4(svget2(lo, 0), svget2(lo, 1), svget2(hi, 0), svget2(hi, 1));
}

/// Products of 16-bit elements to four vectors of sums.
template <int kVecs, class Sums, class Values>
SMELT_INLINE void mac_even_odd(Sums& s, Values in, Values w) SMELT_FN {
  const auto even = svmlalb(svget4(s, 0), svget2(in, 0), svget2(w, 0)),
             odd = svmlalt(svget4(s, 1), svget2(in, 0), svget2(w, 0));
  if constexpr (kVecs == 4)
    s = svcreate4(even, odd, svmlalb(svget4(s, 2), svget2(in, 1), svget2(w, 1)),
                  svmlalt(svget4(s, 3), svget2(in, 1), svget2(w, 1)));
  else
    s = svcreate4(even, odd, even, odd);
}

struct TapsF32 : CountedLanes, NoField {
  static constexpr int kVecs = 2;  // of 4, not all registers would find room
  using Elem = float;
  using Out = float;
  using Values = svfloat32x2_t;
  using First = svfloat32x2_t;
  using Sums = svfloat32x2_t;

  template <int>
  static SMELT_INLINE Values load(const float* p, Lanes count) SMELT_FN {
    return svcreate2(svld1(lanes_from(0, count), p),
                     svld1(lanes_from(svcntw(), count), p + svcntw()));
  }
  template <int>
  static SMELT_INLINE Values weights(const std::byte* p) SMELT_FN {
    return svreinterpret_f32(load2<0>(p));
  }
  template <int>
  static SMELT_INLINE First first(const std::byte* head) SMELT_FN {
    return svreinterpret_f32(load2<0>(head));
  }
  template <int>
  static SMELT_INLINE Sums start(uint32_t, First first) SMELT_FN {
    return first;
  }
  template <int>
  static SMELT_INLINE void mac(Sums& s, Values in, Values w) SMELT_FN {
    const svbool_t all = svptrue_b32();
    s = svcreate2(svmla_x(all, svget2(s, 0), svget2(in, 0), svget2(w, 0)),
                  svmla_x(all, svget2(s, 1), svget2(in, 1), svget2(w, 1)));
  }
  template <int>
  static SMELT_INLINE void finish(Sums v, Last, const OutputStage& s, float* out, size_t count)
      SMELT_FN {
    const svfloat32x2_t c = clamp2(v, svdup_f32(s.min), svdup_f32(s.max));
    store1(out, lanes_from(0, count), svget2(c, 0));
    store1(out + svcntw(), lanes_from(svcntw(), count), svget2(c, 1));
  }
};

struct TapsF16 : CountedLanes, NoField {
  static constexpr int kVecs = 4;
  using Elem = float16_t;
  using Out = float16_t;
  using Values = svfloat16x2_t;
  using First = svfloat32x4_t;
  using Sums = svfloat32x4_t;

  template <int kVecs>
  static SMELT_INLINE Values weights(const std::byte* p) SMELT_FN {
    const svfloat16_t v = svreinterpret_f16(load1<0>(p));
    return svcreate2(v, kVecs == 4 ? svreinterpret_f16(load1<1>(p)) : v);
  }
  template <int kVecs>
  static SMELT_INLINE First first(const std::byte* panel) SMELT_FN {
    return svreinterpret_f32(load_even_odd(panel));
  }
  template <int kVecs>
  static SMELT_INLINE Sums start(uint32_t, First first) SMELT_FN {
    return first;
  }
  template <int kVecs>
  static SMELT_INLINE Values load(const float16_t* p, Lanes count) SMELT_FN {
    const svfloat16_t v = svld1(halves<0>(count), p);
    return svcreate2(v, kVecs == 4 ? svld1(halves<1>(count), p + svcnth()) : v);
  }
  template <int kVecs>
  static SMELT_INLINE void mac(Sums& s, Values in, Values w) SMELT_FN {
    mac_even_odd<kVecs>(s, in, w);
  }
  static SMELT_INLINE svfloat16_t narrow(svfloat32_t even, svfloat32_t odd) SMELT_FN {
    const svbool_t all = svptrue_b32();
    return svcvtnt_f16_x(svcvt_f16_x(all, even), all, odd);
  }
  template <int kVecs>
  static SMELT_INLINE void finish(Sums v, Last, const OutputStage& s, float16_t* out, size_t count)
      SMELT_FN {
    const svfloat32_t lo = svdup_f32(s.min), hi = svdup_f32(s.max);
    svst1(halves<0>(count), out,
          narrow(clamp1(svget4(v, 0), lo, hi), clamp1(svget4(v, 1), lo, hi)));
    if constexpr (kVecs == 2) return;
    svst1(halves<1>(count), out + svcnth(),
          narrow(clamp1(svget4(v, 2), lo, hi), clamp1(svget4(v, 3), lo, hi)));
  }
};

struct TapsS8 : CountedLanes {
  static constexpr int kVecs = 4;
  using Elem = int8_t;
  using Out = int8_t;
  using Values = svint16x2_t;
  using First = svint32x4_t;
  using Sums = svint32x4_t;
  using Last = svfloat32x4_t;

  template <int kVecs>
  static SMELT_INLINE Values weights(const std::byte* p) SMELT_FN {
    const int8_t* w = reinterpret_cast<const int8_t*>(p);
    const svbool_t all = svptrue_b16();
    const svint16_t v = svld1sb_s16(all, w);
    return svcreate2(v, kVecs == 4 ? svld1sb_s16(all, w + svcnth()) : v);
  }
  template <int kVecs>
  static SMELT_INLINE First first(const std::byte* panel) SMELT_FN {
    return load_even_odd(panel);
  }
  template <int kVecs>
  static SMELT_INLINE Last last(const std::byte* tail) SMELT_FN {
    return svreinterpret_f32(load_even_odd(tail));
  }
  template <int kVecs>
  static SMELT_INLINE Sums start(uint32_t, First first) SMELT_FN {
    return first;
  }
  template <int kVecs>
  static SMELT_INLINE Values load(const int8_t* p, Lanes count) SMELT_FN {
    const svint16_t v = svld1sb_s16(halves<0>(count), p);
    return svcreate2(v, kVecs == 4 ? svld1sb_s16(halves<1>(count), p + svcnth()) : v);
  }
  template <int kVecs>
  static SMELT_INLINE void mac(Sums& s, Values in, Values w) SMELT_FN {
    mac_even_odd<kVecs>(s, in, w);
  }
  /// The result in the low halves of 32-bit lanes. The rounded number is small, so adding 1.5 x
  /// 2^23 rounds it into the low bits.
  static SMELT_INLINE svint16_t requantize(svint32_t sum, svfloat32_t scale, const OutputStage& s)
      SMELT_FN {
    const svbool_t all = svptrue_b32();
    const svfloat32_t scaled = svmul_x(all, svcvt_f32_x(all, sum), scale);
    const svfloat32_t v = clamp1(scaled, svdup_f32(s.min), svdup_f32(s.max));
    return svreinterpret_s16(svadd_x(all, v, svdup_f32(0x1.8p23f)));
  }
  static SMELT_INLINE void store(svbool_t p, int8_t* out, svint16_t even, svint16_t odd,
                                 int32_t zero) SMELT_FN {
    svst1b(p, out, svadd_x(svptrue_b16(), svtrn1(even, odd), svdup_s16(int16_t(zero))));
  }
  template <int kVecs>
  static SMELT_INLINE void finish(Sums v, Last scale, const OutputStage& s, int8_t* out,
                                  size_t count) SMELT_FN {
    store(halves<0>(count), out, requantize(svget4(v, 0), svget4(scale, 0), s),
          requantize(svget4(v, 1), svget4(scale, 1), s), s.zero);
    if constexpr (kVecs == 2) return;
    store(halves<1>(count), out + svcnth(), requantize(svget4(v, 2), svget4(scale, 2), s),
          requantize(svget4(v, 3), svget4(scale, 3), s), s.zero);
  }
};

}  // namespace
}  // namespace smelt
