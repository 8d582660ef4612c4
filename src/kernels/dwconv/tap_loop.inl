// The only loop of depthwise kernels, compiled once per ISA inside that ISA's files: channels in
// panels, pixels in tiles, and for each tile the taps.
#include "kernels/compiler.h"
#include "kernels/dwconv/dwconv_kernel.h"

#ifndef SMELT_FN
#define SMELT_FN
#endif

namespace smelt {
namespace {

/// Taps: In (element type), Acc, kLanes, kWeightBytes (of kLanes weights), kHeadFields,
///   start(panel, channel), mac(acc, const In*, count, weights), finish(block, pixel, channel, acc,
///   tail, at, count).
/// `count` is how many channels remain; it may exceed kLanes, and elements beyond it must not be
/// read or written. Taps whose mac() can be taken apart, mac(acc, load(const In*, count),
/// weight(weights)), slide, see slide(), in tiles of slide_pixels(width, step); only whole panels,
/// unless kMasks says that loading some of the channels costs no more than all. whole_panel(block,
/// channel, panel), if there is one, does all pixels of some filters in another way and says so.
template <class Taps, int kPixels, int kVecs>
struct TapLoop {
  static constexpr size_t channels() { return kVecs * Taps::kLanes; }

  static SMELT_INLINE void run(const DwconvBlock& d) SMELT_FN {
    const std::byte* panel = d.filter;
    for (size_t c0 = 0; c0 < d.channels; c0 += channels(), panel += d.filter_panel_stride) {
      const bool full = d.channels - c0 >= channels();
      if constexpr (requires { &Taps::whole_panel; }) {
        if (full && Taps::whole_panel(d, c0, panel)) continue;
      }
      if (full)
        pixels<true>(d, c0, panel);
      else
        pixels<false>(d, c0, panel);
    }
  }

 private:
  template <bool kFull>
  static SMELT_NOINLINE void pixels(const DwconvBlock& block, size_t c0,
                                    const std::byte* panel) SMELT_FN {
    const DwconvBlock d = block;  // a copy, which stores to the output cannot change
    for (size_t l = 0; l < d.lines; ++l) {
      const void* const* row = d.rows + l * d.line_step;
      const size_t end = (l + 1) * d.pixels;
      size_t i = l * d.pixels;
      if constexpr (slides<kFull>()) {
        if (d.width == 3 && d.pixel_step == 1)
          i = slide<kFull, 3, 1>(block, row, i, end, c0, panel);
        if (d.width == 3 && d.pixel_step == 2)
          i = slide<kFull, 3, 2>(block, row, i, end, c0, panel);
        if (d.width == 5 && d.pixel_step == 1)
          i = slide<kFull, 5, 1>(block, row, i, end, c0, panel);
        if (d.width == 5 && d.pixel_step == 2)
          i = slide<kFull, 5, 2>(block, row, i, end, c0, panel);
      }
      for (; i + kPixels <= end; i += kPixels, row += kPixels * d.pixel_step)
        tile<kFull, kPixels>(d, row, i, c0, panel);
      for (; i < end; ++i, row += d.pixel_step) tile<kFull, 1>(d, row, i, c0, panel);
    }
  }

  /// Windows of kWidth that overlap because they move by kStep, pixels [i, end): each input is
  /// loaded once for all the pixels of a tile that see it.
  template <bool kFull, int kWidth, int kStep>
  static SMELT_NOINLINE size_t slide(const DwconvBlock& block, const void* const* row, size_t i,
                                     size_t end, size_t c0, const std::byte* panel) SMELT_FN {
    const DwconvBlock d = block;  // a copy, which stores to the output cannot change
    slide_tiles<kFull, kWidth, kStep, Taps::slide_pixels(kWidth, kStep)>(d, row, i, end, c0, panel);
    return end;
  }

  template <bool kFull, int kWidth, int kStep, int kP>
  static SMELT_INLINE void slide_tiles(const DwconvBlock& d, const void* const* row, size_t i,
                                       size_t end, size_t c0, const std::byte* panel) SMELT_FN {
    const size_t left = kFull ? channels() : d.channels - c0;
    for (; i + kP <= end; i += kP, row += kP * kStep)
      for (size_t at = 0; at < channels() && at < left; at += Taps::kLanes)
        slide_tile<kWidth, kStep, kP>(d, row, i, c0 + at, panel, at,
                                      kFull ? Taps::kLanes : left - at);
    if constexpr (kP > 1) slide_tiles<kFull, kWidth, kStep, kP / 2>(d, row, i, end, c0, panel);
  }

  /// One vector of channels. The weights of a line of the filter stay in registers while its inputs
  /// pass by.
  template <int kWidth, int kStep, int kP>
  static SMELT_INLINE void slide_tile(const DwconvBlock& d, const void* const* row, size_t i0,
                                      size_t c, const std::byte* panel, size_t at,
                                      size_t count) SMELT_FN {
    typename Taps::Acc acc[kP];
    SMELT_UNROLL for (int i = 0; i < kP; ++i) acc[i] = Taps::start(panel, at);
    const std::byte* const data = panel + Taps::kHeadFields * channels() * 4;
    const std::byte* w = data + at / Taps::kLanes * Taps::kWeightBytes;
    SMELT_KEEP_LOOP for (size_t y = 0; y < d.height; ++y, row += d.tap_step) {
      decltype(Taps::weight(w)) weight[kWidth];
      SMELT_UNROLL for (int x = 0; x < kWidth; ++x, w += kVecs * Taps::kWeightBytes) weight[x] =
          Taps::weight(w);
      SMELT_UNROLL for (int column = 0; column < (kP - 1) * kStep + kWidth; ++column) {
        const auto in = Taps::load(static_cast<const typename Taps::In*>(row[column]) + c, count);
        SMELT_UNROLL for (int x = 0; x < kWidth; ++x) {
          const int i = (column - x) / kStep;
          if (column >= x && i * kStep == column - x && i < kP)
            acc[i] = Taps::mac(acc[i], in, weight[x]);
        }
      }
    }
    const std::byte* tail = data + d.height * kWidth * kVecs * Taps::kWeightBytes;
    SMELT_UNROLL for (int i = 0; i < kP; ++i)
        Taps::finish(d, i0 + size_t(i), c, acc[i], tail, at, count);
  }

  template <bool kFull>
  static constexpr bool slides() {
    if constexpr (requires { &Taps::weight; }) return kFull || Taps::kMasks;
    return false;
  }

  /// kFull: the panel has all its channels, so that nothing is checked per vector.
  template <bool kFull, int kP>
  static SMELT_INLINE void tile(const DwconvBlock& d, const void* const* row, size_t i0, size_t c0,
                                const std::byte* panel) SMELT_FN {
    const size_t left = kFull ? channels() : d.channels - c0;
    typename Taps::Acc acc[kP][kVecs];
    SMELT_UNROLL for (int j = 0; j < kVecs; ++j) SMELT_UNROLL for (int i = 0; i < kP; ++i)
        acc[i][j] = Taps::start(panel, j * Taps::kLanes);
    const std::byte* w = panel + Taps::kHeadFields * channels() * 4;
    SMELT_KEEP_LOOP for (size_t y = 0; y < d.height; ++y) {
      const void* const* tap = row + y * d.tap_step;
      SMELT_KEEP_LOOP for (size_t x = 0; x < d.width; ++x, ++tap, w += kVecs * Taps::kWeightBytes) {
        SMELT_UNROLL for (int i = 0; i < kP; ++i) {
          const auto* in =
              static_cast<const typename Taps::In*>(tap[size_t(i) * d.pixel_step]) + c0;
          SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
            const size_t at = size_t(j) * Taps::kLanes;
            if (at < left)
              acc[i][j] = Taps::mac(acc[i][j], in + at, left - at, w + j * Taps::kWeightBytes);
          }
        }
      }
    }
    SMELT_UNROLL for (int i = 0; i < kP; ++i) {
      SMELT_UNROLL for (int j = 0; j < kVecs; ++j) {
        const size_t at = size_t(j) * Taps::kLanes;
        if (at < left) Taps::finish(d, i0 + i, c0 + at, acc[i][j], w, at, left - at);
      }
    }
  }
};

/// float32 accumulators. Elem reads inputs and packed weights: load(p), load_part(p, count).
template <class V, class Elem, class Store>
struct FloatTaps {
  using In = typename Elem::Elem;
  using Acc = typename V::Reg;
  using Factor = decltype(Elem::load(nullptr));  ///< what V::fma multiplies
  static constexpr size_t kLanes = V::kLanes;
  static constexpr size_t kWeightBytes = kLanes * sizeof(In);
  static constexpr size_t kHeadFields = 1;

  static SMELT_INLINE Acc start(const std::byte* panel, size_t at) {
    return V::load_f32(reinterpret_cast<const float*>(panel) + at);
  }
  static constexpr bool kMasks = requires { Elem::kMasks; };
  /// As many sums as keep the units busy; more where there are registers for them beside the
  /// weights.
  static constexpr int slide_pixels(int width, int step) {
    if constexpr (requires { V::kSlidePixels; })
      if (width <= 3 && step == 1) return V::kSlidePixels;
    return V::kChains;
  }
  static SMELT_INLINE Factor load(const In* in, size_t count) {
    return count >= kLanes ? Elem::load(in) : Elem::load_part(in, count);
  }
  static SMELT_INLINE Factor weight(const std::byte* w) {
    return Elem::load(reinterpret_cast<const In*>(w));
  }
  static SMELT_INLINE Acc mac(Acc acc, Factor x, Factor w) { return V::fma(x, w, acc); }
  static SMELT_INLINE Acc mac(Acc acc, const In* in, size_t count, const std::byte* w) {
    return mac(acc, load(in, count), weight(w));
  }
  static SMELT_INLINE void finish(const DwconvBlock& d, size_t i, size_t c, Acc acc,
                                  const std::byte*, size_t, size_t count) {
    Store::store(static_cast<typename Store::Elem*>(d.out[i]) + c, acc, Store::bounds(d.stage),
                 count);
  }
};

/// int32 accumulators. V multiplies kLanes neighbouring int8: mac_s8(acc, in, count, weights). Sum
/// is StaticSum<V>.
template <class V, class Sum>
struct Int8Taps {
  using In = int8_t;
  using Acc = typename V::Int;
  static constexpr size_t kLanes = V::kLanes;
  static constexpr size_t kWeightBytes = kLanes;
  static constexpr size_t kHeadFields = Sum::kHeadFields;

  static SMELT_INLINE Acc start(const std::byte* panel, size_t at) {
    return Sum().start(panel, at);
  }
  static SMELT_INLINE Acc mac(Acc acc, const int8_t* in, size_t count, const std::byte* w) {
    return V::mac_s8(acc, in, count, reinterpret_cast<const int8_t*>(w));
  }
  static SMELT_INLINE void finish(const DwconvBlock& d, size_t i, size_t c, Acc acc,
                                  const std::byte* tail, size_t at, size_t count) {
    const Acc sums[1] = {acc};
    Sum::finish({Sum()}, d, i, c, sums, tail + at * 4, count);
  }
};

/// The same with products of pairs of words, load_words(in, count) x weight_words(weights): of an
/// input the value and its sign, of a weight the value and 0; or single words. mac_words(acc, in,
/// weights) adds them.
template <class V, class Sum>
struct Int8WordTaps : Int8Taps<V, Sum> {
  using Acc = typename V::Int;
  using Words = decltype(V::weight_words(nullptr));
  static constexpr bool kMasks = requires { V::kMasks; };
  /// With 16 registers, eight accumulators leave room for three weights.
  static constexpr int slide_pixels(int width, int) { return V::kLanes == 8 && width > 3 ? 4 : 8; }
  static SMELT_INLINE Words load(const int8_t* in, size_t count) {
    return V::load_words(in, count);
  }
  static SMELT_INLINE Words weight(const std::byte* w) {
    return V::weight_words(reinterpret_cast<const int8_t*>(w));
  }
  static SMELT_INLINE Acc mac(Acc acc, Words x, Words w) { return V::mac_words(acc, x, w); }
  static SMELT_INLINE Acc mac(Acc acc, const int8_t* in, size_t count, const std::byte* w) {
    return mac(acc, load(in, count), weight(w));
  }
};

}  // namespace
}  // namespace smelt
