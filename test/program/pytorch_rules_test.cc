// Rules of PyTorch that are easy to get wrong: what numbers become among integers, what an empty
// list of dimensions means, which of equal elements is chosen, what lies beyond a border.
#include "operator_call.h"

namespace smelt::program::testing {
namespace {

TEST(PyTorchRules, WholeNumbersWrapIntoTheTypeTheyMeet) {
  OperatorCall greater("aten::ge.Scalar_out");  // -1 is 255 among uint8
  greater.tensor(DType::kU8, {3}, {4, 254, 255}).integer(-1).out(DType::kBool);
  expect_near(greater(), {0, 0, 1});
  OperatorCall divide("aten::div.Scalar_mode_out");  // -2 is 254
  divide.tensor(DType::kU8, {3}, {254, 3, 255}).integer(-2).string("trunc").out(DType::kU8);
  expect_near(divide(), {1, 0, 1});
  OperatorCall bits("aten::bitwise_and.Scalar_out");
  bits.tensor(DType::kS8, {2}, {-1, 5}).integer(255).out(DType::kS8);
  expect_near(bits(), {-1, 5});
  OperatorCall real("aten::ge.Scalar_out");  // a real number makes them all real
  real.tensor(DType::kU8, {2}, {0, 4}).real(-1).out(DType::kBool);
  expect_near(real(), {1, 1});
}

TEST(PyTorchRules, AnyAndAllOverNoDimensionKeepAll) {
  for (const char* name : {"aten::any.dims_out", "aten::all.dims_out"}) {
    OperatorCall none(name);
    none.s64({2, 2}, {0, 7, -1, 0}).ints({}).boolean(false).out(DType::kBool);
    expect_near(none(), {0, 1, 1, 0});
    EXPECT_EQ(none.shape(), (Shape{2, 2}));
  }
  OperatorCall absent("aten::any.dims_out");
  absent.s64({2, 2}, {0, 7, -1, 0}).none().boolean(false).out(DType::kBool);
  expect_near(absent(), {1});
  OperatorCall sum("aten::sum.IntList_out");  // elsewhere an empty list means all
  sum.f32({2, 2}, {1, 2, 3, 4}).ints({}).boolean(false).none().out(DType::kF32);
  expect_near(sum(), {10});
}

TEST(PyTorchRules, TopkOfASingleNumberIsThatNumber) {
  for (const int64_t k : {0, 1}) {
    OperatorCall top("aten::topk.values");
    top.f32({}, {3}).integer(k).integer(0).boolean(true).boolean(true);
    top.out(DType::kF32).out(DType::kS64);
    expect_near(top(), {3});
    expect_near(top.result(1), {0});
  }
}

TEST(PyTorchRules, TopkValuesAreSortedWhateverTheirTies) {
  Values x;
  for (int i = 0; i < 200; ++i) x.push_back(double(i * 37 % 8));
  for (const int64_t k : {1, 3, 100, 200}) {  // few of many are found in another way than many
    OperatorCall top("aten::topk.values");
    top.f32({200}, x).integer(k).integer(-1).boolean(true).boolean(true);
    top.out(DType::kF32).out(DType::kS64);
    const Values best = top();
    const Values where = top.result(1);
    ASSERT_EQ(best.size(), size_t(k));
    for (size_t i = 0; i < best.size(); ++i) {
      EXPECT_EQ(best[i], double(7 - int(i) / 25)) << "at " << i;
      EXPECT_EQ(x[size_t(where[i])], best[i]) << "at " << i;
    }
  }
}

TEST(PyTorchRules, PaddingByLessThanNothingCuts) {
  OperatorCall edge("aten::replication_pad1d.out");
  edge.f32({1, 4}, {1, 2, 3, 4}).ints({-1, 2}).out(DType::kF32);
  expect_near(edge(), {2, 3, 4, 4, 4});
  OperatorCall mirror("aten::reflection_pad1d.out");
  mirror.f32({1, 4}, {1, 2, 3, 4}).ints({2, -1}).out(DType::kF32);
  expect_near(mirror(), {3, 2, 1, 2, 3});
  OperatorCall all("aten::replication_pad1d.out");
  all.f32({1, 4}, {1, 2, 3, 4}).ints({-2, -2}).out(DType::kF32);
  EXPECT_FALSE(all.run());
}

TEST(PyTorchRules, CubicSamplingFarOutsideFindsTheBorder) {
  const auto sample = [](int64_t border, double x, double y) {
    OperatorCall call("aten::grid_sampler_2d.out");
    call.f32({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}).f32({1, 1, 1, 2}, {x, y});
    call.integer(2).integer(border).boolean(true).out(DType::kF32);
    return call()[0];
  };
  EXPECT_NEAR(sample(1, 30, -30), 3, 1e-5);  // the edge: right, top
  EXPECT_NEAR(sample(1, -30, 30), 4, 1e-5);
  EXPECT_NEAR(sample(1, 1e30, 1e30), 6, 1e-5);
  EXPECT_EQ(sample(0, 30, 30), 0);
  // Position 27 of a row that repeats, forth and back, every 4: the same as 1.
  EXPECT_NEAR(sample(2, 26, -1), 2, 1e-5);
}

TEST(PyTorchRules, NothingIsQuantisedByNoScales) {
  OperatorCall channels("quantized_decomposed::quantize_per_channel.out");
  channels.f32({2, 0}, {}).f32({0}, {}).s64({0}, {}).integer(1).integer(-128).integer(127);
  channels.integer(1).out(DType::kS8);
  EXPECT_TRUE(channels().empty());
  OperatorCall tokens("quantized_decomposed::dequantize_per_token.out");
  tokens.tensor(DType::kS8, {0, 3}, {}).f32({0, 1}, {}).s64({0, 1}, {}).integer(-128).integer(127);
  tokens.integer(1).integer(6).out(DType::kF32);
  EXPECT_TRUE(tokens().empty());
}

}  // namespace
}  // namespace smelt::program::testing
