// Programs whose nodes have quantised and float operands at once, as exporters write them, against
// what the operators mean on real numbers.
#include <algorithm>
#include <cmath>

#include "author/graph_builder.h"
#include "author/pte_writer.h"
#include "loaded.h"
#include "support/random.h"

namespace smelt::program {
namespace {

using Reals = std::vector<double>;

const Shape kImage = {1, 4, 4, 2};
constexpr float kScale = 0.5f;
const Quant kInt8 = GraphBuilder::per_tensor({kScale, 3});

/// y = f(x) where both are floats outside; inside, what f reads and gives is int8 or float.
template <class F>
Graph between(bool int8_in, bool int8_out, const Shape& out_shape, F f) {
  GraphBuilder b;
  const ValueId x = b.input(DType::kF32, kImage);
  ValueId in = x;
  if (int8_in) b.node(OpKind::kConvert, {x}, {in = b.value(DType::kS8, kImage, kInt8)});
  const ValueId out =
      int8_out ? b.value(DType::kS8, out_shape, kInt8) : b.value(DType::kF32, out_shape);
  f(b, in, out);
  ValueId y = out;
  if (int8_out) b.node(OpKind::kConvert, {out}, {y = b.value(DType::kF32, out_shape)});
  b.output(y);
  return std::move(b).finish();
}

Result<Loaded> load_graph(const Graph& graph) {
  Loaded l;
  SMELT_ASSIGN(l.bytes, write_pte(graph));
  SMELT_ASSIGN(ProgramFile file, ProgramFile::parse(l.bytes, "test.pte"));
  auto source = std::make_shared<const ProgramSource>(ProgramSource{std::move(file), {}});
  SMELT_ASSIGN(l.method, LoadedMethod::load(std::move(source), "forward", *Cpu::detect(), 1));
  return l;
}

void expect_real(const Graph& graph, Floats x, const Reals& expected, double tolerance) {
  auto l = load_graph(graph);
  ASSERT_OK(l);
  const Value inputs[] = {TensorView::of(std::span<float>(x), graph.values[graph.inputs[0]].shape)};
  Value outputs[1];
  ASSERT_OK(l->method->run(inputs, outputs));
  const Floats y = floats(outputs[0]);
  ASSERT_EQ(y.size(), expected.size());
  for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], tolerance) << i;
}

/// Multiples of 2 that int8 of kInt8 holds exactly.
Floats image() {
  Random random(5);
  Floats x(kImage.numel());
  for (float& v : x) v = float(2 * random.integer(-4, 4));
  return x;
}
double at(const Floats& x, size_t h, size_t w, size_t c) { return x[(h * 4 + w) * 2 + c]; }

/// f(window of 2x2), for all windows.
template <class F>
Reals windows(const Floats& x, F f) {
  Reals y;
  for (size_t h = 0; h < 4; h += 2)
    for (size_t w = 0; w < 4; w += 2)
      for (size_t c = 0; c < 2; ++c)
        y.push_back(
            f(at(x, h, w, c), at(x, h, w + 1, c), at(x, h + 1, w, c), at(x, h + 1, w + 1, c)));
  return y;
}

template <class F>
Reals each(const Floats& x, F f) {
  Reals y;
  for (const float v : x) y.push_back(f(double(v)));
  return y;
}

struct Case {
  const char* name;
  Shape out;
  void (*make)(GraphBuilder&, ValueId in, ValueId out);
  Reals (*expected)(const Floats&);
};

const Case kCases[] = {
    {"slice",
     {1, 2, 4, 2},
     [](GraphBuilder& b, ValueId in, ValueId out) {
       b.node(OpKind::kSlice, {in}, {out}, SliceAttrs{{0, 1, 0, 0}, {1, 2, 4, 2}});
     },
     [](const Floats& x) { return Reals(x.begin() + 8, x.begin() + 24); }},
    {"reshape",
     {4, 8},
     [](GraphBuilder& b, ValueId in, ValueId out) {
       b.node(OpKind::kReshape, {in}, {out}, ReshapeAttrs{{4, 8}});
     },
     [](const Floats& x) { return Reals(x.begin(), x.end()); }},
    {"transpose",
     {1, 2, 4, 4},
     [](GraphBuilder& b, ValueId in, ValueId out) {
       b.node(OpKind::kTranspose, {in}, {out}, TransposeAttrs{{0, 3, 1, 2}});
     },
     [](const Floats& x) {
       Reals y;
       for (size_t c = 0; c < 2; ++c)
         for (size_t i = 0; i < 16; ++i) y.push_back(x[i * 2 + c]);
       return y;
     }},
    {"pad",
     {1, 5, 4, 2},
     [](GraphBuilder& b, ValueId in, ValueId out) {
       b.node(OpKind::kPad, {in}, {out}, PadAttrs{{0, 1, 0, 0}, {0, 0, 0, 0}, 1.5f});
     },
     [](const Floats& x) {
       Reals y(8, 1.5);
       y.insert(y.end(), x.begin(), x.end());
       return y;
     }},
    {"concatenate",
     {1, 8, 4, 2},
     [](GraphBuilder& b, ValueId in, ValueId out) {
       b.node(OpKind::kConcatenate, {in, in}, {out}, ConcatAttrs{1});
     },
     [](const Floats& x) {
       Reals y(x.begin(), x.end());
       y.insert(y.end(), x.begin(), x.end());
       return y;
     }},
    {"clamp", kImage,
     [](GraphBuilder& b, ValueId in, ValueId out) {
       b.node(OpKind::kClamp, {in}, {out}, {}, {-1.5f, 3.0f});
     },
     [](const Floats& x) { return each(x, [](double v) { return std::clamp(v, -1.5, 3.0); }); }},
    {"negate", kImage,
     [](GraphBuilder& b, ValueId in, ValueId out) { b.node(OpKind::kNegate, {in}, {out}); },
     [](const Floats& x) { return each(x, [](double v) { return -v; }); }},
    {"sigmoid", kImage,
     [](GraphBuilder& b, ValueId in, ValueId out) { b.node(OpKind::kSigmoid, {in}, {out}); },
     [](const Floats& x) { return each(x, [](double v) { return 1 / (1 + std::exp(-v)); }); }},
    {"add", kImage,
     [](GraphBuilder& b, ValueId in, ValueId out) {
       b.node(OpKind::kAdd, {in, in}, {out});
     },
     [](const Floats& x) { return each(x, [](double v) { return v + v; }); }},
    {"multiply by a constant of int8", kImage,
     [](GraphBuilder& b, ValueId in, ValueId out) {
       const ValueId c = b.constant(DType::kS8, {2}, std::vector<int8_t>{5, 1},
                                    GraphBuilder::per_tensor({0.75f, 3}));
       b.node(OpKind::kMultiply, {in, c}, {out});
     },
     [](const Floats& x) {
       Reals y;
       for (size_t i = 0; i < x.size(); ++i) y.push_back(x[i] * (i % 2 == 0 ? 1.5 : -1.5));
       return y;
     }},
    {"maximum of windows",
     {1, 2, 2, 2},
     [](GraphBuilder& b, ValueId in, ValueId out) {
       b.node(OpKind::kMaxPool2d, {in}, {out},
              PoolAttrs{.pool_h = 2, .pool_w = 2, .stride_h = 2, .stride_w = 2});
     },
     [](const Floats& x) {
       return windows(x, [](double p, double q, double r, double s) {
         return std::max({p, q, r, s});
       });
     }},
    {"average of windows",
     {1, 2, 2, 2},
     [](GraphBuilder& b, ValueId in, ValueId out) {
       b.node(OpKind::kAvgPool2d, {in}, {out},
              PoolAttrs{.pool_h = 2, .pool_w = 2, .stride_h = 2, .stride_w = 2});
     },
     [](const Floats& x) {
       return windows(x,
                      [](double p, double q, double r, double s) { return (p + q + r + s) / 4; });
     }},
    {"average",
     {1, 1, 1, 2},
     [](GraphBuilder& b, ValueId in, ValueId out) {
       b.node(OpKind::kGlobalAvgPool2d, {in}, {out});
     },
     [](const Floats& x) {
       Reals y(2);
       for (size_t i = 0; i < x.size(); ++i) y[i % 2] += x[i] / 16;
       return y;
     }},
    {"resize",
     {1, 7, 4, 2},
     [](GraphBuilder& b, ValueId in, ValueId out) {
       b.node(OpKind::kResizeBilinear2d, {in}, {out},
              ResizeAttrs{.height = 7, .width = 4, .align_corners = true});
     },
     [](const Floats& x) {
       Reals y;
       for (size_t h = 0; h < 7; ++h)
         for (size_t i = 0; i < 8; ++i)
           y.push_back((x[h / 2 * 8 + i] + x[(h + 1) / 2 * 8 + i]) / 2.0);
       return y;
     }},
    {"softmax", kImage,
     [](GraphBuilder& b, ValueId in, ValueId out) { b.node(OpKind::kSoftmax, {in}, {out}); },
     [](const Floats& x) {
       Reals y;
       for (size_t i = 0; i < x.size(); ++i)
         y.push_back(1 / (1 + std::exp(double(x[i ^ 1]) - double(x[i]))));
       return y;
     }},
};

TEST(MixedOperands, ComputeOnWhatTheyStandFor) {
  const Floats x = image();
  for (const Case& c : kCases) {
    for (const bool int8_in : {true, false}) {
      for (const bool int8_out : {true, false}) {
        SCOPED_TRACE(std::string(c.name) + (int8_in ? " of int8" : " of floats") +
                     (int8_out ? " to int8" : " to floats"));
        Reals expected = c.expected(x);
        // What int8 holds: (-128 - 3) / 2 to (127 - 3) / 2.
        expect_real(between(int8_in, int8_out, c.out, c.make), x, expected,
                    int8_out ? 0.5 * kScale + 1e-6 : 1e-6);
      }
    }
  }
}

TEST(MixedOperands, OneOfTwoMayBeQuantised) {
  const Floats x = image();
  for (const bool int8_out : {true, false}) {
    expect_real(between(true, int8_out, kImage,
                        [](GraphBuilder& b, ValueId in, ValueId out) {
                          const ValueId real = b.value(DType::kF32, kImage);
                          b.node(OpKind::kConvert, {in}, {real});
                          b.node(OpKind::kSubtract, {real, in}, {out});
                        }),
                x, Reals(x.size(), 0), 1e-6);
  }
}

/// A product of the 2 channels of a pixel with weights [4, 2], as each node that multiplies
/// computes it.
struct Product {
  bool int8_in = false, int8_weights = false, int8_out = false, per_channel = false;
  enum Bias { kNone, kFloat, kInt32, kPlainInt32 } bias = kNone;
  OpKind kind;
};

constexpr size_t kOut = 4;
const std::vector<int8_t> kWeights = {1, -2, 3, 4, -5, 6, 7, 2};
const std::vector<int32_t> kBias = {8, -4, 6, 2};

Graph product(const Product& p) {
  const bool depthwise = p.kind == OpKind::kDepthwiseConv2d;
  const bool matrix = p.kind == OpKind::kFullyConnected;
  const Shape out = {1, 4, 4, int64_t(kOut)};
  return between(p.int8_in, p.int8_out, out, [&](GraphBuilder& b, ValueId in, ValueId y) {
    const Shape shape = matrix      ? Shape{kOut, 2}
                        : depthwise ? Shape{1, 1, 1, kOut}
                                    : Shape{kOut, 1, 1, 2};
    const size_t n = depthwise ? kOut : 2 * kOut;
    const Floats scales(p.per_channel ? kOut : 1, 0.25f);
    std::vector<int8_t> stored(kWeights.begin(), kWeights.begin() + ptrdiff_t(n));
    Floats real;
    for (const int8_t w : stored) real.push_back(0.25f * float(w));
    const Quant weights_quant = p.per_channel ? b.per_channel(scales, depthwise ? 3 : 0)
                                              : GraphBuilder::per_tensor({0.25f, 0});
    const ValueId weights = p.int8_weights ? b.constant(DType::kS8, shape, stored, weights_quant)
                                           : b.constant(DType::kF32, shape, real);
    ValueId bias = kNoValue;
    Floats real_bias;
    for (const int32_t v : kBias) real_bias.push_back(float(v) * 0.125f);
    const Floats bias_scales(kOut, 0.125f);
    if (p.bias == Product::kFloat) bias = b.constant(DType::kF32, {kOut}, real_bias);
    if (p.bias == Product::kInt32)
      bias = b.constant(
          DType::kS32, {kOut}, kBias,
          p.per_channel ? b.per_channel(bias_scales) : GraphBuilder::per_tensor({0.125f, 0}));
    if (p.bias == Product::kPlainInt32) bias = b.constant(DType::kS32, {kOut}, kBias);
    Attrs attrs;
    if (depthwise) attrs = ConvAttrs{.groups = 2, .in_per_group = 1, .out_per_group = 2};
    if (!depthwise && !matrix) attrs = ConvAttrs{.in_per_group = 2, .out_per_group = kOut};
    if (matrix) attrs = FullyConnectedAttrs{};
    b.node(p.kind, {in, weights, bias}, {y}, attrs);
  });
}

Reals expected_product(const Product& p, const Floats& x) {
  Reals y;
  for (size_t pixel = 0; pixel < 16; ++pixel)
    for (size_t o = 0; o < kOut; ++o) {
      double sum = p.bias == Product::kNone ? 0 : 0.125 * kBias[o];
      if (p.kind == OpKind::kDepthwiseConv2d) {
        sum += double(x[pixel * 2 + o / 2]) * 0.25 * kWeights[o];
      } else {
        for (size_t i = 0; i < 2; ++i) sum += double(x[pixel * 2 + i]) * 0.25 * kWeights[o * 2 + i];
      }
      y.push_back(sum);
    }
  return y;
}

TEST(MixedOperands, ProductsTakeWeightsAndBiasForWhatTheyStandFor) {
  const Floats x = image();
  for (const OpKind kind : {OpKind::kFullyConnected, OpKind::kConv2d, OpKind::kDepthwiseConv2d,
                            OpKind::kConvTranspose2d}) {
    for (int bits = 0; bits < 16; ++bits) {
      for (const auto bias :
           {Product::kNone, Product::kFloat, Product::kInt32, Product::kPlainInt32}) {
        const Product p = {
            (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, bias, kind};
        // What an int32 without a scale counts, only the products' scale can tell.
        if (bias == Product::kPlainInt32 && !(p.int8_in && p.int8_weights)) continue;
        SCOPED_TRACE(fmt::format("{}: int8 in {}, weights {}, out {}, per channel {}, bias {}",
                                 smelt::name(kind), p.int8_in, p.int8_weights, p.int8_out,
                                 p.per_channel, int(bias)));
        expect_real(product(p), x, expected_product(p, x), p.int8_out ? 0.5 * kScale + 1e-6 : 1e-5);
      }
    }
  }
}

TEST(MixedOperands, ABiasOfInt32ForRowsQuantisedWhileRunning) {
  const auto make = [](bool int8_bias) {
    return between(
        false, false, {1, 4, 4, int64_t(kOut)}, [&](GraphBuilder& b, ValueId x, ValueId y) {
          const Floats scales(kOut, 0.25f);
          const ValueId rows = b.value(DType::kS8, kImage, GraphBuilder::per_token(1));
          const ValueId weights =
              b.constant(DType::kS8, {kOut, 2}, kWeights, b.per_channel(scales));
          const Floats real = {1, -0.5f, 0.75f, 0.25f}, units(kOut, 0.125f);
          const ValueId bias = int8_bias
                                   ? b.constant(DType::kS32, {kOut}, kBias, b.per_channel(units))
                                   : b.constant(DType::kF32, {kOut}, real);
          b.node(OpKind::kConvert, {x}, {rows});
          b.node(OpKind::kFullyConnected, {rows, weights, bias}, {y}, FullyConnectedAttrs{});
        });
  };
  const Floats x = image();
  const Product p = {.per_channel = true, .bias = Product::kInt32, .kind = OpKind::kFullyConnected};
  for (const bool int8_bias : {true, false})
    expect_real(make(int8_bias), x, expected_product(p, x), 0.2);
}

TEST(MixedOperands, ReportsSayWhatWasAdded) {
  auto l = load_graph(between(true, false, {1, 2, 4, 2}, kCases[0].make));
  ASSERT_OK(l);
  Floats x = image();
  const Value inputs[] = {TensorView::of(std::span<float>(x), kImage)};
  Value outputs[1];
  l->method->start_profile(100);
  ASSERT_OK(l->method->run(inputs, outputs));
  const Profile profile = l->method->stop_profile();
  ASSERT_EQ(profile.steps.size(), 3u);
  EXPECT_EQ(profile.steps[1].type, "StaticSlice");
  EXPECT_EQ(profile.steps[2].type, "Convert");
  ASSERT_EQ(profile.steps[2].passes.size(), 1u);
  EXPECT_EQ(profile.steps[2].passes[0], "not in the file: dequantises what is read by node 1");
}

TEST(MixedOperands, WhatCannotBeMeantIsRefusedWithAdvice) {
  const auto l =
      load_graph(product({false, false, false, false, Product::kPlainInt32, OpKind::kConv2d}));
  ASSERT_FALSE(l);
  EXPECT_EQ(l.error().code, ErrorCode::kUnsupported);
  for (const char* part : {"node 0 (Conv2d)", "int32", "when exporting"})
    EXPECT_NE(l.error().message.find(part), std::string::npos) << l.error().message;
}

}  // namespace
}  // namespace smelt::program
