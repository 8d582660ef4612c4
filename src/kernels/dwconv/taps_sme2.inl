// How depthwise kernels multiply with SME2: sums in ZA, of which one instruction multiplies up to
// four vectors by the weights of as many channels. The 4 vl sums of a pixel lie there as the
// instruction of the type leaves them (q is a quarter of ZA, h half of it):
//
//   float32   FMLA     four vectors as they are        vectors p, p + q, p + 2q, p + 3q
//   float16   FMLAL    even and odd lanes apart        vectors 2p, 2p + 1, 2p + h, 2p + h + 1
//   int8      SMLALL   lanes 0 4 …, 1 5 …, 2 6 …,      vectors 4p … 4p + 3
//                      3 7 …
//
// so what belongs to channels is brought into that order, and results are put back by the
// instruction that narrows them.
#include "kernels/dwconv/dwconv_kernel.h"

namespace smelt {
namespace {

/// A number that the compiler does not know: it would load the number of each place into a
/// register, beside each use. From an unknown first one, the others are immediate offsets. It is 0.
SMELT_INLINE uint32_t first_place() SMELT_FN { return uint32_t(vector_bytes() % 16); }

/// Of types without tail fields.
struct NoField {
  using Last = size_t;
  template <int kVecs>
  static SMELT_INLINE Last last(const std::byte*) SMELT_FN {
    return 0;
  }
};

struct TapsF32 : NoField {
  static constexpr int kVecs = 4;
  using Elem = float;
  using Out = float;
  using Lanes = svcount_t;
  using Values = svfloat32x4_t;
  using First = svfloat32x4_t;
  using Sums = uint32_t;

  template <int kVecs>
  static SMELT_INLINE Lanes lanes(size_t count) SMELT_FN {
    return svwhilelt_c32(uint64_t(0), uint64_t(count), kVecs);
  }
  template <int kVecs>
  static SMELT_INLINE Values load(const float* p, Lanes some) SMELT_FN {
    if constexpr (kVecs == 4) return svld1_x4(some, p);
    const svfloat32x2_t v = svld1_x2(some, p);
    return svcreate4(svget2(v, 0), svget2(v, 1), svget2(v, 0), svget2(v, 1));
  }
  template <int kVecs>
  static SMELT_INLINE Values weights(const std::byte* p) SMELT_FN {
    return load<kVecs>(reinterpret_cast<const float*>(p), svptrue_c32());
  }
  template <int kVecs>
  static SMELT_INLINE First first(const std::byte* panel) SMELT_FN {
    return weights<kVecs>(panel);
  }
  template <int kVecs>
  static SMELT_INLINE Sums start(uint32_t pixel, First first) SMELT_FN {
    const uint32_t at = first_place() + pixel;
    if constexpr (kVecs == 4)
      svwrite_za32_f32_vg1x4(at, first);
    else
      svwrite_za32_f32_vg1x2(at, svcreate2(svget4(first, 0), svget4(first, 1)));
    return at;
  }
  template <int kVecs>
  static SMELT_INLINE void mac(Sums at, Values in, Values w) SMELT_FN {
    if constexpr (kVecs == 4)
      svmla_za32_f32_vg1x4(at, in, w);
    else
      svmla_za32_f32_vg1x2(at, svcreate2(svget4(in, 0), svget4(in, 1)),
                           svcreate2(svget4(w, 0), svget4(w, 1)));
  }
  template <int kVecs>
  static SMELT_INLINE void finish(Sums at, Last, const OutputStage& s, float* out, size_t count)
      SMELT_FN {
    const svfloat32_t lo = svdup_f32(s.min), hi = svdup_f32(s.max);
    if constexpr (kVecs == 4)
      return svst1(lanes<4>(count), out, clamp4(svread_za32_f32_vg1x4(at), lo, hi));
    svst1(lanes<2>(count), out, clamp2(svread_za32_f32_vg1x2(at), lo, hi));
  }
};

struct TapsF16 : NoField {
  static constexpr int kVecs = 4;
  using Elem = float16_t;
  using Out = float16_t;
  using Lanes = svcount_t;
  using Values = svfloat16x2_t;
  using First = svfloat32x4_t;  // even and odd lanes of the first vector of float16, of the second
  using Sums = uint32_t;

  template <int kVecs>
  static SMELT_INLINE Lanes lanes(size_t count) SMELT_FN {
    return svwhilelt_c16(uint64_t(0), uint64_t(count), 2);
  }
  template <int kVecs>
  static SMELT_INLINE Values load(const float16_t* p, Lanes some) SMELT_FN {
    return svld1_x2(some, p);
  }
  template <int kVecs>
  static SMELT_INLINE Values weights(const std::byte* p) SMELT_FN {
    const float16_t* w = reinterpret_cast<const float16_t*>(p);
    if constexpr (kVecs == 4) return svld1_x2(svptrue_c16(), w);
    const svfloat16_t v = svld1(svptrue_b16(), w);
    return svcreate2(v, v);
  }
  template <int kVecs>
  static SMELT_INLINE First first(const std::byte* panel) SMELT_FN {
    const Float4 v = load_float4(panel);
    const svfloat32x2_t lo = svuzp_f32_x2(svcreate2(svget4(v, 0), svget4(v, 1)));
    const svfloat32x2_t hi = svuzp_f32_x2(svcreate2(svget4(v, 2), svget4(v, 3)));
    return svcreate4(svget2(lo, 0), svget2(lo, 1), svget2(hi, 0), svget2(hi, 1));
  }
  template <int kVecs>
  static SMELT_INLINE Sums start(uint32_t pixel, First first) SMELT_FN {
    const uint32_t at = first_place() + 2 * pixel;
    svwrite_za32_f32_vg1x2(at, svcreate2(svget4(first, 0), svget4(first, 2)));
    svwrite_za32_f32_vg1x2(at + 1, svcreate2(svget4(first, 1), svget4(first, 3)));
    return at;
  }
  template <int kVecs>
  static SMELT_INLINE void mac(Sums at, Values in, Values w) SMELT_FN {
    if constexpr (kVecs == 4)
      svmla_za32_f16_vg2x2(at, in, w);
    else
      svmla_za32_f16_vg2x1(at, svget2(in, 0), svget2(w, 0));
  }
  template <int kVecs>
  static SMELT_INLINE void finish(Sums at, Last, const OutputStage& s, float16_t* out, size_t count)
      SMELT_FN {
    const svfloat32_t lo = svdup_f32(s.min), hi = svdup_f32(s.max);
    const svfloat32x2_t even = svread_za32_f32_vg1x2(at), odd = svread_za32_f32_vg1x2(at + 1);
    const Float4 v =
        clamp4(svcreate4(svget2(even, 0), svget2(odd, 0), svget2(even, 1), svget2(odd, 1)), lo, hi);
    const svfloat16_t h0 = svcvtn_f16_f32_x2(svcreate2(svget4(v, 0), svget4(v, 1)));
    if constexpr (kVecs == 2) return svst1(svwhilelt_b16(uint64_t(0), uint64_t(count)), out, h0);
    const svfloat16_t h1 = svcvtn_f16_f32_x2(svcreate2(svget4(v, 2), svget4(v, 3)));
    svst1(svwhilelt_c16(uint64_t(0), uint64_t(count), 2), out, svcreate2(h0, h1));
  }
};

struct TapsS8 {
  static constexpr int kVecs = 4;
  using Elem = int8_t;
  using Out = int8_t;
  using Lanes = svbool_t;
  using Values = svint8_t;
  using First = svint32x4_t;
  using Sums = uint32_t;
  using Last = svfloat32x4_t;

  template <int kVecs>
  static SMELT_INLINE Last last(const std::byte* tail) SMELT_FN {
    return svuzp_f32_x4(load_float4(tail));
  }
  template <int kVecs>
  static SMELT_INLINE Lanes lanes(size_t count) SMELT_FN {
    return svwhilelt_b8(uint64_t(0), uint64_t(count));
  }
  template <int kVecs>
  static SMELT_INLINE Values weights(const std::byte* p) SMELT_FN {
    return svreinterpret_s8(load1<0>(p));
  }
  template <int kVecs>
  static SMELT_INLINE First first(const std::byte* panel) SMELT_FN {
    return svuzp_s32_x4(load_int4(panel));
  }
  template <int kVecs>
  static SMELT_INLINE Sums start(uint32_t pixel, First first) SMELT_FN {
    const uint32_t at = first_place() + 4 * pixel;
    write_row(at, svreinterpret_u8(first));
    return at;
  }
  template <int kVecs>
  static SMELT_INLINE void mac(Sums at, Values in, Values w) SMELT_FN {
    svmla_za32_s8_vg4x1(at, in, w);
  }
  template <int kVecs>
  static SMELT_INLINE Values load(const int8_t* p, Lanes some) SMELT_FN {
    return svld1(some, p);
  }
  template <int kVecs>
  static SMELT_INLINE void finish(Sums at, Last scale, const OutputStage& s, int8_t* out,
                                  size_t count) SMELT_FN {
    const Float4 scaled = mul4(to_float4(svreinterpret_s32(read_row(at))), scale);
    const Int4 q =
        add4(round4(clamp4(scaled, svdup_f32(s.min), svdup_f32(s.max))), svdup_s32(s.zero));
    svst1(lanes<kVecs>(count), out, svqcvtn_s8_s32_x4(q));
  }
};

}  // namespace
}  // namespace smelt
