// Runs a compiled graph.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "graph/plan.h"
#include "platform/memory.h"
#include "platform/threads.h"
#include "profile/profiler.h"

namespace smelt {

/// Owns the arena and a memo of plans by input shape. Used by one thread at a time; any number of
/// sessions may share one CompiledGraph. The pool must outlive the session.
class Session {
 public:
  /// Plans for the shapes that the graph declares (the upper bounds of dynamic ones).
  static Result<std::unique_ptr<Session>> create(std::shared_ptr<const CompiledGraph>, ThreadPool&);

  /// Fixes the input shapes. Allocates only for shapes that the memo does not hold. On failure the
  /// session keeps the shapes it had.
  Status reshape(std::span<const Shape> inputs);

  std::span<const Shape> input_shapes() const { return plan_->input_shapes; }
  std::span<const Shape> output_shapes() const { return plan_->output_shapes; }
  const CompiledGraph& compiled() const { return *compiled_; }
  const Plan& plan() const { return *plan_; }

  /// Runs with the shapes fixed last. in[i], out[i]: dense tensors of graph inputs and outputs,
  /// aligned to their element; outputs overlap nothing. Allocates nothing, cannot fail.
  void run(std::span<const std::byte* const> in, std::span<std::byte* const> out) noexcept;

  /// From now on runs record node n of the compiled graph as zone `first_zone` + n; null: they
  /// record nothing. The profiler outlives the runs.
  void set_profiler(Profiler* profiler, uint32_t first_zone) {
    profiler_ = profiler;
    first_zone_ = first_zone;
  }

 private:
  /// A step's operands: slices of `in_` and `out_`.
  struct Step {
    const BoundOp* op;  ///< null: there is nothing to do
    uint32_t in_begin, in_count, out_begin, out_count;
  };
  /// A pointer that changes from run to run: slot `slot` is graph input or output `external`.
  struct Patch {
    uint32_t slot, external;
  };

  Session(std::shared_ptr<const CompiledGraph> compiled, ThreadPool& pool)
      : compiled_(std::move(compiled)), pool_(pool) {}
  void resolve();

  std::shared_ptr<const CompiledGraph> compiled_;
  ThreadPool& pool_;
  std::vector<std::shared_ptr<const Plan>> memo_;  // most recently used first
  std::shared_ptr<const Plan> plan_;
  AlignedBuffer arena_;
  std::vector<Step> steps_;
  std::vector<const std::byte*> in_;
  std::vector<std::byte*> out_;
  std::vector<Patch> in_from_input_, in_from_output_, out_to_output_;
  Profiler* profiler_ = nullptr;
  uint32_t first_zone_ = 0;
};

}  // namespace smelt
