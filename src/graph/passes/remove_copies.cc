#include <cmath>

#include "graph/passes/edit.h"
#include "graph/passes/passes.h"

namespace smelt {

void remove_copies(Graph& graph) {
  ValueUses uses(graph);
  for (Node& node : graph.nodes) {
    const bool unbounded = node.range.min == -INFINITY && node.range.max == INFINITY;
    const bool copies =
        node.kind == OpKind::kCopy || node.kind == OpKind::kConvert || node.kind == OpKind::kClamp;
    if (!copies || !unbounded) continue;
    if (same_type(graph.values[node.inputs[0]], graph.values[node.outputs[0]]) &&
        uses.replace(node.outputs[0], node.inputs[0]))
      note(graph, node, "removed: it only copies");
  }
}

}  // namespace smelt
