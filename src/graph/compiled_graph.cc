#include "graph/in_floats.h"
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

// What to make instead of a node, first to last. The conversions are new nodes, in reports too.
std::vector<Node> nodes_of(Graph& graph, FloatForm form) {
  graph.notes.push_back(
      {form.node.origin, "computed in floats: quantised operands stand for them"});
  std::vector<Node> nodes;
  const auto add = [&](std::vector<Node>& conversions, std::string_view why) {
    for (Node& n : conversions) {
      n.origin = uint32_t(graph.file_nodes.size());
      graph.file_nodes.push_back(n);
      graph.notes.push_back({n.origin, fmt::format("{} node {}", why, form.node.origin)});
      nodes.push_back(std::move(n));
    }
  };
  add(form.before, "not in the file: dequantises what is read by");
  nodes.push_back(std::move(form.node));
  add(form.after, "not in the file: quantises the result of");
  return nodes;
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
  Packing packing{.cache = options.weights};
  std::vector<Node> from_file = std::move(g.nodes);
  g.nodes.clear();
  InFloats in_floats(g);
  std::vector<Node> pending;  // the next one last
  for (Node& node_of_file : from_file) {
    pending.push_back(std::move(node_of_file));
    std::optional<Error> refused;  // before it was computed in floats
    while (!pending.empty()) {
      Node node = std::move(pending.back());
      pending.pop_back();
      const auto failed = [&](Error error) {
        return prefixed(refused ? *std::move(refused) : std::move(error),
                        fmt::format("node {} ({})", node.origin, name(node.kind)));
      };
      auto op = make_op(spec_of(g, node, packing), cpu);
      if (!op && op.error().code == ErrorCode::kUnsupported && !refused) {
        if (mixes_floats(g, node))
          op.error().message +=
              "; when exporting, quantise all operands of this node (inputs, constants, results), "
              "or none";
        if (auto form = in_floats.of(node)) {
          refused = std::move(op).error();
          std::vector<Node> nodes = nodes_of(g, *std::move(form));
          while (!nodes.empty()) {
            pending.push_back(std::move(nodes.back()));
            nodes.pop_back();
          }
          continue;
        }
      }
      if (!op) return failed(std::move(op).error());
      if (auto inferred = infer_outputs(g, node, **op); !inferred)
        return failed(std::move(inferred).error());
      compiled->ops_.push_back(*std::move(op));
      g.nodes.push_back(std::move(node));
    }
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
