#include "graph/plan.h"

#include <algorithm>

#include "base/checked.h"
#include "graph/arena.h"
#include "platform/memory.h"

namespace smelt {

namespace {

// "node 3 (Conv2d)", numbered as in the file.
std::string label(const Node& node) {
  return fmt::format("node {} ({})", node.origin, name(node.kind));
}

// Shapes of all values, for these inputs.
Status infer_shapes(const CompiledGraph& compiled, Plan& plan) {
  const Graph& graph = compiled.graph();
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    std::vector<Shape> in;
    for (ValueId id : node.inputs) in.push_back(id == kNoValue ? Shape{} : plan.descs[id].shape);
    auto out = compiled.ops()[n]->infer(in);
    if (!out) return prefixed(std::move(out).error(), label(node));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      if (!checked_numel((*out)[i]))
        return fail(ErrorCode::kInvalidArgument, "{}: output shape {} is too large", label(node),
                    to_string((*out)[i]));
      plan.descs[node.outputs[i]].shape = (*out)[i];
    }
  }
  return {};
}

std::vector<TensorDesc> descs_of(const Plan& plan, const std::vector<ValueId>& ids) {
  std::vector<TensorDesc> descs;
  for (ValueId id : ids) descs.push_back(id == kNoValue ? TensorDesc{} : plan.descs[id]);
  return descs;
}

// The form in which all readers of a value would have it as their left side, if they agree.
std::optional<QuantizedLhs> form_of(const CompiledGraph& compiled, const Plan& plan,
                                    ValueId value) {
  const Graph& graph = compiled.graph();
  std::optional<QuantizedLhs> form;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const std::vector<ValueId>& inputs = graph.nodes[n].inputs;
    if (std::ranges::find(inputs, value) == inputs.end()) continue;
    const auto wanted = inputs[0] == value && std::ranges::count(inputs, value) == 1
                            ? compiled.ops()[n]->quantized_lhs(descs_of(plan, inputs))
                            : std::nullopt;
    if (!wanted || (form && !(*form == *wanted))) return std::nullopt;
    form = wanted;
  }
  return form;
}

// Rows that are quantised while running are packed on the way, once for all who multiply them.
void choose_forms(const CompiledGraph& compiled, Plan& plan) {
  for (const Node& node : compiled.graph().nodes) {
    if (node.kind != OpKind::kConvert || !plan.descs[node.outputs[0]].is_per_token()) continue;
    TensorDesc& desc = plan.descs[node.outputs[0]];
    const auto form = form_of(compiled, plan, node.outputs[0]);
    if (!form) continue;
    desc.form = &plan.forms.emplace_back(*form);
    desc.form_bytes = form->bytes();
  }
}

Status bind_ops(const CompiledGraph& compiled, Plan& plan) {
  const Graph& graph = compiled.graph();
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    auto bound = compiled.ops()[n]->bind(descs_of(plan, node.inputs), descs_of(plan, node.outputs),
                                         compiled.options().workers);
    if (!bound) return prefixed(std::move(bound).error(), label(node));
    plan.scratch_bytes = std::max(plan.scratch_bytes, (*bound)->scratch_bytes());
    plan.ops.push_back(*std::move(bound));
  }
  return {};
}

// A value whose bytes a node only takes to an output is made there.
void place_sources_of_outputs(const Graph& graph, Plan& plan) {
  using Kind = Plan::Place::Kind;
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    if (!plan.ops[n]->keeps_bytes()) continue;
    const ValueId result = graph.nodes[n].outputs[0];
    if (result == kNoValue) continue;
    const Plan::Place& to = plan.places[result];
    Plan::Place& from = plan.places[graph.nodes[n].inputs[*plan.ops[n]->in_place()]];
    if (to.kind == Kind::kOutput && from.kind == Kind::kArena) from = to;
  }
}

// Gives every value a place, and every value of the arena an offset.
void place_values(const CompiledGraph& compiled, Plan& plan) {
  using Kind = Plan::Place::Kind;
  const Graph& graph = compiled.graph();
  plan.places.assign(graph.values.size(), {});
  for (size_t v = 0; v < graph.values.size(); ++v)
    if (graph.values[v].is_constant()) plan.places[v] = {Kind::kConstant, 0};
  for (size_t i = 0; i < graph.inputs.size(); ++i) plan.places[graph.inputs[i]] = {Kind::kInput, i};

  std::vector<uint32_t> first(graph.values.size(), 0), last(graph.values.size(), 0);
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    for (ValueId id : graph.nodes[n].outputs) {
      if (id == kNoValue) continue;
      plan.places[id] = {Kind::kArena, 0};
      first[id] = last[id] = n;
    }
    for (ValueId id : graph.nodes[n].inputs)
      if (id != kNoValue) last[id] = n;
  }
  for (uint32_t i = 0; i < graph.outputs.size(); ++i) {
    const ValueId id = graph.outputs[i];
    if (plan.places[id].kind == Kind::kArena) {
      plan.places[id] = {Kind::kOutput, i};
    } else {
      plan.pass_through.push_back({id, i, plan.descs[id].bytes()});
    }
  }

  place_sources_of_outputs(graph, plan);

  // A value that an op may write over its input joins that input's block, if this is the block's
  // last use; one that has its input's bytes joins it in any case.
  std::vector<uint32_t> block_of(graph.values.size(), kNoValue);
  std::vector<Lifetime> blocks;
  for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      if (id == kNoValue || plan.places[id].kind != Kind::kArena) continue;
      const size_t bytes = plan.descs[id].bytes();
      const auto reuse = plan.ops[n]->in_place();
      if (i == 0 && reuse) {
        const ValueId source = node.inputs[*reuse];
        const bool keeps = plan.ops[n]->keeps_bytes();
        const Kind kind = source == kNoValue ? Kind::kUnused : plan.places[source].kind;
        if (keeps && (kind == Kind::kInput || kind == Kind::kOutput)) {
          plan.places[id] = plan.places[source];
          continue;
        }
        const auto reads_block = [&](ValueId in) {
          return in != kNoValue && block_of[in] == block_of[source];
        };
        if (kind == Kind::kArena && bytes <= blocks[block_of[source]].bytes &&
            std::ranges::count_if(node.inputs, reads_block) == 1 &&
            (keeps || blocks[block_of[source]].last_step == n)) {
          block_of[id] = block_of[source];
          blocks[block_of[id]].last_step = std::max(blocks[block_of[id]].last_step, last[id]);
          continue;
        }
      }
      block_of[id] = uint32_t(blocks.size());
      blocks.push_back({bytes, first[id], last[id]});
    }
  }
  const ArenaPlan arena = plan_arena(blocks);
  for (size_t v = 0; v < graph.values.size(); ++v)
    if (block_of[v] != kNoValue) plan.places[v].at = arena.offset[block_of[v]];
  plan.scratch_offset = round_up(arena.bytes, kAlignment);
  plan.arena_bytes = plan.scratch_offset + plan.scratch_bytes;
}

}  // namespace

Result<std::shared_ptr<const Plan>> Plan::build(const CompiledGraph& compiled,
                                                std::span<const Shape> inputs) {
  const Graph& graph = compiled.graph();
  if (inputs.size() != graph.inputs.size())
    return fail(ErrorCode::kInvalidArgument, "{} inputs given, {} expected", inputs.size(),
                graph.inputs.size());
  auto plan = std::make_shared<Plan>();
  plan->input_shapes.assign(inputs.begin(), inputs.end());
  for (const GraphValue& value : graph.values) plan->descs.push_back(value.desc());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!checked_numel(inputs[i]))
      return fail(ErrorCode::kInvalidArgument, "input {}: shape {} is negative or too large", i,
                  to_string(inputs[i]));
    plan->descs[graph.inputs[i]].shape = inputs[i];
  }
  SMELT_TRY(infer_shapes(compiled, *plan));
  choose_forms(compiled, *plan);
  SMELT_TRY(bind_ops(compiled, *plan));
  place_values(compiled, *plan);
  for (ValueId id : graph.outputs) plan->output_shapes.push_back(plan->descs[id].shape);
  return plan;
}

}  // namespace smelt
