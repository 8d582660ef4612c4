// Graph -> CompiledGraph -> Plan.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "graph/graph.h"
#include "ops/op.h"

namespace smelt {

class WeightCache;

struct PlanOptions {
  unsigned workers = 1;  ///< size of the pool that sessions will run on
  bool passes = true;    ///< false: run the graph as the file has it (for tests)
  WeightCache* weights =
      nullptr;  ///< where graphs of one program share packed weights; null: nowhere
};

/// A graph whose nodes have been made ops: weights packed, shapes still free. Immutable, shared by
/// sessions and threads. The Graph moves in; its constants (the file's mapping) must outlive this
/// object.
class CompiledGraph {
 public:
  /// kUnsupported, kInvalidFile: names the node.
  static Result<std::shared_ptr<const CompiledGraph>> build(Graph, const Cpu&, const PlanOptions&);

  const Graph& graph() const { return graph_; }
  /// One per node of graph().
  std::span<const std::unique_ptr<const Op>> ops() const { return ops_; }
  const PlanOptions& options() const { return options_; }
  /// Bytes of packed weights, besides the constants in the file, and without those that another
  /// graph had packed.
  size_t packed_bytes() const;

 private:
  CompiledGraph(Graph graph, const PlanOptions& options)
      : graph_(std::move(graph)), options_(options) {}
  Graph graph_;
  std::vector<std::unique_ptr<const Op>> ops_;
  PlanOptions options_;
  size_t shared_bytes_ = 0;
};

/// A compiled graph for one set of input shapes: kernels bound, every value placed. Immutable,
/// shared.
struct Plan {
  /// Where a value lives while running.
  struct Place {
    enum class Kind : uint8_t {
      kUnused,    ///< nobody reads it
      kArena,     ///< at offset `at` of the session's arena
      kInput,     ///< in the caller's memory: graph input `at`
      kOutput,    ///< in the caller's memory: graph output `at`
      kConstant,  ///< in the file's mapping
    } kind = Kind::kUnused;
    size_t at = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };
  /// A graph output that is no node's own: an input or a constant passed through. Copied at the end
  /// of a run.
  struct PassThrough {
    ValueId value;
    uint32_t output;
    size_t bytes;
  };

  std::vector<Shape> input_shapes, output_shapes;
  std::vector<TensorDesc> descs;                    ///< one per value
  std::deque<QuantizedLhs> forms;                   ///< that descs point to
  std::vector<Place> places;                        ///< one per value
  std::vector<std::unique_ptr<const BoundOp>> ops;  ///< one per node
  std::vector<PassThrough> pass_through;
  size_t arena_bytes = 0;  ///< values, then scratch
  size_t scratch_offset = 0, scratch_bytes = 0;

  /// True if node n has nothing to do: its result is its input, in the same place.
  bool stays(const Node& node, size_t n) const {
    return ops[n]->keeps_bytes() && node.outputs[0] != kNoValue &&
           places[node.outputs[0]] == places[node.inputs[*ops[n]->in_place()]];
  }

  /// kInvalidArgument if the shapes do not fit the graph: names the node and what it expected.
  static Result<std::shared_ptr<const Plan>> build(const CompiledGraph&,
                                                   std::span<const Shape> inputs);
};

}  // namespace smelt
