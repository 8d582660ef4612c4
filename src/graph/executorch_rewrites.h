// What ExecuTorch's XNNPACK backend makes of a graph before it runs it: nodes that become two,
// nodes that disappear, chains that become a table. From the optimiser of the releases that it
// pins; docs/EXPLAIN.md has the rules in words.
#pragma once

#include <deque>
#include <vector>

#include "graph/graph.h"

namespace smelt {

enum class ExecuTorch : uint8_t {
  k1_0,      ///< v1.0 to v1.2
  kCurrent,  ///< v1.3 and later
};

/// A step that ExecuTorch runs. `origin` is the node of the file that it comes from.
struct ExecuTorchNode : Node {
  bool table = false;  ///< a chain of element-wise steps between bytes, looked up
};

struct ExecuTorchGraph {
  std::deque<GraphValue> values;
  std::vector<ExecuTorchNode> nodes;
  std::vector<ValueId> inputs, outputs;
};

/// Whether a convolution's filter has one pixel that sees its input as it lies: ExecuTorch makes it
/// a matrix product.
bool is_pointwise(const Node&);

/// The nodes of the file, as they are.
ExecuTorchGraph executorch_graph(const Graph&);
/// The same after ExecuTorch's own passes, in the order in which it runs them.
ExecuTorchGraph executorch_rewritten(const Graph&, ExecuTorch);

}  // namespace smelt
