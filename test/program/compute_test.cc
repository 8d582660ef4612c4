// Operators that combine many elements: reductions, products, windows, normalisation, attention.
#include <array>
#include <cmath>
#include <limits>

#include "operator_call.h"
#include "support/random.h"

namespace smelt::program::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// Numbers that every float type holds.
Values noise(size_t n, uint64_t seed) {
  Random random(seed);
  Values v(n);
  for (double& x : v) x = random.integer(-32, 32) / 16.0;
  return v;
}

TEST(Reduce, SumOverDimensionsAndTypes) {
  const Values x = {1, 2, 3, 4, 5, 6};
  for (const DType type : {DType::kF32, DType::kF16, DType::kS32, DType::kS64}) {
    OperatorCall rows("aten::sum.IntList_out");
    rows.tensor(type, {2, 3}, x).ints({-1}).boolean(false).none().out(type);
    EXPECT_EQ(rows(), (Values{6, 15}));
    OperatorCall cols("aten::sum.IntList_out");
    cols.tensor(type, {2, 3}, x).ints({0}).boolean(true).none().out(type);
    EXPECT_EQ(cols(), (Values{5, 7, 9}));
    EXPECT_EQ(cols.shape(), (Shape{1, 3}));
    OperatorCall all("aten::sum.IntList_out");
    all.tensor(type, {2, 3}, x).none().boolean(false).none().out(type);
    EXPECT_EQ(all(), Values{21});
    EXPECT_EQ(all.shape(), Shape());
  }
  OperatorCall outer("aten::sum.IntList_out");
  outer.f32({2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}).ints({0, 2}).boolean(false).none();
  outer.out(DType::kF32);
  EXPECT_EQ(outer(), (Values{18, 26, 34}));
}

TEST(Reduce, EmptyAndScalar) {
  OperatorCall sum("aten::sum.IntList_out");
  sum.f32({2, 0}, {}).ints({1}).boolean(false).none().out(DType::kF32);
  EXPECT_EQ(sum(), (Values{0, 0}));
  OperatorCall mean("aten::mean.out");
  mean.f32({0}, {}).none().boolean(false).none().out(DType::kF32);
  expect_near(mean(), {kNan});
  OperatorCall max("aten::amax.out");
  max.f32({2, 0}, {}).ints({1}).boolean(false).out(DType::kF32);
  EXPECT_FALSE(max.run());
  OperatorCall scalar("aten::amax.out");
  scalar.f32({}, {3}).ints({-1}).boolean(false).out(DType::kF32);
  EXPECT_EQ(scalar(), Values{3});
  OperatorCall twice("aten::sum.IntList_out");
  twice.f32({2, 2}, {1, 2, 3, 4}).ints({0, -2}).boolean(false).none().out(DType::kF32);
  EXPECT_FALSE(twice.run());
}

TEST(Reduce, ExtremesAndNan) {
  const Values x = {1, 5, 5, -2, kNan, 7};
  OperatorCall max("aten::max.dim_max");
  max.f32({2, 3}, x).integer(1).boolean(false).out(DType::kF32).out(DType::kS64);
  expect_near(max(), {5, kNan});
  EXPECT_EQ(max.result(1), (Values{1, 1}));
  OperatorCall min("aten::min.dim_min");
  min.f32({2, 3}, {1, 5, 5, -2, -2, 7}).integer(1).boolean(true).out(DType::kF32).out(DType::kS64);
  EXPECT_EQ(min(), (Values{1, -2}));
  EXPECT_EQ(min.result(1), (Values{0, 0}));
  OperatorCall argmax("aten::argmax.out");
  argmax.f32({2, 3}, {1, 5, 5, -2, 3, 7}).none().boolean(false).out(DType::kS64);
  EXPECT_EQ(argmax(), Values{5});
  OperatorCall amin("aten::amin.out");
  amin.f32({2, 3}, x).ints({0}).boolean(false).out(DType::kF32);
  expect_near(amin(), {-2, kNan, 5});
}

TEST(Reduce, AnyAllProdVar) {
  OperatorCall any("aten::any.out");
  any.f32({2, 2}, {0, 0, 0, kNan}).integer(1).boolean(false).out(DType::kBool);
  EXPECT_EQ(any(), (Values{0, 1}));
  OperatorCall all("aten::all.out");
  all.f32({2, 2}, {1, 0, 2, kNan}).integer(1).boolean(false).out(DType::kBool);
  EXPECT_EQ(all(), (Values{0, 1}));
  OperatorCall prod("aten::prod.int_out");
  prod.s64({2, 3}, {1, 2, 3, 4, 5, 6}).integer(1).boolean(false).none().out(DType::kS64);
  EXPECT_EQ(prod(), (Values{6, 120}));
  OperatorCall var("aten::var.correction_out");
  var.f32({2, 4}, {1, 2, 3, 4, 2, 2, 2, 2}).ints({1}).integer(0).boolean(false).out(DType::kF32);
  expect_near(var(), {1.25, 0});
  OperatorCall unbiased("aten::var.out");
  unbiased.f32({4}, {1, 2, 3, 4}).none().boolean(true).boolean(false).out(DType::kF32);
  expect_near(unbiased(), {5.0 / 3});
  OperatorCall both("aten::var_mean.correction_out");
  both.f32({4}, {1, 2, 3, 4}).none().none().boolean(true).out(DType::kF32).out(DType::kF32);
  expect_near(both(), {5.0 / 3});
  expect_near(both.result(1), {2.5});
}

TEST(Scan, CumulativeSumsAndBest) {
  OperatorCall cumsum("aten::cumsum.out");
  cumsum.s64({2, 3}, {1, 2, 3, 4, 5, 6}).integer(0).none().out(DType::kS64);
  EXPECT_EQ(cumsum(), (Values{1, 2, 3, 5, 7, 9}));
  OperatorCall topk("aten::topk.values");
  topk.f32({2, 4}, {3, 1, 4, 1, kNan, 9, 2, 6}).integer(2).integer(-1).boolean(true).boolean(true);
  topk.out(DType::kF32).out(DType::kS64);
  expect_near(topk(), {4, 3, kNan, 9});
  EXPECT_EQ(topk.result(1), (Values{2, 0, 0, 1}));
  OperatorCall least("aten::topk.values");
  least.f32({4, 1}, {3, 1, 4, 1}).integer(3).integer(0).boolean(false).boolean(true);
  least.out(DType::kF32).out(DType::kS64);
  EXPECT_EQ(least(), (Values{1, 1, 3}));
  EXPECT_EQ(least.result(1), (Values{1, 3, 0}));
}

TEST(Softmax, AlongAnyDimension) {
  const Values x = {1, 2, 3, 1000, 1000, -kInf};
  for (const int64_t dim : {0, 1}) {
    OperatorCall softmax("aten::_softmax.out");
    softmax.f32({2, 3}, x).integer(dim).boolean(false).out(DType::kF32);
    OperatorCall log("aten::_log_softmax.out");
    log.f32({2, 3}, x).integer(dim - 2).boolean(false).out(DType::kF32);
    Values expected(6);
    for (size_t i = 0; i < 6; ++i) {
      const auto together = [&](size_t k) { return dim == 1 ? k / 3 == i / 3 : k % 3 == i % 3; };
      double top = -kInf, sum = 0;
      for (size_t k = 0; k < 6; ++k) {
        if (together(k)) top = std::max(top, x[k]);
      }
      for (size_t k = 0; k < 6; ++k) {
        if (together(k)) sum += std::exp(x[k] - top);
      }
      expected[i] = x[i] - top - std::log(sum);
    }
    expect_near(log(), expected);
    for (double& e : expected) e = std::exp(e);
    expect_near(softmax(), expected);
  }
}

TEST(Glu, GatesTheFirstHalf) {
  OperatorCall glu("aten::glu.out");
  glu.f32({1, 4}, {1, 2, 0, 3}).integer(-1).out(DType::kF32);
  expect_near(glu(), {0.5, 2 / (1 + std::exp(-3.0))});
}

Values product(const Values& a, const Values& b, size_t m, size_t n, size_t k) {
  Values c(m * n);
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      for (size_t p = 0; p < k; ++p) c[i * n + j] += a[i * k + p] * b[p * n + j];
    }
  }
  return c;
}

TEST(Matmul, AllForms) {
  constexpr size_t m = 5, n = 7, k = 19;
  const Values a = noise(m * k, 1), b = noise(k * n, 2), c = product(a, b, m, n, k);
  for (const DType type : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16}) {
    SCOPED_TRACE(smelt::name(type));
    const double tolerance = type == DType::kBF16 ? 1e-2 : type == DType::kF16 ? 1e-3 : 1e-6;
    OperatorCall mm("aten::mm.out");
    mm.tensor(type, {m, k}, a).tensor(type, {k, n}, b).out(type);
    expect_near(mm(), c, tolerance);

    Values transposed(n * k), with_bias = c, scaled = c;
    for (size_t p = 0; p < k; ++p) {
      for (size_t j = 0; j < n; ++j) transposed[j * k + p] = b[p * n + j];
    }
    const Values bias = noise(n, 3);
    for (size_t i = 0; i < c.size(); ++i) {
      with_bias[i] += bias[i % n];
      scaled[i] = 0.5 * bias[i % n] + 2 * c[i];
    }
    // Constant weights are packed once.
    for (const bool constant : {false, true}) {
      OperatorCall linear("aten::linear.out");
      linear.tensor(type, {m, 1, k}, a).tensor(type, {n, k}, transposed).constant(constant);
      linear.tensor(type, {n}, bias).constant(constant).out(type);
      for (int run = 0; run < 2; ++run) expect_near(linear(), with_bias, tolerance);
      EXPECT_EQ(linear.shape(), (Shape{m, 1, n}));
      OperatorCall plain("aten::addmm.out");
      plain.tensor(type, {n}, bias).constant(constant).tensor(type, {m, k}, a);
      plain.tensor(type, {k, n}, b).constant(constant).integer(1).integer(1).out(type);
      expect_near(plain(), with_bias, tolerance);
    }
    OperatorCall addmm("aten::addmm.out");
    addmm.tensor(type, {n}, bias).tensor(type, {m, k}, a).tensor(type, {k, n}, b);
    addmm.real(0.5).integer(2).out(type);
    expect_near(addmm(), scaled, tolerance);
  }
  Values a2 = a, b2 = b, c2 = c;
  for (double x : noise(m * k, 4)) a2.push_back(x);
  for (double x : noise(k * n, 5)) b2.push_back(x);
  const Values second =
      product({a2.begin() + m * k, a2.end()}, {b2.begin() + k * n, b2.end()}, m, n, k);
  c2.insert(c2.end(), second.begin(), second.end());
  OperatorCall bmm("aten::bmm.out");
  bmm.f32({2, m, k}, a2).f32({2, k, n}, b2).out(DType::kF32);
  expect_near(bmm(), c2, 1e-6);
  OperatorCall wrong("aten::mm.out");
  wrong.f32({2, 3}, Values(6)).f32({2, 3}, Values(6)).out(DType::kF32);
  EXPECT_FALSE(wrong.run());
}

/// A convolution as its definition has it. x [n, ic, h, w], w [oc, ic / g, kh, kw].
struct Conv {
  int64_t n, ic, oc, h, w, kh, kw, sh, sw, ph, pw, dh, dw, groups;
  int64_t out_h() const { return (h + 2 * ph - dh * (kh - 1) - 1) / sh + 1; }
  int64_t out_w() const { return (w + 2 * pw - dw * (kw - 1) - 1) / sw + 1; }
  /// Calls f(index of x, index of weight, index of y, output channel) for every product.
  template <class F>
  void each(F f) const {
    const int64_t ipg = ic / groups, opg = oc / groups;
    for (int64_t b = 0; b < n; ++b)
      for (int64_t o = 0; o < oc; ++o)
        for (int64_t i = 0; i < ipg; ++i)
          for (int64_t y = 0; y < out_h(); ++y)
            for (int64_t x = 0; x < out_w(); ++x)
              for (int64_t a = 0; a < kh; ++a)
                for (int64_t c = 0; c < kw; ++c) {
                  const int64_t r = y * sh - ph + a * dh, s = x * sw - pw + c * dw;
                  if (r < 0 || r >= h || s < 0 || s >= w) continue;
                  f(((b * ic + o / opg * ipg + i) * h + r) * w + s,
                    ((o * ipg + i) * kh + a) * kw + c, ((b * oc + o) * out_h() + y) * out_w() + x);
                }
  }
};

TEST(Convolution, AgreesWithTheDefinition) {
  const Conv cases[] = {
      {1, 3, 4, 7, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1}, {2, 4, 6, 8, 9, 3, 2, 2, 1, 0, 1, 1, 1, 2},
      {1, 2, 2, 9, 9, 3, 3, 1, 2, 2, 2, 2, 3, 1}, {1, 4, 4, 5, 5, 3, 3, 1, 1, 1, 1, 1, 1, 4},
      {1, 3, 2, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1},
  };
  for (const Conv& c : cases) {
    const Values x = noise(size_t(c.n * c.ic * c.h * c.w), 1);
    const Values w = noise(size_t(c.oc * c.ic / c.groups * c.kh * c.kw), 2);
    const Values bias = noise(size_t(c.oc), 3);
    const size_t plane = size_t(c.out_h() * c.out_w());
    Values y(size_t(c.n * c.oc) * plane);
    for (size_t i = 0; i < y.size(); ++i) y[i] = bias[i / plane % size_t(c.oc)];
    c.each([&](int64_t i, int64_t k, int64_t o) { y[size_t(o)] += x[size_t(i)] * w[size_t(k)]; });
    for (const bool constant : {false, true}) {
      OperatorCall conv("aten::convolution.out");
      conv.f32({c.n, c.ic, c.h, c.w}, x).f32({c.oc, c.ic / c.groups, c.kh, c.kw}, w);
      conv.constant(constant).f32({c.oc}, bias).constant(constant).ints({c.sh, c.sw});
      conv.ints({c.ph, c.pw}).ints({c.dh, c.dw}).boolean(false).ints({0, 0}).integer(c.groups);
      conv.out(DType::kF32);
      for (int run = 0; run < 2; ++run) expect_near(conv(), y, 1e-6);
      EXPECT_EQ(conv.shape(), (Shape{c.n, c.oc, c.out_h(), c.out_w()}));
    }

    // The transposed convolution runs from y back to x with the same weights; what the stride
    // leaves over is padding.
    const Values back = noise(y.size(), 4);
    Values expected(x.size());
    c.each([&](int64_t i, int64_t k, int64_t o) {
      expected[size_t(i)] += back[size_t(o)] * w[size_t(k)];
    });
    const int64_t rest_h = (c.h + 2 * c.ph - c.dh * (c.kh - 1) - 1) % c.sh;
    const int64_t rest_w = (c.w + 2 * c.pw - c.dw * (c.kw - 1) - 1) % c.sw;
    for (const bool constant : {false, true}) {
      OperatorCall transposed("aten::convolution.out");
      transposed.f32({c.n, c.oc, c.out_h(), c.out_w()}, back);
      transposed.f32({c.oc, c.ic / c.groups, c.kh, c.kw}, w).constant(constant).none();
      transposed.ints({c.sh, c.sw}).ints({c.ph, c.pw}).ints({c.dh, c.dw}).boolean(true);
      transposed.ints({rest_h, rest_w}).integer(c.groups).out(DType::kF32);
      expect_near(transposed(), expected, 1e-6);
    }

    // Gradients are the same sums seen from each operand.
    Values dw(w.size()), db(size_t(c.oc));
    c.each(
        [&](int64_t i, int64_t k, int64_t o) { dw[size_t(k)] += x[size_t(i)] * back[size_t(o)]; });
    for (size_t i = 0; i < back.size(); ++i) db[i / plane % size_t(c.oc)] += back[i];
    OperatorCall gradient("aten::convolution_backward.out");
    gradient.f32({c.n, c.oc, c.out_h(), c.out_w()}, back).f32({c.n, c.ic, c.h, c.w}, x);
    gradient.f32({c.oc, c.ic / c.groups, c.kh, c.kw}, w).ints({c.oc}).ints({c.sh, c.sw});
    gradient.ints({c.ph, c.pw}).ints({c.dh, c.dw}).boolean(false).ints({0, 0}).integer(c.groups);
    gradient.bools({1, 1, 1}).out(DType::kF32).out(DType::kF32).out(DType::kF32);
    expect_near(gradient(), expected, 1e-6);
    expect_near(gradient.result(1), dw, 1e-6);
    expect_near(gradient.result(2), db, 1e-6);
  }
}

TEST(Convolution, OneAndThreeDimensionsAndChannelsLast) {
  OperatorCall line("aten::convolution.out");
  line.f32({1, 1, 5}, {1, 2, 3, 4, 5})
      .f32({1, 1, 3}, {1, 0, -1})
      .none()
      .ints({1})
      .ints({1})
      .ints({1});
  line.boolean(false).ints({0}).integer(1).out(DType::kF32);
  EXPECT_EQ(line(), (Values{-2, -2, -2, -2, 4}));
  OperatorCall cube("aten::convolution.out");
  cube.f32({1, 1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}).f32({1, 1, 2, 2, 2}, Values(8, 1)).none();
  cube.ints({1}).ints({0}).ints({1}).boolean(false).ints({0}).integer(1).out(DType::kF32);
  EXPECT_EQ(cube(), Values{36});
  OperatorCall last("aten::convolution.out");
  last.tensor(DType::kF32, {1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}, {0, 2, 3, 1});
  last.f32({1, 2, 1, 1}, {1, 10}).none().ints({1, 1}).ints({0, 0}).ints({1, 1}).boolean(false);
  last.ints({0, 0}).integer(1).out(DType::kF32, {0, 2, 3, 1});
  EXPECT_EQ(last(), (Values{51, 62, 73, 84}));
}

/// A convolution over three dimensions as its definition has it. x [n, ic, …], w [oc, ic / groups,
/// …].
struct Conv3d {
  Shape x, w;
  std::array<int64_t, 3> stride = {1, 1, 1}, padding = {}, dilation = {1, 1, 1};
  int64_t groups = 1;

  Shape y() const {
    Shape out{x[0], w[0]};
    for (size_t d = 0; d < 3; ++d) {
      const int64_t reach = dilation[d] * (w[2 + d] - 1) + 1;
      out.push_back((x[2 + d] + 2 * padding[d] - reach) / stride[d] + 1);
    }
    return out;
  }
  /// What the transposed convolution from y back to x has to be told: the rest that the stride
  /// leaves over.
  int64_t rest(size_t d) const {
    return (x[2 + d] + 2 * padding[d] - dilation[d] * (w[2 + d] - 1) - 1) % stride[d];
  }
  /// Calls f(index of x, index of weight, index of y) for every product.
  template <class F>
  void each(F f) const {
    const Shape out = y();
    const auto at = [](const Shape& s, std::array<int64_t, 5> i) {
      return size_t((((i[0] * s[1] + i[1]) * s[2] + i[2]) * s[3] + i[3]) * s[4] + i[4]);
    };
    for (size_t o = 0; o < out.numel(); ++o) {
      std::array<int64_t, 5> i;
      for (size_t d = 5, flat = o; d-- > 0; flat /= size_t(out[d])) i[d] = int64_t(flat) % out[d];
      const int64_t oc = i[1], first = oc / (w[0] / groups) * w[1];
      for (size_t k = 0; k < w.numel(1, 5); ++k) {
        std::array<int64_t, 5> t{oc};
        for (size_t d = 5, flat = k; d-- > 1; flat /= size_t(w[d])) t[d] = int64_t(flat) % w[d];
        std::array<int64_t, 5> from{i[0], first + t[1]};
        bool inside = true;
        for (size_t d = 0; d < 3; ++d) {
          from[2 + d] = i[2 + d] * stride[d] - padding[d] + t[2 + d] * dilation[d];
          inside = inside && from[2 + d] >= 0 && from[2 + d] < x[2 + d];
        }
        if (inside) f(at(x, from), at(w, t), o);
      }
    }
  }
};

/// Whole numbers that all types hold, so that sums are exact.
Values small_numbers(size_t n, uint64_t seed) {
  Values v = noise(n, seed);
  for (double& x : v) x = std::round(2 * x);
  return v;
}

TEST(Convolution, ThreeDimensionsAreProductsOfFrames) {
  const Conv3d cases[] = {
      {{1, 3, 5, 6, 7}, {4, 3, 3, 3, 3}, {1, 1, 1}, {1, 1, 1}},
      {{2, 4, 6, 5, 4}, {6, 2, 2, 3, 1}, {2, 1, 2}, {1, 0, 0}, {2, 1, 1}, 2},
      {{1, 4, 7, 3, 3}, {4, 1, 3, 2, 2}, {1, 1, 1}, {1, 0, 0}, {1, 1, 1}, 4},  // depthwise
      {{2, 5, 8, 2, 3}, {3, 5, 3, 1, 1}, {3, 1, 1}, {2, 0, 0}},                // over time only
      {{2, 5, 4, 6, 6}, {3, 5, 1, 3, 3}, {1, 2, 2}, {0, 1, 1}},                // frame by frame
      {{1, 2, 9, 2, 2}, {2, 2, 2, 2, 2}, {1, 1, 1}, {0, 0, 0}, {5, 1, 1}},
      {{1, 8, 7, 64, 60}, {2, 8, 3, 2, 2}, {1, 1, 1}, {1, 0, 0}},  // several at a time
  };
  for (const Conv3d& c : cases) {
    SCOPED_TRACE(to_string(c.x) + " * " + to_string(c.w));
    const Shape shape = c.y();
    const Values x = small_numbers(c.x.numel(), 1), w = small_numbers(c.w.numel(), 2),
                 bias = small_numbers(size_t(c.w[0]), 3), back = small_numbers(shape.numel(), 4);
    Values y(shape.numel()), undone(x.size());
    for (size_t i = 0; i < y.size(); ++i) y[i] = bias[i / shape.numel(2, 5) % size_t(c.w[0])];
    c.each([&](size_t i, size_t k, size_t o) {
      y[o] += x[i] * w[k];
      undone[i] += back[o] * w[k];
    });
    for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
      SCOPED_TRACE(name(type));
      const auto attributes = [&](OperatorCall& call, bool transposed) {
        call.ints({c.stride[0], c.stride[1], c.stride[2]});
        call.ints({c.padding[0], c.padding[1], c.padding[2]});
        call.ints({c.dilation[0], c.dilation[1], c.dilation[2]}).boolean(transposed);
        call.ints({c.rest(0), c.rest(1), c.rest(2)}).integer(c.groups).out(type);
      };
      const double tolerance = type == DType::kBF16 ? 0x1p-8 : 0;
      OperatorCall plain("aten::convolution.out");
      plain.tensor(type, c.x, x).tensor(type, c.w, w).constant();
      attributes(plain.tensor(type, {c.w[0]}, bias).constant(), false);
      for (int run = 0; run < 2; ++run) expect_near(plain(), y, tolerance);
      EXPECT_EQ(plain.shape(), shape);
      EXPECT_TRUE(plain.kernel().starts_with("gemm_")) << plain.kernel();

      OperatorCall transposed("aten::convolution.out");
      transposed.tensor(type, shape, back).tensor(type, c.w, w).constant().none();
      attributes(transposed, true);
      expect_near(transposed(), undone, tolerance);
      EXPECT_EQ(transposed.shape(), c.x);
      EXPECT_TRUE(transposed.kernel().starts_with("gemm_")) << transposed.kernel();
    }
  }
}

TEST(Norm, LayerGroupBatch) {
  const Values x = noise(24, 6);
  const auto normalize = [](const Values& v, size_t begin, size_t n, double eps) {
    double mean = 0, var = 0;
    for (size_t i = 0; i < n; ++i) mean += v[begin + i] / double(n);
    for (size_t i = 0; i < n; ++i) var += std::pow(v[begin + i] - mean, 2) / double(n);
    return std::pair(mean, 1 / std::sqrt(var + eps));
  };
  const Values w = {1, 2, 3, 4, 5, 6}, b = {6, 5, 4, 3, 2, 1};
  OperatorCall layer("aten::native_layer_norm.out");
  layer.f32({4, 2, 3}, x).ints({2, 3}).f32({2, 3}, w).f32({2, 3}, b).real(0.5);
  layer.out(DType::kF32).out(DType::kF32).out(DType::kF32);
  Values expected, means, rstds;
  for (size_t r = 0; r < 4; ++r) {
    const auto [mean, rstd] = normalize(x, r * 6, 6, 0.5);
    for (size_t i = 0; i < 6; ++i) expected.push_back((x[r * 6 + i] - mean) * rstd * w[i] + b[i]);
    means.push_back(mean);
    rstds.push_back(rstd);
  }
  expect_near(layer(), expected);
  expect_near(layer.result(1), means);
  expect_near(layer.result(2), rstds);
  EXPECT_EQ(layer.shape(1), (Shape{4, 1, 1}));

  // [1, 4, 6] in 2 groups of 2 channels.
  OperatorCall group("aten::native_group_norm.out");
  group.f32({1, 4, 6}, x).f32({4}, {1, 2, 3, 4}).none().integer(1).integer(4).integer(6).integer(2);
  group.real(0.5).out(DType::kF32).out(DType::kF32).out(DType::kF32);
  expected.clear();
  for (size_t i = 0; i < 24; ++i) {
    const auto [mean, rstd] = normalize(x, i / 12 * 12, 12, 0.5);
    expected.push_back((x[i] - mean) * rstd * double(i / 6 + 1));
  }
  expect_near(group(), expected);
  EXPECT_EQ(group.shape(1), (Shape{1, 2}));

  OperatorCall batch("aten::_native_batch_norm_legit_no_training.out");
  batch.f32({2, 3, 4}, x).none().f32({3}, {1, 2, 3}).f32({3}, {0, 1, 2}).f32({3}, {1, 4, 9});
  batch.real(0.1).real(0).out(DType::kF32).out(DType::kF32).out(DType::kF32);
  expected.clear();
  for (size_t i = 0; i < 24; ++i) {
    const double c = double(i / 4 % 3);
    expected.push_back((x[i] - c) / (c + 1) + c + 1);
  }
  expect_near(batch(), expected);
  EXPECT_EQ(batch.shape(1), Shape{0});
}

TEST(Pool, AverageCountsPaddingOrNot) {
  const Values x = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto pool = [&](bool include, bool ceil) {
    OperatorCall call("aten::avg_pool2d.out");
    call.f32({1, 3, 3}, x).ints({2, 2}).ints({2, 2}).ints({1, 1}).boolean(ceil).boolean(include);
    call.none().out(DType::kF32);
    return call();
  };
  expect_near(pool(true, false), {0.25, 1.25, 2.75, 7});
  expect_near(pool(false, false), {1, 2.5, 5.5, 7});
  OperatorCall up("aten::avg_pool2d.out");
  up.f32({1, 3, 3}, x).ints({2, 2}).ints({2, 2}).ints({0, 0}).boolean(true).boolean(true).none();
  up.out(DType::kF32);
  // The last windows hang over the edge; what is beyond does not count.
  expect_near(up(), {3, 4.5, 7.5, 9});
  OperatorCall divisor("aten::avg_pool2d.out");
  divisor.f32({1, 2, 2}, {1, 2, 3, 4}).ints({2, 2}).ints({}).ints({0}).boolean(false).boolean(true);
  divisor.integer(5).out(DType::kF32);
  expect_near(divisor(), {2});
  OperatorCall adaptive("aten::_adaptive_avg_pool2d.out");
  adaptive.f32({1, 3, 3}, x).ints({2, 1}).out(DType::kF32);
  expect_near(adaptive(), {3.5, 6.5});
}

TEST(Pool, MaximumAndItsPlace) {
  // Dilated by two over a border of one: the centre element is seen from the corners only.
  OperatorCall dilated("aten::max_pool2d_with_indices.out");
  dilated.f32({1, 1, 3, 3}, {1, 2, 3, 4, kNan, 6, -7, -8, -9})
      .ints({2, 2})
      .ints({2, 2})
      .ints({1, 1});
  dilated.ints({2, 2}).boolean(false).out(DType::kF32).out(DType::kS64);
  expect_near(dilated(), {kNan, kNan, kNan, kNan});
  EXPECT_EQ(dilated.result(1), (Values{4, 4, 4, 4}));
  OperatorCall plain("aten::max_pool2d_with_indices.out");
  plain.f32({1, 4, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}).ints({2, 2});
  plain.ints({}).ints({0, 0}).ints({1, 1}).boolean(false).out(DType::kF32).out(DType::kS64);
  EXPECT_EQ(plain(), (Values{6, 8, 14, 16}));
  EXPECT_EQ(plain.result(1), (Values{5, 7, 13, 15}));
}

TEST(Pool, MisfitsNameTheDimensionAndTheDilation) {
  const auto message = [](std::initializer_list<int64_t> stride,
                          std::initializer_list<int64_t> padding) {
    OperatorCall call("aten::max_pool2d_with_indices.out");
    call.f32({1, 6, 4}, Values(24, 1)).ints({2, 3}).ints(stride).ints(padding).ints({1, 4});
    call.boolean(false).out(DType::kF32).out(DType::kS64);
    const Status ran = call.run();
    EXPECT_FALSE(ran);
    return ran ? std::string() : ran.error().message;
  };
  EXPECT_EQ(message({1, 1}, {0, 0}),
            "dimension 1 of 2: a kernel of 3 with dilation 4 spans 9 elements, and with "
            "padding 0 there are 4");
  EXPECT_EQ(message({1, 1}, {2, 0}),
            "dimension 0 of 2: padding 2 for a kernel of 2, of which it may be half");
  EXPECT_EQ(message({1, 0}, {0, 0}), "a stride of 0 for dimension 1 of 2");
}

TEST(Pool, GradientsGoToTheMaximum) {
  OperatorCall back("aten::max_pool2d_with_indices_backward.grad_input");
  back.f32({1, 1, 2}, {3, 4}).f32({1, 2, 2}, {1, 9, 2, 3}).ints({1, 2}).ints({}).ints({0, 0});
  back.ints({1, 1}).boolean(false).s64({1, 1, 2}, {1, 1}).out(DType::kF32);
  EXPECT_EQ(back(), (Values{0, 7, 0, 0}));
}

TEST(Resample, NearestAndBilinear) {
  OperatorCall nearest("aten::upsample_nearest2d.vec_out");
  nearest.f32({1, 1, 2, 2}, {1, 2, 3, 4}).none().reals({2, 1.5}).out(DType::kF32);
  EXPECT_EQ(nearest(), (Values{1, 1, 2, 1, 1, 2, 3, 3, 4, 3, 3, 4}));
  OperatorCall corners("aten::upsample_bilinear2d.vec_out");
  corners.f32({1, 1, 2, 2}, {0, 3, 6, 9}).ints({3, 4}).boolean(true).none().out(DType::kF32);
  expect_near(corners(), {0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9});
  OperatorCall half("aten::upsample_bilinear2d.vec_out");
  half.f32({1, 1, 1, 2}, {0, 4}).ints({1, 4}).boolean(false).none().out(DType::kF32);
  expect_near(half(), {0, 1, 3, 4});
  // Shrinking by two with the wide filter: weights 1/8, 3/8, 3/8, 1/8 inside, cut off and rescaled
  // at the edge.
  OperatorCall wide("aten::_upsample_bilinear2d_aa.out");
  wide.f32({1, 1, 1, 6}, {8, 0, 0, 8, 0, 0}).ints({1, 3}).boolean(false).none().none();
  wide.out(DType::kF32);
  expect_near(wide(), {24.0 / 7, 3, 8.0 / 7});
}

TEST(Resample, GridSampler) {
  const auto sample = [](int64_t mode, int64_t border, bool corners, Values grid) {
    OperatorCall call("aten::grid_sampler_2d.out");
    const auto n = int64_t(grid.size() / 2);
    call.f32({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6})
        .f32({1, 1, n, 2}, grid)
        .integer(mode)
        .integer(border);
    call.boolean(corners).out(DType::kF32);
    return call();
  };
  expect_near(sample(0, 0, true, {-1, -1, 1, 1, 0, 0, 0.5, 0}), {1, 6, 3.5, 4});
  expect_near(sample(1, 0, true, {-1, -1, 1, 1, 0.1, 0.9, 5, 0}), {1, 6, 5, 0});
  expect_near(sample(0, 1, true, {-3, -1, 3, 1}), {1, 6});
  // One step beyond the last column mirrors to the one before it.
  expect_near(sample(0, 2, true, {2, -1}), {2});
  expect_near(sample(2, 1, true, {-1, -1, 1, 1, 0, -1}), {1, 6, 2});
  expect_near(sample(0, 0, false, {-1, -1}), {0.25});
}

TEST(Distance, PairsOfRows) {
  OperatorCall cdist("aten::_cdist_forward.out");
  cdist.f32({2, 2}, {0, 0, 3, 4}).f32({1, 2}, {0, 0}).real(2).none().out(DType::kF32);
  expect_near(cdist(), {0, 5});
  OperatorCall pdist("aten::_pdist_forward.out");
  pdist.f32({3, 2}, {0, 0, 3, 4, 0, 1}).real(1).out(DType::kF32);
  expect_near(pdist(), {7, 1, 6});
  OperatorCall most("aten::_pdist_forward.out");
  most.f32({2, 2}, {0, 0, 3, -4}).real(kInf).out(DType::kF32);
  expect_near(most(), {4});
}

TEST(Quantize, RoundTripAndSaturation) {
  OperatorCall quantize("quantized_decomposed::quantize_per_tensor.out");
  quantize.f32({6}, {0, 0.5, 0.25, -1, 1000, -kInf})
      .real(0.5)
      .integer(3)
      .integer(-128)
      .integer(127);
  quantize.integer(1).out(DType::kS8);
  EXPECT_EQ(quantize(), (Values{3, 4, 3, 1, 127, -128}));
  OperatorCall channel("quantized_decomposed::dequantize_per_channel.out");
  channel.tensor(DType::kS8, {2, 2}, {1, 2, 3, 4}).f32({2}, {0.5, 2}).s64({2}, {0, 1}).integer(0);
  channel.integer(-128).integer(127).integer(1).none().out(DType::kF32);
  expect_near(channel(), {0.5, 1, 4, 6});
  OperatorCall token("quantized_decomposed::quantize_per_token.out");
  token.f32({2, 2}, {1, 2, 3, 4}).tensor(DType::kF64, {2, 1}, {0.5, 1}).s64({2, 1}, {0, -1});
  token.integer(-128).integer(127).integer(1).out(DType::kS8);
  EXPECT_EQ(token(), (Values{2, 4, 2, 3}));
}

TEST(Quantize, EmbeddingsUnpack) {
  // Two rows of four elements: 4 bits, the high half first, 8 more than the value.
  OperatorCall four("quantized_decomposed::embedding_4bit.out");
  four.tensor(DType::kU8, {2, 2}, {0x80, 0xf7, 0x19, 0xa8}).f32({2, 2}, {1, 2, 3, 4}).none();
  four.integer(-8).integer(7).s64({2}, {1, 0}).out(DType::kF32);
  EXPECT_EQ(four(), (Values{-21, 3, 8, 0, 0, -8, 14, -2}));
  OperatorCall two("quantized_decomposed::embedding_2bit.out");
  two.tensor(DType::kU8, {1, 1}, {0b11'10'01'00}).f32({1}, {2}).none().integer(-2).integer(1);
  two.s64({1}, {0}).out(DType::kF32);
  EXPECT_EQ(two(), (Values{-4, -2, 0, 2}));
  OperatorCall byte("quantized_decomposed::embedding_byte.dtype_out");
  byte.tensor(DType::kS8, {2, 2}, {1, 2, 3, 4}).f32({2}, {1, 2}).f32({2}, {0, 1}).integer(-128);
  byte.integer(127).s64({1}, {1}).none().out(DType::kF16);
  EXPECT_EQ(byte(), (Values{4, 6}));
}

TEST(Attention, AgreesWithTheDefinitionAndSharesHeads) {
  constexpr int64_t s = 3, heads = 4, shared = 2, d = 10, room = 8, start = 2;
  const Values q = noise(s * heads * d, 1), k = noise(room * heads / shared * d, 2),
               v = noise(k.size(), 3);
  for (const bool causal : {true, false}) {
    Values expected;
    for (int64_t i = 0; i < s; ++i) {
      for (int64_t h = 0; h < heads; ++h) {
        Values sum(d);
        double total = 0;
        const int64_t keys = causal ? start + i + 1 : start + s;
        for (int64_t t = 0; t < keys; ++t) {
          const int64_t at = (t * heads / shared + h / shared) * d;
          double score = 0;
          for (int64_t e = 0; e < d; ++e)
            score += q[size_t((i * heads + h) * d + e)] * k[size_t(at + e)];
          const double weight = std::exp(score / std::sqrt(double(d)));
          total += weight;
          for (int64_t e = 0; e < d; ++e) sum[size_t(e)] += weight * v[size_t(at + e)];
        }
        for (const double x : sum) expected.push_back(x / total);
      }
    }
    for (const DType type : {DType::kF32, DType::kF16}) {
      OperatorCall sdpa("llama::custom_sdpa.out");
      sdpa.tensor(type, {1, s, heads, d}, q).tensor(type, {1, room, heads / shared, d}, k);
      sdpa.tensor(type, {1, room, heads / shared, d}, v).integer(start).none().real(0);
      sdpa.boolean(causal).none().out(type);
      expect_near(sdpa(), expected, type == DType::kF32 ? 1e-5 : 2e-3);
    }
  }
  OperatorCall late("llama::custom_sdpa.out");
  late.f32({1, s, heads, d}, q).f32({1, room, heads / shared, d}, k);
  late.f32({1, room, heads / shared, d}, v).integer(6).none().real(0).boolean(true).none();
  late.out(DType::kF32);
  EXPECT_FALSE(late.run());
}

TEST(Attention, CacheIsWrittenInPlace) {
  OperatorCall update("llama::update_cache.out");
  update.f32({1, 2, 1, 2}, {1, 2, 3, 4}).f32({1, 4, 1, 2}, Values(8)).integer(1).out(DType::kF32);
  update();
  EXPECT_EQ(OperatorCall::elements(*update.argument(1).tensor), (Values{0, 0, 1, 2, 3, 4, 0, 0}));
  OperatorCall beyond("llama::update_cache.out");
  beyond.f32({1, 2, 1, 2}, Values(4)).f32({1, 4, 1, 2}, Values(8)).integer(3).out(DType::kF32);
  EXPECT_FALSE(beyond.run());
}

}  // namespace
}  // namespace smelt::program::testing
