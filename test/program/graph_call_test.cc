#include "program/operators/graph_call.h"

#include <gtest/gtest.h>

namespace smelt::program {
namespace {

/// [2, 3] × [4, 3] transposed.
Graph product(DType type) {
  Graph g;
  Node node{.kind = OpKind::kFullyConnected,
            .attrs = FullyConnectedAttrs(),
            .range = {},
            .inputs = {},
            .outputs = {}};
  node.inputs = {add_value(g, type, {2, 3}), add_value(g, type, {4, 3})};
  node.outputs = {add_value(g, type, {2, 4})};
  g.inputs = node.inputs;
  g.outputs = node.outputs;
  g.nodes.push_back(std::move(node));
  return g;
}

TEST(GraphCall, KeepsWhyThereIsNoGraph) {
  for (const DType type : {DType::kF32, DType::kF64}) {
    std::unique_ptr<OperatorState> state;
    Decision decision;
    Scratch scratch;
    const Cpu cpu;
    const auto pool = ThreadPool::create(1);
    Call call({}, *pool, cpu, scratch, state, decision);
    const GraphCall* graph = GraphCall::of(call, {}, [&] { return product(type); });
    ASSERT_NE(state, nullptr);
    EXPECT_EQ(graph != nullptr, type == DType::kF32) << state->refusal();
    EXPECT_EQ(state->refusal().empty(), type == DType::kF32);
    EXPECT_EQ(state->refusal().find("float64") != std::string_view::npos, type == DType::kF64)
        << state->refusal();
  }
}

}  // namespace
}  // namespace smelt::program
