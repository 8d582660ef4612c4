#include "program/traffic.h"

#include <algorithm>

namespace smelt::program {

void for_each_tensor(const Operator& op, std::span<EValue* const> args,
                     FunctionRef<void(const Tensor&, ArgumentUse)> f) {
  for (size_t i = 0; i < std::min(args.size(), op.signature.size()); ++i) {
    const EValue& v = *args[i];
    const ArgumentUse use = argument_use(op.signature[i]);
    if (v.kind == Kind::kTensor) f(*v.tensor, use);
    if (v.kind != Kind::kTensorList) continue;
    for (const EValue* item : v.list->items)
      if (item != nullptr && item->kind == Kind::kTensor) f(*item->tensor, use);
  }
}

uint64_t bytes_moved(const Operator& op, const DescribedArguments& args) {
  if (op.bytes != nullptr) return op.bytes(args);
  if (op.view || op.category == Category::kControl) return 0;
  const bool moves = op.category == Category::kDataMovement;
  // What is replaced in part: a tensor updated in place, or a result that lies where the first
  // argument does.
  const Tensor* state = nullptr;
  size_t written = 0, replaced = 0;  // elements
  for_each_tensor(op, args.all(), [&](const Tensor& t, ArgumentUse use) {
    if (moves && use.read && use.written) state = &t;
    if (use.written) written += t.numel();
  });
  if (op.update) state = &args.tensor(0);
  if (state != nullptr) {
    bool in_place = !op.update, there = false;
    for_each_tensor(op, args.all(), [&](const Tensor& t, ArgumentUse use) {
      if (op.update && use.written && t.data == state->data) in_place = true;
      if (use.read && !use.written && !use.list && &t != state) {
        replaced = std::max(replaced, t.numel());
        there = there || (!op.update && t.data == state->data);
      }
    });
    if (there) return 0;  // copied onto itself
    if (!in_place) state = nullptr;
  }
  if (state != nullptr) written = std::min(replaced, state->numel());
  uint64_t bytes = state != nullptr ? written * element_size(state->dtype) : 0;
  for_each_tensor(op, args.all(), [&](const Tensor& t, ArgumentUse use) {
    if (state != nullptr && (use.written || &t == state)) return;
    const bool all = !moves || !use.read;
    bytes += (all ? t.numel() : std::min(t.numel(), written)) * element_size(t.dtype);
  });
  return bytes;
}

}  // namespace smelt::program
