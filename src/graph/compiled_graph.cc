#include "graph/passes/passes.h"
#include "graph/plan.h"
#include "ops/weight_cache.h"

namespace smelt {

namespace {

Operand operand_of(const Graph& graph, ValueId id) {
  if (id == kNoValue) return {{}, nullptr, false};
  const GraphValue& value = graph.values[id];
  return {value.desc(), value.constant.data(), true};
}

NodeSpec spec_of(const Graph& graph, const Node& node, Packing& packing) {
  NodeSpec spec{node.kind, node.attrs, node.range, {}, {}, &packing};
  for (ValueId id : node.inputs) spec.inputs.push_back(operand_of(graph, id));
  for (ValueId id : node.outputs) spec.outputs.push_back(operand_of(graph, id));
  return spec;
}

}  // namespace

Result<std::shared_ptr<const CompiledGraph>> CompiledGraph::build(Graph graph, const Cpu& cpu,
                                                                  const PlanOptions& options) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) graph.nodes[i].origin = uint32_t(i);
  graph.file_nodes = graph.nodes;
  if (options.passes) run_passes(graph);
  std::shared_ptr<CompiledGraph> compiled(new CompiledGraph(std::move(graph), options));
  const Graph& g = compiled->graph_;
  for (ValueId id : g.outputs)
    if (g.values[id].quant.granularity == QuantGranularity::kPerToken)
      return fail(ErrorCode::kUnsupported, "value {} is an output, but is dynamically quantised",
                  id);
  compiled->ops_.reserve(g.nodes.size());
  Packing packing{.cache = options.weights};
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    auto op = make_op(spec_of(g, g.nodes[i], packing), cpu);
    if (!op)
      return prefixed(std::move(op).error(),
                      fmt::format("node {} ({})", g.nodes[i].origin, name(g.nodes[i].kind)));
    compiled->ops_.push_back(*std::move(op));
  }
  compiled->shared_bytes_ = packing.shared_bytes;
  return compiled;
}

size_t CompiledGraph::packed_bytes() const {
  size_t bytes = 0;
  for (const auto& op : ops_) bytes += op->packed_bytes();
  return bytes - shared_bytes_;
}

}  // namespace smelt
