#include "program/uses.h"

#include <algorithm>

#include "program/kernel_call.h"

namespace smelt::program {

std::vector<Uses> uses_of(const pte::ExecutionPlan& plan, const pte::Chain& chain,
                          const std::vector<const Operator*>& operators,
                          const std::vector<std::vector<uint32_t>>& delegate_outputs) {
  std::vector<Uses> uses(plan.values()->size());
  const auto use = [&](int32_t value, size_t at, bool read, bool written) {
    const pte::EValue& v = *plan.values()->Get(flatbuffers::uoffset_t(value));
    const auto add = [&](size_t item) {
      if (read) uses[item].reads.push_back(at);
      if (written) uses[item].writes.push_back(at);
    };
    add(size_t(value));
    const auto* items = v.val_type() == pte::KernelTypes::TensorList
                            ? v.val_as_TensorList()->items()
                        : v.val_type() == pte::KernelTypes::OptionalTensorList
                            ? v.val_as_OptionalTensorList()->items()
                            : nullptr;
    for (size_t i = 0; items != nullptr && i < items->size(); ++i) {
      const int32_t item = items->Get(flatbuffers::uoffset_t(i));
      if (item >= 0) add(size_t(item));
    }
  };
  for (const auto* list : {plan.inputs(), plan.outputs()}) {
    if (list == nullptr) continue;
    for (const int32_t v : *list) uses[size_t(v)].aliased = true;
  }
  for (size_t at = 0; at < chain.instructions()->size(); ++at) {
    const pte::Instruction& instruction = *chain.instructions()->Get(flatbuffers::uoffset_t(at));
    if (const auto* call = instruction.instr_args_as_KernelCall()) {
      const Operator& op = *operators[size_t(call->op_index())];
      const size_t count =
          std::min<size_t>(call->args() == nullptr ? 0 : call->args()->size(), op.signature.size());
      for (size_t i = 0; i < count; ++i) {
        const int32_t value = call->args()->Get(flatbuffers::uoffset_t(i));
        const ArgumentUse letter = argument_use(op.signature[i]);
        use(value, at, letter.read, letter.written || op.signature[i] == 'N');
        if (op.view) uses[size_t(value)].aliased = true;
      }
    } else if (const auto* call = instruction.instr_args_as_DelegateCall()) {
      const auto& outputs = delegate_outputs[size_t(call->delegate_index())];
      for (uint32_t i = 0; call->args() != nullptr && i < call->args()->size(); ++i) {
        const bool output = std::ranges::find(outputs, i) != outputs.end();
        use(call->args()->Get(i), at, !output, output);
      }
    } else if (const auto* move = instruction.instr_args_as_MoveCall()) {
      use(move->move_from(), at, true, false);
      use(move->move_to(), at, false, true);
    }
  }
  return uses;
}

}  // namespace smelt::program
