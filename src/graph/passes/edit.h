// What passes have in common: who makes a value, who reads it, and putting one value in another's
// place.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace smelt {

/// Producers and readers of all values of a graph, as of construction. `replace` keeps it up to
/// date.
class ValueUses {
 public:
  static constexpr uint32_t kNobody = ~uint32_t(0);

  explicit ValueUses(Graph&);

  /// Index of the node that makes the value; kNobody for graph inputs and constants.
  uint32_t producer(ValueId id) const { return producer_[id]; }
  /// Operands that read the value; a graph output counts as one.
  uint32_t readers(ValueId id) const { return readers_[id]; }
  bool is_output(ValueId id) const { return is_output_[id]; }

  /// Makes everybody who reads `from` read `to`, a value with the same content. A graph output
  /// keeps its identity: if `from` is one, the node that makes `to` makes `from` instead. Returns
  /// false, having changed nothing, if neither is possible: `to` is an input, a constant or itself
  /// an output.
  bool replace(ValueId from, ValueId to);

 private:
  Graph& graph_;
  std::vector<uint32_t> producer_, readers_;
  std::vector<bool> is_output_;
};

/// True if the two values have the same type, rank and quantisation. Nodes between them say whether
/// they have the same extents: what files declare of values in between may be wrong.
bool same_type(const GraphValue&, const GraphValue&);

void note(Graph&, const Node&, std::string text);

}  // namespace smelt
