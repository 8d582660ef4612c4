// Every depthwise kernel against a sum in double or exact integers.
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "abi_canary.h"
#include "kernel_log.h"
#include "kernels/dwconv/kernels.h"
#include "kernels/pack/pack.h"
#include "support/guarded.h"
#include "support/random.h"

namespace smelt {
namespace {

constexpr std::byte kCanary{0xa5};

class DwconvKernelTest : public testing::TestWithParam<const DwconvKernel*> {
 protected:
  void SetUp() override {
    if (!test_cpu().isa.has(kernel().isa))
      GTEST_SKIP() << name(kernel().isa) << " is not available here";
    log_kernel_run(kernel().name, kernel().isa);
  }
  static const DwconvKernel& kernel() { return *GetParam(); }

  static DType element() {
    switch (kernel().variant) {
      case DwconvVariant::kF32:
        return DType::kF32;
      case DwconvVariant::kF16:
        return DType::kF16;
      case DwconvVariant::kQs8:
        return DType::kS8;
    }
    return DType::kF32;
  }
  static size_t element_bytes() { return layout_bits(element()) / 8; }

  static void fill(Guarded<std::byte>& memory, Random& random) {
    for (size_t i = 0; i < memory.size() / element_bytes(); ++i) {
      std::byte* p = memory.data() + i * element_bytes();
      const float f = random.real(-1, 1);
      const uint16_t h = Half(f).bits;
      const auto b = uint8_t(random.next());
      if (element() == DType::kF32) std::memcpy(p, &f, 4);
      if (element() == DType::kF16) std::memcpy(p, &h, 2);
      if (element() == DType::kS8) std::memcpy(p, &b, 1);
    }
  }
  static double value(const void* p, size_t i) {
    return source_value({.data = static_cast<const std::byte*>(p), .dtype = element()}, 0, 0, i);
  }

  struct Problem {
    size_t lines, pixels, height, width, channels;
    size_t line_step, tap_step, pixel_step;  // of pointers: small ones make neighbours share them
    size_t taps() const { return height * width; }
    size_t pointers() const {
      return taps() == 0 ? 0
                         : (lines - 1) * line_step + (height - 1) * tap_step +
                               (pixels - 1) * pixel_step + width;
    }
    size_t pointer(size_t pixel, size_t tap) const {
      return pixel / pixels * line_step + tap / width * tap_step + pixel % pixels * pixel_step +
             tap % width;
    }
  };

  // One line, nothing shared.
  static Problem apart(size_t pixels, size_t height, size_t width, size_t channels) {
    return {1, pixels, height, width, channels, 0, pixels * width, width};
  }
  // A window that moves by `step`.
  static Problem window(size_t lines, size_t pixels, size_t size, size_t step, size_t channels) {
    const size_t columns = (pixels - 1) * step + size;
    return {lines, pixels, size, size, channels, step * columns, columns, step};
  }

  static void check(const Problem& d, uint64_t seed) {
    SCOPED_TRACE(testing::Message()
                 << d.lines << " lines of " << d.pixels << " pixels, " << d.channels
                 << " channels, " << d.height << " x " << d.width << " taps; steps " << d.line_step
                 << ", " << d.tap_step << ", " << d.pixel_step);
    Random random(seed);
    const size_t channels = d.channels, taps = d.taps(), pixels = d.lines * d.pixels,
                 pointers = d.pointers();
    const size_t bytes = element_bytes(), gap = 3, out_pixel = (channels + gap) * bytes;
    Guarded<std::byte> in(pointers * channels * bytes), filter(taps * channels * bytes),
        out(pixels * out_pixel);
    Guarded<float> scale(channels), bias(channels);
    Guarded<int32_t> int_bias(channels);
    fill(in, random);
    fill(filter, random);
    std::memset(out.data(), int(kCanary), out.size());
    for (float& s : scale) s = random.real(0.5f, 1.5f) / (200 * std::sqrt(float(taps)));
    for (float& b : bias) b = random.real(-1, 1);
    for (int32_t& b : int_bias) b = random.integer(-2000, 2000);
    const bool integer = kernel().variant == DwconvVariant::kQs8;
    const OutputStage stage = integer ? OutputStage{-90, 100, 7} : OutputStage{-1.5f, 2, 0};

    std::vector<size_t> offsets;
    for (size_t t = 0; t < taps; ++t) offsets.push_back(t * channels);
    const PackSource source{.data = filter.data(),
                            .dtype = element(),
                            .row_stride = 1,
                            .taps = offsets,
                            .bias = integer ? int_bias.bytes() : bias.bytes(),
                            .bias_dtype = integer ? DType::kS32 : DType::kF32,
                            .scale = scale.data(),
                            .lhs_zero = -11};
    const PackShape shape{.rows = channels, .kc = 1, .taps = taps};
    const size_t vl32 = test_cpu().sme_vl32;
    Guarded<std::byte> packed(packed_bytes(kernel().filter, shape, vl32).value());
    pack(kernel().filter, shape, vl32, source, packed.data());
    std::vector<const void*> rows;
    std::vector<void*> out_rows;
    // Backwards, so that the order of taps matters.
    for (size_t i = 0; i < pointers; ++i)
      rows.push_back(in.data() + (pointers - 1 - i) * channels * bytes);
    for (size_t i = 0; i < pixels; ++i) out_rows.push_back(out.data() + i * out_pixel);
    const DwconvBlock block{.lines = d.lines,
                            .pixels = d.pixels,
                            .height = d.height,
                            .width = d.width,
                            .channels = channels,
                            .rows = rows.data(),
                            .line_step = d.line_step,
                            .tap_step = d.tap_step,
                            .pixel_step = d.pixel_step,
                            .filter = packed.data(),
                            .filter_panel_stride = panel_map(kernel().filter, shape, vl32).stride,
                            .out = out_rows.data(),
                            .stage = stage};
    EXPECT_EQ(call_in_every_state([&] { kernel().run(block); }), "");

    for (size_t i = 0; i < pixels; ++i) {
      for (size_t c = 0; c < channels; ++c) {
        double sum = integer ? int_bias[c] : double(bias[c]), magnitude = std::abs(sum);
        for (size_t t = 0; t < taps; ++t) {
          const double x = value(rows[d.pointer(i, t)], c) + (integer ? 11 : 0);
          sum += x * value(filter.data(), t * channels + c);
          magnitude += std::abs(x * value(filter.data(), t * channels + c));
        }
        if (integer) sum = double(float(sum) * scale[c]);
        double want = std::min(std::max(sum, double(stage.min)), double(stage.max));
        if (integer) want = std::nearbyint(want) + stage.zero;
        double tolerance = integer ? 0 : double(taps + 4) * 0x1p-23 * magnitude;
        if (element() == DType::kF16) tolerance += std::abs(want) * 0x1p-11 + 0x1p-25;
        ASSERT_NEAR(value(out_rows[i], c), want, tolerance) << "pixel " << i << ", channel " << c;
      }
      for (size_t b = channels * bytes; b < out_pixel; ++b)
        ASSERT_EQ(out[i * out_pixel + b], kCanary) << "beyond pixel " << i;
    }
  }
};

TEST_P(DwconvKernelTest, TileEdges) {
  const size_t panel = kernel().filter.rows.at(test_cpu().sme_vl32), half = panel / 2;
  uint64_t seed = 0;
  for (size_t channels : std::set<size_t>{1, 2, 3, half, half + 1, panel - 1, panel, panel + 1,
                                          panel + half, 2 * panel + 3}) {
    if (channels == 0) continue;
    for (size_t pixels : {1, 2, 3, 9}) check(apart(pixels, 3, 3, channels), ++seed);
    check(window(1, 5, 3, 1, channels), ++seed);
  }
}

TEST_P(DwconvKernelTest, Taps) {
  const size_t channels = kernel().filter.rows.at(test_cpu().sme_vl32) + 1;
  check(apart(5, 0, 0, channels), 1);
  for (size_t width : {1, 2, 3, 4, 5, 7})
    for (size_t height : {1, 3, 6}) check(apart(5, height, width, channels), width);
}

TEST_P(DwconvKernelTest, Windows) {
  for (size_t size : {3, 5})
    for (size_t step : {1, 2, 3})
      for (size_t pixels : {1, 2, 3, 4, 5, 6, 7, 10, 15})
        check(window(3, pixels, size, step, 5), pixels);
  const size_t channels = kernel().filter.rows.at(test_cpu().sme_vl32) * 2 - 1;
  for (size_t size : {3, 5})
    for (size_t step : {1, 2}) check(window(2, 15, size, step, channels), step);
  // Kernels that keep several lines of sums: few lines, and strips of pixels of several widths.
  for (size_t lines : {1, 2, 3, 7})
    for (size_t pixels : {8, 9, 16, 17, 24, 43})
      check(window(lines, pixels, 3, 1, channels / 2 + 2), lines * pixels);
}

// Filters that are not square, over whole panels.
TEST_P(DwconvKernelTest, Oblong) {
  const size_t channels = kernel().filter.rows.at(test_cpu().sme_vl32) + 1, pixels = 11;
  for (size_t width : {3, 5})
    for (size_t height : {1, 2, 4, 5, 6, 7})
      for (size_t step : {1, 2}) {
        const size_t columns = (pixels - 1) * step + width;
        check({2, pixels, height, width, channels, step * columns, columns, step}, height);
      }
}

INSTANTIATE_TEST_SUITE_P(All, DwconvKernelTest,
                         testing::ValuesIn(dwconv_kernels().begin(), dwconv_kernels().end()),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace smelt
