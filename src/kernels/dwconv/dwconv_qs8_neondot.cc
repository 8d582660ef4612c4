// Depthwise int8 by SDOT, which adds four products per channel: those of three lines of a column of
// the filter, and a zero.
//
//   line 0   a0 a1 a2 …              a0 b0 c0 - | a1 b1 c1 - | …     a register per four channels,
//   line 1   b0 b1 b2 …    zipped:                                   times the weights of the
//   line 2   c0 c1 c2 …                                              column, zipped likewise, - is 0
//
// A column of inputs is zipped once for all the pixels of a tile that see it, the weights once for
// all pixels.
#include "kernels/dwconv/tap_loop.inl"
#include "kernels/gemm/int8_sums.inl"
#include "kernels/simd/neondot.h"

namespace smelt {

namespace {

using Taps = Int8WordTaps<NeonSums, StaticSum<NeonSums>>;
constexpr size_t kLanes = Taps::kLanes, kVecs = 2, kChannels = kVecs * kLanes;
constexpr size_t kLines = 3;  ///< of a group

/// Three lines of 8 channels; the third also where nothing belongs.
SMELT_INLINE NeonDot::Bytes interleave(int8x8_t a, int8x8_t b, int8x8_t c) {
  const auto zip = [](int8x8_t x, int8x8_t y) SMELT_INLINE_LAMBDA {
    return vreinterpretq_s16_s8(vzip1q_s8(vcombine_s8(x, x), vcombine_s8(y, y)));
  };
  const int16x8_t ab = zip(a, b), cc = zip(c, c);
  return {vreinterpretq_s8_s16(vzip1q_s16(ab, cc)), vreinterpretq_s8_s16(vzip2q_s16(ab, cc))};
}

/// Filters of kWidth columns that move by kStep, up to kGroups x kLines high, over whole panels.
template <int kWidth, int kStep, size_t kGroups>
struct Columns {
  /// Of kLanes channels and three lines.
  struct Weights {
    NeonDot::Bytes column[kWidth];
  };

  static SMELT_NOINLINE void run(const DwconvBlock& block, size_t c0, const std::byte* panel) {
    const DwconvBlock d = block;  // a copy, which stores to the output cannot change
    const std::byte* data = panel + Taps::kHeadFields * kChannels * 4;
    Weights weights[kVecs][kGroups];
    for (size_t v = 0; v < kVecs; ++v)
      for (size_t g = 0; g < kGroups; ++g)
        weights[v][g] = load_weights(data + v * kLanes, d.height, g * kLines);
    const std::byte* tail = data + d.height * kWidth * kChannels;
    for (size_t l = 0; l < d.lines; ++l)
      for (size_t v = 0; v < kVecs; ++v)
        tiles<8>(d, d.rows + l * d.line_step, l * d.pixels, (l + 1) * d.pixels, c0, panel, tail,
                 v * kLanes, weights[v]);
  }

 private:
  static SMELT_INLINE Weights load_weights(const std::byte* data, size_t height, size_t first) {
    Weights w;
    for (size_t x = 0; x < kWidth; ++x) {
      int8x8_t line[kLines];
      SMELT_UNROLL for (size_t y = 0; y < kLines; ++y) line[y] =
          first + y < height ? vld1_s8(reinterpret_cast<const int8_t*>(data) +
                                       ((first + y) * kWidth + x) * kChannels)
                             : vdup_n_s8(0);
      const NeonDot::Bytes all = interleave(line[0], line[1], line[2]);
      const int8x16_t three = vreinterpretq_s8_u32(vdupq_n_u32(0xffffff));
      w.column[x] = {vandq_s8(all.lo, three), vandq_s8(all.hi, three)};
    }
    return w;
  }

  /// Pixels [i, end) of a line, channels from `at` of the panel on.
  template <int kP>
  static SMELT_INLINE void tiles(const DwconvBlock& d, const void* const* row, size_t i, size_t end,
                                 size_t c0, const std::byte* panel, const std::byte* tail,
                                 size_t at, const Weights* weights) {
    SMELT_KEEP_LOOP for (; i + kP <= end; i += kP, row += kP * kStep) {
      Taps::Acc acc[kP];
      SMELT_UNROLL for (int p = 0; p < kP; ++p) acc[p] = Taps::start(panel, at);
      SMELT_UNROLL for (size_t g = 0; g < kGroups; ++g) {
        const void* const* line[kLines];
        // Lines beyond the filter are multiplied by 0.
        SMELT_UNROLL for (size_t y = 0; y < kLines; ++y) line[y] =
            row + (g * kLines + y < d.height ? g * kLines + y : 0) * d.tap_step;
        add<kP>(acc, line, c0 + at, weights[g]);
      }
      SMELT_UNROLL for (int p = 0; p < kP; ++p)
          Taps::finish(d, i + size_t(p), c0 + at, acc[p], tail, at, kLanes);
    }
    if constexpr (kP > 1) tiles<kP / 2>(d, row, i, end, c0, panel, tail, at, weights);
  }

  template <int kP>
  static SMELT_INLINE void add(Taps::Acc (&acc)[kP], const void* const* const (&line)[kLines],
                               size_t c, const Weights& weights) {
    const Weights w = weights;
    SMELT_UNROLL for (int column = 0; column < (kP - 1) * kStep + kWidth; ++column) {
      const auto load = [&](size_t y) SMELT_INLINE_LAMBDA {
        return vld1_s8(static_cast<const int8_t*>(line[y][column]) + c);
      };
      const NeonDot::Bytes in = interleave(load(0), load(1), load(2));
      SMELT_UNROLL for (int x = 0; x < kWidth; ++x) {
        const int p = (column - x) / kStep;
        if (column < x || p * kStep != column - x || p >= kP) continue;
        acc[p] = {vdotq_s32(acc[p].lo, in.lo, w.column[x].lo),
                  vdotq_s32(acc[p].hi, in.hi, w.column[x].hi)};
        // Keeps the next columns out of registers until then: there are none left.
        asm volatile("" : "+w"(acc[p].lo), "+w"(acc[p].hi) : : "memory");
      }
    }
  }
};

/// What TapLoop asks first: whether there is a quicker way for a whole panel.
struct DotTaps : Taps {
  static SMELT_INLINE bool whole_panel(const DwconvBlock& d, size_t c0, const std::byte* panel) {
    auto* const run = choose(d);
    if (run != nullptr) run(d, c0, panel);
    return run != nullptr;
  }

 private:
  using Run = void(const DwconvBlock&, size_t, const std::byte*);
  static Run* choose(const DwconvBlock& d) {
    if (d.width == 3 && d.pixel_step == 1) return by_height<3, 1>(d.height);
    if (d.width == 3 && d.pixel_step == 2) return by_height<3, 2>(d.height);
    if (d.width == 5 && d.pixel_step == 1) return by_height<5, 1>(d.height);
    if (d.width == 5 && d.pixel_step == 2) return by_height<5, 2>(d.height);
    return nullptr;
  }
  template <int kWidth, int kStep>
  static Run* by_height(size_t height) {
    return height <= kLines       ? Columns<kWidth, kStep, 1>::run
           : height <= 2 * kLines ? Columns<kWidth, kStep, 2>::run
                                  : nullptr;
  }
};

// Whole panels: 8 x 2 registers of accumulators, up to 10 of weights. Otherwise 4 x 2 x 2.
using Loop = TapLoop<DotTaps, 4, kVecs>;
void run(const DwconvBlock& d) { Loop::run(d); }
}  // namespace

extern constexpr DwconvKernel dwconv_qs8_neondot_4x16{
    .name = "dwconv_qs8_neondot_4x16",
    .isa = Isa::kNeonDot,
    .variant = DwconvVariant::kQs8,
    .filter = {.rows = {16}, .elem = DType::kS8, .head = kFoldedBias, .tail = kScale},
    .run = run};

}  // namespace smelt
