// LoadedMethod: from an execution plan to steps.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "program/data_flow.h"
#include "program/in_place.h"
#include "program/method.h"

namespace smelt::program {
namespace {

template <class Items>
size_t count(const Items* items) {
  return items == nullptr ? 0 : items->size();
}

ValueKind public_kind(Kind k) {
  switch (k) {
    case Kind::kNone:
      return ValueKind::kNone;
    case Kind::kTensor:
      return ValueKind::kTensor;
    case Kind::kInt:
      return ValueKind::kInt;
    case Kind::kDouble:
      return ValueKind::kDouble;
    case Kind::kBool:
      return ValueKind::kBool;
    case Kind::kString:
      return ValueKind::kString;
    default:
      return ValueKind::kList;
  }
}

/// What the one who exports a model can do about operators that are missing. None can be added
/// while running.
std::string advice(std::span<const std::string> missing) {
  const auto is_aten = [](const std::string& name) { return name.starts_with("aten::"); };
  std::string text = "when exporting, ";
  if (std::ranges::any_of(missing, is_aten)) {
    text += "decompose aten operators with run_decompositions() and an entry for each";
  }
  if (!std::ranges::all_of(missing, is_aten)) {
    if (std::ranges::any_of(missing, is_aten)) text += ", and ";
    text += "write operators of other libraries as functions of aten operators";
  }
  return text + " (those that there are: smelt kernels --operators)";
}

/// Whether a tensor that nobody computes lies where this one does: it would see what is written
/// here.
bool seen_elsewhere(const ValueTable& table, const DataFlow& flow,
                    const std::vector<bool>& is_input, size_t value) {
  const Tensor& t = *table.values[value].tensor;
  for (size_t i = 0; i < table.values.size(); ++i) {
    if (i == value || table.values[i].kind != Kind::kTensor || !table.planned[i]) continue;
    const bool defined = flow.computed[i] || flow.view[i] || is_input[i];
    if (defined || !flow.read[i]) continue;
    const Tensor& other = *table.values[i].tensor;
    if (overlap(t.data, t.capacity, other.data, other.capacity)) return true;
  }
  return false;
}

/// Data that the program names, and that neither it nor the files beside it have.
tl::unexpected<Error> missing_data(const ProgramSource& source,
                                   std::span<const std::string_view> names) {
  constexpr size_t kShown = 3;
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i)
    list += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", names[i]);
  if (names.size() > kShown) list += fmt::format(" and {} more", names.size() - kShown);
  std::string given;
  for (const ExternalData& e : source.external) given += (given.empty() ? "" : ", ") + e.name();
  return fail(ErrorCode::kNotFound,
              "{}: weights that it keeps in another file are missing: {}: {}: give the .ptd file "
              "that was exported with it with --data (in code: LoadOptions::external_data)",
              source.file.name(), list,
              given.empty() ? "no data file was given" : "they are not in " + given);
}

/// Whether all tensors outside of delegates have their data.
Status check_external_data(const ProgramSource& source, const pte::ExecutionPlan& plan) {
  std::vector<std::string_view> missing;
  for (const pte::EValue* value : *plan.values()) {
    const pte::Tensor* t = value->val_as_Tensor();
    if (t == nullptr) continue;
    const std::string_view name = source.file.storage(*t).external_name;
    if (!name.empty() && !source.find_data(name)) missing.push_back(name);
  }
  if (missing.empty()) return {};
  return missing_data(source, missing);
}

}  // namespace

Result<std::unique_ptr<LoadedMethod>> LoadedMethod::load(
    std::shared_ptr<const ProgramSource> source, std::string_view method, const Cpu& cpu,
    unsigned workers) {
  SMELT_ASSIGN(const pte::ExecutionPlan* plan, source->file.find_plan(method));
  SMELT_TRY(source->file.check_supported(*plan));
  size_t index = 0;
  while (&source->file.plan(index) != plan) ++index;
  std::unique_ptr<LoadedMethod> loaded(new LoadedMethod(std::move(source), cpu, workers));
  if (Status built = loaded->build(*plan, index); !built) {
    // Nothing but the file says what is to be built.
    Error error = std::move(built).error();
    if (error.code == ErrorCode::kInvalidArgument) error.code = ErrorCode::kInvalidFile;
    return tl::unexpected(std::move(error));
  }
  return loaded;
}

Status LoadedMethod::build(const pte::ExecutionPlan& plan, size_t plan_index) {
  const std::string where = fmt::format("{}: execution_plan[{}]", source_->file.name(), plan_index);

  std::vector<const Operator*> operators;
  std::vector<std::string> missing;
  for (size_t i = 0; i < count(plan.operators()); ++i) {
    const std::string name = full_name(*plan.operators()->Get(flatbuffers::uoffset_t(i)));
    operators.push_back(find_operator(name));
    if (operators.back() == nullptr) missing.push_back(name);
  }
  if (!missing.empty()) {
    return fail(ErrorCode::kUnsupported, "{}: operators that Smelt does not have: {}; {}", where,
                fmt::join(missing, ", "), advice(missing));
  }

  SMELT_TRY(check_external_data(*source_, plan));

  std::vector<std::vector<uint32_t>> delegate_outputs(count(plan.delegates()));
  delegates_.resize(delegate_outputs.size());
  for (const pte::Chain* chain : *plan.chains()) {
    for (const pte::Instruction* instruction : *chain->instructions()) {
      const auto* call = instruction->instr_args_as_DelegateCall();
      if (call == nullptr) continue;
      const size_t i = size_t(call->delegate_index());
      if (delegates_[i] != nullptr) continue;
      std::vector<std::string_view> not_found;
      const auto find = [&](std::string_view key) {
        auto found = source_->find_data(key);
        if (!found) not_found.push_back(key);
        return found;
      };
      const auto declared = [&](uint32_t arg) -> const pte::Tensor* {
        if (arg >= count(call->args())) return nullptr;
        return plan.values()->Get(flatbuffers::uoffset_t(call->args()->Get(arg)))->val_as_Tensor();
      };
      auto delegate = Delegate::load(
          source_->file.delegate_payload(*plan.delegates()->Get(flatbuffers::uoffset_t(i))), find,
          fmt::format("{}.delegates[{}]", where, i), declared, cpu_, *pool_,
          source_->weights.get());
      if (!delegate && !not_found.empty()) return missing_data(*source_, not_found);
      SMELT_ASSIGN(delegates_[i], std::move(delegate));
      const auto outputs = delegates_[i]->output_args();
      delegate_outputs[i].assign(outputs.begin(), outputs.end());
    }
  }

  const DataFlow flow = DataFlow::of(plan, operators, delegate_outputs);
  const size_t n = plan.values()->size();
  std::vector<bool> is_input(n), by_reference(n), unowned(n);
  for (size_t i = 0; i < count(plan.inputs()); ++i) {
    const size_t v = size_t(plan.inputs()->Get(flatbuffers::uoffset_t(i)));
    // What the caller passes may be used in place if it is neither written nor handed out as a
    // result.
    by_reference[v] = !is_input[v] && !flow.mutated[v] && !flow.escapes[v] && !flow.view[v];
    is_input[v] = true;
  }
  for (size_t i = 0; i < n; ++i) {
    unowned[i] = by_reference[i] || (flow.view[i] && !flow.computed[i] && !is_input[i]);
  }
  SMELT_ASSIGN(table_, ValueTable::build(*source_, plan, unowned));
  for (size_t i = 0; i < n; ++i) {
    if (table_.constant[i] && (flow.mutated[i] || is_input[i])) {
      return fail(ErrorCode::kInvalidFile, "{}.values[{}]: an instruction writes to a constant",
                  where, i);
    }
  }

  std::string refused;
  for (const pte::Chain* chain : *plan.chains()) {
    for (const pte::Instruction* instruction : *chain->instructions()) {
      const auto* call = instruction->instr_args_as_KernelCall();
      if (call == nullptr) continue;
      const Operator& op = *operators[size_t(call->op_index())];
      const auto type = complex_type(op, arguments(call->args()));
      if (!type || op.complex != nullptr) continue;
      const std::string what = fmt::format("{} of {}", op.name, smelt::name(*type));
      if (refused.find(what) == std::string::npos) refused += (refused.empty() ? "" : ", ") + what;
    }
  }
  if (!refused.empty()) {
    return fail(ErrorCode::kUnsupported,
                "{}: operators that Smelt does not have for such types: {}", where, refused);
  }

  std::vector<CopyElision::Place> places(n);
  for (const InPlaceUpdate& u : find_in_place_updates(plan, operators, delegate_outputs)) {
    const Tensor& state = *table_.values[u.state].tensor;
    Tensor& next = *table_.values[u.next].tensor;
    const bool fits = !table_.constant[u.state] && state.dtype == next.dtype &&
                      state.shape == next.shape && state.dim_order == next.dim_order &&
                      state.dynamism == Dynamism::kStatic && next.dynamism == Dynamism::kStatic;
    if (!fits) continue;
    next.data = state.data;
    places[u.next] = CopyElision::Place::kFixed;
  }

  for (size_t i = 0; i < count(plan.inputs()); ++i) {
    const auto v = uint32_t(plan.inputs()->Get(flatbuffers::uoffset_t(i)));
    const bool is_tensor = table_.values[v].kind == Kind::kTensor;
    table_.values[v].computed = !is_tensor;
    const bool shared = table_.planned[v] && is_tensor && seen_elsewhere(table_, flow, is_input, v);
    inputs_.push_back({v, is_tensor && by_reference[v] && !shared});
  }
  for (size_t i = 0; i < count(plan.outputs()); ++i) {
    const auto v = uint32_t(plan.outputs()->Get(flatbuffers::uoffset_t(i)));
    const bool repeated = std::ranges::find(outputs_, v, &Output::value) != outputs_.end();
    // A tensor that only the caller reads may be anywhere. One that instructions read as well may
    // be a state, which has to stay where it is.
    const bool direct = table_.values[v].kind == Kind::kTensor && flow.computed[v] &&
                        !flow.view[v] && !is_input[v] && !flow.read[v] && !repeated &&
                        !seen_elsewhere(table_, flow, is_input, v);
    outputs_.push_back({v, direct});
  }

  for (size_t c = 0; c < plan.chains()->size(); ++c) {
    const auto& instructions = *plan.chains()->Get(flatbuffers::uoffset_t(c))->instructions();
    const size_t first = steps_.size();
    for (size_t i = 0; i < instructions.size(); ++i) {
      auto added = add_instruction(plan, *instructions.Get(flatbuffers::uoffset_t(i)), first);
      if (!added) {
        return prefixed(std::move(added).error(),
                        fmt::format("{}.chains[{}].instructions[{}]", where, c, i));
      }
    }
  }
  join_moves();
  for (size_t i = 0; i < n; ++i)
    if (by_reference[i] || flow.view[i]) places[i] = CopyElision::Place::kMoving;
  for (size_t i = 0; i < n; ++i) {
    if (places[i] == CopyElision::Place::kFree && table_.planned[i] &&
        seen_elsewhere(table_, flow, is_input, i))
      places[i] = CopyElision::Place::kFixed;
  }
  SMELT_TRY(elide_copies(plan, operators, delegate_outputs, flow, std::move(places)));
  for (size_t i = 0; i < n; ++i) {
    if (flow.view[i] && table_.values[i].kind == Kind::kTensor) {
      Tensor& t = *table_.values[i].tensor;
      views_.push_back({&t, t.data, t.capacity});
    }
  }
  for (KernelCall& call : kernel_calls_) {
    call.plan(*pool_, cpu_, scratch_);
    scratch_.clear();
  }
  describe(plan);
  return {};
}

Status LoadedMethod::elide_copies(const pte::ExecutionPlan& plan,
                                  const std::vector<const Operator*>& operators,
                                  const std::vector<std::vector<uint32_t>>& delegate_outputs,
                                  const DataFlow& flow, std::vector<CopyElision::Place> places) {
  if (plan.chains()->size() != 1) return {};
  const pte::Chain& chain = *plan.chains()->Get(0);
  for (const pte::Instruction* i : *chain.instructions()) {
    const auto type = i->instr_args_type();
    // With jumps, "later in the list" does not mean "later".
    if (type == pte::InstructionArguments::JumpFalseCall) return {};
  }
  const std::vector<Uses> uses = uses_of(plan, chain, operators, delegate_outputs);
  CopyElision elision(table_, flow, uses, std::move(places));
  for (size_t at = 0; at < steps_.size(); ++at) {
    if (steps_[at].type != Step::Type::kKernel) continue;
    KernelCall& call = kernel_calls_[steps_[at].a];
    if (const auto copies = call.copies(*pool_, cpu_, scratch_)) elision.visit(call, at, *copies);
    scratch_.clear();
  }
  SMELT_ASSIGN(copied_, elision.finish());
  return {};
}

std::vector<EValue*> LoadedMethod::arguments(const flatbuffers::Vector<int32_t>* from) {
  std::vector<EValue*> args;
  for (size_t i = 0; i < count(from); ++i) {
    args.push_back(&table_.values[size_t(from->Get(flatbuffers::uoffset_t(i)))]);
  }
  return args;
}

Status LoadedMethod::add_instruction(const pte::ExecutionPlan& plan,
                                     const pte::Instruction& instruction, size_t first_step) {
  const auto restore = [&](size_t value) {
    restored_.emplace_back(uint32_t(value), table_.values[value]);
  };
  Step step{Step::Type::kKernel};
  switch (instruction.instr_args_type()) {
    case pte::InstructionArguments::KernelCall: {
      const auto& call = *instruction.instr_args_as_KernelCall();
      const Operator& op = *find_operator(
          full_name(*plan.operators()->Get(flatbuffers::uoffset_t(call.op_index()))));
      std::vector<EValue*> args = arguments(call.args());
      for (size_t i = 0; i < std::min(args.size(), op.signature.size()); ++i) {
        if (op.signature[i] != 'N') continue;
        if (args[i]->is_none()) args[i]->set(int64_t(0));
        args[i]->computed = true;
        restore(size_t(args[i] - table_.values.data()));
      }
      SMELT_TRY(check_signature(op, args));
      step.a = uint32_t(kernel_calls_.size());
      kernel_calls_.emplace_back(op, std::move(args));
      break;
    }
    case pte::InstructionArguments::DelegateCall: {
      const auto& call = *instruction.instr_args_as_DelegateCall();
      step.type = Step::Type::kDelegate;
      step.a = uint32_t(delegate_calls_.size());
      const auto index = uint32_t(call.delegate_index());
      SMELT_ASSIGN(auto args, delegates_[index]->bind(arguments(call.args())));
      delegate_calls_.push_back({delegates_[index].get(), std::move(args), index});
      break;
    }
    case pte::InstructionArguments::MoveCall: {
      const auto& move = *instruction.instr_args_as_MoveCall();
      step = {Step::Type::kMove, uint32_t(move.move_from()), uint32_t(move.move_to())};
      const EValue &from = table_.values[step.a], &to = table_.values[step.b];
      const bool same_kind = from.kind == to.kind || (from.is_scalar() && to.is_scalar());
      // What the other instructions were checked for must stay true.
      bool alike = same_kind && from.kind != Kind::kTensorList;
      if (alike && from.kind == Kind::kTensor) alike = from.tensor->dtype == to.tensor->dtype;
      if (!alike) {
        return fail(ErrorCode::kUnsupported, "moves value {} to value {}, which is of another type",
                    step.a, step.b);
      }
      if (to.kind != Kind::kTensor) restore(step.b);
      break;
    }
    case pte::InstructionArguments::JumpFalseCall: {
      const auto& jump = *instruction.instr_args_as_JumpFalseCall();
      step = {Step::Type::kJumpFalse, uint32_t(jump.cond_value_index()),
              uint32_t(first_step + size_t(jump.destination_instruction()))};
      const EValue& condition = table_.values[step.a];
      const bool usable = condition.kind == Kind::kTensor ? condition.tensor->dtype == DType::kBool
                                                          : condition.is_scalar();
      if (!usable) {
        return fail(ErrorCode::kInvalidFile, "the condition of a jump, value {}, is no bool",
                    step.a);
      }
      break;
    }
    default:
      // FreeCall: the memory of a method is planned, so freeing gives nothing back. A step that
      // does nothing keeps the numbers that jumps refer to.
      step.type = Step::Type::kNothing;
      break;
  }
  steps_.push_back(step);
  return {};
}

void LoadedMethod::join_moves() {
  std::vector<bool> target(steps_.size() + 1);
  for (const Step& s : steps_)
    if (s.type == Step::Type::kJumpFalse) target[s.b] = true;
  for (size_t first = 0, end; first < steps_.size(); first = std::max(end, first + 1)) {
    for (end = first; end < steps_.size() && steps_[end].type == Step::Type::kMove; ++end)
      if (end != first && target[end]) break;
    if (end == first) continue;
    std::map<uint32_t, uint32_t> source;
    for (size_t at = first; at < end; ++at) {
      // What an earlier move of the row has put there.
      const auto earlier = source.find(steps_[at].a);
      source[steps_[at].b] = earlier == source.end() ? steps_[at].a : earlier->second;
      steps_[at].type = Step::Type::kNothing;
    }
    Moves moves;
    for (const auto& [to, from] : source)
      if (from != to) moves.push_back({from, to});
    steps_[first] = {Step::Type::kMove, uint32_t(moves_.size())};
    moves_.push_back(std::move(moves));
  }
  size_t most = 0;
  for (const Moves& m : moves_) most = std::max(most, m.size());
  moved_.resize(most);
}

void LoadedMethod::describe(const pte::ExecutionPlan& plan) {
  const auto describe_value = [&](uint32_t index) {
    const EValue& v = table_.values[index];
    ValueInfo info;
    info.kind = public_kind(v.kind);
    if (v.kind == Kind::kTensor) {
      info.dtype = v.tensor->dtype;
      info.shape = v.tensor->shape;
      info.dim_order = v.tensor->order();
      info.dynamism = v.tensor->dynamism;
    }
    return info;
  };
  info_.name = plan.name()->string_view();
  for (const Input& i : inputs_) info_.inputs.push_back(describe_value(i.value));
  for (const Output& o : outputs_) info_.outputs.push_back(describe_value(o.value));
  for (size_t i = 0; i < delegates_.size(); ++i) {
    const auto& d = *plan.delegates()->Get(flatbuffers::uoffset_t(i));
    if (delegates_[i] == nullptr) {
      info_.delegates.push_back({.backend = d.id()->str(), .nodes = {}});
    } else {
      info_.delegates.push_back(program::describe(delegates_[i]->session(), d.id()->string_view()));
    }
  }
  for (const KernelCall& call : kernel_calls_) {
    const auto known = std::ranges::find(info_.operators, call.op().name, &OperatorInfo::name);
    if (known != info_.operators.end()) {
      ++known->calls;
    } else {
      info_.operators.push_back({std::string(call.op().name), 1});
    }
  }
  info_.instructions = steps_.size();
  info_.planned_bytes = table_.planned_bytes;
  info_.constant_bytes = table_.constant_bytes;
  info_.shared_state_bytes = table_.shared_bytes;
}

}  // namespace smelt::program
