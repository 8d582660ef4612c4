#include "graph/passes/edit.h"
#include "graph/passes/passes.h"

namespace smelt {

namespace {

bool is_identity(const Shape& perm) {
  for (size_t i = 0; i < perm.rank(); ++i)
    if (perm[i] != int64_t(i)) return false;
  return true;
}

}  // namespace

void merge_transposes(Graph& graph) {
  ValueUses uses(graph);
  // Nodes are in execution order, so the first of a chain is already merged when the second is
  // looked at.
  for (Node& node : graph.nodes) {
    if (node.kind != OpKind::kTranspose) continue;
    Shape& perm = std::get<TransposeAttrs>(node.attrs).perm;
    const uint32_t before = uses.producer(node.inputs[0]);
    if (before != ValueUses::kNobody && graph.nodes[before].kind == OpKind::kTranspose) {
      // out[i] = mid[perm[i]] and mid[j] = in[first[j]], so out[i] = in[first[perm[i]]].
      const Shape& first = std::get<TransposeAttrs>(graph.nodes[before].attrs).perm;
      if (first.rank() != perm.rank()) continue;
      for (size_t i = 0; i < perm.rank(); ++i) perm[i] = first[size_t(perm[i])];
      node.inputs[0] = graph.nodes[before].inputs[0];
      note(graph, node, "merged with the transpose before it");
    }
    if (is_identity(perm) &&
        same_type(graph.values[node.inputs[0]], graph.values[node.outputs[0]]) &&
        uses.replace(node.outputs[0], node.inputs[0]))
      note(graph, node, "removed: the transposes cancel");
  }
}

}  // namespace smelt
