#include "program/data_flow.h"

#include <algorithm>

#include "program/kernel_call.h"

namespace smelt::program {

DataFlow DataFlow::of(const pte::ExecutionPlan& plan, const std::vector<const Operator*>& operators,
                      const std::vector<std::vector<uint32_t>>& delegate_outputs) {
  const auto& values = *plan.values();
  const size_t n = values.size();
  const std::vector<bool> none(n);
  DataFlow f{none, none, none, none, none};
  struct Edge {
    uint32_t from, to;
  };
  std::vector<Edge> edges;

  // A list stands for its items.
  const auto mark = [&](std::vector<bool>& set, uint32_t value) {
    const pte::EValue& v = *values[value];
    const auto* items = v.val_type() == pte::KernelTypes::TensorList
                            ? v.val_as_TensorList()->items()
                        : v.val_type() == pte::KernelTypes::OptionalTensorList
                            ? v.val_as_OptionalTensorList()->items()
                            : nullptr;
    if (items == nullptr) {
      set[value] = true;
      return;
    }
    for (const int32_t item : *items) {
      if (item >= 0) set[size_t(item)] = true;
    }
  };
  for (const pte::Chain* chain : *plan.chains()) {
    for (const pte::Instruction* instruction : *chain->instructions()) {
      if (const auto* call = instruction->instr_args_as_KernelCall()) {
        const Operator* op = operators[size_t(call->op_index())];
        const size_t count = std::min<size_t>(call->args() == nullptr ? 0 : call->args()->size(),
                                              op->signature.size());
        const auto arg = [&](size_t i) {
          return uint32_t(call->args()->Get(flatbuffers::uoffset_t(i)));
        };
        if (op->view && count == op->signature.size()) {
          mark(f.read, arg(0));
          f.view[arg(count - 1)] = true;
          edges.push_back({arg(0), arg(count - 1)});
          continue;
        }
        for (size_t i = 0; i < count; ++i) {
          const ArgumentUse use = argument_use(op->signature[i]);
          if (use.read) mark(f.read, arg(i));
          if (use.written) mark(f.computed, arg(i));
        }
      } else if (const auto* call = instruction->instr_args_as_DelegateCall()) {
        const auto& outputs = delegate_outputs[size_t(call->delegate_index())];
        const size_t count = call->args() == nullptr ? 0 : call->args()->size();
        for (uint32_t i = 0; i < count; ++i) {
          const bool output = std::ranges::find(outputs, i) != outputs.end();
          mark(output ? f.computed : f.read, uint32_t(call->args()->Get(i)));
        }
      } else if (const auto* move = instruction->instr_args_as_MoveCall()) {
        f.read[size_t(move->move_from())] = true;
        f.computed[size_t(move->move_to())] = true;
      } else if (const auto* jump = instruction->instr_args_as_JumpFalseCall()) {
        f.read[size_t(jump->cond_value_index())] = true;
      }
    }
  }
  f.mutated = f.computed;
  if (plan.outputs() != nullptr) {
    for (const int32_t output : *plan.outputs()) f.escapes[size_t(output)] = true;
  }
  for (std::vector<bool>* set : {&f.mutated, &f.escapes}) {
    for (bool changed = true; changed;) {
      changed = false;
      for (const Edge& e : edges) {
        if ((*set)[e.to] && !(*set)[e.from]) (*set)[e.from] = changed = true;
      }
    }
  }
  return f;
}

}  // namespace smelt::program
