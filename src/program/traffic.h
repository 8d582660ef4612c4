// How many bytes a call of an operator moves.
#pragma once

#include "base/function_ref.h"
#include "program/kernel_call.h"

namespace smelt::program {

/// Calls f(tensor, how it is used) for each tensor among the arguments, items of lists included.
void for_each_tensor(const Operator&, std::span<EValue* const> args,
                     FunctionRef<void(const Tensor&, ArgumentUse)> f);

/// Bytes that a call reads and writes, with the shapes that its arguments have. Where the operator
/// has no count of its own: its operands and results once. Data movement reads no more elements of
/// an operand than it writes, and of what it updates in place it touches only what it replaces.
uint64_t bytes_moved(const Operator&, const DescribedArguments&);

}  // namespace smelt::program
