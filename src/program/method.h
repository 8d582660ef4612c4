// A method, loaded: the instructions of an execution plan with everything they refer to resolved.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/cpu.h"
#include "platform/threads.h"
#include "profile/profiler.h"
#include "program/data_flow.h"
#include "program/delegate.h"
#include "program/elide_copies.h"
#include "program/kernel_call.h"
#include "program/operator.h"
#include "program/strided.h"
#include "program/value_table.h"
#include "smelt/smelt.hpp"

namespace smelt::program {

/// Used by one thread at a time; several methods of one source may be loaded and run at once.
class LoadedMethod {
 public:
  /// Loads a method: packs the weights of its delegates, plans memory, finds its operators.
  /// kNotFound names the methods that exist; kUnsupported names all operators that are missing at
  /// once. `workers` counts the calling thread; see ThreadPool::create.
  static Result<std::unique_ptr<LoadedMethod>> load(std::shared_ptr<const ProgramSource>,
                                                    std::string_view method, const Cpu&,
                                                    unsigned workers);

  const MethodInfo& info() const { return info_; }
  /// The delegates in the order of the file; null where no instruction calls one.
  std::span<const std::unique_ptr<Delegate>> delegates() const { return delegates_; }

  /// See smelt::Method::run. A program may contain a loop that never ends; then this does not
  /// return.
  Status run(std::span<const Value> inputs, std::span<Value> outputs);
  /// See smelt::Method::reset.
  void reset() { table_.reset(); }

  /// See smelt::Method::explain. `zones`, if given, gets what the profiler's zones stand for.
  std::vector<StepInfo> explain(std::vector<Zone>* zones = nullptr) const;
  /// See smelt::Method::start_profile and stop_profile.
  void start_profile(size_t max_times);
  Profile stop_profile();

 private:
  /// An instruction: what the letters mean depends on the type.
  struct Step {
    enum class Type : uint8_t { kKernel, kDelegate, kMove, kJumpFalse, kNothing } type;
    uint32_t a = 0;  ///< kernel or delegate call; item of moves_; condition
    uint32_t b = 0;  ///< step to jump to
  };
  struct Move {
    uint32_t from, to;  ///< values
  };
  /// Moves in a row, between which no jump arrives: each takes what its source held before the
  /// first of them.
  using Moves = std::vector<Move>;
  /// What a move takes.
  struct Moved {
    EValue value;
    Strided tensor;
  };
  struct DelegateCall {
    Delegate* delegate;
    Delegate::Arguments args;
    uint32_t index;  ///< in the file's list
  };
  struct Input {
    uint32_t value;
    bool by_reference;  ///< the caller's memory is read in place
  };
  struct Output {
    uint32_t value;
    bool direct;               ///< whoever computes it may write to the caller's memory
    std::byte* own = nullptr;  ///< while it does: the tensor's own memory
    size_t own_capacity = 0;
  };
  struct View {
    Tensor* tensor;
    std::byte* data;
    size_t capacity;
  };

  LoadedMethod(std::shared_ptr<const ProgramSource> source, const Cpu& cpu, unsigned workers)
      : source_(std::move(source)), cpu_(cpu), pool_(ThreadPool::create(workers)) {}
  Status build(const pte::ExecutionPlan&, size_t plan_index);
  Status add_instruction(const pte::ExecutionPlan&, const pte::Instruction&, size_t first_step);
  /// Makes one step of moves in a row. Until then their steps hold the values: a is moved to b.
  void join_moves();
  /// Lets copies share memory with what they copy.
  Status elide_copies(const pte::ExecutionPlan&, const std::vector<const Operator*>&,
                      const std::vector<std::vector<uint32_t>>& delegate_outputs, const DataFlow&,
                      std::vector<CopyElision::Place>);
  /// The values that an instruction lists.
  std::vector<EValue*> arguments(const flatbuffers::Vector<int32_t>*);
  void describe(const pte::ExecutionPlan&);

  Status set_input(size_t i, const Value&);
  bool redirect_output(Output&, const Value& wanted, std::span<const Value> inputs);
  Status give_output(size_t i, Value&);
  Status execute();
  /// A move is a copy: the file's plan of memory gives each tensor its place, and hands that of a
  /// branch's result to others as soon as the branch ends.
  Status move(const Moves&);
  /// The error of a step, with the code that tells whose mistake it was (blame.h).
  Error blamed(size_t step, Error) const;

  std::shared_ptr<const ProgramSource> source_;
  Cpu cpu_;
  std::unique_ptr<ThreadPool> pool_;
  ValueTable table_;
  std::vector<std::unique_ptr<Delegate>> delegates_;
  std::vector<DelegateCall> delegate_calls_;
  std::deque<KernelCall> kernel_calls_;
  std::vector<Step> steps_;
  std::vector<Moves> moves_;
  std::vector<Moved> moved_;  ///< room for the longest item of moves_
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::vector<std::pair<uint32_t, EValue>>
      restored_;  // values that steps overwrite, as the file has them
  std::vector<View> views_;
  Scratch scratch_;
  AlignedBuffer copied_;  ///< originals of elided copies, where the file's own plan has no room
  std::unique_ptr<Profiler> profiler_;  // null: nobody wants to know
  MethodInfo info_;
};

}  // namespace smelt::program
