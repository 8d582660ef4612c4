// Nodes that have quantised and float operands at once.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "graph/graph.h"

namespace smelt {

/// What to put in a node's place.
struct FloatForm {
  std::vector<Node> before;  ///< conversions of what it reads
  Node node;
  std::vector<Node> after;  ///< conversions of what it gives
};

/// Nodes on the real numbers that their quantised operands stand for. Exporters quantise values
/// one by one, so a slice may read int8 and give floats, or a convolution of floats have a bias of
/// int32: what that means is plain all the same.
class InFloats {
 public:
  /// Adds values to the graph, which outlives this.
  explicit InFloats(Graph& graph) : graph_(graph) {}
  /// Takes float32 if no operand is a float. Nothing if the node has nothing to convert.
  std::optional<FloatForm> of(const Node&);

 private:
  ValueId constant(ValueId, DType);

  Graph& graph_;
  std::map<std::pair<ValueId, DType>, ValueId> constants_;  ///< kNoValue: has no scales of its own
};

/// Whether a node has float operands and others.
bool mixes_floats(const Graph&, const Node&);

}  // namespace smelt
