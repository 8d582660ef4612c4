// Filters of 3 x 3 that move by one, with SME2: every input line is loaded once, and multiplied for
// the three output lines that see it. Their sums roll through three slots of ZA:
//
//   input line r    x line 0 of the filter  ->  sums of output line r      (new)
//                   x line 1                ->                     r - 1   (mid)
//                   x line 2                ->                     r - 2   (old: then finished)
//
// One instruction multiplies four vectors, the same channels of four pixels, by one vector of
// weights. The pixels lie K apart, so that the columns of neighbouring taps are whole tuples; with
// K = 2, eight pixels are two groups:
//
//   group 0: pixels 0 2 4 6     tap x needs columns    x     x + 2  x + 4  x + 6  = window x
//   group 1: pixels 1 3 5 7                          x + 1   x + 3  x + 5  x + 7  = window x + 1
//
// and windows 0 to K + 1 are all there are. (With four neighbours, three of four columns of a
// window would be those of the next: compilers copy them.)
//
// The including file has included simd/sme2.h. P says how elements multiply:
//
//   Elem, Vec (of channels), Window (four of them), Bias; kPlaces: vectors of ZA per sum
//   lanes(), load(in, mask), bias(head), mask(count)
//   start<K>(slot, Bias), mac(place, Window, Vec), finish<K>(slot, stage, out, c, mask)
#include "kernels/compiler.h"
#include "kernels/dwconv/dwconv_kernel.h"

namespace smelt {
namespace {

/// The same lines with other loops where these do not serve.
template <class P, class Otherwise>
struct RollingLines {
  static SMELT_INLINE void run(const DwconvBlock& d) SMELT_FN {
    const bool rolls =
        d.height == 3 && d.width == 3 && d.pixel_step == 1 && d.line_step == d.tap_step;
    if (!rolls || d.lines == 0 || d.pixels < 8 || !fits<2>()) return Otherwise::run(d);
    const size_t lanes = P::lanes(), panel_lanes = 4 * svcntw();
    for (size_t c = 0; c < d.channels; c += lanes) {
      const std::byte* panel = d.filter + c / panel_lanes * d.filter_panel_stride;
      channels(d, c, panel, c % panel_lanes);
    }
  }

 private:
  using Elem = typename P::Elem;
  using Vec = typename P::Vec;
  using Window = typename P::Window;

  /// Whether ZA holds three lines of 4 K pixels: a group takes kPlaces of each quarter.
  template <int K>
  static SMELT_INLINE bool fits() SMELT_FN {
    return 3 * K * P::kPlaces <= svcntw();
  }

  /// What all lines share.
  struct Lines {
    const DwconvBlock& d;
    size_t c;
    svbool_t mask() const SMELT_FN { return P::mask(d.channels - c); }
  };

  static SMELT_INLINE void channels(const DwconvBlock& d, size_t c, const std::byte* panel,
                                    size_t at) SMELT_FN {
    const size_t tap = 4 * svcntw() * sizeof(Elem);
    const std::byte* w = panel + 4 * svcntb() + at * sizeof(Elem);
    const svbool_t all = svptrue_b8();
    const auto weights = [&](size_t t) SMELT_FN {
      return P::load(reinterpret_cast<const Elem*>(w + t * tap), all);
    };
    const Vec w0 = weights(0), w1 = weights(1), w2 = weights(2), w3 = weights(3), w4 = weights(4);
    const Vec w5 = weights(5), w6 = weights(6), w7 = weights(7), w8 = weights(8);
    const typename P::Bias bias = P::bias(panel + at * 4);
    const auto strip = [&]<int K>(size_t first) SMELT_INLINE_LAMBDA SMELT_FN {
      lines<K>(Lines{d, c}, first, bias, w0, w1, w2, w3, w4, w5, w6, w7, w8);
    };
    size_t i = 0;
    if (fits<4>())
      for (; i + 16 <= d.pixels; i += 16) strip.template operator()<4>(i);
    for (; i + 8 <= d.pixels; i += 8) strip.template operator()<2>(i);
    // Some pixels of the last eight are computed again.
    if (i < d.pixels) strip.template operator()<2>(d.pixels - 8);
  }

  template <int K>
  static SMELT_INLINE void lines(const Lines& l, size_t first, typename P::Bias bias, Vec w0,
                                 Vec w1, Vec w2, Vec w3, Vec w4, Vec w5, Vec w6, Vec w7, Vec w8)
      SMELT_FN {
    constexpr uint32_t kSlot = K * P::kPlaces;
    const svbool_t mask = l.mask();
    const void* const* row = l.d.rows + first;
    void* const* out = l.d.out + first;
    const size_t step = l.d.tap_step, count = l.d.lines;
    uint32_t s0 = opaque(0u), s1 = opaque(kSlot), s2 = opaque(2 * kSlot), last = s0;
    P::template start<K>(s0, bias);
    windows<K, kFresh, 0>(row, l.c, mask, s0, s0, s0, w0, w1, w2, w3, w4, w5, w6, w7, w8);
    // Input line r, with the slots of output lines r, r - 1 and r - 2. Whether output lines end here.
    // (opaque(): constants that are added to a slot stay in the instructions.)
    size_t r = 1;
    const auto line = [&](uint32_t& fresh, uint32_t& mid, uint32_t& old)
        SMELT_INLINE_LAMBDA SMELT_FN {
      row += step;
      P::template start<K>(fresh, bias);
      fresh = opaque(fresh), mid = opaque(mid), old = opaque(old);
      // Slots of lines that do not exist collect what nobody reads.
      windows<K, kFresh | kMid | kOld, 0>(row, l.c, mask, fresh, mid, old, w0, w1, w2, w3, w4, w5,
                                          w6, w7, w8);
      if (r >= 2) {
        old = opaque(old);
        P::template finish<K>(old, l.d.stage, out, l.c, mask);
        old = opaque(old);
        out += l.d.pixels;
      }
      last = mid;
      return ++r == count + 1;
    };
    while (!line(s1, s0, s2) && !line(s2, s1, s0) && !line(s0, s2, s1)) {
    }
    last = opaque(last);
    windows<K, kOld, 0>(row + step, l.c, mask, last, last, last, w0, w1, w2, w3, w4, w5, w6, w7,
                        w8);
    P::template finish<K>(last, l.d.stage, out, l.c, mask);
  }

  /// Which output lines an input line belongs to.
  static constexpr int kFresh = 1, kMid = 2, kOld = 4;

  /// Windows j, j + 1 and those after them.
  template <int K, int kLines, int j>
  static SMELT_INLINE void windows(const void* const* row, size_t c, svbool_t mask, uint32_t fresh,
                                   uint32_t mid, uint32_t old, Vec w0, Vec w1, Vec w2, Vec w3,
                                   Vec w4, Vec w5, Vec w6, Vec w7, Vec w8) SMELT_FN {
    const auto at = [&](const void* p)
                        SMELT_FN { return P::load(static_cast<const Elem*>(p) + c, mask); };
    // In pairs, because neighbouring pointers are one load.
    const void *a0 = row[j], *b0 = row[j + 1], *a1 = row[j + K], *b1 = row[j + 1 + K];
    const void *a2 = row[j + 2 * K], *b2 = row[j + 1 + 2 * K];
    const void *a3 = row[j + 3 * K], *b3 = row[j + 1 + 3 * K];
    const Window v = svcreate4(at(a0), at(a1), at(a2), at(a3));
    if constexpr ((kLines & kFresh) != 0) taps<K, j>(v, fresh, w0, w1, w2);
    if constexpr ((kLines & kMid) != 0) taps<K, j>(v, mid, w3, w4, w5);
    if constexpr ((kLines & kOld) != 0) taps<K, j>(v, old, w6, w7, w8);
    const Window w = svcreate4(at(b0), at(b1), at(b2), at(b3));
    if constexpr ((kLines & kFresh) != 0) taps<K, j + 1>(w, fresh, w0, w1, w2);
    if constexpr ((kLines & kMid) != 0) taps<K, j + 1>(w, mid, w3, w4, w5);
    if constexpr ((kLines & kOld) != 0) taps<K, j + 1>(w, old, w6, w7, w8);
    if constexpr (j + 2 < K + 2)
      windows<K, kLines, j + 2>(row, c, mask, fresh, mid, old, w0, w1, w2, w3, w4, w5, w6, w7, w8);
  }

  /// Window j is that of tap x of group j - x.
  template <int K, int j>
  static SMELT_INLINE void taps(Window v, uint32_t slot, Vec w0, Vec w1, Vec w2) SMELT_FN {
    if constexpr (j < K) P::mac(slot + j * P::kPlaces, v, w0);
    if constexpr (j >= 1 && j - 1 < K) P::mac(slot + (j - 1) * P::kPlaces, v, w1);
    if constexpr (j >= 2) P::mac(slot + (j - 2) * P::kPlaces, v, w2);
  }
};

/// Group g of a slot is group slot + g of ZA: vectors slot + g, + a quarter, + two, + three.
struct RollingF32 {
  using Elem = float;
  using Vec = svfloat32_t;
  using Window = svfloat32x4_t;
  using Bias = svfloat32x4_t;
  static constexpr uint32_t kPlaces = 1;

  static SMELT_INLINE size_t lanes() SMELT_FN { return svcntw(); }
  static SMELT_INLINE svbool_t mask(size_t count) SMELT_FN { return lanes_from(0, count); }
  static SMELT_INLINE Vec load(const float* p, svbool_t some) SMELT_FN { return svld1(some, p); }
  static SMELT_INLINE Bias bias(const std::byte* head) SMELT_FN {
    const svfloat32_t b = svreinterpret_f32(load1<0>(head));
    return svcreate4(opaque(b), opaque(b), opaque(b), opaque(b));  // kept, not copied for each line
  }
  template <int K>
  static SMELT_INLINE void start(uint32_t slot, Bias v) SMELT_FN {
    svwrite_za32_f32_vg1x4(slot, v);
    svwrite_za32_f32_vg1x4(slot + 1, v);
    if constexpr (K > 2) {
      svwrite_za32_f32_vg1x4(slot + 2, v);
      svwrite_za32_f32_vg1x4(slot + 3, v);
    }
  }
  static SMELT_INLINE void mac(uint32_t place, Window v, Vec w) SMELT_FN {
    svmla_single_za32_f32_vg1x4(place, v, w);
  }
  template <int K>
  static SMELT_INLINE void finish(uint32_t slot, const OutputStage& s, void* const* out, size_t c,
                                  svbool_t mask) SMELT_FN {
    const svfloat32_t lo = svdup_f32(s.min), hi = svdup_f32(s.max);
    const auto two = [&]<int g>() SMELT_INLINE_LAMBDA SMELT_FN {
      // In pairs, as in windows().
      void *a0 = out[g], *b0 = out[g + 1], *a1 = out[K + g], *b1 = out[K + g + 1];
      void *a2 = out[2 * K + g], *b2 = out[2 * K + g + 1];
      void *a3 = out[3 * K + g], *b3 = out[3 * K + g + 1];
      const auto put = [&](void* p, svfloat32_t v) SMELT_INLINE_LAMBDA
                       SMELT_FN { svst1(mask, static_cast<float*>(p) + c, v); };
      const Window v = clamp4(svread_za32_f32_vg1x4(slot + g), lo, hi);
      const Window w = clamp4(svread_za32_f32_vg1x4(slot + g + 1), lo, hi);
      put(a0, svget4(v, 0)), put(a1, svget4(v, 1)), put(a2, svget4(v, 2)), put(a3, svget4(v, 3));
      put(b0, svget4(w, 0)), put(b1, svget4(w, 1)), put(b2, svget4(w, 2)), put(b3, svget4(w, 3));
    };
    two.template operator()<0>();
    if constexpr (K > 2) two.template operator()<2>();
  }
};

/// Products of even and of odd lanes are sums of their own. Group g of a slot is vectors slot + 2g
/// and slot + 2g + 1, + a quarter, …; so the two groups of K = 2 are rows of the tiles.
struct RollingF16 {
  using Elem = float16_t;
  using Vec = svfloat16_t;
  using Window = svfloat16x4_t;
  using Bias = svfloat32x4_t;  // of even and odd channels, for two groups
  static constexpr uint32_t kPlaces = 2;

  static SMELT_INLINE size_t lanes() SMELT_FN { return svcnth(); }
  static SMELT_INLINE svbool_t mask(size_t count) SMELT_FN {
    return svwhilelt_b16(uint64_t(0), uint64_t(count));
  }
  static SMELT_INLINE Vec load(const float16_t* p, svbool_t some) SMELT_FN {
    return svld1(some, p);
  }
  static SMELT_INLINE Bias bias(const std::byte* head) SMELT_FN {
    const svfloat32x2_t b = svld2(svptrue_b32(), reinterpret_cast<const float*>(head));
    return svcreate4(opaque(svget2(b, 0)), opaque(svget2(b, 1)), opaque(svget2(b, 0)),
                     opaque(svget2(b, 1)));
  }
  template <int K>
  static SMELT_INLINE void start(uint32_t slot, Bias b) SMELT_FN {
    for_each_row<K>(slot, [&](uint32_t slice, int) SMELT_INLINE_LAMBDA
                          SMELT_FN { write_row(slice, svreinterpret_u8(b)); });
  }
  static SMELT_INLINE void mac(uint32_t place, Window v, Vec w) SMELT_FN {
    svmla_single_za32_f16_vg2x4(place, v, w);
  }
  template <int K>
  static SMELT_INLINE void finish(uint32_t slot, const OutputStage& s, void* const* out, size_t c,
                                  svbool_t mask) SMELT_FN {
    const svfloat32_t lo = svdup_f32(s.min), hi = svdup_f32(s.max);
    for_each_row<K>(slot, [&](uint32_t slice, int pixel) SMELT_INLINE_LAMBDA SMELT_FN {
      void *a = out[pixel], *b = out[pixel + 1];
      const Float4 v = clamp4(svreinterpret_f32(read_row(slice)), lo, hi);
      svst1(mask, static_cast<float16_t*>(a) + c,
            svcvtn_f16_f32_x2(svcreate2(svget4(v, 0), svget4(v, 1))));
      svst1(mask, static_cast<float16_t*>(b) + c,
            svcvtn_f16_f32_x2(svcreate2(svget4(v, 2), svget4(v, 3))));
    });
  }

 private:
  /// Calls f(slice, pixel) for the rows of the tiles that hold pixels pixel and pixel + 1.
  template <int K, class F>
  static SMELT_INLINE void for_each_row(uint32_t slot, F f) SMELT_FN {
    two_groups<K, 0>(slot, f);
    if constexpr (K > 2) two_groups<K, 2>(slot + 4, f);
  }
  template <int K, int g, class F>
  static SMELT_INLINE void two_groups(uint32_t slice, F f) SMELT_FN {
    const uint32_t quarter = uint32_t(svcntw());
    f(slice, g);
    f(slice + quarter, K + g);
    f(slice + 2 * quarter, 2 * K + g);
    f(slice + 3 * quarter, 3 * K + g);
  }
};

}  // namespace
}  // namespace smelt
