// Element-wise operators and copies around the borders of their quick ways: lengths about those of
// vectors and blocks, short rows, other orders, several workers.
#include <numeric>

#include "operator_call.h"
#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

constexpr int64_t kLengths[] = {0, 1, 7, 15, 16, 17, 33, 63, 65, 255, 256, 257, 515};

bool same(double a, double b) {
  return a == b ? std::signbit(a) == std::signbit(b) : a != a && b != b;
}

void expect_same(const Array& got, const Array& wanted, std::string_view what) {
  ASSERT_EQ(got.shape, wanted.shape) << what;
  for (size_t i = 0; i < wanted.v.size(); ++i) {
    ASSERT_TRUE(same(got.v[i], wanted.v[i]))
        << what << ", element " << i << ": " << got.v[i] << " instead of " << wanted.v[i];
  }
}

/// Distinct values that float16 holds, halves among them, of both signs where the type has them.
double value(DType t, size_t i) {
  if (t == DType::kBool) return double(i % 3 != 0);
  const double v = double(i * 7 % 199) / 2;
  const bool has_sign =
      real_type(t) || t == DType::kS8 || t == DType::kS16 || t == DType::kS32 || t == DType::kS64;
  return has_sign && i % 2 == 1 ? -v : v;
}
Array values(DType t, const Shape& shape) {
  return Array::make(t, shape, [&](size_t i) { return value(t, i); });
}

TEST(Runs, EveryTypeBecomesEveryOther) {
  for (const DType from : kAllTypes) {
    for (const DType to : kAllTypes) {
      for (const int64_t n : kLengths) {
        const Array a = values(from, {n});
        Array wanted(to, {n}, a.v);
        // Reals lose their fraction and then wrap; what has no sign wraps as well.
        OperatorProgram p("aten::_to_copy.out");
        expect_same(p.tensor(a).boolean(false).none().out(to)(), wanted,
                    fmt::format("{} to {}, {} elements", name(from), name(to), n));
      }
    }
  }
}

TEST(Runs, SpecialNumbersStayWhatTheyAre) {
  // To the smallest half, which is denormal, and to the smallest float that is not: those are zeros
  // while a method runs.
  const Values special = {0.0,   -0.0,    kInf,  -kInf, kNan,    1e30,
                          -1e30, 0x1p-24, 65504, 65520, 0x1p-126};
  for (const DType from : kFloats) {
    for (const DType to : kFloats) {
      Values v;
      for (int i = 0; i < 7; ++i) v.insert(v.end(), special.begin(), special.end());
      const Array a(from, {int64_t(v.size())}, v);
      OperatorProgram p("aten::_to_copy.out");
      expect_same(p.tensor(a).boolean(false).none().out(to)(), Array(to, a.shape, a.v),
                  fmt::format("{} to {}", name(from), name(to)));
    }
    const Array a(from, {5}, {kNan, kInf, -kInf, 0, -0.0});
    OperatorProgram flags("aten::_to_copy.out");
    EXPECT_EQ(flags.tensor(a).boolean(false).none().out(DType::kBool)().v, (Values{1, 1, 1, 0, 0}));
    OperatorProgram whole("aten::_to_copy.out");
    EXPECT_EQ(whole.tensor(a).boolean(false).none().out(DType::kS64)().v,
              (Values{-0x1p63, -0x1p63, -0x1p63, 0, 0}));
  }
}

TEST(Runs, TypesAndOrdersChangeTogether) {
  for (const Shape& shape : {Shape{2, 3, 5, 7}, Shape{1, 33, 17, 4}, Shape{2, 16, 1, 40}}) {
    for (const DType to : {DType::kF32, DType::kF16, DType::kS64}) {
      const Array a = values(DType::kF32, shape);
      OperatorProgram p("aten::_to_copy.out");
      const OperatorProgram::Order pixels = {0, 2, 3, 1};
      expect_same(p.tensor(a).boolean(false).none().out(to, pixels)(), Array(to, shape, a.v),
                  to_string(shape));
    }
  }
}

TEST(Runs, ConversionsSayWhichKernelDoesThem) {
  OperatorCall same_type("aten::_to_copy.out"), other("aten::_to_copy.out");
  same_type.f32({2}, {1, 2}).boolean(false).none().out(DType::kF32)();
  other.f32({2}, {1, 2}).boolean(false).none().out(DType::kF16)();
  EXPECT_EQ(same_type.kernel(), "");
  EXPECT_EQ(other.kernel().substr(0, 7), "vector_");
}

TEST(Runs, TransposesOfEveryElementSize) {
  const Shape shapes[] = {{17, 33}, {64, 64}, {3, 515}, {515, 3}, {129, 8}, {1, 700}};
  for (const DType t : {DType::kU8, DType::kBF16, DType::kF32, DType::kS64}) {
    for (const Shape& shape : shapes) {
      const Array a = values(t, shape);
      Array wanted = values(t, {shape[1], shape[0]});
      for_each_index(wanted.shape, [&](const Index& i) { wanted(i) = a({i[1], i[0]}); });
      OperatorProgram p("aten::permute_copy.out");
      expect_same(p.tensor(a).ints({1, 0}).out(t)(), wanted, to_string(shape));
    }
    const Array a = values(t, {3, 7, 5, 9});
    Array wanted = values(t, {5, 3, 9, 7});
    for_each_index(wanted.shape, [&](const Index& i) { wanted(i) = a({i[1], i[3], i[0], i[2]}); });
    OperatorProgram p("aten::permute_copy.out");
    expect_same(p.tensor(a).ints({2, 0, 3, 1}).out(t)(), wanted, "rank 4");
  }
}

TEST(Runs, ExpandedFlippedAndRepeated) {
  const Array a = values(DType::kF32, {5, 1, 41});
  Array expanded = values(DType::kF32, {3, 5, 9, 41});
  for_each_index(expanded.shape, [&](const Index& i) { expanded(i) = a({i[1], 0, i[3]}); });
  OperatorProgram expand("aten::expand_copy.out");
  expect_same(expand.tensor(a).ints({3, 5, 9, 41}).boolean(false).out(DType::kF32)(), expanded,
              "expand");
  const Array column = values(DType::kF32, {60, 1});
  Array wide = values(DType::kF32, {60, 13});
  for_each_index(wide.shape, [&](const Index& i) { wide(i) = column({i[0], 0}); });
  OperatorProgram widen("aten::expand_copy.out");
  expect_same(widen.tensor(column).ints({60, 13}).boolean(false).out(DType::kF32)(), wide, "widen");
  const Array b = values(DType::kF16, {19, 67});
  Array flipped = b;
  for_each_index(b.shape, [&](const Index& i) { flipped(i) = b({18 - i[0], 66 - i[1]}); });
  OperatorProgram flip("aten::flip.out");
  expect_same(flip.tensor(b).ints({0, 1}).out(DType::kF16)(), flipped, "flip");
  Array shuffled = values(DType::kF16, {2, 2 * 19, 2 * 13});
  const Array c = values(DType::kF16, {8, 19, 13});
  for_each_index(shuffled.shape, [&](const Index& i) {
    shuffled(i) = c({i[0] * 4 + i[1] % 2 * 2 + i[2] % 2, i[1] / 2, i[2] / 2});
  });
  OperatorProgram shuffle("aten::pixel_shuffle.out");
  expect_same(shuffle.tensor(c).integer(2).out(DType::kF16)(), shuffled, "pixel shuffle");
}

/// The element of `a` that stands at an index of the shape it is broadcast to.
double broadcast_element(const Array& a, const Index& index) {
  Index own(a.shape.rank());
  const size_t lead = index.size() - own.size();
  for (size_t d = 0; d < own.size(); ++d) own[d] = a.shape[d] == 1 ? 0 : index[lead + d];
  return a(own);
}

struct Shapes {
  Shape a, b, out;
};
const Shapes kBroadcasts[] = {
    {{9, 11, 3}, {3}, {9, 11, 3}},           {{9, 11, 3}, {9, 11, 1}, {9, 11, 3}},
    {{1, 5, 7}, {6, 1, 7}, {6, 5, 7}},       {{40, 1}, {7}, {40, 7}},
    {{7, 1, 47}, {5, 47}, {7, 5, 47}},       {{7, 1, 48}, {5, 1}, {7, 5, 48}},
    {{3, 1, 300}, {2, 1}, {3, 2, 300}},      {{2, 3, 4, 5}, {}, {2, 3, 4, 5}},
    {{2, 1, 3, 1}, {5, 1, 2}, {2, 5, 3, 2}}, {{300, 2}, {300, 2}, {300, 2}},
};

TEST(Runs, ShortRowsAreBroadcast) {
  for (const auto& [a_shape, b_shape, shape] : kBroadcasts) {
    for (const DType t : {DType::kF32, DType::kF16, DType::kS32, DType::kS64, DType::kF64}) {
      const Array a = values(t, a_shape), b = values(t, b_shape);
      Array wanted = values(t, shape);
      for_each_index(shape, [&](const Index& i) {
        wanted(i) = stored(t, broadcast_element(a, i) + broadcast_element(b, i));
      });
      OperatorProgram add("aten::add.out");
      expect_same(add.tensor(a).tensor(b).integer(1).out(t)(), wanted, to_string(shape));
      Array flags = values(DType::kBool, shape);
      for_each_index(shape, [&](const Index& i) {
        flags(i) = broadcast_element(a, i) > broadcast_element(b, i);
      });
      OperatorProgram greater("aten::gt.Tensor_out");
      expect_same(greater.tensor(a).tensor(b).out(DType::kBool)(), flags, to_string(shape));
    }
  }
}

TEST(Runs, ShortRowsGoToOtherOrders) {
  const Shape shape{2, 3, 9, 5};
  const OperatorProgram::Order pixels = {0, 2, 3, 1};
  const Array a = values(DType::kF32, shape), b = values(DType::kF16, {3, 1, 5});
  Array wanted = values(DType::kF32, shape);
  for_each_index(shape, [&](const Index& i) { wanted(i) = a(i) - broadcast_element(b, i); });
  for (const bool out_pixels : {false, true}) {
    OperatorProgram p("aten::sub.out");
    p.tensor(a, pixels).tensor(b).integer(1);
    expect_same(p.out(DType::kF32, out_pixels ? pixels : OperatorProgram::Order{0, 1, 2, 3})(),
                wanted, "pixels");
  }
}

TEST(Runs, ChoicesOfEveryElementSize) {
  for (const DType t : kAllTypes) {
    for (const auto& [a_shape, b_shape, shape] : kBroadcasts) {
      const Array a = values(t, a_shape), b = values(t, b_shape);
      for (const Shape& flag_shape : {shape, a_shape, b_shape, Shape()}) {
        const Array flags = values(DType::kBool, flag_shape);
        Array wanted = values(t, shape), filled = wanted;
        for_each_index(shape, [&](const Index& i) {
          const bool yes = broadcast_element(flags, i) != 0;
          wanted(i) = yes ? broadcast_element(a, i) : broadcast_element(b, i);
        });
        OperatorProgram where("aten::where.self_out");
        expect_same(where.tensor(flags).tensor(a).tensor(b).out(t)(), wanted, to_string(shape));
        const Array whole = values(t, shape);
        for_each_index(shape, [&](const Index& i) {
          filled(i) = broadcast_element(flags, i) != 0 ? 1 : whole(i);
        });
        OperatorProgram fill("aten::masked_fill.Scalar_out");
        expect_same(fill.tensor(whole).tensor(flags).integer(1).out(t)(), filled, to_string(shape));
      }
    }
  }
}

TEST(Runs, ChoicesKeepTheBitsOfNan) {
  OperatorCall where("aten::where.self_out");
  where.tensor(DType::kBool, {3}, {1, 0, 1}).f32({3}, {kNan, 1, -0.0}).f32({}, {kInf});
  const Values got = where.out(DType::kF32)();
  EXPECT_TRUE(got[0] != got[0]);
  EXPECT_EQ(got[1], kInf);
  EXPECT_TRUE(std::signbit(got[2]));
  EXPECT_EQ(where.kernel().substr(0, 7), "vector_");
}

/// Roundings of one power: a few of the stored type, some more of the computing one.
double power_tolerance(DType t, double halves) {
  const double own = t == DType::kF64   ? 0
                     : t == DType::kF32 ? 0x1p-24
                     : t == DType::kF16 ? 0x1p-11
                                        : 0x1p-8;
  return own + (std::abs(halves) + 3) * (t == DType::kF64 ? 0x1p-53 : 0x1p-24);
}

TEST(Runs, SmallPowersAreProducts) {
  const Values special = {0.0, -0.0, kInf, -kInf, kNan, 1, -1, 1e20, -1e-20, 3e38, 0.7, -2.5};
  Values v;
  for (int i = 0; i < 37; ++i) v.push_back(i % 2 == 0 ? 0.37 * i : -0.29 * i);
  v.insert(v.end(), special.begin(), special.end());
  for (const DType t : kFloats) {
    const Array a(t, {int64_t(v.size())}, v);
    for (int halves = -17; halves <= 17; ++halves) {
      OperatorProgram pow("aten::pow.Tensor_Scalar_out");
      const Array& got = pow.tensor(a).real(halves / 2.0).out(t)();
      for (size_t i = 0; i < a.v.size(); ++i) {
        const double exact = std::pow(a.v[i], halves / 2.0), wanted = stored(t, exact);
        // Results that are denormal are zeros, and of halves have fewer digits.
        const double least = t == DType::kF64 ? 0x1p-1021 : t == DType::kF16 ? 0x1p-23 : 0x1p-125;
        const bool close =
            std::abs(got.v[i] - wanted) <= power_tolerance(t, halves) * std::abs(exact) + least;
        EXPECT_TRUE(same(got.v[i], wanted) || close)
            << name(t) << " " << a.v[i] << " ^ " << halves / 2.0 << ": " << got.v[i]
            << " instead of " << wanted;
      }
    }
  }
}

TEST(Runs, SmallPowersSayWhichKernelDoesThem) {
  for (const double exponent : {2.0, 3.0, 4.0, -1.0, 0.5, -0.5}) {
    OperatorCall pow("aten::pow.Tensor_Scalar_out");
    pow.f32({2}, {1, 2}).real(exponent).out(DType::kF32)();
    EXPECT_EQ(pow.kernel().substr(0, 7), "vector_") << exponent;
  }
  OperatorCall pow("aten::pow.Tensor_Scalar_out");
  pow.f32({2}, {1, 2}).real(0.3).out(DType::kF32)();
  EXPECT_EQ(pow.kernel(), "");
}

TEST(Runs, QuantiseAndDequantiseEveryLength) {
  for (const DType real : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const DType byte : {DType::kS8, DType::kU8}) {
      const int64_t least = byte == DType::kS8 ? -128 : 0;
      for (const int64_t n : kLengths) {
        Array x = values(real, {n});
        if (n > 5) x.v[2] = kNan, x.v[3] = kInf, x.v[4] = -kInf;
        Array wanted = values(byte, {n}), back = values(real, {n});
        for (size_t i = 0; i < x.v.size(); ++i) {
          const double q = std::nearbyint(x.v[i] * 2) + 7;
          wanted.v[i] = q != q ? double(least) : std::clamp(q, double(least), double(least + 240));
          back.v[i] = stored(real, (wanted.v[i] - 7) / 2);
        }
        OperatorProgram there("quantized_decomposed::quantize_per_tensor.out");
        there.tensor(x).real(0.5).integer(7).integer(least).integer(least + 240);
        expect_same(there.integer(int64_t(*to_scalar_type(byte))).out(byte)(), wanted, "quantised");
        OperatorProgram again("quantized_decomposed::dequantize_per_tensor.out");
        again.tensor(wanted).real(0.5).integer(7).integer(least).integer(least + 240);
        again.integer(int64_t(*to_scalar_type(byte))).none();
        if (real != DType::kF32) continue;
        expect_same(again.out(real)(), back, "dequantised");
      }
    }
  }
}

TEST(Runs, QuantiseEachChannelByItsOwnScale) {
  for (size_t axis = 0; axis < 3; ++axis) {
    const Shape shape{5, 3, 19};
    const Array x = values(DType::kF32, shape);
    const int64_t channels = shape[axis];
    const Array scales =
        Array::make(DType::kF64, {channels}, [](size_t i) { return 0.25 * double(i + 1); });
    const Array zeros =
        Array::make(DType::kS64, {channels}, [](size_t i) { return double(i % 9) - 4; });
    Array wanted = values(DType::kS8, shape), back = values(DType::kF32, shape);
    for_each_index(shape, [&](const Index& i) {
      const size_t c = size_t(i[axis]);
      const float inverse = 1.0f / float(scales.v[c]);
      wanted(i) =
          std::clamp(double(std::nearbyint(float(x(i)) * inverse)) + zeros.v[c], -128.0, 127.0);
      back(i) = (wanted(i) - zeros.v[c]) * scales.v[c];
    });
    const auto type = int64_t(*to_scalar_type(DType::kS8));
    OperatorProgram there("quantized_decomposed::quantize_per_channel.out");
    there.tensor(x).tensor(scales).tensor(zeros).integer(int64_t(axis)).integer(-128).integer(127);
    expect_same(there.integer(type).out(DType::kS8)(), wanted, "quantised");
    OperatorProgram again("quantized_decomposed::dequantize_per_channel.out");
    again.tensor(wanted).tensor(scales).tensor(zeros).integer(int64_t(axis)).integer(-128);
    again.integer(127).integer(type).none();
    expect_same(again.out(DType::kF32)(), back, "dequantised");
  }
}

TEST(Runs, AreDividedAmongWorkers) {
  const Cpu cpu = *Cpu::detect();
  const auto pool = ThreadPool::create(3);
  const Machine machine(vector_kernels(cpu), *pool);
  const Shape shape{7, 331, 97}, turned{97, 331, 7};
  const size_t n = shape.numel();
  std::vector<float> in(n), out(n);
  std::iota(in.begin(), in.end(), 0.f);
  const auto bytes = [](auto& v) { return reinterpret_cast<std::byte*>(v.data()); };
  const Strided from(bytes(in), DType::kF32, shape, row_major_strides(shape));
  constexpr size_t kTurned[] = {2, 1, 0};
  copy(machine, Strided(bytes(out), DType::kF32, turned, row_major_strides(turned)),
       permuted(from, kTurned));
  for_each_index(turned, [&](const Index& i) {
    const float wanted = float((i[2] * 331 + i[1]) * 97 + i[0]);
    ASSERT_EQ(out[size_t((i[0] * 331 + i[1]) * 7 + i[2])], wanted);
  });
  std::vector<int32_t> whole(n);
  copy(machine, Strided(bytes(whole), DType::kS32, shape, row_major_strides(shape)), from);
  for (size_t i = 0; i < n; ++i) ASSERT_EQ(whole[i], int32_t(i));
  // Short rows: the same elements seen with 7 innermost.
  const BlockFn sum = [](const void* const* in, void* to, size_t count, const void*) {
    for (size_t i = 0; i < count; ++i) {
      static_cast<float*>(to)[i] =
          static_cast<const float*>(in[0])[i] + static_cast<const float*>(in[1])[i];
    }
  };
  float row[7] = {0, 10, 20, 30, 40, 50, 60};
  const Strided inputs[] = {permuted(from, kTurned),
                            Strided(reinterpret_cast<std::byte*>(row), DType::kF32, {7}, {1})};
  map(machine, Compute::kF32, Strided(bytes(out), DType::kF32, turned, row_major_strides(turned)),
      inputs, sum, nullptr);
  for_each_index(turned, [&](const Index& i) {
    const float wanted = float((i[2] * 331 + i[1]) * 97 + i[0]) + 10 * float(i[2]);
    ASSERT_EQ(out[size_t((i[0] * 331 + i[1]) * 7 + i[2])], wanted);
  });
}

}  // namespace
}  // namespace smelt::program::testing
