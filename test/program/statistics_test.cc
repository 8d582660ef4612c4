// Reductions and norms by vector kernels: lengths about those of vectors and of what is summed
// together, rows and columns, and numbers that are hard on float32.
#include <algorithm>

#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

constexpr DType kHalves[] = {DType::kF32, DType::kF16, DType::kBF16};
constexpr int64_t kLengths[] = {1, 7, 8, 9, 15, 16, 17, 31, 33, 255, 256, 257, 300, 1000};

Array reals(DType t, const Shape& shape, double centre = 0.5) {
  return Array::make(t, shape, [&](size_t i) {
    return centre + double(int64_t(i * 2654435761u % 2003) - 1001) / 512;
  });
}

/// Within `bound`, or one rounding of the stored type; NaN and infinities exactly.
void expect_near(const Array& got, const Array& exact, double bound, std::string_view what) {
  ASSERT_EQ(got.shape, exact.shape) << what;
  for (size_t i = 0; i < exact.v.size(); ++i) {
    const double wanted = exact.v[i], rounding = tolerance(got.type) / 4 * std::abs(wanted);
    ASSERT_TRUE(std::isfinite(wanted)
                    ? std::abs(got.v[i] - wanted) <= bound + rounding
                    : got.v[i] == wanted || (wanted != wanted && got.v[i] != got.v[i]))
        << what << ", element " << i << ": " << got.v[i] << " instead of " << wanted;
  }
}

/// Reduces the middle dimension of [outer, n, inner] in double.
Array reduced(const Array& x, DType t, const std::function<double(const Values&)>& f) {
  const int64_t n = x.shape[1], inner = x.shape[2];
  Array r;
  r.type = t;
  r.shape = Shape{x.shape[0], inner};
  for (int64_t o = 0; o < x.shape[0]; ++o) {
    for (int64_t k = 0; k < inner; ++k) {
      Values row;
      for (int64_t i = 0; i < n; ++i) row.push_back(x({o, i, k}));
      r.v.push_back(f(row));
    }
  }
  return r;
}
double sum_of(const Values& v) {
  double s = 0;
  for (const double x : v) s += x;
  return s;
}
double magnitude_of(const Values& v) {
  double s = 0;
  for (const double x : v) s += std::abs(x);
  return s;
}
double largest_of(const Values& v) {
  double best = v[0];
  for (const double x : v) best = x > best || x != x ? x : best;
  return best;
}

TEST(Statistics, RowsAndColumnsOfEveryLength) {
  for (const DType t : kHalves) {
    for (const int64_t n : kLengths) {
      for (const int64_t inner : {1, 3, 8, 17, 40, 270}) {
        const Array x = reals(t, {2, n, inner});
        const auto what = fmt::format("{} [2, {}, {}]", name(t), n, inner);
        // Ten roundings of float32: fewer than a plain loop would have.
        const double bound = 10 * 0x1p-24 * 3 * double(n);
        OperatorProgram sum("aten::sum.IntList_out"), mean("aten::mean.out"), max("aten::amax.out");
        expect_near(sum.tensor(x).ints({1}).boolean(false).none().out(t)(), reduced(x, t, sum_of),
                    bound, what);
        expect_near(mean.tensor(x).ints({1}).boolean(false).none().out(t)(),
                    reduced(x, t, [&](const Values& v) { return sum_of(v) / double(n); }),
                    bound / double(n), what);
        expect_near(max.tensor(x).ints({1}).boolean(false).out(t)(), reduced(x, t, largest_of), 0,
                    what);
        OperatorProgram min("aten::amin.out"), where("aten::argmax.out");
        expect_near(
            min.tensor(x).ints({1}).boolean(false).out(t)(),
            reduced(x, t, [](const Values& v) { return *std::min_element(v.begin(), v.end()); }), 0,
            what);
        expect_near(where.tensor(x).integer(1).boolean(false).out(DType::kS64)(),
                    reduced(x, DType::kS64,
                            [](const Values& v) {
                              return double(std::max_element(v.begin(), v.end()) - v.begin());
                            }),
                    0, what);
        if (n < 2) continue;
        OperatorProgram var("aten::var.correction_out");
        expect_near(var.tensor(x).ints({1}).integer(1).boolean(false).out(t)(),
                    reduced(x, t,
                            [&](const Values& v) {
                              const double m = sum_of(v) / double(n);
                              double s = 0;
                              for (const double y : v) s += (y - m) * (y - m);
                              return s / double(n - 1);
                            }),
                    4e-6, what);
      }
    }
  }
}

TEST(Statistics, NanAndInfinityGetThrough) {
  for (const DType t : kHalves) {
    for (const int64_t inner : {1, 19}) {
      for (const int64_t at : {0, 3, 298}) {
        Array x = reals(t, {1, 300, inner});
        x({0, at, inner - 1}) = kNan;
        x({0, 5, 0}) = inner == 1 ? x({0, 5, 0}) : kInf;
        OperatorProgram sum("aten::sum.IntList_out"), max("aten::amax.out"), min("aten::amin.out");
        expect_near(sum.tensor(x).ints({1}).boolean(false).none().out(t)(), reduced(x, t, sum_of),
                    1, "sum");
        expect_near(max.tensor(x).ints({1}).boolean(false).out(t)(), reduced(x, t, largest_of), 0,
                    "max");
        const Array least = reduced(x, t, [](const Values& v) {
          double best = v[0];
          for (const double y : v) best = y < best || y != y ? y : best;
          return best;
        });
        expect_near(min.tensor(x).ints({1}).boolean(false).out(t)(), least, 0, "min");
        OperatorProgram where("aten::argmin.out");
        const Array& found = where.tensor(x).integer(1).boolean(false).out(DType::kS64)();
        EXPECT_EQ(found.v.back(), double(at));
      }
    }
  }
}

TEST(Statistics, MeansWhoseSumFloat32DoesNotHold) {
  for (const int64_t inner : {1, 12}) {
    const Array x = Array::make(DType::kF32, {1, 300, inner}, [](size_t) { return 3e38; });
    OperatorProgram mean("aten::mean.out");
    expect_near(mean.tensor(x).ints({1}).boolean(false).none().out(DType::kF32)(),
                reduced(x, DType::kF32, [](const Values& v) { return v[0]; }), 0, "mean");
  }
}

TEST(Statistics, VariancesBesideLargeMeans) {
  // Deviations of 1/64 about 4096: squares of what is not centred would lose them all.
  const Array x = Array::make(DType::kF32, {2, 1024, 1},
                              [](size_t i) { return 4096 + double(i % 2) / 32 - 1.0 / 64; });
  OperatorProgram var("aten::var.correction_out");
  expect_near(var.tensor(x).ints({1}).integer(0).boolean(false).out(DType::kF32)(),
              reduced(x, DType::kF32, [](const Values&) { return 1.0 / 4096; }), 1e-9, "var");
}

/// (x - mean) * rstd * weight + bias over `per` planes at a time.
void expect_normalized(const Array& got, const Array& x, int64_t per, const Array& weight,
                       const Array& bias, double eps) {
  const int64_t channels = x.shape[1];
  const size_t hw = x.shape.numel(2, x.shape.rank()), n = size_t(per) * hw;
  for (size_t g = 0; g < x.v.size() / n; ++g) {
    const Values row(x.v.begin() + ptrdiff_t(g * n), x.v.begin() + ptrdiff_t((g + 1) * n));
    const double mean = sum_of(row) / double(n);
    double squares = 0;
    for (const double v : row) squares += (v - mean) * (v - mean);
    const double rstd = 1 / std::sqrt(squares / double(n) + eps);
    for (size_t i = 0; i < n; ++i) {
      const size_t channel = (g * n + i) / hw % size_t(channels);
      const double wanted = (row[i] - mean) * rstd * weight.v[channel] + bias.v[channel];
      ASSERT_NEAR(got.v[g * n + i], wanted,
                  tolerance(got.type) * (1 + std::abs(wanted) + magnitude_of({mean * rstd})))
          << to_string(x.shape) << " element " << g * n + i;
    }
  }
}

TEST(Statistics, NormsOfPlanesOfEveryLength) {
  for (const DType t : kHalves) {
    for (const int64_t hw : {1, 7, 8, 9, 16, 33, 300}) {
      const Array x = reals(t, {2, 6, hw}), weight = reals(t, {6}, 1), bias = reals(t, {6}, -1);
      OperatorProgram group("aten::native_group_norm.out");
      group.tensor(x).tensor(weight).tensor(bias).integer(2).integer(6).integer(hw).integer(3);
      expect_normalized(group.real(1e-5).out(t).out(t).out(t)(), x, 2, weight, bias, 1e-5);
      // Of a batch of one each channel is a group of its own.
      const Array single = reals(t, {1, 6, hw});
      OperatorProgram batch("aten::_native_batch_norm_legit.no_stats_out");
      batch.tensor(single).tensor(weight).tensor(bias).boolean(true).real(0.1).real(1e-5);
      expect_normalized(batch.out(t).out(t).out(t)(), single, 1, weight, bias, 1e-5);
      const Array mean = reals(t, {6}, 0), var = reals(t, {6}, 3);
      OperatorProgram running("aten::_native_batch_norm_legit_no_training.out");
      running.tensor(x).tensor(weight).tensor(bias).tensor(mean).tensor(var).real(0.1).real(1e-5);
      const Array& got = running.out(t).out(t).out(t)();
      Array wanted = x;
      for (size_t i = 0; i < x.v.size(); ++i) {
        const size_t c = i / size_t(hw) % 6;
        wanted.v[i] = (x.v[i] - mean.v[c]) / std::sqrt(var.v[c] + 1e-5) * weight.v[c] + bias.v[c];
      }
      expect_near(got, wanted, tolerance(t) * 8, "running");
    }
  }
}

TEST(Statistics, BatchesAreNormalisedTogether) {
  for (const DType t : kHalves) {
    const Array x = reals(t, {3, 4, 300}), one(t, {4}, {1, 1, 1, 1}), zero(t, {4}, {0, 0, 0, 0});
    OperatorProgram batch("aten::_native_batch_norm_legit.no_stats_out");
    batch.tensor(x).tensor(one).tensor(zero).boolean(true).real(0.1).real(1e-5);
    const Array& got = batch.out(t).out(t).out(t)();
    Array wanted = x;
    for (int64_t c = 0; c < 4; ++c) {
      Values all;
      for (int64_t n = 0; n < 3; ++n)
        for (int64_t i = 0; i < 300; ++i) all.push_back(x({n, c, i}));
      const double mean = sum_of(all) / 900;
      double squares = 0;
      for (const double v : all) squares += (v - mean) * (v - mean);
      for (int64_t n = 0; n < 3; ++n) {
        for (int64_t i = 0; i < 300; ++i)
          wanted({n, c, i}) = (x({n, c, i}) - mean) / std::sqrt(squares / 900 + 1e-5);
      }
    }
    expect_near(got, wanted, tolerance(t) * 8, "batch");
  }
}

}  // namespace
}  // namespace smelt::program::testing
