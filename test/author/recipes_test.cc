#include "author/recipes.h"

#include <string>

#include <gtest/gtest.h>

namespace smelt {
namespace {

using enum RecipeVariant;

template <class T>
std::string refusal(const Result<T>& result) {
  if (result) return "accepted";
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  return result.error().message;
}

TEST(Recipes, NamesParse) {
  for (const RecipeVariant v : linear_variants()) EXPECT_EQ(parse_recipe_variant(name(v)), v);
  EXPECT_EQ(parse_recipe_variant("f16"), kF16);
  EXPECT_FALSE(parse_recipe_variant("qp8"));
}

TEST(Recipes, LinearRefusesBadNumbers) {
  EXPECT_EQ(refusal(make_linear({.m = 0})), "m is 0, not from 1 to 2147483647");
  EXPECT_EQ(refusal(make_linear({.n = -5})), "n is -5, not from 1 to 2147483647");
  EXPECT_EQ(refusal(make_linear({.k = int64_t(1) << 40})),
            "k is 1099511627776, not from 1 to 2147483647");
  EXPECT_EQ(refusal(make_linear({.n = 1 << 20, .k = 1 << 20})), "more than 1073741824 weights");
  EXPECT_EQ(refusal(make_linear({.variant = kQp8F32Qb4w, .k = 100})),
            "k is 100, not a multiple of block, which is 32");
  EXPECT_EQ(refusal(make_linear({.variant = kQp8F32Qb4w, .block = 16})),
            "block is 16, not a multiple of 32");
  EXPECT_EQ(refusal(make_linear({.variant = kQp8F32Qb4w, .block = 0})),
            "block is 0, not a multiple of 32");
}

TEST(Recipes, ConvolutionRefusesBadNumbers) {
  EXPECT_EQ(refusal(make_conv2d({.in_channels = 4, .out_channels = 6, .groups = 4})),
            "out-channels is 6, not a multiple of groups, which is 4");
  EXPECT_EQ(refusal(make_conv2d({.in_channels = 3, .groups = 2})),
            "in-channels is 3, not a multiple of groups, which is 2");
  EXPECT_EQ(refusal(make_conv2d({.stride = {1, 0}})), "stride is 0, not from 1 to 2147483647");
  EXPECT_EQ(refusal(make_conv2d({.padding = {-1, 0}})), "padding is -1, not from 0 to 2147483647");
  EXPECT_EQ(refusal(make_conv2d({.width = 4, .kernel = {3, 7}, .padding = {0, 1}})),
            "width is 4: with padding 1, a kernel of 7 with dilation 1 does not fit");
  EXPECT_EQ(refusal(make_conv2d({.variant = kQp8F32Qb4w})),
            "variant qp8_f32_qb4w: there is no such convolution");
  EXPECT_EQ(refusal(make_conv2d({.variant = kQp8F32Qc8w, .in_channels = 1})),
            "variant qp8_f32_qc8w: there is no such depthwise convolution");
  EXPECT_EQ(refusal(make_matmul({.variant = kPqs8Qc8w})),
            "variant pqs8_qc8w: there is no such matrix multiplication");
}

TEST(Recipes, SeedsDiffer) {
  const auto a = make_linear({.seed = 1}), b = make_linear({.seed = 2});
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->owned[0], b->owned[0]);
}

// Weights as PyTorch has them, [out][in][kh][kw], in the orders that nodes want.
TEST(Recipes, FiltersAreReordered) {
  const auto first = [](const Graph& g, size_t i) {
    const auto* f = reinterpret_cast<const float*>(g.values[2].constant.data());
    return f[i];
  };
  const auto pointwise = make_conv2d({.in_channels = 12, .out_channels = 2, .kernel = {1, 1}});
  const auto square = make_conv2d(
      {.in_channels = 3, .out_channels = 2, .kernel = {2, 2}});  // 12 weights per output
  const auto depthwise =
      make_conv2d({.in_channels = 2, .out_channels = 2, .groups = 2, .kernel = {4, 3}, .seed = 0});
  ASSERT_TRUE(pointwise && square && depthwise);
  EXPECT_EQ(square->values[2].shape, (Shape{2, 2, 2, 3}));
  EXPECT_EQ(depthwise->values[2].shape, (Shape{1, 4, 3, 2}));
  for (size_t c = 0; c < 2; ++c) {
    for (size_t i = 0; i < 12; ++i) {
      // All three have the same 24 random weights; a pointwise filter stays in order.
      const float weight = first(*pointwise, c * 12 + i);
      const size_t channel = i / 4, tap = i % 4;
      EXPECT_EQ(first(*square, (c * 4 + tap) * 3 + channel), weight);
      EXPECT_EQ(first(*depthwise, i * 2 + c), weight);
    }
  }
}

}  // namespace
}  // namespace smelt
