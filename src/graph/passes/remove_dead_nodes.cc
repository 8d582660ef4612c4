#include <vector>

#include "graph/passes/passes.h"

namespace smelt {

void remove_dead_nodes(Graph& graph) {
  std::vector<bool> read(graph.values.size(), false);
  for (ValueId id : graph.outputs) read[id] = true;
  std::vector<bool> alive(graph.nodes.size(), false);
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    for (ValueId id : node.outputs)
      if (id != kNoValue && read[id]) alive[n] = true;
    if (!alive[n]) continue;
    for (ValueId id : node.inputs)
      if (id != kNoValue) read[id] = true;
  }
  size_t kept = 0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!alive[n]) continue;
    if (kept != n) graph.nodes[kept] = std::move(graph.nodes[n]);
    ++kept;
  }
  graph.nodes.resize(kept);
}

}  // namespace smelt
