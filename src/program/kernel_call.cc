#include "program/kernel_call.h"

#include <algorithm>

#include "base/status.h"
#include "program/strided.h"
#include "program/types.h"

namespace smelt::program {

ArgumentUse argument_use(char letter) {
  switch (letter) {
    case 'T':
    case 't':
      return {.read = true};
    case 'W':
      return {.written = true};
    case 'U':
      return {.read = true, .written = true};
    case 'X':
    case 'O':
      return {.read = true, .list = true};
    case 'Y':
      return {.written = true, .list = true};
    default:
      return {};
  }
}

Status check_signature(const Operator& op, std::span<EValue* const> args) {
  const size_t n = op.signature.size();
  if (args.size() != n && args.size() != n + 1) {
    return fail(ErrorCode::kInvalidFile, "{} takes {} arguments, the call has {}", op.name, n,
                args.size());
  }
  for (size_t i = 0; i < n; ++i) {
    const char letter = op.signature[i];
    const EValue& v = *args[i];
    const auto wrong = [&](std::string_view expected) {
      return fail(ErrorCode::kInvalidFile, "argument {} of {} is a {}, expected {}", i, op.name,
                  name(v.kind), expected);
    };
    if (letter >= 'a' && v.is_none()) continue;
    switch (letter & ~0x20) {
      case 'T':
      case 'W':
      case 'U':
        if (v.kind != Kind::kTensor) return wrong("a tensor");
        break;
      case 'S':
      case 'I':
      case 'D':
      case 'B':
      case 'N':
        if (!v.is_scalar()) return wrong("a number");
        break;
      case 'L':
        if (v.kind != Kind::kIntList) return wrong("a list of int");
        break;
      case 'F':
        if (v.kind != Kind::kDoubleList) return wrong("a list of double");
        break;
      case 'M':
        if (v.kind != Kind::kBoolList) return wrong("a list of bool");
        break;
      case 'Z':
        if (v.kind != Kind::kString) return wrong("a string");
        break;
      default:  // X, Y, O
        if (v.kind != Kind::kTensorList) return wrong("a list of tensor");
        for (const EValue* item : v.list->items) {
          const bool absent = item == nullptr || item->is_none();
          if (absent ? letter != 'O' : item->kind != Kind::kTensor) {
            return fail(ErrorCode::kInvalidFile, "argument {} of {} has items that are not tensors",
                        i, op.name);
          }
        }
    }
  }
  return {};
}

std::optional<DType> complex_type(const Operator& op, std::span<EValue* const> args) {
  const auto complex = [](const EValue* v) {
    return v != nullptr && v->kind == Kind::kTensor && is_complex(v->tensor->dtype);
  };
  for (size_t i = 0; i < std::min(args.size(), op.signature.size()); ++i) {
    if (complex(args[i])) return args[i]->tensor->dtype;
    if (args[i]->kind != Kind::kTensorList) continue;
    for (const EValue* item : args[i]->list->items) {
      if (complex(item)) return item->tensor->dtype;
    }
  }
  return std::nullopt;
}

/// Whether all tensors lie as operators like it that take channels innermost.
static bool all_channels_last(const Operator& op, std::span<EValue* const> args) {
  for (size_t i = 0; i < op.signature.size(); ++i) {
    if (args[i]->kind != Kind::kTensor) continue;
    const Tensor& t = *args[i]->tensor;
    if (t.rank() != op.channels_last_rank || !t.channels_last()) return false;
  }
  return true;
}

KernelCall::KernelCall(const Operator& op, std::vector<EValue*> args)
    : op_(&op),
      run_(complex_type(op, args) ? op.complex : op.run),
      given_(args),
      args_(std::move(args)) {
  if (op.any_order || (op.channels_last_rank != 0 && all_channels_last(op, args_))) return;
  for (size_t i = 0; i < op.signature.size(); ++i) {
    const ArgumentUse use = argument_use(op.signature[i]);
    if (!use.read && !use.written) continue;
    if (args_[i]->is_none()) continue;
    if (!use.list) {
      args_[i] = row_major(args_[i], use.written);
      continue;
    }
    const auto& items = args_[i]->list->items;
    const bool needed = std::ranges::any_of(items, [](const EValue* v) {
      return v != nullptr && v->kind == Kind::kTensor && !v->tensor->row_major;
    });
    if (!needed) continue;
    List& list = lists_.emplace_back();
    for (const EValue* item : items) {
      const bool absent = item == nullptr || item->is_none();
      list.items.push_back(absent ? item : row_major(const_cast<EValue*>(item), use.written));
    }
    EValue& value = list_values_.emplace_back();
    value.kind = Kind::kTensorList;
    value.list = &list;
    args_[i] = &value;
  }
}

EValue* KernelCall::row_major(EValue* original, bool written) {
  if (original->tensor->row_major) return original;
  for (RowMajor& r : row_major_) {
    if (r.original == original) {
      r.written = r.written || written;
      return &r.value;
    }
  }
  RowMajor& r = row_major_.emplace_back();
  r.original = original;
  r.written = written;
  r.tensor.dtype = original->tensor->dtype;
  r.tensor.dynamism = Dynamism::kUnbounded;
  r.tensor.copy_of = original->tensor;
  r.tensor.shape.resize(1, 0);
  r.tensor.set_row_major();
  r.value.kind = Kind::kTensor;
  r.value.tensor = &r.tensor;
  return &r.value;
}

Status KernelCall::run(ThreadPool& pool, const Cpu& cpu, Scratch& scratch) {
  if (elided_) return {};
  for (RowMajor& r : row_major_) {
    SMELT_TRY(r.tensor.resize(r.original->tensor->shape));
    copy({vector_kernels(cpu), pool}, Strided(r.tensor), Strided(*r.original->tensor));
  }
  Decision decision;
  Call call(args_, pool, cpu, scratch, state_, decision);
  SMELT_TRY(run_(call));
  ran_ = true;
  kernel_ = decision.kernel;
  for (RowMajor& r : row_major_) {
    if (!r.written) continue;
    SMELT_TRY(r.original->tensor->resize(r.tensor.shape));
    copy({vector_kernels(cpu), pool}, Strided(*r.original->tensor), Strided(r.tensor));
  }
  return {};
}

std::optional<std::vector<Copied>> KernelCall::copies(ThreadPool& pool, const Cpu& cpu,
                                                      Scratch& scratch) {
  if (!op_->copies || !row_major_.empty()) return std::nullopt;
  std::vector<Copied> copied;
  Decision decision;
  decision.copies = &copied;
  Call call(args_, pool, cpu, scratch, state_, decision);
  if (!run_(call)) return std::nullopt;
  return copied;
}

void KernelCall::plan(ThreadPool& pool, const Cpu& cpu, Scratch& scratch) {
  if (!op_->chooses || run_ != op_->run) return;
  for (RowMajor& r : row_major_) {
    if (!r.tensor.resize(r.original->tensor->shape)) return;
  }
  Decision decision;
  decision.only = true;
  Call call(args_, pool, cpu, scratch, state_, decision);
  if (op_->run(call)) kernel_ = decision.kernel;
}

}  // namespace smelt::program
