// A delegate's graph: values and nodes, mutable while loading, consumed by Plan.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "ops/attrs.h"
#include "tensor/tensor.h"

namespace smelt {

using ValueId = uint32_t;
inline constexpr ValueId kNoValue = ~ValueId(0);

struct GraphValue {
  DType dtype = DType::kF32;
  Shape shape;  ///< upper bounds where the shape is dynamic
  Quant quant;
  std::span<const std::byte>
      constant;  ///< empty: computed while running. Lies in the file's mapping.

  bool is_constant() const { return constant.data() != nullptr; }
  TensorDesc desc() const {
    return {dtype, shape, quant.granularity == QuantGranularity::kNone ? nullptr : &quant};
  }
};

struct Node {
  OpKind kind;
  Attrs attrs;
  OutputRange range;
  std::vector<ValueId> inputs;  ///< kNoValue: an optional operand that is absent
  std::vector<ValueId> outputs;
  uint32_t debug_handle = 0;
  uint32_t origin = 0;  ///< index of the node in the file; passes keep it
};

/// What a pass did to a node, in words for the user.
struct PassNote {
  uint32_t origin;
  std::string text;
};

/// Nodes are in execution order: a node's inputs are constants, graph inputs or outputs of earlier
/// nodes (the reader checks this). Values are never moved once added: TensorDescs point into them.
struct Graph {
  std::deque<GraphValue> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs, outputs;
  std::vector<PassNote> notes;
  std::vector<Node> file_nodes;  ///< the nodes before any pass, for reports; node i has origin i
  /// Storage for what the reader had to convert (legacy f32 group scales); never moved.
  std::deque<std::vector<std::byte>> owned;
};

}  // namespace smelt
