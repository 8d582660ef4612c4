// LoadedMethod: running.
#include "program/method.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "format/flatbuffer.h"
#include "platform/denormals.h"
#include "program/blame.h"

namespace smelt::program {
namespace {

/// Whether the caller's order, empty for that of the shape, is the tensor's.
bool has_layout(const Shape& given, const Tensor& t, const Shape& shape) {
  if (given.rank() == 0 && t.row_major) return true;
  if (given.rank() != 0 && given.rank() != shape.rank()) return false;
  if (shape.rank() != t.rank()) return false;
  DimOrder order;
  for (size_t d = 0; d < shape.rank(); ++d) {
    const int64_t dim = given.rank() == 0 ? int64_t(d) : given[d];
    if (dim < 0 || size_t(dim) >= shape.rank()) return false;
    order[d] = uint8_t(dim);
  }
  return same_layout(shape, order, t.dim_order);
}

std::string order_name(const Shape& order, size_t rank) {
  if (order.rank() != 0) return to_string(order);
  Shape identity;
  for (size_t d = 0; d < rank; ++d) identity.push_back(int64_t(d));
  return to_string(identity);
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

}  // namespace

Status LoadedMethod::set_input(size_t i, const Value& given) {
  const EValue& v = table_.values[inputs_[i].value];
  const auto expected = [&](std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, "input {} is a {}, expected {}", i, kind_name(given),
                what);
  };
  switch (v.kind) {
    case Kind::kTensor:
      break;
    case Kind::kNone:
      if (!given.is_none()) return expected("nothing");
      return {};
    case Kind::kInt:
    case Kind::kBool:
    case Kind::kDouble: {
      // The exporter has built the value into the program: with another one the results would be
      // wrong.
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
  if (!has_layout(view->dim_order, t, view->shape)) {
    return fail(ErrorCode::kInvalidArgument,
                "input {} has its dimensions in the order {}, expected {}", i,
                order_name(view->dim_order, view->shape.rank()), to_string(info.dim_order));
  }
  const size_t bytes = *numel * element_size(t.dtype);
  if (view->bytes < bytes || (view->data == nullptr && bytes != 0)) {
    return fail(ErrorCode::kInvalidArgument, "input {} has {} bytes, its shape {} needs {}", i,
                view->data == nullptr ? 0 : view->bytes, to_string(view->shape), bytes);
  }
  if (inputs_[i].by_reference) {
    if (!aligned(view->data, t.dtype)) {
      return fail(ErrorCode::kInvalidArgument,
                  "input {} is not aligned to its elements of {} bytes", i, element_size(t.dtype));
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
    case Kind::kInt:
      out = Value(v.integer);
      return {};
    case Kind::kDouble:
      out = Value(v.real);
      return {};
    case Kind::kBool:
      out = Value(v.boolean);
      return {};
    case Kind::kString:
      out = Value(*v.string);
      return {};
    case Kind::kTensor:
      break;
    default:
      out = Value();
      return {};
  }
  const Tensor& t = *v.tensor;
  TensorView* view = out.tensor();
  if (view == nullptr || view->data == nullptr) {
    TensorView own;
    own.data = t.data;
    own.bytes = t.bytes();
    own.dtype = t.dtype;
    own.shape = t.shape;
    if (!t.row_major) own.dim_order = t.order();
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
  view->dim_order = t.row_major ? Shape() : t.order();
  return {};
}

Status LoadedMethod::run(std::span<const Value> inputs, std::span<Value> outputs) {
  if (inputs.size() != inputs_.size() || outputs.size() != outputs_.size()) {
    return fail(ErrorCode::kInvalidArgument,
                "{} takes {} inputs and gives {} outputs, not {} and {}", info_.name,
                inputs_.size(), outputs_.size(), inputs.size(), outputs.size());
  }
  if (cpu_.described)
    return fail(ErrorCode::kUnsupported, "{} is planned for {}, which is not this machine",
                info_.name, cpu_.name);
  const FlushDenormals flush;
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
  const Profiler::Start begin = Profiler::start(profiler_.get());
  Status status = execute();
  if (profiler_ != nullptr) profiler_->record(0, begin);
  for (size_t i = 0; status && i < outputs.size(); ++i) status = give_output(i, outputs[i]);
  for (Output& o : outputs_) {
    if (o.own == nullptr) continue;
    Tensor& t = *table_.values[o.value].tensor;
    t.data = o.own;
    t.capacity = o.own_capacity;
  }
  return status;
}

Status LoadedMethod::move(const Moves& moves) {
  for (size_t i = 0; i < moves.size(); ++i) {
    moved_[i].value = table_.values[moves[i].from];
    if (moved_[i].value.kind != Kind::kTensor) continue;
    Strided& from = moved_[i].tensor;
    from = Strided(*moved_[i].value.tensor);
    // A loop may hand one of its values on as another: what a move overwrites, a later one may
    // still need.
    const size_t bytes = from.shape.numel() * element_size(from.dtype);
    const auto overwrites = [&](Move m) {
      const EValue& to = table_.values[m.to];
      return to.kind == Kind::kTensor &&
             overlap(from.data, bytes, to.tensor->data, to.tensor->capacity);
    };
    constexpr size_t kMostCompared = 64;
    if (i < kMostCompared && std::none_of(&moves[0], &moves[i], overwrites)) continue;
    SMELT_ASSIGN(std::byte* const kept, scratch_.take(bytes));
    if (bytes != 0) std::memcpy(kept, from.data, bytes);
    from.data = kept;
  }
  for (size_t i = 0; i < moves.size(); ++i) {
    EValue& to = table_.values[moves[i].to];
    if (moved_[i].value.kind != Kind::kTensor) {
      to = moved_[i].value;
      continue;
    }
    const Strided& from = moved_[i].tensor;
    SMELT_TRY(to.tensor->resize(from.shape));
    const Strided into(*to.tensor);
    if (same_places(from, into)) {
      if (to.tensor->bytes() != 0) std::memmove(into.data, from.data, to.tensor->bytes());
    } else {
      copy({vector_kernels(cpu_), *pool_}, into, from);
    }
  }
  return {};
}

Error LoadedMethod::blamed(size_t step, Error error) const {
  const pte::ExecutionPlan& plan = **source_->file.find_plan(info_.name);
  std::vector<const Operator*> operators(length(plan.operators()));
  std::vector<const pte::Instruction*> instructions;
  for (const pte::Chain* chain : *plan.chains()) {
    for (const pte::Instruction* i : *chain->instructions()) {
      if (const auto* call = i->instr_args_as_KernelCall())
        operators[size_t(call->op_index())] = &kernel_calls_[steps_[instructions.size()].a].op();
      instructions.push_back(i);
    }
  }
  std::vector<std::vector<uint32_t>> delegate_outputs(delegates_.size());
  for (size_t i = 0; i < delegates_.size(); ++i) {
    if (delegates_[i] == nullptr) continue;
    const auto outputs = delegates_[i]->output_args();
    delegate_outputs[i].assign(outputs.begin(), outputs.end());
  }
  std::vector<bool> own_shape(table_.values.size());
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const EValue& v = table_.values[inputs_[i].value];
    own_shape[inputs_[i].value] =
        v.kind == Kind::kTensor && !(v.tensor->shape == info_.inputs[i].shape);
  }
  return Blame(plan, operators, delegate_outputs, std::move(own_shape))
      .of(*instructions[step], std::move(error));
}

Status LoadedMethod::execute() {
  const auto failed = [this](size_t step, std::string_view what, Error error) {
    return prefixed(
        blamed(step, std::move(error)),
        fmt::format("{}: {}: instruction {} ({})", source_->file.name(), info_.name, step, what));
  };
  for (size_t at = 0; at < steps_.size();) {
    const Step& step = steps_[at];
    const Profiler::Start begin = Profiler::start(profiler_.get());
    switch (step.type) {
      case Step::Type::kKernel: {
        KernelCall& call = kernel_calls_[step.a];
        auto ran = call.run(*pool_, cpu_, scratch_);
        scratch_.clear();
        if (!ran) return failed(at, call.op().name, std::move(ran).error());
        if (profiler_ != nullptr) profiler_->record(uint32_t(1 + at), begin);
        break;
      }
      case Step::Type::kDelegate: {
        DelegateCall& call = delegate_calls_[step.a];
        auto ran = call.delegate->run(call.args, scratch_);
        scratch_.clear();
        if (!ran) {
          return failed(at, fmt::format("delegate {}", call.index), std::move(ran).error());
        }
        if (profiler_ != nullptr) profiler_->record(uint32_t(1 + at), begin);
        break;
      }
      case Step::Type::kMove: {
        auto ran = move(moves_[step.a]);
        scratch_.clear();
        if (!ran) return failed(at, "move", std::move(ran).error());
        break;
      }
      case Step::Type::kNothing:
        break;
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
