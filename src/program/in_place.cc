#include "program/in_place.h"

#include <algorithm>

#include "program/kernel_call.h"

namespace smelt::program {
namespace {

/// Where in the list of instructions a value is used.
struct Uses {
  std::vector<size_t> reads, writes;
  bool aliased =
      false;  ///< moved, viewed, an input or an output: its memory is somebody else's concern too
};

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
        use(value, at, letter.read, letter.written);
        if (op.view) uses[size_t(value)].aliased = true;
      }
    } else if (const auto* call = instruction.instr_args_as_DelegateCall()) {
      const auto& outputs = delegate_outputs[size_t(call->delegate_index())];
      for (uint32_t i = 0; call->args() != nullptr && i < call->args()->size(); ++i) {
        const bool output = std::ranges::find(outputs, i) != outputs.end();
        use(call->args()->Get(i), at, !output, output);
      }
    } else if (const auto* move = instruction.instr_args_as_MoveCall()) {
      uses[size_t(move->move_from())].aliased = true;
      uses[size_t(move->move_to())].aliased = true;
    }
  }
  return uses;
}

}  // namespace

std::vector<InPlaceUpdate> find_in_place_updates(
    const pte::ExecutionPlan& plan, const std::vector<const Operator*>& operators,
    const std::vector<std::vector<uint32_t>>& delegate_outputs) {
  std::vector<InPlaceUpdate> found;
  if (plan.chains()->size() != 1) return found;
  const pte::Chain& chain = *plan.chains()->Get(0);
  for (const pte::Instruction* i : *chain.instructions()) {
    // With jumps, "later in the list" does not mean "later".
    if (i->instr_args_type() == pte::InstructionArguments::JumpFalseCall) return found;
  }
  const std::vector<Uses> uses = uses_of(plan, chain, operators, delegate_outputs);
  for (size_t at = 0; at < chain.instructions()->size(); ++at) {
    const auto* call =
        chain.instructions()->Get(flatbuffers::uoffset_t(at))->instr_args_as_KernelCall();
    if (call == nullptr || call->args() == nullptr) continue;
    const Operator& op = *operators[size_t(call->op_index())];
    if (!op.update || call->args()->size() < op.signature.size()) continue;
    const auto state = uint32_t(call->args()->Get(0));
    const auto next = uint32_t(call->args()->Get(flatbuffers::uoffset_t(op.signature.size() - 1)));
    const Uses &of_state = uses[state], &of_next = uses[next];
    if (state == next || of_next.aliased || of_state.aliased) continue;
    if (of_next.writes != std::vector{at} || of_state.writes.size() != 1) continue;
    // The one write to the state has to be copy_(state, next), and nobody may have read `next`
    // before it was computed.
    const size_t back = of_state.writes[0];
    const auto* copy =
        chain.instructions()->Get(flatbuffers::uoffset_t(back))->instr_args_as_KernelCall();
    const bool copied_back =
        back > at && copy != nullptr && copy->args() != nullptr && copy->args()->size() >= 2 &&
        operators[size_t(copy->op_index())]->name == "aten::copy_" &&
        uint32_t(copy->args()->Get(0)) == state && uint32_t(copy->args()->Get(1)) == next;
    const bool early = std::ranges::any_of(of_next.reads, [&](size_t r) { return r < at; });
    // Between the two only the update itself, once, and the copy see the state.
    const bool seen =
        std::ranges::count_if(of_state.reads, [&](size_t r) { return r >= at && r <= back; }) != 2;
    if (copied_back && !early && !seen) found.push_back({state, next});
  }
  return found;
}

}  // namespace smelt::program
