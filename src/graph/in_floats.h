// Nodes that have quantised and float operands at once.
#pragma once

#include <optional>

#include "graph/graph.h"

namespace smelt {

/// What to put in a node's place.
struct FloatForm {
  std::vector<Node> before;  ///< conversions of what it reads
  Node node;
  std::vector<Node> after;  ///< conversions of what it gives
};

/// The node on the real numbers that its quantised operands stand for. Exporters quantise values
/// one by one, so a slice may read int8 and give floats, or a convolution of floats have a bias of
/// int32: what that means is plain all the same. Adds values to the graph; takes float32 if no
/// operand is a float. Nothing if the node has nothing to convert.
std::optional<FloatForm> in_floats(Graph&, const Node&);

/// Whether a node has float operands and others.
bool mixes_floats(const Graph&, const Node&);

}  // namespace smelt
