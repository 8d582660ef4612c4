// Kernels for elements of any type, and for statistics of rows and columns, on every ISA that this
// machine has.
#include <cmath>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "base/float16.h"
#include "kernel_log.h"
#include "kernels/vector/tables.h"
#include "support/random.h"

namespace smelt {
namespace {

constexpr size_t kSizes[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 131};

template <class F>
void for_each_table(F f) {
  for (const VectorTable& table : vector_tables()) {
    if (!test_cpu().isa.has(table.isa)) continue;
    SCOPED_TRACE(table.kernels->name);
    f(*table.kernels);
  }
}

template <class T>
std::vector<T> values(size_t n) {
  Random random(n + 5);
  std::vector<T> v(n);
  for (T& x : v) x = T(int64_t(random.real(-100, 100)));
  return v;
}

template <class From, class To>
void expect_converted(WidenFn convert) {
  for (const size_t n : kSizes) {
    const std::vector<From> in = values<From>(n);
    std::vector<To> out(n + 1, To(77));
    convert(in.data(), out.data(), n);
    for (size_t i = 0; i < n; ++i) EXPECT_EQ(out[i], To(in[i])) << i << " of " << n;
    EXPECT_EQ(out[n], To(77));
  }
}

TEST(Elements, ConvertBothWays) {
  for_each_table([](const VectorKernels& kernels) {
    const auto load = [&](Stored from, Wide to) {
      return kernels.elements.load[size_t(from)][size_t(to)];
    };
    const auto store = [&](Wide from, Stored to) {
      return kernels.elements.store[size_t(from)][size_t(to)];
    };
    expect_converted<int8_t, float>(load(Stored::kS8, Wide::kF32));
    expect_converted<int64_t, float>(load(Stored::kS64, Wide::kF32));
    expect_converted<int16_t, double>(load(Stored::kS16, Wide::kF64));
    expect_converted<int32_t, int64_t>(load(Stored::kS32, Wide::kS64));
    expect_converted<float, int64_t>(load(Stored::kF32, Wide::kS64));
    expect_converted<float, int8_t>(store(Wide::kF32, Stored::kS8));
    expect_converted<double, float>(store(Wide::kF64, Stored::kF32));
    expect_converted<int64_t, int16_t>(store(Wide::kS64, Stored::kS16));
    expect_converted<int64_t, double>(store(Wide::kS64, Stored::kF64));
  });
}

TEST(Elements, WhatDoesNotFitAndWhatIsTrue) {
  for_each_table([](const VectorKernels& kernels) {
    std::vector<float> odd(40, 3e38f);
    odd[1] = -3e38f, odd[2] = NAN, odd[3] = -0.0f, odd[4] = -7.9f, odd[5] = 0x1p-149f;
    std::vector<int64_t> whole(40);
    kernels.elements.store[size_t(Wide::kF32)][size_t(Stored::kS64)](odd.data(), whole.data(), 40);
    EXPECT_EQ(whole[0], INT64_MIN);
    EXPECT_EQ(whole[1], INT64_MIN);
    EXPECT_EQ(whole[2], INT64_MIN);
    EXPECT_EQ(whole[3], 0);
    EXPECT_EQ(whole[4], -7);
    std::vector<uint8_t> flags(40);
    kernels.elements.store[size_t(Wide::kF32)][size_t(Stored::kBool)](odd.data(), flags.data(), 40);
    EXPECT_EQ(flags[2], 1);
    EXPECT_EQ(flags[3], 0);
    EXPECT_EQ(flags[5], 1);
    const std::vector<uint8_t> bytes = {0, 1, 2, 255, 128, 0, 1};
    std::vector<float> truth(bytes.size());
    kernels.elements.load[size_t(Stored::kBool)][size_t(Wide::kF32)](bytes.data(), truth.data(),
                                                                     bytes.size());
    EXPECT_EQ(truth, (std::vector<float>{0, 1, 1, 1, 1, 0, 1}));
  });
}

template <class T>
void expect_chosen(ChooseFn choose) {
  for (const size_t n : kSizes) {
    std::vector<uint8_t> flags(n);
    for (size_t i = 0; i < n; ++i) flags[i] = uint8_t(i % 3 * 2);
    const std::vector<T> yes = values<T>(n);
    std::vector<T> no(n, T(1)), out(n);
    choose(flags.data(), yes.data(), no.data(), out.data(), n);
    for (size_t i = 0; i < n; ++i) EXPECT_EQ(out[i], flags[i] ? yes[i] : no[i]) << i << " of " << n;
    choose(flags.data(), yes.data(), no.data(), no.data(), n);
    EXPECT_EQ(no, out);
  }
}

TEST(Elements, AreChosenByFlags) {
  for_each_table([](const VectorKernels& kernels) {
    expect_chosen<uint8_t>(kernels.elements.choose[0]);
    expect_chosen<uint16_t>(kernels.elements.choose[1]);
    expect_chosen<uint32_t>(kernels.elements.choose[2]);
    expect_chosen<uint64_t>(kernels.elements.choose[3]);
  });
}

TEST(Elements, PowersAndLines) {
  constexpr double kInfinity = INFINITY;
  for_each_table([](const VectorKernels& kernels) {
    std::vector<float> x = {0.f, -0.f, float(kInfinity), float(-kInfinity), NAN, 1e-20f, -3.5f,
                            2.f, 1e20f};
    for (int i = 0; i < 30; ++i) x.push_back(float(i) * 0.3f + 0.1f);
    std::vector<float> y(x.size());
    for (const int halves : {-8, -6, -4, -2, -1, 0, 1, 2, 4, 6, 8}) {
      kernels.power.f32(x.data(), y.data(), x.size(), halves);
      for (size_t i = 0; i < x.size(); ++i) {
        const float wanted = float(std::pow(double(x[i]), halves / 2.0));
        if (wanted != wanted) {
          EXPECT_NE(y[i], y[i]) << x[i] << " ^ " << halves / 2.0;
        } else if (!std::isfinite(wanted) || wanted == 0) {
          EXPECT_EQ(y[i], wanted) << x[i] << " ^ " << halves / 2.0;
          EXPECT_EQ(std::signbit(y[i]), std::signbit(wanted)) << x[i] << " ^ " << halves / 2.0;
        } else {
          EXPECT_NEAR(y[i], wanted, std::abs(wanted) * 8e-7) << x[i] << " ^ " << halves / 2.0;
        }
      }
    }
    kernels.affine.f32(x.data(), x.data(), x.size(), 3, -1);
    EXPECT_EQ(x[7], 5);
    EXPECT_NEAR(x.back(), 3 * (29 * 0.3 + 0.1) - 1, 1e-5);
  });
}

TEST(Statistics, DeviationsAndColumns) {
  for_each_table([](const VectorKernels& kernels) {
    for (const size_t n : kSizes) {
      const size_t rows = 21, stride = n + 3;
      Random random(n);
      std::vector<float> x(rows * stride);
      for (float& v : x) v = float(random.real(-2, 2));
      double sum = 0, squares = 0;
      for (size_t i = 0; i < n; ++i) {
        sum += double(x[i]) - 0.5;
        squares += (double(x[i]) - 0.5) * (double(x[i]) - 0.5);
      }
      const Deviations d = kernels.row_deviations.f32(x.data(), n, 0.5f);
      EXPECT_NEAR(d.sum, sum, 1e-6 * double(n + 1));
      EXPECT_NEAR(d.squares, squares, 2e-6 * double(n + 1));
      std::vector<double> sums(n + 1, 1);
      std::vector<float> most(n + 1, 7), least(n + 1, 7);
      kernels.column_sums.f32(x.data(), stride * sizeof(float), rows, sums.data(), n);
      kernels.column_max.f32(x.data(), stride * sizeof(float), rows, most.data(), n);
      kernels.column_min.f32(x.data(), stride * sizeof(float), rows, least.data(), n);
      for (size_t j = 0; j < n; ++j) {
        double total = 1;
        float high = x[j], low = x[j];
        for (size_t r = 0; r < rows; ++r) {
          total += double(x[r * stride + j]);
          high = std::fmax(high, x[r * stride + j]);
          low = std::fmin(low, x[r * stride + j]);
        }
        EXPECT_NEAR(sums[j], total, 2e-5);
        EXPECT_EQ(most[j], high);
        EXPECT_EQ(least[j], low);
      }
      EXPECT_EQ(sums[n], 1);
      EXPECT_EQ(most[n], 7);
      EXPECT_EQ(least[n], 7);
    }
  });
}

}  // namespace
}  // namespace smelt
