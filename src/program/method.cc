#include "program/method.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "program/data_flow.h"
#include "program/strided.h"

namespace smelt::program {
namespace {

std::string full_name(const pte::Operator& op) {
  std::string name(op.name()->string_view());
  if (op.overload() != nullptr && op.overload()->size() != 0) {
    name += '.';
    name += op.overload()->string_view();
  }
  return name;
}

template <class Items>
size_t count(const Items* items) {
  return items == nullptr ? 0 : items->size();
}

ValueKind public_kind(Kind k) {
  switch (k) {
    case Kind::kNone: return ValueKind::kNone;
    case Kind::kTensor: return ValueKind::kTensor;
    case Kind::kInt: return ValueKind::kInt;
    case Kind::kDouble: return ValueKind::kDouble;
    case Kind::kBool: return ValueKind::kBool;
    case Kind::kString: return ValueKind::kString;
    default: return ValueKind::kList;
  }
}

Shape dim_order(const Tensor& t) {
  Shape order;
  for (size_t d = 0; d < t.rank(); ++d) order.push_back(t.dim_order[d]);
  return order;
}

/// An empty order means that of the shape.
bool same_order(const Shape& given, const Tensor& t) {
  if (given.rank() == 0) return t.row_major;
  if (given.rank() != t.rank()) return false;
  for (size_t d = 0; d < t.rank(); ++d) {
    if (given[d] != t.dim_order[d]) return false;
  }
  return true;
}

/// Whether the orders lay out this shape the same way: dimensions of one element do not matter.
bool same_layout(const Shape& given, const Tensor& t, const Shape& shape) {
  if (same_order(given, t)) return true;
  if (given.rank() != 0 && given.rank() != shape.rank()) return false;
  if (shape.rank() != t.rank()) return false;
  size_t a = 0, b = 0;
  const auto skip = [&](size_t& i, auto dim) {
    while (i < shape.rank() && shape[dim(i)] == 1) ++i;
  };
  const auto given_dim = [&](size_t i) { return given.rank() == 0 ? i : size_t(given[i]); };
  const auto tensor_dim = [&](size_t i) { return size_t(t.dim_order[i]); };
  for (const int64_t d : given) {
    if (d < 0 || size_t(d) >= shape.rank()) return false;
  }
  for (;;) {
    skip(a, given_dim);
    skip(b, tensor_dim);
    if (a == shape.rank() || b == shape.rank()) return a == b;
    if (given_dim(a++) != tensor_dim(b++)) return false;
  }
}

std::string order_name(const Shape& order, size_t rank) {
  if (order.rank() != 0) return to_string(order);
  Shape identity;
  for (size_t d = 0; d < rank; ++d) identity.push_back(int64_t(d));
  return to_string(identity);
}

bool overlap(const std::byte* a, size_t a_bytes, const std::byte* b, size_t b_bytes) {
  const auto x = reinterpret_cast<uintptr_t>(a), y = reinterpret_cast<uintptr_t>(b);
  return x < y + b_bytes && y < x + a_bytes;
}

bool aligned(const void* p, DType t) {
  return reinterpret_cast<uintptr_t>(p) % element_size(t) == 0;
}

std::string_view kind_name(const Value& v) {
  if (v.tensor()) return "tensor";
  if (v.integer()) return "int";
  if (v.real()) return "double";
  if (v.boolean()) return "bool";
  if (v.string()) return "string";
  return "none";
}

/// Whether a tensor that nobody computes lies where this one does: it would see what is written here.
bool seen_elsewhere(const ValueTable& table, const DataFlow& flow, const std::vector<bool>& is_input,
                    size_t value) {
  const Tensor& t = *table.values[value].tensor;
  for (size_t i = 0; i < table.values.size(); ++i) {
    if (i == value || table.values[i].kind != Kind::kTensor || !table.planned[i]) continue;
    const bool defined = flow.computed[i] || flow.moved_to[i] || flow.view[i] || is_input[i];
    if (defined || !flow.read[i]) continue;
    const Tensor& other = *table.values[i].tensor;
    if (overlap(t.data, t.capacity, other.data, other.capacity)) return true;
  }
  return false;
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
  SMELT_TRY(loaded->build(*plan, index));
  return loaded;
}

Status LoadedMethod::build(const pte::ExecutionPlan& plan, size_t plan_index) {
  const std::string where =
      fmt::format("{}: execution_plan[{}]", source_->file.name(), plan_index);

  std::vector<const Operator*> operators;
  std::string missing;
  for (size_t i = 0; i < count(plan.operators()); ++i) {
    const std::string name = full_name(*plan.operators()->Get(flatbuffers::uoffset_t(i)));
    operators.push_back(find_operator(name));
    if (operators.back() == nullptr) missing += (missing.empty() ? "" : ", ") + name;
  }
  if (!missing.empty()) {
    return fail(ErrorCode::kUnsupported, "{}: operators that Smelt does not have: {}", where,
                missing);
  }

  std::vector<std::vector<uint32_t>> delegate_outputs(count(plan.delegates()));
  delegates_.resize(delegate_outputs.size());
  for (const pte::Chain* chain : *plan.chains()) {
    for (const pte::Instruction* instruction : *chain->instructions()) {
      const auto* call = instruction->instr_args_as_DelegateCall();
      if (call == nullptr) continue;
      const size_t i = size_t(call->delegate_index());
      if (delegates_[i] != nullptr) continue;
      const auto find = [this](std::string_view key) { return source_->find_data(key); };
      SMELT_ASSIGN(delegates_[i],
                   Delegate::load(source_->file.delegate_payload(*plan.delegates()->Get(
                                      flatbuffers::uoffset_t(i))),
                                  find, fmt::format("{}.delegates[{}]", where, i), cpu_, *pool_));
      const auto outputs = delegates_[i]->output_args();
      delegate_outputs[i].assign(outputs.begin(), outputs.end());
    }
  }

  const DataFlow flow = DataFlow::of(plan, operators, delegate_outputs);
  const size_t n = plan.values()->size();
  std::vector<bool> is_input(n), by_reference(n), unowned(n);
  for (size_t i = 0; i < count(plan.inputs()); ++i) {
    const size_t v = size_t(plan.inputs()->Get(flatbuffers::uoffset_t(i)));
    // What the caller passes may be used in place if it is neither written nor handed out as a result.
    by_reference[v] = !is_input[v] && !flow.mutated[v] && !flow.escapes[v] && !flow.moved_to[v] &&
                      !flow.view[v];
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

  for (size_t i = 0; i < count(plan.inputs()); ++i) {
    const auto v = uint32_t(plan.inputs()->Get(flatbuffers::uoffset_t(i)));
    const bool is_tensor = table_.values[v].kind == Kind::kTensor;
    const bool shared = table_.planned[v] && is_tensor && seen_elsewhere(table_, flow, is_input, v);
    inputs_.push_back({v, is_tensor && by_reference[v] && !shared});
  }
  for (size_t i = 0; i < count(plan.outputs()); ++i) {
    const auto v = uint32_t(plan.outputs()->Get(flatbuffers::uoffset_t(i)));
    const bool repeated = std::ranges::find(outputs_, v, &Output::value) != outputs_.end();
    // A tensor that only the caller reads may be anywhere. One that instructions read as well may be a state, which
    // has to stay where it is.
    const bool direct = table_.values[v].kind == Kind::kTensor && flow.computed[v] &&
                        !flow.moved_to[v] && !flow.view[v] && !is_input[v] && !flow.read[v] &&
                        !repeated;
    outputs_.push_back({v, direct});
  }

  for (size_t c = 0; c < plan.chains()->size(); ++c) {
    const auto& instructions = *plan.chains()->Get(flatbuffers::uoffset_t(c))->instructions();
    const size_t first = steps_.size();
    for (size_t i = 0; i < instructions.size(); ++i) {
      auto added =
          add_instruction(plan, *instructions.Get(flatbuffers::uoffset_t(i)), first);
      if (!added) {
        return prefixed(std::move(added).error(),
                        fmt::format("{}.chains[{}].instructions[{}]", where, c, i));
      }
    }
  }
  for (size_t i = 0; i < n; ++i) {
    if (flow.view[i] && table_.values[i].kind == Kind::kTensor) {
      Tensor& t = *table_.values[i].tensor;
      views_.push_back({&t, t.data, t.capacity});
    }
  }
  describe(plan);
  return {};
}

Status LoadedMethod::add_instruction(const pte::ExecutionPlan& plan,
                                     const pte::Instruction& instruction, size_t first_step) {
  const auto arguments = [&](const flatbuffers::Vector<int32_t>* from) {
    std::vector<EValue*> args;
    for (size_t i = 0; i < count(from); ++i) {
      args.push_back(&table_.values[size_t(from->Get(flatbuffers::uoffset_t(i)))]);
    }
    return args;
  };
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
      delegate_calls_.push_back({delegates_[index].get(), arguments(call.args()), index});
      SMELT_TRY(delegate_calls_.back().delegate->check_arguments(delegate_calls_.back().args));
      break;
    }
    case pte::InstructionArguments::MoveCall: {
      const auto& move = *instruction.instr_args_as_MoveCall();
      step = {Step::Type::kMove, uint32_t(move.move_from()), uint32_t(move.move_to())};
      const EValue &from = table_.values[step.a], &to = table_.values[step.b];
      const bool same_kind = from.kind == to.kind || (from.is_scalar() && to.is_scalar());
      // What the other instructions were checked for must stay true.
      bool alike = same_kind && from.kind != Kind::kTensorList;
      if (alike && from.kind == Kind::kTensor) {
        alike = from.tensor->dtype == to.tensor->dtype &&
                from.tensor->row_major == to.tensor->row_major;
      }
      if (!alike) {
        return fail(ErrorCode::kUnsupported,
                    "moves value {} to value {}, which is of another type or order", step.a,
                    step.b);
      }
      restore(step.b);
      break;
    }
    case pte::InstructionArguments::JumpFalseCall: {
      const auto& jump = *instruction.instr_args_as_JumpFalseCall();
      step = {Step::Type::kJumpFalse, uint32_t(jump.cond_value_index()),
              uint32_t(first_step + size_t(jump.destination_instruction()))};
      const EValue& condition = table_.values[step.a];
      const bool usable = condition.kind == Kind::kTensor
                              ? condition.tensor->dtype == DType::kBool
                              : condition.is_scalar();
      if (!usable) {
        return fail(ErrorCode::kInvalidFile, "the condition of a jump, value {}, is no bool",
                    step.a);
      }
      break;
    }
    default:
      // FreeCall: the memory of a method is planned, so freeing gives nothing back. A step that does nothing keeps
      // the numbers that jumps refer to.
      step = {Step::Type::kMove, 0, 0};
      break;
  }
  steps_.push_back(step);
  return {};
}

void LoadedMethod::describe(const pte::ExecutionPlan& plan) {
  const auto describe_value = [&](uint32_t index) {
    const EValue& v = table_.values[index];
    ValueInfo info;
    info.kind = public_kind(v.kind);
    if (v.kind == Kind::kTensor) {
      info.dtype = v.tensor->dtype;
      info.shape = v.tensor->shape;
      info.dim_order = dim_order(*v.tensor);
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
      info_.delegates.push_back(
          program::describe(delegates_[i]->session(), d.id()->string_view()));
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
}

Status LoadedMethod::set_input(size_t i, const Value& given) {
  const EValue& v = table_.values[inputs_[i].value];
  const auto expected = [&](std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, "input {} is a {}, expected {}", i, kind_name(given),
                what);
  };
  switch (v.kind) {
    case Kind::kTensor: break;
    case Kind::kNone:
      if (!given.is_none()) return expected("nothing");
      return {};
    case Kind::kInt:
    case Kind::kBool:
    case Kind::kDouble: {
      // The exporter has built the value into the program: with another one the results would be wrong.
      const bool is_number = given.integer() || given.real() || given.boolean();
      if (!is_number) return expected("a number");
      const double x = given.integer() ? double(*given.integer())
                       : given.real()  ? *given.real()
                                       : double(*given.boolean());
      const double y = v.to_double();
      const bool exact = v.kind != Kind::kDouble;
      const bool close = x == y || (std::isnan(x) && std::isnan(y)) ||
                         (!exact && std::abs(x - y) <= 1e-4 + 1e-5 * std::abs(y));
      if (!close) {
        return fail(ErrorCode::kInvalidArgument,
                    "input {} is {}, but the program was exported with {} built in", i, x, y);
      }
      return {};
    }
    case Kind::kString:
      if (!given.string()) return expected("a string");
      if (*given.string() != *v.string) {
        return fail(ErrorCode::kInvalidArgument,
                    "input {} is \"{}\", but the program was exported with \"{}\" built in", i,
                    *given.string(), *v.string);
      }
      return {};
    default:
      return fail(ErrorCode::kUnsupported, "input {} of the program is a {}", i, name(v.kind));
  }

  const TensorView* view = given.tensor();
  if (view == nullptr) return expected("a tensor");
  Tensor& t = *v.tensor;
  if (view->dtype != t.dtype) {
    return fail(ErrorCode::kInvalidArgument, "input {} is {}, expected {}", i,
                smelt::name(view->dtype), smelt::name(t.dtype));
  }
  const ValueInfo& info = info_.inputs[i];
  bool fits = view->shape.rank() == info.shape.rank() || info.dynamism == Dynamism::kUnbounded;
  for (size_t d = 0; fits && d < view->shape.rank(); ++d) {
    const int64_t have = view->shape[d];
    fits = info.dynamism == Dynamism::kUnbounded ? have >= 0
           : info.dynamism == Dynamism::kBounded ? have >= 0 && have <= info.shape[d]
                                                 : have == info.shape[d];
  }
  if (!fits) {
    return fail(ErrorCode::kInvalidArgument, "input {} has shape {}, expected {}{}", i,
                to_string(view->shape),
                info.dynamism == Dynamism::kBounded ? "no extent larger than in " : "",
                to_string(info.shape));
  }
  const auto numel = checked_numel(view->shape);
  if (!numel) {
    return fail(ErrorCode::kInvalidArgument, "input {} has an impossible shape {}", i,
                to_string(view->shape));
  }
  if (!same_layout(view->dim_order, t, view->shape)) {
    return fail(ErrorCode::kInvalidArgument, "input {} has its dimensions in the order {}, expected {}",
                i, order_name(view->dim_order, view->shape.rank()), to_string(info.dim_order));
  }
  const size_t bytes = *numel * element_size(t.dtype);
  if (view->bytes < bytes || (view->data == nullptr && bytes != 0)) {
    return fail(ErrorCode::kInvalidArgument, "input {} has {} bytes, its shape {} needs {}", i,
                view->data == nullptr ? 0 : view->bytes, to_string(view->shape), bytes);
  }
  if (inputs_[i].by_reference) {
    if (!aligned(view->data, t.dtype)) {
      return fail(ErrorCode::kInvalidArgument, "input {} is not aligned to its elements of {} bytes",
                  i, element_size(t.dtype));
    }
    // Nothing writes through this tensor: build() has made sure of that.
    t.data = static_cast<std::byte*>(view->data);
    t.capacity = bytes;
    t.shape = view->shape;
    t.set_strides();
    return {};
  }
  SMELT_TRY(t.resize(view->shape));
  if (bytes != 0) std::memcpy(t.data, view->data, bytes);
  return {};
}

bool LoadedMethod::redirect_output(Output& o, const Value& wanted, std::span<const Value> inputs) {
  const TensorView* view = wanted.tensor();
  if (!o.direct || view == nullptr || view->data == nullptr) return false;
  Tensor& t = *table_.values[o.value].tensor;
  if (view->dtype != t.dtype || !aligned(view->data, t.dtype)) return false;
  if (t.dynamism == Dynamism::kUnbounded) return false;
  if (view->bytes < (t.dynamism == Dynamism::kStatic ? t.bytes() : o.own_capacity)) return false;
  const auto* data = static_cast<const std::byte*>(view->data);
  for (const Value& input : inputs) {
    const TensorView* in = input.tensor();
    if (in == nullptr) continue;
    if (overlap(data, view->bytes, static_cast<const std::byte*>(in->data), in->bytes)) {
      return false;
    }
  }
  t.data = static_cast<std::byte*>(view->data);
  t.capacity = view->bytes;
  return true;
}

Status LoadedMethod::give_output(size_t i, Value& out) {
  const EValue& v = table_.values[outputs_[i].value];
  switch (v.kind) {
    case Kind::kInt: out = Value(v.integer); return {};
    case Kind::kDouble: out = Value(v.real); return {};
    case Kind::kBool: out = Value(v.boolean); return {};
    case Kind::kString: out = Value(*v.string); return {};
    case Kind::kTensor: break;
    default: out = Value(); return {};
  }
  const Tensor& t = *v.tensor;
  TensorView* view = out.tensor();
  if (view == nullptr || view->data == nullptr) {
    TensorView own;
    own.data = t.data;
    own.bytes = t.bytes();
    own.dtype = t.dtype;
    own.shape = t.shape;
    if (!t.row_major) own.dim_order = dim_order(t);
    out = Value(own);
    return {};
  }
  if (view->dtype != t.dtype) {
    return fail(ErrorCode::kInvalidArgument, "output {} is {}, the caller's memory is for {}", i,
                smelt::name(t.dtype), smelt::name(view->dtype));
  }
  if (view->bytes < t.bytes()) {
    return fail(ErrorCode::kInvalidArgument,
                "output {} has shape {} and needs {} bytes, the caller's memory has {}", i,
                to_string(t.shape), t.bytes(), view->bytes);
  }
  if (t.data != view->data && t.bytes() != 0) std::memmove(view->data, t.data, t.bytes());
  view->shape = t.shape;
  view->dim_order = t.row_major ? Shape() : dim_order(t);
  return {};
}

Status LoadedMethod::run(std::span<const Value> inputs, std::span<Value> outputs) {
  if (inputs.size() != inputs_.size() || outputs.size() != outputs_.size()) {
    return fail(ErrorCode::kInvalidArgument, "{} takes {} inputs and gives {} outputs, not {} and {}",
                info_.name, inputs_.size(), outputs_.size(), inputs.size(), outputs.size());
  }
  for (const auto& [index, value] : restored_) table_.values[index] = value;
  for (const View& v : views_) {
    v.tensor->data = v.data;
    v.tensor->capacity = v.capacity;
  }
  for (size_t i = 0; i < inputs.size(); ++i) SMELT_TRY(set_input(i, inputs[i]));

  for (size_t i = 0; i < outputs.size(); ++i) {
    Output& o = outputs_[i];
    o.own = nullptr;
    if (!o.direct) continue;
    Tensor& t = *table_.values[o.value].tensor;
    std::byte* own = t.data;
    o.own_capacity = t.capacity;
    if (redirect_output(o, outputs[i], inputs)) o.own = own;
  }
  Status status = execute();
  for (size_t i = 0; status && i < outputs.size(); ++i) status = give_output(i, outputs[i]);
  for (Output& o : outputs_) {
    if (o.own == nullptr) continue;
    Tensor& t = *table_.values[o.value].tensor;
    t.data = o.own;
    t.capacity = o.own_capacity;
  }
  return status;
}

Status LoadedMethod::execute() {
  const auto failed = [this](size_t step, std::string_view what, Error error) {
    return prefixed(std::move(error), fmt::format("{}: {}: instruction {} ({})",
                                                  source_->file.name(), info_.name, step, what));
  };
  for (size_t at = 0; at < steps_.size();) {
    const Step& step = steps_[at];
    switch (step.type) {
      case Step::Type::kKernel: {
        KernelCall& call = kernel_calls_[step.a];
        auto ran = call.run(*pool_, cpu_, scratch_);
        scratch_.clear();
        if (!ran) return failed(at, call.op().name, std::move(ran).error());
        break;
      }
      case Step::Type::kDelegate: {
        DelegateCall& call = delegate_calls_[step.a];
        auto ran = call.delegate->run(call.args, scratch_);
        scratch_.clear();
        if (!ran) {
          return failed(at, fmt::format("delegate {}", call.index), std::move(ran).error());
        }
        break;
      }
      case Step::Type::kMove: table_.values[step.b] = table_.values[step.a]; break;
      case Step::Type::kJumpFalse: {
        const EValue& condition = table_.values[step.a];
        bool taken = !condition.to_bool();
        if (condition.kind == Kind::kTensor) {
          const auto* b = condition.tensor->as<uint8_t>();
          taken = !std::all_of(b, b + condition.tensor->numel(), [](uint8_t x) { return x != 0; });
        }
        if (taken) {
          at = step.b;
          continue;
        }
        break;
      }
    }
    ++at;
  }
  return {};
}

}  // namespace smelt::program
