#include "program/blame.h"

#include <algorithm>

#include "format/flatbuffer.h"
#include "program/kernel_call.h"

namespace smelt::program {
namespace {

/// Calls f for a value, or for each item of a list.
template <class F>
void for_each_item(const pte::ExecutionPlan& plan, uint32_t value, F f) {
  const pte::EValue& v = *plan.values()->Get(value);
  const auto items = [&](const auto* list) {
    if (list == nullptr) return;
    for (const auto item : *list)
      if (item >= 0) f(uint32_t(item));
  };
  switch (v.val_type()) {
    case pte::KernelTypes::TensorList:
      return items(v.val_as_TensorList()->items());
    case pte::KernelTypes::OptionalTensorList:
      return items(v.val_as_OptionalTensorList()->items());
    case pte::KernelTypes::IntList:
      return items(v.val_as_IntList()->items());
    default:
      return f(value);
  }
}

bool is_tensor(const pte::ExecutionPlan& plan, uint32_t value) {
  return plan.values()->Get(value)->val_type() == pte::KernelTypes::Tensor;
}

bool is_static(const pte::ExecutionPlan& plan, uint32_t value) {
  return plan.values()->Get(value)->val_as_Tensor()->shape_dynamism() ==
         pte::TensorShapeDynamism::Static;
}

/// Operators that give a shape as numbers: what is in the tensor does not matter.
bool reads_shape_only(std::string_view name) { return name.starts_with("aten::sym_"); }

/// Operators whose result has a shape that its operands' elements decide.
bool selects(std::string_view name) {
  return name.starts_with("aten::nonzero") || name.starts_with("aten::masked_select") ||
         name.starts_with("aten::index.");
}

}  // namespace

Blame::Blame(const pte::ExecutionPlan& plan, const std::vector<const Operator*>& operators,
             const std::vector<std::vector<uint32_t>>& delegate_outputs,
             std::vector<bool> own_shape)
    : plan_(plan),
      operators_(operators),
      delegate_outputs_(delegate_outputs),
      shape_(std::move(own_shape)),
      data_(plan.values()->size()) {
  if (plan.inputs() != nullptr)
    for (const int32_t input : *plan.inputs())
      data_[size_t(input)] = is_tensor(plan, uint32_t(input));
  // Until nothing changes: instructions may be repeated, and state is read before it is written.
  for (bool changed = true; changed;) {
    changed = false;
    for (const pte::Chain* chain : *plan.chains())
      for (const pte::Instruction* i : *chain->instructions()) changed = follow(*i) || changed;
  }
}

void Blame::arguments(const pte::Instruction& instruction,
                      const std::function<void(uint32_t)>& read,
                      const std::function<void(uint32_t)>& written) const {
  if (const auto* call = instruction.instr_args_as_KernelCall()) {
    const Operator& op = *operators_[size_t(call->op_index())];
    const size_t n = std::min<size_t>(length(call->args()), op.signature.size());
    for (size_t i = 0; i < n; ++i) {
      const auto value = uint32_t(call->args()->Get(flatbuffers::uoffset_t(i)));
      const ArgumentUse use = argument_use(op.signature[i]);
      const bool result = op.signature[i] == 'N';
      if (!result && (use.read || !use.written)) for_each_item(plan_, value, read);
      if (result || use.written) for_each_item(plan_, value, written);
    }
  } else if (const auto* call = instruction.instr_args_as_DelegateCall()) {
    const auto& outputs = delegate_outputs_[size_t(call->delegate_index())];
    for (uint32_t i = 0; i < length(call->args()); ++i) {
      const bool output = std::ranges::find(outputs, i) != outputs.end();
      for_each_item(plan_, uint32_t(call->args()->Get(i)), output ? written : read);
    }
  } else if (const auto* move = instruction.instr_args_as_MoveCall()) {
    for_each_item(plan_, uint32_t(move->move_from()), read);
    for_each_item(plan_, uint32_t(move->move_to()), written);
  }
}

Blame::Given Blame::given(const pte::Instruction& instruction) const {
  Given g;
  const auto read = [&](uint32_t value) {
    if (is_tensor(plan_, value)) {
      g.shape = g.shape || shape_[value];
      g.data = g.data || data_[value];
    } else {
      g.number = g.number || data_[value];
    }
  };
  arguments(instruction, read, [](uint32_t) {});
  return g;
}

/// What an instruction gives depends on what it is given. Whether that is news.
bool Blame::follow(const pte::Instruction& instruction) {
  const Given in = given(instruction);
  const auto* call = instruction.instr_args_as_KernelCall();
  const std::string_view name =
      call == nullptr ? std::string_view() : operators_[size_t(call->op_index())]->name;
  bool changed = false;
  const auto set = [&](std::vector<bool>& bits, uint32_t value, bool depends) {
    if (!depends || bits[value]) return;
    bits[value] = changed = true;
  };
  arguments(
      instruction, [](uint32_t) {},
      [&](uint32_t value) {
        if (is_tensor(plan_, value) && !is_static(plan_, value))
          set(shape_, value, in.shape || in.number || (in.data && selects(name)));
        set(data_, value, in.shape || in.number || (in.data && !reads_shape_only(name)));
      });
  return changed;
}

Error Blame::of(const pte::Instruction& failed, Error error) const {
  const bool value = error.code == ErrorCode::kInvalidArgument;
  if (!value && error.code != ErrorCode::kInvalidFile) return error;
  const Given in = given(failed);
  const bool caller = in.shape || in.number || (value && in.data);
  error.code = caller ? ErrorCode::kInvalidArgument : ErrorCode::kInvalidFile;
  return error;
}

}  // namespace smelt::program
