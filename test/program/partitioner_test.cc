// Why operators are outside delegates: what explain says of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/operator_program.h"

namespace smelt::program {
namespace {

using smelt::testing::Array;
using smelt::testing::OperatorProgram;
using ::testing::HasSubstr;

Array ones(DType type, const Shape& shape) {
  return Array::make(type, shape, [](size_t) { return 1.0; });
}

void expect(OperatorProgram& program, Delegable delegable, const std::string& why) {
  program();
  const StepInfo step = program.explain();
  EXPECT_EQ(step.delegable, delegable) << step.name;
  EXPECT_THAT(step.outside, HasSubstr(why)) << step.name;
}

TEST(Outside, CustomOperatorsAndThoseThatNoPartitionerTakes) {
  OperatorProgram cache("llama::update_cache.out");
  cache.tensor(ones(DType::kF32, {1, 1, 1, 2})).updated(ones(DType::kF32, {1, 4, 1, 2}));
  cache.integer(0).out(DType::kF32);
  expect(cache, Delegable::kNever, "XNNPACK's partitioner takes no llama::update_cache");
  OperatorProgram sum("aten::sum.IntList_out");
  sum.tensor(ones(DType::kF32, {2, 3})).ints({1}).boolean(false).none().out(DType::kF32);
  expect(sum, Delegable::kNever, "takes no aten::sum");
}

TEST(Outside, TypesThatDelegatesDoNotHave) {
  OperatorProgram mul("aten::mul.out");
  mul.tensor(ones(DType::kS64, {2})).tensor(ones(DType::kS64, {2})).out(DType::kS64);
  expect(mul, Delegable::kNotAsItIs, "aten::mul only of float32 and float16, here int64");
  OperatorProgram half("aten::mul.out");
  half.tensor(ones(DType::kBF16, {2})).tensor(ones(DType::kBF16, {2})).out(DType::kBF16);
  expect(half, Delegable::kNotAsItIs, "bfloat16 if asked to");
  OperatorProgram mixed("aten::mul.out");
  mixed.tensor(ones(DType::kF32, {2})).tensor(ones(DType::kF16, {2})).out(DType::kF32);
  expect(mixed, Delegable::kNotAsItIs, "one type, here float32 and float16");
}

TEST(Outside, AttributesAndShapesThatDelegatesDoNotHave) {
  OperatorProgram add("aten::add.out");
  add.tensor(ones(DType::kF32, {2})).tensor(ones(DType::kF32, {2})).integer(2).out(DType::kF32);
  expect(add, Delegable::kNotAsItIs, "with alpha 1, here 2");
  OperatorProgram mean("aten::mean.out");
  mean.tensor(ones(DType::kF32, {2, 3})).ints({-1}).boolean(true).none().out(DType::kF32, {0, 1});
  expect(mean, Delegable::kNotAsItIs, "over the last two of four dimensions");
  OperatorProgram softmax("aten::_softmax.out");
  softmax.tensor(ones(DType::kF32, {2, 3})).integer(0).boolean(false).out(DType::kF32, {0, 1});
  expect(softmax, Delegable::kNotAsItIs, "over the last dimension");
  OperatorProgram slice("aten::slice_copy.Tensor_out");
  slice.tensor(ones(DType::kF32, {9})).integer(0).integer(0).integer(9).integer(2);
  slice.out(DType::kF32);
  expect(slice, Delegable::kNotAsItIs, "with step 1, here 2");
  OperatorProgram pool("aten::max_pool2d_with_indices.out");
  pool.tensor(ones(DType::kF32, {1, 2, 9, 9})).ints({2, 2}).ints({3, 3}).ints({0, 0});
  pool.ints({1, 1}).boolean(false).out(DType::kF32, {0, 1, 2, 3}).out(DType::kS64, {0, 1, 2, 3});
  expect(pool, Delegable::kNotAsItIs, "strides up to the kernel, here 3 over 2");
  OperatorProgram linear("aten::linear.out");
  linear.tensor(ones(DType::kF32, {2, 3})).tensor(ones(DType::kF32, {4, 3})).none();
  linear.out(DType::kF32, {0, 1});
  expect(linear, Delegable::kNotAsItIs, "with constant weights; these are computed");
  OperatorProgram video("aten::convolution.out");
  video.tensor(ones(DType::kF32, {1, 1, 3, 3, 3})).tensor(ones(DType::kF32, {1, 1, 1, 1, 1}));
  video.none().ints({1}).ints({0}).ints({1}).boolean(false).ints({0}).integer(1);
  video.out(DType::kF32, {0, 1, 2, 3, 4});
  expect(video, Delegable::kNotAsItIs, "over one or two dimensions, here 3");
}

TEST(Outside, WhatNothingInTheFileSpeaksAgainst) {
  OperatorProgram bmm("aten::bmm.out");
  bmm.tensor(ones(DType::kF32, {1, 2, 3})).tensor(ones(DType::kF32, {1, 3, 2}));
  bmm.out(DType::kF32, {0, 1, 2});
  expect(bmm, Delegable::kYes, "nothing in the file says why");
}

// ---- models that were quantised and are not run so --------------------------------------------

using namespace smelt::testing;

std::vector<StepInfo> explained(const ProgramSpec& spec) {
  const std::vector<std::byte> bytes = spec.build();
  auto file = ProgramFile::parse(bytes, "test.pte");
  EXPECT_TRUE(file) << file.error().message;
  auto source = std::make_shared<const ProgramSource>(ProgramSource{*std::move(file), {}});
  auto method = LoadedMethod::load(std::move(source), "forward", Cpu(), 1);
  EXPECT_TRUE(method) << method.error().message;
  return method ? (*method)->explain() : std::vector<StepInfo>();
}

TEST(StayedFloat, ProductsOfDequantisedWeightsAreMarked) {
  const auto planned = [](std::vector<int32_t> sizes, uint64_t offset, pte::ScalarType type) {
    return tensor({.type = type,
                   .sizes = std::move(sizes),
                   .dim_order = {0, 1},
                   .allocation = AllocationSpec{1, offset}});
  };
  constexpr auto kFloat = pte::ScalarType::Float;
  ProgramSpec p;
  // 0: x, 1: int8 weights, 2: dequantised, 3: transposed, 4: y = x . 3, 5: z = x . x
  p.values = {planned({4, 4}, 0, kFloat),   planned({4, 4}, 64, pte::ScalarType::Char),
              planned({4, 4}, 128, kFloat), planned({4, 4}, 192, kFloat),
              planned({4, 4}, 256, kFloat), planned({4, 4}, 320, kFloat)};
  const auto add = [&](TableMaker v) {
    p.values.push_back(std::move(v));
    return int32_t(p.values.size() - 1);
  };
  const int32_t scale = add(real(0.5)), zero = add(integer(0)), low = add(integer(-128)),
                high = add(integer(127)), type = add(integer(1)), absent = add(null()),
                one = add(integer(1));
  const int32_t order = add(int_list({one, zero}));
  p.inputs = {0, 1};
  p.outputs = {4, 5};
  p.operators = {{"quantized_decomposed::dequantize_per_tensor", "out"},
                 {"aten::permute_copy", "out"},
                 {"aten::mm", "out"}};
  p.instructions = {kernel_call(0, {1, scale, zero, low, high, type, absent, 2}),
                    kernel_call(1, {2, order, 3}), kernel_call(2, {0, 3, 4}),
                    kernel_call(2, {0, 0, 5})};
  p.buffers = {0, 1024};
  const std::vector<StepInfo> steps = explained(p);
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_FALSE(steps[0].stayed_float);
  EXPECT_FALSE(steps[1].stayed_float);
  EXPECT_TRUE(steps[2].stayed_float);
  EXPECT_EQ(steps[2].delegable, Delegable::kYes)
      << "the weights are computed, but as it wants them";
  EXPECT_THAT(steps[0].outside, HasSubstr("around an operator that it takes"));
  EXPECT_FALSE(steps[3].stayed_float) << "x was never quantised";
}

}  // namespace
}  // namespace smelt::program
