#include <algorithm>

#include "graph/passes/edit.h"
#include "graph/passes/passes.h"

namespace smelt {

namespace {

// Operators that clamp their result on the way out.
bool clamps(OpKind kind) {
  switch (kind) {
    case OpKind::kFullyConnected:
    case OpKind::kConv2d:
    case OpKind::kDepthwiseConv2d:
    case OpKind::kConvTranspose2d:
    case OpKind::kAdd:
    case OpKind::kSubtract:
    case OpKind::kMultiply:
    case OpKind::kDivide:
    case OpKind::kAvgPool2d:
    case OpKind::kMaxPool2d:
    case OpKind::kGlobalAvgPool2d:
    case OpKind::kClamp:
      return true;
    default:
      return false;
  }
}

}  // namespace

void fuse_clamps(Graph& graph) {
  ValueUses uses(graph);
  for (Node& node : graph.nodes) {
    if (node.kind != OpKind::kClamp) continue;
    const ValueId source = node.inputs[0];
    const uint32_t before = uses.producer(source);
    if (before == ValueUses::kNobody || !clamps(graph.nodes[before].kind) ||
        uses.readers(source) != 1)
      continue;
    if (!same_type(graph.values[source], graph.values[node.outputs[0]])) continue;
    OutputRange& range = graph.nodes[before].range;
    // Clamping to [a, b] and then to [c, d]: both ends of the first are clamped to the second.
    const auto clamp = [&](float x) {
      return std::min(std::max(x, node.range.min), node.range.max);
    };
    const OutputRange fused{clamp(range.min), clamp(range.max)};
    if (!uses.replace(node.outputs[0], source)) continue;
    range = fused;
    note(graph, node, "fused into the node before it");
  }
}

}  // namespace smelt
