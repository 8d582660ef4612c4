// The loop of depthwise kernels in streaming mode: channels in panels of 4 vl, pixels in fours, and
// for each four the lines of the filter.
//
// 4 vl channels (or 2 vl) of a pixel are one group of sums, whatever the elements are. Where
// neighbouring pixels share columns of taps, a column is loaded once and multiplied for all of
// them; the weights of a filter's line are in registers:
//
//   columns     0    1    2    3    4    5         filter of 3, moving by 1
//   pixel 0    w0   w1   w2
//   pixel 1         w0   w1   w2
//   pixel 2              w0   w1   w2
//   pixel 3                   w0   w1   w2
//
// The including file has included simd/sme.h or simd/sme2.h. T says how elements multiply, for
// kVecs = 2 or 4 vectors of sums at a time (at most T::kVecs):
//
//   Elem (of inputs and weights), Out, Lanes, First, Values, Sums, Last
//   first<kVecs>(head field), last<kVecs>(tail field), lanes<kVecs>(count)
//   start<kVecs>(pixel, first) -> Sums, mac<kVecs>(sums, Values, Values), finish<kVecs>(sums, last,
//   stage, out, count) load<kVecs>(in, lanes), weights<kVecs>(packed) -> Values
//
// `count` channels are left; elements beyond them are neither read nor written. Sums are registers
// or a place in ZA.
#include "kernels/compiler.h"
#include "kernels/dwconv/dwconv_kernel.h"

namespace smelt {
namespace {

template <class T>
struct TapLoop {
  static SMELT_INLINE void run(const DwconvBlock& d) SMELT_FN {
    if (d.height == 0) return panels<0, 0>(d);
    if (d.width == 3 && d.pixel_step == 1) return panels<3, 1>(d);
    if (d.width == 3 && d.pixel_step == 2) return panels<3, 2>(d);
    if (d.width == 5 && d.pixel_step == 1) return panels<5, 1>(d);
    if (d.width == 5 && d.pixel_step == 2) return panels<5, 2>(d);
    panels<0, 0>(d);
  }

 private:
  using Elem = typename T::Elem;
  using Out = typename T::Out;

  /// Channels from c on, and what belongs to them in the packed filter.
  struct Channels {
    const DwconvBlock& d;
    size_t c, left;
    const std::byte *head, *weights, *tail;
    size_t tap_bytes;

    const Elem* input(const void* pixel) const { return static_cast<const Elem*>(pixel) + c; }
    Out* output(void* pixel) const { return static_cast<Out*>(pixel) + c; }
  };

  template <int kWidth, int kStep>
  static SMELT_INLINE void panels(const DwconvBlock& d) SMELT_FN {
    const size_t half = 2 * svcntw(), tap = 2 * half * sizeof(Elem), taps = d.height * d.width;
    for (size_t c = 0; c < d.channels;) {
      const std::byte* panel = d.filter + c / (2 * half) * d.filter_panel_stride;
      const size_t at = c % (2 * half), field = 2 * half * 4;
      const Channels ch{d,
                        c,
                        d.channels - c,
                        panel + at * 4,
                        panel + field + at * sizeof(Elem),
                        panel + field + taps * tap + at * 4,
                        tap};
      if (T::kVecs == 4 && ch.left > half) {
        lines<T::kVecs, kWidth, kStep>(ch);
        c += 2 * half;
      } else {
        lines<2, kWidth, kStep>(ch);
        c += half;
      }
    }
  }

  template <int kVecs, int kWidth, int kStep>
  static SMELT_INLINE void lines(const Channels& ch) SMELT_FN {
    const DwconvBlock& d = ch.d;
    const typename T::First first = T::template first<kVecs>(ch.head);
    void* const* out = d.out;
    for (size_t l = 0; l < d.lines; ++l) {
      const void* const* row = d.rows + l * d.line_step;
      size_t n = d.pixels;
      for (; n >= 4; n -= 4, row += 4 * d.pixel_step, out += 4)
        four<kVecs, kWidth, kStep>(ch, first, row, out);
      if (n > 1 && d.pixels >= 4) {
        // Some pixels of the line's last four are computed again.
        out += n;
        four<kVecs, kWidth, kStep>(ch, first, row - (4 - n) * d.pixel_step, out - 4);
      } else {
        for (; n != 0; --n, row += d.pixel_step, ++out) one<kVecs>(ch, first, row, out);
      }
    }
  }

  /// Column q of the taps of four pixels, if the filter of pixel kPixel covers it.
  template <int kVecs, int kWidth, int kX>
  static SMELT_INLINE void mac(typename T::Sums& s, typename T::Values in, typename T::Values w0,
                               typename T::Values w1, typename T::Values w2, typename T::Values w3,
                               typename T::Values w4) SMELT_FN {
    if constexpr (kX == 0) T::template mac<kVecs>(s, in, w0);
    if constexpr (kX == 1) T::template mac<kVecs>(s, in, w1);
    if constexpr (kX == 2) T::template mac<kVecs>(s, in, w2);
    if constexpr (kX == 3 && kWidth > 3) T::template mac<kVecs>(s, in, w3);
    if constexpr (kX == 4 && kWidth > 4) T::template mac<kVecs>(s, in, w4);
  }

  /// One line of the filter for four pixels: column kColumn of the taps, and the ones after it.
  template <int kVecs, int kWidth, int kStep, int kColumn = 0>
  static SMELT_INLINE void columns(const Channels& ch, const void* const* row,
                                   typename T::Lanes lanes, typename T::Sums& s0,
                                   typename T::Sums& s1, typename T::Sums& s2, typename T::Sums& s3,
                                   typename T::Values w0, typename T::Values w1,
                                   typename T::Values w2, typename T::Values w3,
                                   typename T::Values w4) SMELT_FN {
    const typename T::Values in = T::template load<kVecs>(ch.input(row[kColumn]), lanes);
    mac<kVecs, kWidth, kColumn>(s0, in, w0, w1, w2, w3, w4);
    mac<kVecs, kWidth, kColumn - kStep>(s1, in, w0, w1, w2, w3, w4);
    mac<kVecs, kWidth, kColumn - 2 * kStep>(s2, in, w0, w1, w2, w3, w4);
    mac<kVecs, kWidth, kColumn - 3 * kStep>(s3, in, w0, w1, w2, w3, w4);
    if constexpr (kColumn < 3 * kStep + kWidth - 1)
      columns<kVecs, kWidth, kStep, kColumn + 1>(ch, row, lanes, s0, s1, s2, s3, w0, w1, w2, w3,
                                                 w4);
  }

  template <int kVecs, int kWidth, int kStep>
  static SMELT_INLINE void four(const Channels& ch, const typename T::First& first,
                                const void* const* row, void* const* out) SMELT_FN {
    const DwconvBlock& d = ch.d;
    const typename T::Lanes lanes = T::template lanes<kVecs>(ch.left);
    typename T::Sums s0 = T::template start<kVecs>(0, first),
                     s1 = T::template start<kVecs>(1, first);
    typename T::Sums s2 = T::template start<kVecs>(2, first),
                     s3 = T::template start<kVecs>(3, first);
    const std::byte* w = ch.weights;
    const size_t tap = ch.tap_bytes, step = d.pixel_step;
    const auto weights = [](const std::byte* p) SMELT_INLINE_LAMBDA
                         SMELT_FN { return T::template weights<kVecs>(p); };
    if constexpr (kWidth != 0) __builtin_assume(d.height != 0);  // or compilers start sums twice
    SMELT_KEEP_LOOP for (size_t y = 0; y < d.height; ++y, row += d.tap_step) {
      if constexpr (kWidth == 3) {
        const typename T::Values w0 = weights(w), w1 = weights(w + tap), w2 = weights(w + 2 * tap);
        columns<kVecs, kWidth, kStep>(ch, row, lanes, s0, s1, s2, s3, w0, w1, w2, w0, w0);
        w += 3 * tap;
      } else if constexpr (kWidth == 5) {
        const typename T::Values w0 = weights(w), w1 = weights(w + tap), w2 = weights(w + 2 * tap);
        const typename T::Values w3 = weights(w + 3 * tap), w4 = weights(w + 4 * tap);
        columns<kVecs, kWidth, kStep>(ch, row, lanes, s0, s1, s2, s3, w0, w1, w2, w3, w4);
        w += 5 * tap;
      } else {
        SMELT_KEEP_LOOP for (size_t x = 0; x < d.width; ++x, w += tap) {
          const typename T::Values v = weights(w);
          T::template mac<kVecs>(s0, T::template load<kVecs>(ch.input(row[x]), lanes), v);
          T::template mac<kVecs>(s1, T::template load<kVecs>(ch.input(row[step + x]), lanes), v);
          T::template mac<kVecs>(s2, T::template load<kVecs>(ch.input(row[2 * step + x]), lanes),
                                 v);
          T::template mac<kVecs>(s3, T::template load<kVecs>(ch.input(row[3 * step + x]), lanes),
                                 v);
        }
      }
    }
    const typename T::Last last = T::template last<kVecs>(ch.tail);
    T::template finish<kVecs>(s0, last, d.stage, ch.output(out[0]), ch.left);
    T::template finish<kVecs>(s1, last, d.stage, ch.output(out[1]), ch.left);
    T::template finish<kVecs>(s2, last, d.stage, ch.output(out[2]), ch.left);
    T::template finish<kVecs>(s3, last, d.stage, ch.output(out[3]), ch.left);
  }

  template <int kVecs>
  static SMELT_INLINE void one(const Channels& ch, const typename T::First& first,
                               const void* const* row, void* const* out) SMELT_FN {
    const typename T::Lanes lanes = T::template lanes<kVecs>(ch.left);
    typename T::Sums s = T::template start<kVecs>(0, first);
    const std::byte* w = ch.weights;
    for (size_t y = 0; y < ch.d.height; ++y, row += ch.d.tap_step)
      SMELT_KEEP_LOOP for (size_t x = 0; x < ch.d.width; ++x, w += ch.tap_bytes)
          T::template mac<kVecs>(s, T::template load<kVecs>(ch.input(row[x]), lanes),
                                 T::template weights<kVecs>(w));
    T::template finish<kVecs>(s, T::template last<kVecs>(ch.tail), ch.d.stage, ch.output(*out),
                              ch.left);
  }
};

/// DwconvKernel::run. Streaming mode and ZA are entered here, once per block.
template <class Loop>
__arm_new("za") __arm_locally_streaming void run_streaming(const DwconvBlock& block) {
  const DwconvBlock d = block;  // a copy, which no store to the output can change
  Loop::run(d);
}

}  // namespace
}  // namespace smelt
