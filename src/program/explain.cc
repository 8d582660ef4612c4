// LoadedMethod: what it does, step by step, and how long each step took.
//
// Zones are numbered at load time: 0 is a run, 1 + i is instruction i, and after them come the
// nodes of each delegate.
#include "graph/explain.h"

#include <algorithm>

#include "program/method.h"
#include "program/partitioner.h"
#include "program/traffic.h"
#include "program/types.h"

namespace smelt::program {
namespace {

// Takes over what the operator's own graph says of its product.
void add_graph(StepInfo& step, const Session& session, const Cpu& cpu) {
  std::vector<StepInfo> nodes = smelt::explain(session, cpu);
  const auto main = std::ranges::max_element(nodes, {}, &StepInfo::macs);
  if (main == nodes.end()) return;
  step.unit = main->unit;
  step.variant = std::move(main->variant);
  step.kernel = std::move(main->kernel);
  step.isa = std::move(main->isa);
  step.tile = std::move(main->tile);
  step.reason = std::move(main->reason);
  step.alternatives = std::move(main->alternatives);
  step.macs = 0;
  for (const StepInfo& node : nodes) {
    step.macs += node.macs;
    step.packed_bytes += node.packed_bytes;
  }
}

StepInfo describe_call(const KernelCall& call, uint32_t instruction, const Cpu& cpu) {
  StepInfo step;
  const Operator& op = call.op();
  step.type = op.name;
  step.name = op.name;
  step.instruction = instruction;
  step.category = *op.category;
  step.unit = Unit::kPlain;
  // "aten::add.out" is native_call_add.out in ExecuTorch's profiles; primitives have no events of
  // their own.
  const size_t colon = op.name.rfind(':');
  if (step.category != Category::kControl)
    step.executorch_1_0 = step.executorch_current = fmt::format(
        "native_call_{}", op.name.substr(colon == std::string_view::npos ? 0 : colon + 1));
  const DescribedArguments args = call.described();
  std::string in, out, in_shapes, out_shapes;
  for_each_tensor(op, args.all(), [&](const Tensor& t, ArgumentUse use) {
    std::string &types = use.written ? out : in, &shapes = use.written ? out_shapes : in_shapes;
    const std::string_view separator = types.empty() ? "" : ", ";
    types += fmt::format("{}{}", separator, smelt::name(t.dtype));
    shapes += fmt::format("{}{}", separator, to_string(t.shape));
  });
  step.signature = fmt::format("({}) -> {}", in, out);
  step.shapes = fmt::format("{} -> {}", in_shapes, out_shapes);
  if (!call.elided()) {
    step.bytes = bytes_moved(op, args);
    if (op.macs != nullptr) step.macs = op.macs(args);
  }
  if (step.category != Category::kControl && !op.view) {
    Partition p = partition(op, args);
    step.delegable = p.delegable;
    step.outside = std::move(p.why);
  }
  const bool product = step.category == Category::kMatrixProduct;
  if (call.kernel().empty()) {
    // Code of the operator's own, named after it: "portable_expand_copy".
    const std::string_view bare =
        std::string_view(op.name).substr(colon == std::string_view::npos ? 0 : colon + 1);
    step.kernel = op.view ? "view" : fmt::format("portable_{}", bare.substr(0, bare.find('.')));
    step.isa = smelt::name(Isa::kScalar);
    step.unit = Unit::kPlain;
    step.reason = call.elided() ? "nothing moves: its result lies where its input does"
                  : product     ? "not on the matrix unit: portable code multiplies these types"
                            : "not on the matrix unit: it multiplies no matrices; portable code";
    if (!call.refusal().empty()) step.reason += fmt::format(" ({})", call.refusal());
  } else if (const Session* session = call.session()) {
    add_graph(step, *session, cpu);
  } else {
    add_vector_kernel(step, call.kernel(), cpu);
    step.reason = product ? "not on the matrix unit: it is computed row by row with vector kernels"
                          : "not on the matrix unit: it multiplies no matrices";
  }
  return step;
}

/// Follows values that are dequantised outside delegates to products, which then multiply floats
/// where the exported model had integers.
class Dequantized {
 public:
  void visit(const KernelCall& call, StepInfo& step) {
    const bool dequantizes = call.op().name.starts_with("quantized_decomposed::dequantize_per_");
    bool reads = false;
    const auto args = call.described().all();
    for_each_tensor(call.op(), args, [&](const Tensor& t, ArgumentUse use) {
      reads = reads || (use.read && has(t));
    });
    step.stayed_float = reads && step.category == Category::kMatrixProduct;
    if (step.stayed_float) {
      // What it reads is constant and of few bits before it is dequantised.
      step.delegable = Delegable::kYes;
      step.outside =
          "XNNPACK's partitioner takes it together with the quantize and dequantize operators "
          "around it";
    }
    if (!dequantizes && !(reads && step.category == Category::kDataMovement)) return;
    for_each_tensor(call.op(), args, [&](const Tensor& t, ArgumentUse use) {
      if (use.written && is_float(t.dtype) && !has(t)) values_.push_back(&t);
    });
  }
  /// A delegate of which some inputs were dequantised.
  void visit(std::span<EValue* const> args, std::span<StepInfo> nodes) const {
    const bool reads = std::ranges::any_of(
        args, [&](const EValue* v) { return v->kind == Kind::kTensor && has(*v->tensor); });
    for (StepInfo& node : nodes) {
      node.stayed_float = reads && node.category == Category::kMatrixProduct &&
                          (node.variant == "pf32" || node.variant == "pf16");
    }
  }

 private:
  bool has(const Tensor& t) const { return std::ranges::find(values_, &t) != values_.end(); }
  std::vector<const Tensor*> values_;
};

}  // namespace

std::vector<StepInfo> LoadedMethod::explain(std::vector<Zone>* zones) const {
  std::vector<StepInfo> result;
  std::vector<Zone> of_nodes(1 + steps_.size());
  std::vector<uint32_t> first_step(delegates_.size());
  std::vector<bool> seen(delegates_.size());
  Dequantized dequantized;
  for (uint32_t at = 0; at < steps_.size(); ++at) {
    const Step& step = steps_[at];
    Zone& zone = of_nodes[1 + at];
    if (step.type == Step::Type::kKernel) {
      zone = {.kind = Zone::Kind::kStep, .step = uint32_t(result.size()), .instruction = at};
      result.push_back(describe_call(kernel_calls_[step.a], at, cpu_));
      dequantized.visit(kernel_calls_[step.a], result.back());
    } else if (step.type == Step::Type::kDelegate) {
      const uint32_t d = delegate_calls_[step.a].index;
      zone = {.kind = Zone::Kind::kDelegate, .delegate = int32_t(d), .instruction = at};
      if (seen[d]) continue;
      seen[d] = true;
      first_step[d] = uint32_t(result.size());
      for (StepInfo& node : smelt::explain(delegates_[d]->session(), cpu_)) {
        node.delegate = int32_t(d);
        node.instruction = at;
        result.push_back(std::move(node));
      }
      dequantized.visit(delegate_calls_[step.a].args.values,
                        std::span(result).subspan(first_step[d]));
    }
  }
  if (zones == nullptr) return result;
  for (size_t d = 0; d < delegates_.size(); ++d) {
    if (delegates_[d] == nullptr) continue;
    for (const uint32_t node : explained_nodes(delegates_[d]->session())) {
      const uint32_t index = first_step[d] + node;
      of_nodes.push_back({.kind = Zone::Kind::kStep,
                          .step = index,
                          .delegate = int32_t(d),
                          .instruction = result[index].instruction});
    }
  }
  *zones = std::move(of_nodes);
  return result;
}

void LoadedMethod::start_profile(size_t max_times) {
  profiler_ = std::make_unique<Profiler>(max_times, pool_.get());
  uint32_t zone = uint32_t(1 + steps_.size());
  for (const auto& delegate : delegates_) {
    if (delegate == nullptr) continue;
    delegate->set_profiler(profiler_.get(), zone);
    zone += uint32_t(delegate->session().compiled().graph().nodes.size());
  }
}

Profile LoadedMethod::stop_profile() {
  Profile profile;
  if (profiler_ == nullptr) return profile;
  for (const auto& delegate : delegates_)
    if (delegate != nullptr) delegate->set_profiler(nullptr, 0);
  profile.steps = explain(&profile.zones);
  profile.dropped = profiler_->dropped();
  profile.workers = pool_->workers();
  profile.times = profiler_->take();
  profiler_.reset();
  return profile;
}

}  // namespace smelt::program
