#include "graph/explain.h"

#include <algorithm>

#include "base/status.h"
#include "graph/executorch_names.h"
#include "kernels/vector/tables.h"

namespace smelt {

namespace {

Unit unit_of(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return Unit::kPlain;
    case Isa::kSme:
    case Isa::kSme2:
      return Unit::kMatrix;
    default:
      return Unit::kSimd;
  }
}

// The tier of an op that has one kernel per tier: vector kernels are named after their table. The
// portable table is compiled for Advanced SIMD on Arm, and stands in for any other where the CPU is
// a described one.
Isa isa_of(std::string_view kernel, const Cpu& cpu) {
  for (const VectorTable& table : vector_tables()) {
    if (kernel != table.kernels->name) continue;
    if (table.isa != Isa::kScalar) return table.isa;
    for (const Isa isa : {Isa::kNeon, Isa::kAvx512, Isa::kAvx2})
      if (cpu.isa.has(isa) && (cpu.described || isa == Isa::kNeon)) return isa;
  }
  return Isa::kScalar;
}

std::string joined(const std::vector<ValueId>& ids, std::string_view separator, auto describe_one) {
  std::string text;
  for (const ValueId id : ids) {
    if (id == kNoValue) continue;
    if (!text.empty()) text += separator;
    text += describe_one(id);
  }
  return text;
}

// What the file says of a node.
StepInfo file_step(const Graph& graph, const Node& node) {
  const auto type = [&](ValueId id) { return describe(graph.values[id]); };
  StepInfo step;
  step.type = name(node.kind);
  step.signature =
      fmt::format("({}) -> {}", joined(node.inputs, ", ", type), joined(node.outputs, ", ", type));
  step.node = node.origin;
  step.debug_handle = node.debug_handle;
  step.category = category(node.kind);
  for (const PassNote& note : graph.notes)
    if (note.origin == node.origin) step.passes.push_back(note.text);
  return step;
}

// Why a step runs where it does. Only the planner's own words and the CPU's description are used.
std::string reason(const StepInfo& step, OpKind kind, const Cpu& cpu) {
  if (step.unit == Unit::kMatrix)
    return fmt::format("matrix unit: {}, tiles of {}, {} lanes of 32 bits", step.isa, step.tile,
                       cpu.sme_vl32);
  if (step.category != Category::kMatrixProduct)
    return "not on the matrix unit: it multiplies no matrices";
  if (step.alternatives.empty() && step.variant.empty())
    return fmt::format("not on the matrix unit: {} is computed row by row with vector kernels",
                       name(kind));
  for (const Alternative& a : step.alternatives)
    if (a.isa == name(Isa::kSme) || a.isa == name(Isa::kSme2))
      return fmt::format("not on the matrix unit: {}: {}", a.kernel, a.reason);
  if (!cpu.isa.has(Isa::kSme))
    return fmt::format("not on the matrix unit: {} has none that Smelt uses", cpu.name);
  return fmt::format("not on the matrix unit: no SME kernel multiplies {}", step.variant);
}

// What the plan says of it.
void add_plan(StepInfo& step, const Session& session, size_t n, const Cpu& cpu) {
  const Graph& graph = session.compiled().graph();
  const Plan& plan = session.plan();
  const Node& node = graph.nodes[n];
  const BoundOp& op = *plan.ops[n];
  const auto shape = [&](ValueId id) { return to_string(plan.descs[id].shape); };
  step.shapes =
      fmt::format("{} -> {}", joined(node.inputs, ", ", shape), joined(node.outputs, ", ", shape));
  step.macs = op.macs();
  step.packed_bytes = session.compiled().ops()[n]->packed_bytes();
  for (const auto* ids : {&node.inputs, &node.outputs})
    for (const ValueId id : *ids)
      if (id != kNoValue) step.bytes += plan.descs[id].bytes();
  add_vector_kernel(step, op.kernel(), cpu);
  if (auto choice = op.choice(cpu)) {
    step.kernel = op.kernel();
    step.isa = name(choice->isa);
    step.unit = unit_of(choice->isa);
    step.variant = choice->variant;
    step.tile = std::move(choice->tile);
    for (KernelChoice::Rejected& r : choice->rejected)
      step.alternatives.push_back(
          {std::string(r.kernel), std::string(name(r.isa)), std::move(r.why)});
  }
  step.reason = reason(step, node.kind, cpu);
}

// Whose left side a node quantises into: "quantised into the panels of gemm_…, once for … and …".
std::string form_reason(const Session& session, const QuantizedLhs& form, ValueId value,
                        const std::vector<StepInfo>& steps) {
  std::string readers;
  for (const Node& node : session.compiled().graph().nodes)
    if (std::ranges::find(node.inputs, value) != node.inputs.end())
      readers += fmt::format("{}{}", readers.empty() ? "" : ", ", steps[node.origin].name);
  return fmt::format("quantised into the {} that {} reads, once for {}",
                     form.packed() ? "panels" : "rows", form.kernel->name, readers);
}

// "Add (ND) #1 + Clamp (NC) #1": all steps that come from one node.
void add_names(std::vector<StepInfo>& steps, std::string StepInfo::* field,
               const std::vector<NamedStep>& names) {
  for (const NamedStep& n : names) {
    std::string& text = steps[n.origin].*field;
    text += fmt::format("{}{}", text.empty() ? "" : " + ", n.name);
  }
}

}  // namespace

std::string describe(const GraphValue& v) {
  const auto type = [&]() -> std::string_view {
    const bool channel = v.quant.granularity == QuantGranularity::kPerChannel;
    const bool token = v.quant.granularity == QuantGranularity::kPerToken;
    const bool block = v.quant.granularity == QuantGranularity::kPerBlock;
    const bool quantized = v.quant.granularity != QuantGranularity::kNone;
    switch (v.dtype) {
      case DType::kF32:
        return "fp32";
      case DType::kF16:
        return "fp16";
      case DType::kBF16:
        return "bf16";
      case DType::kS8:
        return token ? "qdint8" : channel ? "qcint8" : quantized ? "qint8" : "int8";
      case DType::kU8:
        return quantized ? "quint8" : "uint8";
      case DType::kS32:
        return channel ? "qcint32" : quantized ? "qint32" : "int32";
      case DType::kU4:
        return block ? "qbint4" : "qcint4";
      default:
        return name(v.dtype);
    }
  };
  return fmt::format("{}{}", type(), v.is_constant() ? "*" : "");
}

void add_vector_kernel(StepInfo& step, std::string_view kernel, const Cpu& cpu) {
  const Isa isa = isa_of(kernel, cpu);
  step.kernel = cpu.described && isa != Isa::kScalar ? fmt::format("vector_{}", name(isa))
                                                     : std::string(kernel);
  step.isa = name(isa);
  step.unit = unit_of(isa);
}

Category category(OpKind kind) noexcept {
  switch (kind) {
    case OpKind::kFullyConnected:
    case OpKind::kConv2d:
    case OpKind::kDepthwiseConv2d:
    case OpKind::kConvTranspose2d:
    case OpKind::kBatchMatMul:
    case OpKind::kScaledDotProductAttention:
      return Category::kMatrixProduct;
    case OpKind::kConvert:
    case OpKind::kCopy:
    case OpKind::kTranspose:
    case OpKind::kReshape:
    case OpKind::kSlice:
    case OpKind::kPad:
    case OpKind::kConcatenate:
      return Category::kDataMovement;
    default:
      return Category::kElementwise;
  }
}

std::vector<uint32_t> explained_nodes(const Session& session) {
  std::vector<uint32_t> origins;
  for (const Node& node : session.compiled().graph().nodes) origins.push_back(node.origin);
  return origins;
}

std::vector<StepInfo> explain(const Session& session, const Cpu& cpu) {
  const Graph& graph = session.compiled().graph();
  std::vector<StepInfo> steps;
  for (const Node& node : graph.file_nodes)
    steps.emplace_back(file_step(graph, node)).removed = true;
  add_names(steps, &StepInfo::name, step_names(graph));
  add_names(steps, &StepInfo::executorch_1_0, executorch_steps(graph, ExecuTorch::k1_0, cpu));
  add_names(steps, &StepInfo::executorch_current,
            executorch_steps(graph, ExecuTorch::kCurrent, cpu));
  const std::vector<uint32_t> origins = explained_nodes(session);
  for (size_t n = 0; n < origins.size(); ++n) {
    steps[origins[n]].removed = false;
    add_plan(steps[origins[n]], session, n, cpu);
    const ValueId out = graph.nodes[n].outputs[0];
    if (out == kNoValue) continue;
    if (session.plan().stays(graph.nodes[n], n)) {
      steps[origins[n]].reason = "nothing moves: its result lies where its input does";
      steps[origins[n]].bytes = 0;
    }
    if (const QuantizedLhs* form = session.plan().descs[out].form)
      steps[origins[n]].reason = form_reason(session, *form, out, steps);
  }
  for (StepInfo& step : steps)
    if (step.removed)
      step.reason = step.passes.empty() ? "removed: nobody reads its result" : step.passes.back();
  return steps;
}

}  // namespace smelt
