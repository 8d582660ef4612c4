// One call of an operator, with its arguments resolved and checked.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "program/operator.h"

namespace smelt::program {

/// How an operator uses one of its arguments, from its letter in the signature.
struct ArgumentUse {
  bool read = false, written = false, list = false;
};
ArgumentUse argument_use(char letter);

/// Checks that a call's arguments are what the operator's signature says. A call has one argument
/// per letter, and may repeat its result at the end. kInvalidFile names the argument.
Status check_signature(const Operator&, std::span<EValue* const> args);

/// The type of the first complex tensor among the arguments; such a call is possible only if the
/// operator has a function for it. The arguments need not have been checked.
std::optional<DType> complex_type(const Operator&, std::span<EValue* const> args);

class KernelCall {
 public:
  /// The arguments fit the signature. They and the tensors stay where they are.
  KernelCall(const Operator&, std::vector<EValue*> args);
  KernelCall(const KernelCall&) = delete;
  KernelCall& operator=(const KernelCall&) = delete;

  const Operator& op() const { return *op_; }
  /// The operands, as the operator sees them.
  std::span<EValue* const> args() const { return args_; }
  /// The graph that the last run used, if the operator runs as one.
  const Session* session() const { return state_ == nullptr ? nullptr : state_->session(); }
  /// Why the operator does not run as a graph, if it tried to.
  std::string_view refusal() const {
    return state_ == nullptr ? std::string_view() : state_->refusal();
  }
  Status run(ThreadPool& pool, const Cpu& cpu, Scratch& scratch);
  /// Lets the operator choose a kernel for the shapes that its arguments have, and computes
  /// nothing. What is packed for that kernel is kept for the first run. A call that cannot run
  /// stays undecided: its run says why.
  void plan(ThreadPool& pool, const Cpu& cpu, Scratch& scratch);
  /// What the call would copy where, for the shapes that its arguments have; nothing if it does
  /// more than that, or has to be handed other tensors than the program's.
  std::optional<std::vector<Copied>> copies(ThreadPool& pool, const Cpu& cpu, Scratch& scratch);
  /// From now on runs do nothing: the results lie where their elements are.
  void elide() { elided_ = true; }
  bool elided() const { return elided_; }
  /// The operands, as the program has them: for what is said of the call.
  DescribedArguments described() const { return {given_, ran_}; }
  /// The kernel of the last run, or of plan(); empty: the operator's own portable code.
  std::string_view kernel() const { return kernel_; }

 private:
  /// Stands in for a tensor of another order, where the operator knows only row-major ones.
  struct RowMajor {
    const EValue* original;
    Tensor tensor;
    EValue value;
    bool written;
  };
  EValue* row_major(EValue* original, bool written);

  const Operator* op_;
  Status (*run_)(Call&);
  std::vector<EValue*> given_, args_;
  std::unique_ptr<OperatorState> state_;
  std::string_view kernel_;
  bool elided_ = false, ran_ = false;
  std::deque<RowMajor> row_major_;
  std::deque<List> lists_;  // of row-major stand-ins
  std::deque<EValue> list_values_;
};

}  // namespace smelt::program
