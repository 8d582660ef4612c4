// Makes a delegate's graph by hand. The result is the same Graph that the reader makes of a file:
// it can be written to a file (author/pte_writer.h) or compiled as it is.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "author/quantizer.h"
#include "graph/graph.h"

namespace smelt {

/// Constants and scales are copied into the graph, which owns them. Nothing is checked here: a
/// graph that makes no sense is refused by whoever takes it. Not thread-safe.
class GraphBuilder {
 public:
  /// A value that a node computes.
  ValueId value(DType, const Shape&, Quant = {});
  /// The next input of the graph.
  ValueId input(DType, const Shape&);
  /// Makes a value the next output of the graph.
  void output(ValueId id) { graph_.outputs.push_back(id); }
  ValueId constant(DType, const Shape&, std::span<const std::byte>, Quant = {});
  template <class T>
  ValueId constant(DType dtype, const Shape& shape, const std::vector<T>& elements,
                   Quant quant = {}) {
    return constant(dtype, shape, std::as_bytes(std::span(elements)), quant);
  }

  static Quant per_tensor(AffineInt8);
  /// `zero` is 8 for nibbles, otherwise 0.
  Quant per_channel(std::span<const float> scales, uint8_t axis = 0, int32_t zero = 0);
  /// Nibbles with a scale for each `block` of them.
  Quant per_block(std::span<const BFloat16> scales, uint32_t block);
  /// Found while running, for each run of the innermost `nonbatch_dims` dimensions.
  static Quant per_token(uint8_t nonbatch_dims);

  /// Appends a node; nodes run in the order in which they are added.
  void node(OpKind, std::vector<ValueId> inputs, std::vector<ValueId> outputs, Attrs = {},
            OutputRange = {});

  Graph finish() && { return std::move(graph_); }

 private:
  std::span<const std::byte> own(std::span<const std::byte>);

  Graph graph_;
};

}  // namespace smelt
