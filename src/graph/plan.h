// Graph -> Plan -> Session.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/status.h"
#include "graph/graph.h"
#include "ops/op.h"
#include "platform/memory.h"

namespace smelt {

struct PlanOptions {
  unsigned workers = 1;  ///< size of the pool that sessions will run on
};

/// A graph whose nodes have been made ops: weights packed, kernels known; shapes still free. Immutable, shared by
/// sessions and threads. The Graph moves in; its constants (the file's mapping) must outlive this object.
class CompiledGraph {
 public:
  static Result<std::shared_ptr<const CompiledGraph>> build(Graph, const Cpu&, const PlanOptions&);

  const Graph& graph() const { return graph_; }
  std::span<const std::unique_ptr<const Op>> ops() const { return ops_; }
  const PlanOptions& options() const { return options_; }
  size_t packed_bytes() const;

 private:
  Graph graph_;
  std::vector<std::unique_ptr<const Op>> ops_;
  PlanOptions options_;
};

/// A compiled graph for one set of input shapes: kernels bound, every value placed. Immutable, shared.
struct Plan {
  /// Where a value lives while running.
  struct Place {
    enum class Kind : uint8_t { kArena, kInput, kOutput, kConstant, kNone } kind = Kind::kNone;
    size_t at = 0;  ///< arena offset, or index of the graph input or output
  };
  struct Step {
    const BoundOp* op;
    uint32_t node;  ///< index into graph().nodes
  };
  std::vector<Shape> input_shapes, output_shapes;
  std::vector<std::unique_ptr<const BoundOp>> ops;  ///< one per node; null for nodes that need not run
  std::vector<TensorDesc> descs;                    ///< one per value
  std::vector<Place> places;                        ///< one per value
  size_t arena_bytes = 0;                           ///< scratch included
  size_t scratch_offset = 0;

  /// kInvalidArgument if the shapes do not fit the graph.
  static Result<std::shared_ptr<const Plan>> build(const CompiledGraph&, std::span<const Shape> inputs);
};

/// Runs a compiled graph. One per thread of the caller; owns its arena and a memo of plans by shape.
class Session {
 public:
  /// Plans for the shapes that the graph declares.
  static Result<std::unique_ptr<Session>> create(std::shared_ptr<const CompiledGraph>, ThreadPool&);

  /// Fixes the input shapes; cheap when they are those of an earlier call. Allocates only for shapes not seen before.
  Status reshape(std::span<const Shape> inputs);
  std::span<const Shape> output_shapes() const { return plan_->output_shapes; }
  const Plan& plan() const { return *plan_; }

  /// Runs with the shapes fixed last. in[i], out[i]: dense tensors of the graph's inputs and outputs. Allocates nothing,
  /// cannot fail.
  void run(std::span<const std::byte* const> in, std::span<std::byte* const> out) noexcept;

 private:
  struct Bound;  // a plan with its pointers resolved into this session's arena
  Session(std::shared_ptr<const CompiledGraph>, ThreadPool&);
  std::shared_ptr<const CompiledGraph> compiled_;
  ThreadPool& pool_;
  std::vector<std::shared_ptr<const Plan>> memo_;
  std::shared_ptr<const Plan> plan_;
  AlignedBuffer arena_;
  std::vector<std::byte*> pointers_;        // one per operand of each step, in order
  std::vector<std::pair<uint32_t, uint32_t>> patches_;  // (index into pointers_, graph input or output index)
};

}  // namespace smelt
