// Shapes follow from the graph's inputs, whatever a file says of the values in between.
#include <gtest/gtest.h>

#include "author/graph_builder.h"
#include "graph/session.h"
#include "support/random.h"

namespace smelt {
namespace {

using Floats = std::vector<float>;

/// A convolution of 8 to 4 channels, 2x2, quantised while running, of an image that enters and
/// leaves as NCHW. `declare` gives a value in between the shape that the file would declare.
template <class F>
Floats convolve(F declare, const Floats& image) {
  constexpr int64_t kIn = 8, kOut = 4, kSize = 6;
  const Shape nchw{1, kIn, kSize, kSize}, nhwc{1, kSize, kSize, kIn};
  Random random(7);
  std::vector<int8_t> weights(kOut * 2 * 2 * kIn);
  for (int8_t& w : weights) w = int8_t(random.integer(-127, 127));
  const Floats scales(kOut, 0.01f);

  GraphBuilder b;
  const ValueId x = b.input(DType::kF32, nchw);
  const ValueId turned = b.value(DType::kF32, declare(nhwc));
  const ValueId there = b.value(DType::kF32, declare(Shape{1, kSize, kIn, kSize}));
  const ValueId back = b.value(DType::kF32, declare(nhwc));
  const ValueId rows = b.value(DType::kS8, declare(nhwc), GraphBuilder::per_token(3));
  const ValueId filter = b.constant(DType::kS8, {kOut, 2, 2, kIn}, weights, b.per_channel(scales));
  const ValueId sums = b.value(DType::kF32, declare(Shape{1, kSize - 1, kSize - 1, kOut}));
  const ValueId y = b.value(DType::kF32, {1, kOut, kSize - 1, kSize - 1});
  b.node(OpKind::kTranspose, {x}, {turned}, TransposeAttrs{{0, 2, 3, 1}});
  b.node(OpKind::kTranspose, {turned}, {there}, TransposeAttrs{{0, 2, 3, 1}});
  b.node(OpKind::kTranspose, {there}, {back}, TransposeAttrs{{0, 3, 1, 2}});
  b.node(OpKind::kConvert, {back}, {rows});
  b.node(OpKind::kConv2d, {rows, filter, kNoValue}, {sums},
         ConvAttrs{.kernel_h = 2, .kernel_w = 2, .in_per_group = kIn, .out_per_group = kOut});
  b.node(OpKind::kTranspose, {sums}, {y}, TransposeAttrs{{0, 3, 1, 2}});
  b.output(y);

  auto compiled = CompiledGraph::build(std::move(b).finish(), *Cpu::detect(), PlanOptions{});
  EXPECT_TRUE(compiled) << compiled.error().message;
  if (!compiled) return {};
  const auto pool = ThreadPool::create(1);
  auto session = Session::create(*std::move(compiled), *pool);
  EXPECT_TRUE(session) << session.error().message;
  if (!session) return {};
  EXPECT_EQ((*session)->output_shapes()[0], (Shape{1, kOut, kSize - 1, kSize - 1}));
  Floats result(kOut * (kSize - 1) * (kSize - 1));
  const std::byte* in[] = {reinterpret_cast<const std::byte*>(image.data())};
  std::byte* out[] = {reinterpret_cast<std::byte*>(result.data())};
  (*session)->run(in, out);
  return result;
}

TEST(Shapes, FollowFromTheInputs) {
  Random random(3);
  Floats image(8 * 6 * 6);
  for (float& v : image) v = float(random.integer(-100, 100)) / 10;
  const Floats expected = convolve([](const Shape& s) { return s; }, image);
  // As exporters declare what reaches a convolution.
  const auto channels_first = [](const Shape& s) { return Shape{s[0], s[3], s[1], s[2]}; };
  EXPECT_EQ(convolve(channels_first, image), expected);
  const auto reversed = [](const Shape& s) { return Shape{s[3], s[2], s[1], s[0]}; };
  EXPECT_EQ(convolve(reversed, image), expected);
  const auto other_extents = [](const Shape&) { return Shape{1, 2, 3, 5}; };
  EXPECT_EQ(convolve(other_extents, image), expected);
}

TEST(Shapes, TransposesThatCancelAreSeenWhateverIsDeclared) {
  GraphBuilder b;
  const Shape shape{1, 6, 4, 8};
  const ValueId x = b.input(DType::kF32, shape), turned = b.value(DType::kF32, {1, 4, 8, 6}),
                back = b.value(DType::kF32, {1, 8, 6, 4}), y = b.value(DType::kF32, shape);
  b.node(OpKind::kTranspose, {x}, {turned}, TransposeAttrs{{0, 2, 3, 1}});
  b.node(OpKind::kTranspose, {turned}, {back}, TransposeAttrs{{0, 3, 1, 2}});
  b.node(OpKind::kNegate, {back}, {y});
  b.output(y);
  auto compiled = CompiledGraph::build(std::move(b).finish(), *Cpu::detect(), PlanOptions{});
  ASSERT_TRUE(compiled) << compiled.error().message;
  EXPECT_EQ((*compiled)->graph().nodes.size(), 1u);
}

}  // namespace
}  // namespace smelt
