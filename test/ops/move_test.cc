// Operators that only move elements.
#include <algorithm>

#include "op_runner.h"

namespace smelt {

namespace {

constexpr Encoding kS8 = {DType::kS8, 0.03f, -7}, kOtherS8 = {DType::kS8, 0.05f, 20};
constexpr Encoding kS32 = {DType::kS32}, kS64 = {DType::kS64};

std::vector<size_t> unflatten(size_t flat, const Shape& shape) {
  std::vector<size_t> index(shape.rank());
  for (size_t i = shape.rank(); i-- > 0; flat /= size_t(shape[i]))
    index[i] = flat % size_t(shape[i]);
  return index;
}

size_t flatten(std::span<const size_t> index, const Shape& shape) {
  size_t flat = 0;
  for (size_t i = 0; i < shape.rank(); ++i) flat = flat * size_t(shape[i]) + index[i];
  return flat;
}

void expect_transposed(const Encoding& from, const Encoding& to, const Shape& shape,
                       const Shape& perm) {
  const TestTensor in = TestTensor::random(from, shape, 1, -100, 100);
  const auto out = run({OpKind::kTranspose, TransposeAttrs{perm}, {}, {in}, {to}});
  ASSERT_TRUE(out) << out.error().message;
  const std::vector<double> values = in.values();
  std::vector<double> expected(values.size());
  const Shape& result = (*out)[0].shape();
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto index = unflatten(i, result);
    std::vector<size_t> source(index.size());
    for (size_t d = 0; d < index.size(); ++d) source[size_t(perm[d])] = index[d];
    expected[i] = values[flatten(source, shape)];
  }
  ASSERT_TRUE(matches((*out)[0], expected, 0, 0)) << to_string(shape) << " by " << to_string(perm);
}

TEST(Transpose, EveryPermutationOfFourDimensions) {
  std::array<int64_t, 4> perm = {0, 1, 2, 3};
  do {
    for (const Encoding& e : {kF32, kF16, kS8, kS64})
      expect_transposed(e, e, {3, 9, 4, 17}, Shape(perm));
  } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST(Transpose, OtherRanksAndSizes) {
  expect_transposed(kF32, kF32, {}, {});
  expect_transposed(kF32, kF32, {7}, {0});
  expect_transposed(kF32, kF32, {0, 4}, {1, 0});
  expect_transposed(kF32, kF32, {130, 257}, {1, 0});
  expect_transposed(kF32, kF32, {1, 3, 64, 65}, {0, 2, 3, 1});
  expect_transposed(kF32, kF32, {2, 32, 32, 48}, {0, 3, 1, 2});
  expect_transposed(kS8, kS8, {1, 48, 30, 31}, {0, 2, 3, 1});
  expect_transposed(kF32, kF32, {2, 3, 4, 5, 6, 7}, {5, 3, 1, 0, 2, 4});
  expect_transposed(kF16, kF16, {2, 1, 4, 1, 3, 2, 2}, {6, 5, 4, 3, 2, 1, 0});
}

TEST(Transpose, RequantisesWhereTheEncodingsDiffer) {
  const TestTensor in = TestTensor::random(kS8, {20, 30}, 2);
  const auto out = run({OpKind::kTranspose, TransposeAttrs{{1, 0}}, {}, {in}, {kOtherS8}});
  ASSERT_TRUE(out);
  std::vector<double> expected;
  const std::vector<double> values = in.values();
  for (size_t c = 0; c < 30; ++c) {
    for (size_t r = 0; r < 20; ++r) expected.push_back(values[r * 30 + c]);
  }
  EXPECT_TRUE(matches((*out)[0], expected));
}

TEST(Transpose, WhatIsNoPermutationIsAnError) {
  for (const Shape& perm : {Shape{0, 0}, Shape{0, 2}, Shape{-1, 0}, Shape{0}, Shape{0, 1, 2}}) {
    const auto error = error_of(
        {OpKind::kTranspose, TransposeAttrs{perm}, {}, {TestTensor(kF32, {2, 3})}, {kF32}});
    ASSERT_TRUE(error) << to_string(perm);
    EXPECT_EQ(error->code, ErrorCode::kInvalidArgument);
  }
}

TEST(Reshape, TakesTheExtentThatIsLeft) {
  const TestTensor in = TestTensor::random(kF32, {4, 6, 5}, 3);
  for (const auto& [shape, expected] : {std::pair<Shape, Shape>{{0, 10}, {12, 10}},
                                        {{8, 0, 3}, {8, 5, 3}},
                                        {{0}, {120}},
                                        {{1, 2, 60}, {1, 2, 60}}}) {
    const auto out = run({OpKind::kReshape, ReshapeAttrs{shape}, {}, {in}, {kF32}});
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_EQ((*out)[0].shape(), expected);
    EXPECT_EQ((*out)[0].bytes, in.bytes);
  }
}

TEST(Reshape, OtherNumbersOfElementsAreErrors) {
  for (const Shape& shape :
       {Shape{5, 5}, Shape{0, 0}, Shape{0, 7}, Shape{-1, 24}, Shape{24, -1}, Shape{},
        Shape{INT64_MAX, INT64_MAX}, Shape{0, INT64_MAX, INT64_MAX}}) {
    const auto error =
        error_of({OpKind::kReshape, ReshapeAttrs{shape}, {}, {TestTensor(kF32, {4, 6})}, {kF32}});
    ASSERT_TRUE(error) << to_string(shape);
    EXPECT_EQ(error->code, ErrorCode::kInvalidArgument);
  }
}

TEST(Reshape, RequantisesWhereTheEncodingsDiffer) {
  const TestTensor in = TestTensor::random(kS8, {20, 30}, 2);
  const auto out = run({OpKind::kReshape, ReshapeAttrs{{600}}, {}, {in}, {kOtherS8}});
  ASSERT_TRUE(out);
  EXPECT_TRUE(matches((*out)[0], in.values()));
}

TEST(Copy, KeepsEveryType) {
  for (const Encoding& e : {kF32, kF16, kBF16, kS8, kS32, kS64}) {
    const TestTensor in = TestTensor::random(e, {3, 1, 40}, 4, -50, 50);
    const auto out = run({OpKind::kCopy, NoAttrs{}, {}, {in}, {e}});
    ASSERT_TRUE(out);
    EXPECT_EQ((*out)[0].bytes, in.bytes);
    EXPECT_EQ((*out)[0].shape(), in.shape());
  }
}

void expect_sliced(const Encoding& e, const Shape& shape, const Shape& offsets, const Shape& sizes,
                   const Shape& expected_shape) {
  const TestTensor in = TestTensor::random(e, shape, 5, -50, 50);
  const auto out = run({OpKind::kSlice, SliceAttrs{offsets, sizes}, {}, {in}, {e}});
  ASSERT_TRUE(out) << out.error().message;
  ASSERT_EQ((*out)[0].shape(), expected_shape);
  const std::vector<double> values = in.values();
  std::vector<double> expected(expected_shape.numel());
  for (size_t i = 0; i < expected.size(); ++i) {
    auto index = unflatten(i, expected_shape);
    for (size_t d = 0; d < index.size(); ++d) index[d] += size_t(offsets[d]);
    expected[i] = values[flatten(index, shape)];
  }
  EXPECT_TRUE(matches((*out)[0], expected, 0, 0));
}

TEST(Slice, Boxes) {
  for (const Encoding& e : {kF32, kF16, kS8, kS64}) {
    expect_sliced(e, {4, 5, 6}, {1, 2, 3}, {2, 3, 1}, {2, 3, 1});
    expect_sliced(e, {4, 5, 6}, {0, 2, 0}, {4, 1, 6}, {4, 1, 6});
    expect_sliced(e, {4, 5, 6}, {3, 0, 2}, {0, 0, 0}, {1, 5, 4});  // size 0: up to the end
    expect_sliced(e, {10000, 9}, {0, 4}, {10000, 5}, {10000, 5});
    expect_sliced(e, {9}, {9}, {0}, {0});
  }
}

TEST(Slice, OutsideOfTheTensorIsAnError) {
  const std::pair<Shape, Shape> cases[] = {
      {{0, 3}, {2, 4}}, {{0, 7}, {1, 0}},         {{-1, 0}, {1, 1}},        {{0, 0}, {2, -1}},
      {{0}, {1}},       {{INT64_MAX, 0}, {1, 1}}, {{1, 0}, {INT64_MAX, 1}}, {{0, 0, 0}, {1, 1, 1}},
      {{0, 0}, {1}}};
  for (const auto& [offsets, sizes] : cases) {
    const auto error = error_of(
        {OpKind::kSlice, SliceAttrs{offsets, sizes}, {}, {TestTensor(kF32, {2, 6})}, {kF32}});
    ASSERT_TRUE(error) << to_string(offsets) << to_string(sizes);
    EXPECT_EQ(error->code, ErrorCode::kInvalidArgument);
  }
}

void expect_padded(const Encoding& e, const Encoding& to, const Shape& shape, const Shape& pre,
                   const Shape& post, float value) {
  const TestTensor in = TestTensor::random(e, shape, 6);
  const auto out = run({OpKind::kPad, PadAttrs{pre, post, value}, {}, {in}, {to}});
  ASSERT_TRUE(out) << out.error().message;
  const Shape& result = (*out)[0].shape();
  const std::vector<double> values = in.values();
  std::vector<double> expected(result.numel(), value);
  for (size_t i = 0; i < values.size(); ++i) {
    auto index = unflatten(i, shape);
    for (size_t d = 0; d < index.size(); ++d) index[d] += size_t(pre[d]);
    expected[flatten(index, result)] = values[i];
  }
  EXPECT_TRUE(matches((*out)[0], expected)) << to_string(result);
}

TEST(Pad, BordersOfOneValue) {
  for (const Encoding& e : {kF32, kF16, kBF16, kS8}) {
    expect_padded(e, e, {2, 3, 4}, {1, 0, 2}, {0, 1, 3}, 1.25f);
    expect_padded(e, e, {2, 3, 4}, {0, 0, 0}, {0, 0, 0}, 1.25f);
    expect_padded(e, e, {1, 30, 30, 65}, {0, 1, 1, 0}, {0, 1, 1, 0}, 0);
    expect_padded(e, e, {5}, {300}, {301}, -2);
    expect_padded(e, e, {0, 3}, {2, 1}, {0, 0}, 1);
  }
  expect_padded(kS8, kOtherS8, {6, 7}, {1, 1}, {1, 1}, 0.6f);
  expect_padded(kS8, kS8, {3}, {1}, {1}, -1000);  // saturates
  expect_padded(kF32, kF32, {3}, {1}, {1}, -std::numeric_limits<float>::infinity());
}

TEST(Pad, HostilePaddingsAreErrors) {
  const std::pair<Shape, Shape> cases[] = {
      {{-1, 0}, {0, 0}}, {{0, 0}, {0, -2}},        {{0}, {0}},
      {{0, 0}, {0}},     {{INT64_MAX, 0}, {0, 0}}, {{INT64_MAX - 2, 0}, {0, INT64_MAX - 9}}};
  for (const auto& [pre, post] : cases) {
    const auto error =
        error_of({OpKind::kPad, PadAttrs{pre, post, 0}, {}, {TestTensor(kF32, {2, 6})}, {kF32}});
    ASSERT_TRUE(error) << to_string(pre) << to_string(post);
    EXPECT_EQ(error->code, ErrorCode::kInvalidArgument);
  }
}

TEST(Concatenate, AlongEveryAxis) {
  for (const Encoding& e : {kF32, kF16, kS8, kS64}) {
    for (int32_t axis = -3; axis < 3; ++axis) {
      const size_t a = size_t((axis + 3) % 3);
      for (size_t count = 1; count <= 5; ++count) {
        TestNode node = {OpKind::kConcatenate, ConcatAttrs{axis}, {}, {}, {e}};
        Shape result = {4, 5, 6};
        result[a] = 0;
        for (size_t i = 0; i < count; ++i) {
          Shape shape = {4, 5, 6};
          shape[a] = int64_t(1 + i * 2);
          result[a] += shape[a];
          node.inputs.push_back(TestTensor::random(e, shape, i, -20, 20));
        }
        const auto out = run(node);
        ASSERT_TRUE(out) << out.error().message;
        ASSERT_EQ((*out)[0].shape(), result);
        std::vector<double> expected(result.numel());
        size_t start = 0;
        for (const TestTensor& in : node.inputs) {
          const std::vector<double> values = in.values();
          for (size_t i = 0; i < values.size(); ++i) {
            auto index = unflatten(i, in.shape());
            index[a] += start;
            expected[flatten(index, result)] = values[i];
          }
          start += size_t(in.shape()[a]);
        }
        EXPECT_TRUE(matches((*out)[0], expected, 0, 0)) << axis << " " << count;
      }
    }
  }
}

TEST(Concatenate, RequantisesTheInputsThatDiffer) {
  const TestTensor a = TestTensor::random(kS8, {3, 4}, 1),
                   b = TestTensor::random(kOtherS8, {3, 2}, 2);
  const auto out = run({OpKind::kConcatenate, ConcatAttrs{1}, {}, {a, b}, {kOtherS8}});
  ASSERT_TRUE(out);
  std::vector<double> expected;
  for (size_t r = 0; r < 3; ++r) {
    for (size_t c = 0; c < 4; ++c) expected.push_back(a.values()[r * 4 + c]);
    for (size_t c = 0; c < 2; ++c) expected.push_back(b.values()[r * 2 + c]);
  }
  EXPECT_TRUE(matches((*out)[0], expected));
}

TEST(Concatenate, ShapesAndAxesThatDoNotFitAreErrors) {
  const TestTensor a(kF32, {2, 3});
  for (int32_t axis : {2, -3, INT32_MAX, INT32_MIN}) {
    EXPECT_TRUE(error_of({OpKind::kConcatenate, ConcatAttrs{axis}, {}, {a, a}, {kF32}})) << axis;
  }
  EXPECT_TRUE(
      error_of({OpKind::kConcatenate, ConcatAttrs{0}, {}, {a, TestTensor(kF32, {2, 4})}, {kF32}}));
  EXPECT_TRUE(error_of(
      {OpKind::kConcatenate, ConcatAttrs{0}, {}, {a, TestTensor(kF32, {2, 3, 1})}, {kF32}}));
  EXPECT_TRUE(
      error_of({OpKind::kConcatenate, ConcatAttrs{0}, {}, {a, TestTensor(kF16, {2, 3})}, {kF32}}));
  EXPECT_TRUE(error_of({OpKind::kConcatenate, ConcatAttrs{0}, {}, {TestTensor(kF32, {})}, {kF32}}));
}

}  // namespace

}  // namespace smelt
