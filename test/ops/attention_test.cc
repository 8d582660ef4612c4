// Softmax, and attention as one node.
#include <cmath>

#include "op_runner.h"

namespace smelt {

namespace {

void softmax(std::span<double> row) {
  double max = -INFINITY, sum = 0;
  for (double x : row) max = std::max(max, x);
  for (double& x : row) sum += x = std::exp(x - max);
  for (double& x : row) x /= sum;
}

TEST(Softmax, OverTheLastAxis) {
  for (const Encoding& e : {kF32, kF16, kBF16}) {
    for (const Shape& shape :
         {Shape{1}, Shape{3, 4, 17}, Shape{5, 1}, Shape{200, 300}, Shape{0, 5}, Shape{5, 0}}) {
      const TestTensor in = TestTensor::random(e, shape, 1, -8, 8);
      std::vector<double> expected = in.values();
      const size_t length = size_t(shape.back());
      for (size_t i = 0; i + length <= expected.size() && length > 0; i += length) {
        softmax(std::span(expected).subspan(i, length));
      }
      const auto out = run({OpKind::kSoftmax, NoAttrs{}, {}, {in}, {e}});
      ASSERT_TRUE(out) << out.error().message;
      EXPECT_TRUE(matches((*out)[0], expected, 2e-6, 1e-7));
    }
  }
  EXPECT_EQ(error_of({OpKind::kSoftmax, NoAttrs{}, {}, {TestTensor(kF32, {})}, {kF32}})->code,
            ErrorCode::kInvalidArgument);
}

TEST(ScaledDotProductAttention, WithGroupedHeads) {
  constexpr size_t kBatch = 2, kHeads = 4, kTokens = 5, kKeys = 9, kChannels = 18, kDepth = 7;
  for (const Encoding& e : {kF32, kF16}) {
    for (size_t groups : {1, 2, 4}) {
      const TestTensor q = TestTensor::random(e, {kBatch, kHeads, kTokens, kChannels}, 1, -1, 1);
      const TestTensor k =
          TestTensor::random(e, {kBatch, int64_t(groups), kKeys, kChannels}, 2, -1, 1);
      const TestTensor v =
          TestTensor::random(e, {kBatch, int64_t(groups), kKeys, kDepth}, 3, -1, 1);
      const TestTensor scale = TestTensor::random(e, {kChannels}, 4, 0.25f, 1.5f);
      const TestTensor mask = TestTensor::random(e, {kTokens, kKeys}, 5);
      const auto qv = q.values(), kv = k.values(), vv = v.values(), sv = scale.values(),
                 mv = mask.values();
      std::vector<double> expected;
      for (size_t b = 0; b < kBatch; ++b) {
        for (size_t h = 0; h < kHeads; ++h) {
          const size_t g = b * groups + h / (kHeads / groups);
          for (size_t t = 0; t < kTokens; ++t) {
            std::vector<double> scores(kKeys);
            for (size_t s = 0; s < kKeys; ++s) {
              scores[s] = mv[t * kKeys + s];
              for (size_t c = 0; c < kChannels; ++c) {
                scores[s] += qv[((b * kHeads + h) * kTokens + t) * kChannels + c] * sv[c] *
                             kv[(g * kKeys + s) * kChannels + c];
              }
            }
            softmax(scores);
            for (size_t d = 0; d < kDepth; ++d) {
              double sum = 0;
              for (size_t s = 0; s < kKeys; ++s)
                sum += scores[s] * vv[(g * kKeys + s) * kDepth + d];
              expected.push_back(sum);
            }
          }
        }
      }
      const auto out =
          run({OpKind::kScaledDotProductAttention, NoAttrs{}, {}, {q, k, v, scale, mask}, {e}});
      ASSERT_TRUE(out) << out.error().message;
      EXPECT_TRUE(matches((*out)[0], expected, 1e-5, 1e-6));
    }
  }
}

TEST(ScaledDotProductAttention, ShapesThatDoNotFitAreErrors) {
  const TestTensor q(kF32, {1, 4, 3, 8}), k(kF32, {1, 2, 5, 8}), v(kF32, {1, 2, 5, 6}),
      scale(kF32, {8}), mask(kF32, {3, 5});
  const auto error = [&](std::vector<TestTensor> inputs) {
    return error_of({OpKind::kScaledDotProductAttention, NoAttrs{}, {}, std::move(inputs), {kF32}});
  };
  EXPECT_FALSE(error({q, k, v, scale, mask}));
  EXPECT_TRUE(
      error({q, TestTensor(kF32, {1, 3, 5, 8}), TestTensor(kF32, {1, 3, 5, 6}), scale, mask}));
  EXPECT_TRUE(error({q, TestTensor(kF32, {1, 2, 5, 7}), v, scale, mask}));
  EXPECT_TRUE(error({q, k, TestTensor(kF32, {1, 2, 4, 6}), scale, mask}));
  EXPECT_TRUE(error({q, k, v, TestTensor(kF32, {7}), mask}));
  EXPECT_TRUE(error({q, k, v, scale, TestTensor(kF32, {5, 3})}));
  EXPECT_TRUE(error({q, k, v, scale, TestTensor(kF16, {3, 5})}));
  EXPECT_TRUE(error({TestTensor(kF32, {4, 3, 8}), k, v, scale, mask}));
  EXPECT_TRUE(
      error({q, TestTensor(kF32, {1, 0, 5, 8}), TestTensor(kF32, {1, 0, 5, 6}), scale, mask}));
}

}  // namespace

}  // namespace smelt
