#include "program/in_place.h"

#include <algorithm>

#include "program/uses.h"

namespace smelt::program {
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
