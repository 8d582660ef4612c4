#include <map>
#include <vector>

#include "graph/passes/edit.h"
#include "graph/passes/passes.h"

namespace smelt {

namespace {

// Only nodes without attributes: the ones that repeat in practice are conversions and activations
// of a shared input.
bool shareable(const Node& node) {
  return std::holds_alternative<NoAttrs>(node.attrs) && node.outputs.size() == 1 &&
         !node.inputs.empty();
}

}  // namespace

void share_equal_nodes(Graph& graph) {
  ValueUses uses(graph);
  std::map<std::pair<OpKind, std::vector<ValueId>>, std::vector<uint32_t>> seen;
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    Node& node = graph.nodes[n];
    if (!shareable(node)) continue;
    std::vector<uint32_t>& candidates = seen[{node.kind, node.inputs}];
    bool shared = false;
    for (uint32_t c : candidates) {
      const Node& other = graph.nodes[c];
      if (other.range.min != node.range.min || other.range.max != node.range.max) continue;
      if (!same_type(graph.values[node.outputs[0]], graph.values[other.outputs[0]])) continue;
      if (!uses.replace(node.outputs[0], other.outputs[0])) continue;
      note(graph, node, "removed: an equal node before it has the result");
      shared = true;
      break;
    }
    if (!shared) candidates.push_back(n);
  }
}

}  // namespace smelt
