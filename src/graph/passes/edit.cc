#include "graph/passes/edit.h"

#include <algorithm>

namespace smelt {

ValueUses::ValueUses(Graph& graph)
    : graph_(graph),
      producer_(graph.values.size(), kNobody),
      readers_(graph.values.size(), 0),
      is_output_(graph.values.size(), false) {
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    for (ValueId id : graph.nodes[n].outputs)
      if (id != kNoValue) producer_[id] = n;
    for (ValueId id : graph.nodes[n].inputs)
      if (id != kNoValue) ++readers_[id];
  }
  for (ValueId id : graph.outputs) {
    ++readers_[id];
    is_output_[id] = true;
  }
}

bool ValueUses::replace(ValueId from, ValueId to) {
  if (from == to) return false;
  ValueId gone = from, stays = to;
  if (is_output_[from]) {
    if (is_output_[to] || producer_[to] == kNobody) return false;
    // The node that makes `to` moves its result into `from`; the node that made `from` writes to
    // `to`, which nobody reads.
    std::swap(gone, stays);
    std::vector<ValueId>& made_to = graph_.nodes[producer_[to]].outputs;
    std::vector<ValueId>& made_from = graph_.nodes[producer_[from]].outputs;
    const auto a = std::find(made_to.begin(), made_to.end(), to);
    const auto b = std::find(made_from.begin(), made_from.end(), from);
    std::swap(*a, *b);
    std::swap(producer_[to], producer_[from]);
  }
  for (Node& node : graph_.nodes)
    for (ValueId& id : node.inputs)
      if (id == gone) {
        id = stays;
        ++readers_[stays];
        --readers_[gone];
      }
  return true;
}

bool same_type(const GraphValue& a, const GraphValue& b) {
  const Quant &p = a.quant, &q = b.quant;
  return a.dtype == b.dtype && a.shape.rank() == b.shape.rank() && p.granularity == q.granularity &&
         p.axis == q.axis && p.nonbatch_dims == q.nonbatch_dims && p.block == q.block &&
         p.scale == q.scale && p.zero == q.zero &&
         p.channel_scale.data() == q.channel_scale.data() &&
         p.block_scale.data() == q.block_scale.data();
}

void note(Graph& graph, const Node& node, std::string text) {
  graph.notes.push_back({node.origin, std::move(text)});
}

}  // namespace smelt
