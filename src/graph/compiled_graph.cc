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

// Exporters declare some values in between with their dimensions in another order than the nodes
// give them: what follows from the graph's inputs and constants holds.
Status infer_outputs(Graph& graph, const Node& node, const Op& op) {
  std::vector<Shape> in;
  for (ValueId id : node.inputs) in.push_back(id == kNoValue ? Shape{} : graph.values[id].shape);
  SMELT_ASSIGN(const std::vector<Shape> out, op.infer(in));
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (node.outputs[i] != kNoValue) graph.values[node.outputs[i]].shape = out[i];
  return {};
}

}  // namespace

Result<std::shared_ptr<const CompiledGraph>> CompiledGraph::build(Graph graph, const Cpu& cpu,
                                                                  const PlanOptions& options) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) graph.nodes[i].origin = uint32_t(i);
  graph.file_nodes = graph.nodes;
  if (options.passes) run_passes(graph);
  std::shared_ptr<CompiledGraph> compiled(new CompiledGraph(std::move(graph), options));
  Graph& g = compiled->graph_;
  for (ValueId id : g.outputs)
    if (g.values[id].quant.granularity == QuantGranularity::kPerToken)
      return fail(ErrorCode::kUnsupported, "value {} is an output, but is dynamically quantised",
                  id);
  compiled->ops_.reserve(g.nodes.size());
  Packing packing{.cache = options.weights};
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& node = g.nodes[i];
    const auto failed = [&](Error error) {
      return prefixed(std::move(error), fmt::format("node {} ({})", node.origin, name(node.kind)));
    };
    auto op = make_op(spec_of(g, node, packing), cpu);
    if (!op) return failed(std::move(op).error());
    if (auto inferred = infer_outputs(g, node, **op); !inferred)
      return failed(std::move(inferred).error());
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
