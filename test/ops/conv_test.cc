// Convolutions, transposed and depthwise ones, against their definitions.
#include <array>
#include <cmath>
#include <tuple>

#include <gtest/gtest.h>

#include "gemm_node.h"

namespace smelt {
namespace {

enum class Kind { kPlain, kTransposed, kDepthwise };

int64_t extent(Kind kind, int64_t in, int64_t kernel, int64_t stride, int64_t dilation,
               int64_t pads, int64_t adjust) {
  const int64_t span = (kernel - 1) * dilation + 1;
  if (kind == Kind::kTransposed) return (in - 1) * stride + span + adjust - pads;
  return (in + pads - span) / stride + 1;
}

// Adds the products of each input element to the outputs that it reaches: the same loop for all
// kinds, which differ in where a tap leads.
Expected convolve(Kind kind, const TestOperand& in, const TestOperand& filter,
                  const TestOperand* bias, const ConvAttrs& a) {
  const Shape& s = in.shape;
  const int64_t out_channels = int64_t(a.groups) * a.out_per_group,
                in_channels = int64_t(a.groups) * a.in_per_group;
  Expected e;
  e.shape = {s[0],
             extent(kind, s[1], a.kernel_h, a.stride_h, a.dilation_h,
                    int64_t(a.pad_top) + a.pad_bottom, a.adjust_h),
             extent(kind, s[2], a.kernel_w, a.stride_w, a.dilation_w,
                    int64_t(a.pad_left) + a.pad_right, a.adjust_w),
             out_channels};
  for (size_t i = 0; i < e.shape.numel(); ++i) {
    e.values.push_back(bias == nullptr ? 0 : bias->values[i % size_t(out_channels)]);
    e.magnitudes.push_back(std::abs(e.values.back()));
  }
  // The output position of (input, tap) on one axis, or -1.
  const auto position = [&](int64_t i, int64_t k, int64_t stride, int64_t dilation, int64_t pad,
                            int64_t limit) {
    int64_t o;
    if (kind == Kind::kTransposed) {
      o = i * stride + k * dilation - pad;
    } else {
      o = i + pad - k * dilation;
      if (o < 0 || o % stride != 0) return int64_t(-1);
      o /= stride;
    }
    return o < 0 || o >= limit ? int64_t(-1) : o;
  };
  for (int64_t n = 0; n < s[0]; ++n)
    for (int64_t y = 0; y < s[1]; ++y)
      for (int64_t x = 0; x < s[2]; ++x)
        for (int64_t ky = 0; ky < a.kernel_h; ++ky)
          for (int64_t kx = 0; kx < a.kernel_w; ++kx) {
            const int64_t oy = position(y, ky, a.stride_h, a.dilation_h, a.pad_top, e.shape[1]);
            const int64_t ox = position(x, kx, a.stride_w, a.dilation_w, a.pad_left, e.shape[2]);
            if (oy < 0 || ox < 0) continue;
            for (int64_t oc = 0; oc < out_channels; ++oc)
              for (int64_t c = 0; c < a.in_per_group; ++c) {
                const int64_t ic = oc / a.out_per_group * a.in_per_group + c;
                const double v = in.values[size_t(((n * s[1] + y) * s[2] + x) * in_channels + ic)];
                const int64_t f =
                    kind == Kind::kDepthwise
                        ? (ky * a.kernel_w + kx) * out_channels + oc
                        : ((oc * a.kernel_h + ky) * a.kernel_w + kx) * a.in_per_group + c;
                const size_t o =
                    size_t(((n * e.shape[1] + oy) * e.shape[2] + ox) * out_channels + oc);
                const double w = filter.values[size_t(f)];
                e.values[o] += v * w;
                e.magnitudes[o] +=
                    std::abs(v * w) + (in.desc().is_per_token() ? 512 * 0.05 * std::abs(w) : 0);
              }
          }
  return e;
}

auto maker(Kind kind) {
  return kind == Kind::kPlain        ? make_conv2d
         : kind == Kind::kTransposed ? make_conv_transpose2d
                                     : make_depthwise_conv2d;
}

Shape filter_shape(Kind kind, const ConvAttrs& a) {
  const int64_t channels = int64_t(a.groups) * a.out_per_group;
  if (kind == Kind::kDepthwise) return {1, a.kernel_h, a.kernel_w, channels};
  return {channels, a.kernel_h, a.kernel_w, a.in_per_group};
}

void check(Kind kind, const TestOperand& in, const TestOperand& filter, const TestOperand* bias,
           OperandPtr out, const ConvAttrs& a, OutputRange range = {}) {
  run_node({maker(kind), a, range, {&in, &filter, bias}, out.get()});
  if (testing::Test::HasFatalFailure()) return;
  expect_values(*out, convolve(kind, in, filter, bias, a), range,
                size_t(a.kernel_h) * a.kernel_w * a.in_per_group);
}

// Every type that the operators take.
void check_all_types(Kind kind, Shape input, const ConvAttrs& a) {
  SCOPED_TRACE(testing::Message() << "input " << to_string(input) << ", kernel " << a.kernel_h
                                  << " x " << a.kernel_w << ", stride " << a.stride_h << " x "
                                  << a.stride_w << ", dilation " << a.dilation_h << " x "
                                  << a.dilation_w << ", groups " << a.groups);
  const Shape f = filter_shape(kind, a);
  const int64_t channels = int64_t(a.groups) * a.out_per_group;
  const auto bias = float_operand(DType::kF32, {channels}, 3);
  {
    const auto in = float_operand(DType::kF32, input, 1), filter = float_operand(DType::kF32, f, 2);
    check(kind, *in, *filter, bias.get(), output_of(DType::kF32), a);
    check(kind, *in, *filter, nullptr, output_of(DType::kF32), a, {-0.5f, 0.25f});
  }
  {
    const auto in = float_operand(DType::kF16, input, 1), filter = float_operand(DType::kF16, f, 2);
    check(kind, *in, *filter, bias.get(), output_of(DType::kF16), a);
  }
  {
    const auto in = int8_operand(input, 0.02f, 33, 1);
    OperandPtr filters[] = {int8_operand(f, 0.01f, 0, 2),
                            int8_channels(f, kind == Kind::kDepthwise ? 3 : 0, 2)};
    for (const OperandPtr& filter : filters) {
      const auto int_bias = int32_bias(*in, *filter, size_t(channels), 3);
      check(kind, *in, *filter, int_bias.get(), output_of(DType::kS8, 0.05f, -3), a);
      check(kind, *in, *filter, nullptr, output_of(DType::kS8, 0.05f, 3), a, {0, 6});
    }
  }
  if (kind != Kind::kDepthwise) {
    const auto in = dynamic_operand(input, 3, 1), filter = int8_channels(f, 0, 2);
    check(kind, *in, *filter, bias.get(), output_of(DType::kF32), a);
  }
}

/// Attributes from pairs of (h, w); padding is top, right, bottom, left.
struct Geometry {
  std::array<uint32_t, 2> kernel = {1, 1}, stride = {1, 1}, dilation = {1, 1};
  std::array<uint32_t, 4> pad = {};
  uint32_t groups = 1, in = 1, out = 1;

  operator ConvAttrs() const {
    ConvAttrs a;
    std::tie(a.kernel_h, a.kernel_w) = std::tie(kernel[0], kernel[1]);
    std::tie(a.stride_h, a.stride_w) = std::tie(stride[0], stride[1]);
    std::tie(a.dilation_h, a.dilation_w) = std::tie(dilation[0], dilation[1]);
    std::tie(a.pad_top, a.pad_right) = std::tie(pad[0], pad[1]);
    std::tie(a.pad_bottom, a.pad_left) = std::tie(pad[2], pad[3]);
    std::tie(a.groups, a.in_per_group, a.out_per_group) = std::tie(groups, in, out);
    return a;
  }
};

const Geometry kGeometries[] = {
    {.in = 5, .out = 7},
    {.kernel = {3, 3}, .in = 3, .out = 9},
    {.kernel = {3, 3}, .pad = {1, 1, 1, 1}, .in = 4, .out = 4},
    {.kernel = {4, 2}, .stride = {2, 3}, .pad = {2, 1, 0, 3}, .in = 3, .out = 5},
    {.kernel = {2, 3}, .dilation = {3, 2}, .pad = {1, 2, 1, 2}, .in = 2, .out = 3},
    {.kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1, 1, 1}, .groups = 3, .in = 4, .out = 2},
    {.stride = {2, 2}, .in = 6, .out = 6},
    {.groups = 4, .in = 3, .out = 5},
    {.pad = {2, 2, 2, 2}, .in = 2, .out = 2},
};

TEST(Conv2d, Geometries) {
  for (const Geometry& a : kGeometries)
    for (int64_t images : {1, 3})
      check_all_types(Kind::kPlain, {images, 7, 8, int64_t(a.groups) * a.in}, a);
}

TEST(ConvTranspose2d, Geometries) {
  for (ConvAttrs a : kGeometries) {
    for (int64_t images : {1, 2}) {
      for (uint32_t adjust : {0, 1}) {
        a.adjust_h = adjust;
        a.adjust_w = adjust;
        check_all_types(Kind::kTransposed, {images, 5, 7, int64_t(a.groups) * a.in_per_group}, a);
      }
    }
  }
}

// Strides beyond the filter leave outputs that no tap reaches; strides and dilations with a common
// factor, phases without taps.
TEST(ConvTranspose2d, SparsePhases) {
  for (const auto& [h, w, a] : std::initializer_list<std::tuple<int64_t, int64_t, Geometry>>{
           {3, 3, {.kernel = {2, 1}, .stride = {3, 4}, .in = 2, .out = 3}},
           {3,
            4,
            {.kernel = {3, 3},
            .stride = {2, 4},
            .dilation = {2, 2},
            .pad = {1},
            .in = 2,
            .out = 3}},
           {1, 1, {.stride = {5, 5}, .in = 2, .out = 3}}})
    check_all_types(Kind::kTransposed, {1, h, w, 2}, a);
}

TEST(DepthwiseConv2d, Geometries) {
  for (ConvAttrs a : kGeometries) {
    for (uint32_t multiplier : {1, 3}) {
      a.groups = 10;
      a.in_per_group = 1;
      a.out_per_group = multiplier;
      check_all_types(Kind::kDepthwise, {2, 7, 8, 10}, a);
    }
  }
  // Every convolution of one channel is depthwise to the exporter.
  check_all_types(Kind::kDepthwise, {1, 9, 9, 1}, Geometry{.kernel = {3, 3}, .out = 16});
}

TEST(Conv2d, LargeEnoughToSplit) {
  const ConvAttrs a = Geometry{.kernel = {3, 3}, .pad = {1, 1, 1, 1}, .in = 16, .out = 24};
  const auto in = float_operand(DType::kF32, {1, 24, 24, 16}, 1);
  const auto filter = float_operand(DType::kF32, filter_shape(Kind::kPlain, a), 2);
  check(Kind::kPlain, *in, *filter, nullptr, output_of(DType::kF32), a);
}

// Signals, as exporters write them: images of one column.
const Geometry kSignals[] = {
    {.kernel = {7, 1}, .pad = {3, 0, 3, 0}, .in = 8, .out = 1},
    {.kernel = {3, 1}, .pad = {1, 0, 1, 0}, .in = 16, .out = 16},
    {.kernel = {3, 1}, .dilation = {5, 1}, .pad = {10, 0, 0, 0}, .in = 5, .out = 3},
    {.kernel = {4, 1}, .stride = {2, 2}, .pad = {1, 0, 2, 0}, .groups = 2, .in = 3, .out = 5},
    {.kernel = {2, 1}, .stride = {3, 1}, .in = 20, .out = 9},
};

TEST(Conv, ImagesOfOneColumn) {
  for (ConvAttrs a : kSignals) {
    check_all_types(Kind::kPlain, {2, 23, 1, int64_t(a.groups) * a.in_per_group}, a);
    a.adjust_h = a.stride_h - 1;
    check_all_types(Kind::kTransposed, {2, 23, 1, int64_t(a.groups) * a.in_per_group}, a);
    a.groups = 10;
    a.in_per_group = 1;
    check_all_types(Kind::kDepthwise, {2, 23, 1, 10}, a);
  }
}

// They have the bytes of images of one line, so they are to cost the same: the copy with padding
// has no room between pixels, and a filter's taps are one run.
TEST(Conv, ColumnsCostWhatLinesCost) {
  const auto scratch = [](DType type, bool column) {
    const ConvAttrs a = column
                            ? Geometry{.kernel = {7, 1}, .pad = {3, 0, 3, 0}, .in = 16, .out = 16}
                            : Geometry{.kernel = {1, 7}, .pad = {0, 3, 0, 3}, .in = 16, .out = 16};
    const auto in = float_operand(type, column ? Shape{1, 500, 1, 16} : Shape{1, 1, 500, 16}, 1),
               filter = float_operand(type, filter_shape(Kind::kPlain, a), 2);
    const auto out = output_of(type);
    const GemmNode node{make_conv2d, a, {}, {in.get(), filter.get()}, out.get()};
    const auto op = make_conv2d(node.spec(), gemm_cpu());
    if (!op) return size_t(0);
    const auto shapes = (*op)->infer(std::array{in->shape, filter->shape});
    if (!shapes) return size_t(0);
    out->shape = (*shapes)[0];
    const auto bound =
        (*op)->bind(std::array{in->desc(), filter->desc()}, std::array{out->desc()}, 1);
    return bound ? (*bound)->scratch_bytes() : 0;
  };
  for (DType type : {DType::kF32, DType::kF16}) {
    EXPECT_NE(scratch(type, false), 0u);
    EXPECT_EQ(scratch(type, true), scratch(type, false)) << name(type);
  }
}

// Only as long as they have one column.
TEST(Conv, ImagesOfMoreColumnsThanDeclared) {
  const ConvAttrs a = Geometry{.kernel = {3, 1}, .in = 2, .out = 4};
  const auto in = float_operand(DType::kF32, {1, 9, 1, 2}, 1),
             filter = float_operand(DType::kF32, filter_shape(Kind::kPlain, a), 2);
  const auto out = output_of(DType::kF32);
  const GemmNode node{make_conv2d, a, {}, {in.get(), filter.get()}, out.get()};
  const auto op = make_conv2d(node.spec(), gemm_cpu());
  ASSERT_TRUE(op) << op.error().message;
  const auto shapes = (*op)->infer(std::array{Shape{1, 9, 2, 2}, filter->shape});
  ASSERT_FALSE(shapes);
  EXPECT_EQ(shapes.error().message, "input has shape [1, 9, 2, 2], expected [n, h, 1, 2]");
  const auto fewer = (*op)->infer(std::array{Shape{1, 5, 1, 2}, filter->shape});
  ASSERT_TRUE(fewer) << fewer.error().message;
  EXPECT_EQ((*fewer)[0], (Shape{1, 3, 1, 4}));
}

// Each field, set to what no sound file holds.
TEST(Conv, Errors) {
  const ConvAttrs good = Geometry{.kernel = {3, 3}, .groups = 2, .out = 4};
  uint32_t ConvAttrs::*const positive[] = {
      &ConvAttrs::kernel_h, &ConvAttrs::kernel_w,     &ConvAttrs::stride_h,
      &ConvAttrs::stride_w, &ConvAttrs::dilation_h,   &ConvAttrs::dilation_w,
      &ConvAttrs::groups,   &ConvAttrs::in_per_group, &ConvAttrs::out_per_group};
  for (Kind kind : {Kind::kPlain, Kind::kTransposed, Kind::kDepthwise}) {
    SCOPED_TRACE(int(kind));
    const auto in = float_operand(DType::kF32, {1, 5, 5, 2}, 1);
    const auto filter = float_operand(DType::kF32, filter_shape(kind, good), 2);
    const auto out = output_of(DType::kF32);
    const auto failed = [&](const ConvAttrs& a, const TestOperand& x, const TestOperand& f,
                            const TestOperand* bias) {
      return make_error({maker(kind), a, {}, {&x, &f, bias}, out.get()}).has_value();
    };
    EXPECT_FALSE(failed(good, *in, *filter, nullptr));
    for (auto field : positive) {
      ConvAttrs bad = good;
      bad.*field = 0;
      EXPECT_TRUE(failed(bad, *in, *filter, nullptr));
    }
    // The filter contradicts these.
    for (auto field : {&ConvAttrs::kernel_h, &ConvAttrs::kernel_w, &ConvAttrs::groups,
                       &ConvAttrs::in_per_group, &ConvAttrs::out_per_group}) {
      ConvAttrs bad = good;
      bad.*field = 0xffffffffu;
      EXPECT_TRUE(failed(bad, *in, *filter, nullptr));
    }
    // No input reaches that far: the filter spans more than the input, or the padding takes all of
    // the output.
    ConvAttrs bad = good;
    (kind == Kind::kTransposed ? bad.pad_top : bad.dilation_h) = 0xffffffffu;
    EXPECT_TRUE(failed(bad, *in, *filter, nullptr));
    EXPECT_TRUE(failed(good, *float_operand(DType::kF32, {1, 5, 5, 3}, 1), *filter, nullptr));
    EXPECT_TRUE(failed(good, *float_operand(DType::kF32, {5, 5, 2}, 1), *filter, nullptr));
    if (kind != Kind::kTransposed)
      EXPECT_TRUE(failed(good, *float_operand(DType::kF32, {1, 2, 5, 2}, 1), *filter, nullptr));
    EXPECT_TRUE(failed(good, *in, *float_operand(DType::kF32, {8, 3, 3, 2}, 1), nullptr));
    EXPECT_TRUE(failed(good, *in, *filter, float_operand(DType::kF32, {7}, 1).get()));
    EXPECT_TRUE(failed(
        good, *in, *computed(float_operand(DType::kF32, filter_shape(kind, good), 2)), nullptr));
    EXPECT_TRUE(failed(good, *dynamic_operand({1, 5, 5, 2}, 1, 1),
                       *int8_channels(filter_shape(kind, good), 0, 1), nullptr));
  }
}

}  // namespace
}  // namespace smelt
