#include "graph/passes/passes.h"

#include <gtest/gtest.h>

#include <cmath>

namespace smelt {
namespace {

// A graph under construction: values are [2, 3, 4, 5] floats unless said otherwise.
struct Builder {
  Graph graph;
  ValueId value(Shape shape = {2, 3, 4, 5}, DType dtype = DType::kF32) {
    graph.values.push_back({dtype, shape, {}, {}});
    return ValueId(graph.values.size() - 1);
  }
  Node& node(OpKind kind, std::vector<ValueId> in, ValueId out, Attrs attrs = {}) {
    graph.nodes.push_back({kind, attrs, {}, std::move(in), {out}, 0, uint32_t(graph.nodes.size())});
    return graph.nodes.back();
  }
  ValueId transpose(ValueId in, Shape perm, ValueId out) {
    node(OpKind::kTranspose, {in}, out, TransposeAttrs{perm});
    return out;
  }
};

TEST(Passes, TransposesThatCancelDisappear) {
  Builder b;
  const ValueId in = b.value(), nhwc = b.value({2, 4, 5, 3}), back = b.value(), out = b.value();
  b.graph.inputs = {in};
  b.graph.outputs = {out};
  b.transpose(in, {0, 2, 3, 1}, nhwc);
  b.transpose(nhwc, {0, 3, 1, 2}, back);
  b.node(OpKind::kAbs, {back}, out);
  run_passes(b.graph);
  ASSERT_EQ(b.graph.nodes.size(), 1u);
  EXPECT_EQ(b.graph.nodes[0].kind, OpKind::kAbs);
  EXPECT_EQ(b.graph.nodes[0].inputs[0], in);
  EXPECT_FALSE(b.graph.notes.empty());
}

TEST(Passes, TransposesCompose) {
  Builder b;
  const ValueId in = b.value({2, 3, 4}), mid = b.value({4, 2, 3}), out = b.value({2, 4, 3});
  b.graph.inputs = {in};
  b.graph.outputs = {out};
  b.transpose(in, {2, 0, 1}, mid);
  b.transpose(mid, {1, 0, 2}, out);
  run_passes(b.graph);
  ASSERT_EQ(b.graph.nodes.size(), 1u);
  EXPECT_EQ(b.graph.nodes[0].inputs[0], in);
  EXPECT_EQ(std::get<TransposeAttrs>(b.graph.nodes[0].attrs).perm, (Shape{0, 2, 1}));
}

TEST(Passes, ATransposeWithOtherReadersStaysForThem) {
  Builder b;
  const ValueId in = b.value(), nhwc = b.value({2, 4, 5, 3}), back = b.value(),
                other = b.value({2, 4, 5, 3});
  b.graph.inputs = {in};
  b.graph.outputs = {back, other};
  b.transpose(in, {0, 2, 3, 1}, nhwc);
  b.transpose(nhwc, {0, 3, 1, 2}, back);
  b.node(OpKind::kAbs, {nhwc}, other);
  run_passes(b.graph);
  // The output stays an output: a transpose by the identity remains, because the input cannot be
  // written to.
  EXPECT_EQ(b.graph.outputs[0], back);
  ASSERT_EQ(b.graph.nodes.size(), 3u);
}

TEST(Passes, AClampMovesIntoTheNodeBeforeItAndTheOutputKeepsItsIdentity) {
  Builder b;
  const ValueId x = b.value(), y = b.value(), sum = b.value(), out = b.value();
  b.graph.inputs = {x, y};
  b.graph.outputs = {out};
  b.node(OpKind::kAdd, {x, y}, sum).range = {-1, INFINITY};
  b.node(OpKind::kClamp, {sum}, out).range = {-3, 6};
  run_passes(b.graph);
  ASSERT_EQ(b.graph.nodes.size(), 1u);
  EXPECT_EQ(b.graph.nodes[0].kind, OpKind::kAdd);
  EXPECT_EQ(b.graph.nodes[0].outputs[0], out);
  EXPECT_EQ(b.graph.nodes[0].range.min, -1);
  EXPECT_EQ(b.graph.nodes[0].range.max, 6);
}

TEST(Passes, AClampOfASharedValueStays) {
  Builder b;
  const ValueId x = b.value(), sum = b.value(), out = b.value();
  b.graph.inputs = {x};
  b.graph.outputs = {out, sum};
  b.node(OpKind::kAdd, {x, x}, sum);
  b.node(OpKind::kClamp, {sum}, out).range = {0, 6};
  run_passes(b.graph);
  EXPECT_EQ(b.graph.nodes.size(), 2u);
}

TEST(Passes, DisjointClampsKeepTheSecondsBound) {
  Builder b;
  const ValueId x = b.value(), sum = b.value(), out = b.value();
  b.graph.inputs = {x};
  b.graph.outputs = {out};
  b.node(OpKind::kAdd, {x, x}, sum).range = {8, 9};
  b.node(OpKind::kClamp, {sum}, out).range = {0, 6};
  run_passes(b.graph);
  ASSERT_EQ(b.graph.nodes.size(), 1u);
  EXPECT_EQ(b.graph.nodes[0].range.min, 6);
  EXPECT_EQ(b.graph.nodes[0].range.max, 6);
}

TEST(Passes, EqualConversionsAreDoneOnce) {
  Builder b;
  const ValueId x = b.value();
  b.graph.inputs = {x};
  for (int i = 0; i < 3; ++i) {
    const ValueId half = b.value({2, 3, 4, 5}, DType::kF16), out = b.value();
    b.node(OpKind::kConvert, {x}, half);
    b.node(i == 0 ? OpKind::kAbs : i == 1 ? OpKind::kExp : OpKind::kSin, {half}, out);
    b.graph.outputs.push_back(out);
  }
  run_passes(b.graph);
  ASSERT_EQ(b.graph.nodes.size(), 4u);
  for (size_t n = 1; n < 4; ++n) EXPECT_EQ(b.graph.nodes[n].inputs[0], b.graph.nodes[0].outputs[0]);
}

TEST(Passes, CopiesToAnOutputMoveItToTheProducer) {
  Builder b;
  const ValueId x = b.value(), y = b.value(), out = b.value(), twice = b.value();
  b.graph.inputs = {x};
  b.graph.outputs = {out, twice};
  b.node(OpKind::kAbs, {x}, y);
  b.node(OpKind::kCopy, {y}, out);
  b.node(OpKind::kExp, {y}, twice);
  run_passes(b.graph);
  ASSERT_EQ(b.graph.nodes.size(), 2u);
  EXPECT_EQ(b.graph.nodes[0].outputs[0], out);
  EXPECT_EQ(b.graph.nodes[1].inputs[0], out);
}

TEST(Passes, ACopyFromInputToOutputStays) {
  Builder b;
  const ValueId x = b.value(), out = b.value();
  b.graph.inputs = {x};
  b.graph.outputs = {out};
  b.node(OpKind::kCopy, {x}, out);
  run_passes(b.graph);
  EXPECT_EQ(b.graph.nodes.size(), 1u);
}

TEST(Passes, NodesThatNobodyReadsGo) {
  Builder b;
  const ValueId x = b.value(), unread = b.value(), out = b.value();
  b.graph.inputs = {x};
  b.graph.outputs = {out};
  b.node(OpKind::kExp, {x}, unread);
  b.node(OpKind::kAbs, {x}, out);
  run_passes(b.graph);
  ASSERT_EQ(b.graph.nodes.size(), 1u);
  EXPECT_EQ(b.graph.nodes[0].kind, OpKind::kAbs);
}

}  // namespace
}  // namespace smelt
