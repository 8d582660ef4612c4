// The nodes of a delegate's graph: kinds, operands, attributes.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "format/field_path.h"
#include "format/flatbuffer.h"
#include "graph/graph.h"
#include "xnnpack_generated.h"

namespace smelt {

class XnnpackNodeReader {
 public:
  /// All references outlive the reader. `graph` has its values and inputs, and the nodes that
  /// legacy values needed.
  XnnpackNodeReader(const xnn::Graph& source, const std::unordered_map<uint32_t, ValueId>& by_id,
                    ReadBudget& budget, const FieldPath& root, Graph& graph);

  /// Appends all nodes to the graph. Proves that they are in an order in which they can run.
  Status read();

  /// That an output of the graph is computed by a node.
  bool is_produced(ValueId v) const { return available_[v] && !graph_.values[v].is_constant(); }

 private:
  /// The node being read, and where it is.
  struct Current {
    const xnn::Node& source;
    const FieldPath& path;  ///< ends in the node type: "xnodes[3].Conv2d"
    Node node;
  };
  using Dims = flatbuffers::Vector<uint32_t>;

  Status node(const xnn::Node&, const FieldPath& path);
  Status dispatch(Current&);

  // Families of nodes.
  template <class N>
  Status one_to_one(Current&, const N&, OpKind, uint32_t known_flags = 0);
  Status unary(Current&, const xnn::Node1x1&, OpKind);
  Status binary(Current&, const xnn::Node2x1&, OpKind);
  Status concatenate(Current&, const xnn::NodeConcatenate&, size_t count);
  Status convolution(Current&, const xnn::NodeConv&, OpKind);
  Status pooling(Current&, const xnn::NodePooling2D&, OpKind);
  Status arg_max_pooling(Current&, const xnn::ArgMaxPooling2d&);
  Status global_average_pooling(Current&, const xnn::Node1x1&);
  Status fully_connected(Current&, const xnn::FullyConnected&);
  Status attention(Current&, const xnn::ScaledDotProductAttention&);
  Status transpose(Current&, const xnn::StaticTranspose&);
  Status reshape(Current&, const xnn::StaticReshape&);
  Status slice(Current&, const xnn::StaticSlice&);
  Status pad(Current&, const xnn::StaticConstantPad&);
  Status resize(Current&, const xnn::StaticResizeBilinear2D&);

  // Fields that many nodes have.
  Status input(Current&, uint32_t id, std::string_view field);
  Status optional_input(Current&, uint32_t id, std::string_view field);
  Status output(Current&, uint32_t id, std::string_view field);
  Status output_range(Current&);
  Status flags(const Current&, uint32_t flags, uint32_t known) const;
  Status list(const Current&, const Dims*, std::string_view field, size_t expected);
  Status in_range(const Current&, uint32_t value, std::string_view field, uint32_t low) const;
  Status image(const Current&, ValueId, std::string_view field) const;

  const Shape& shape(ValueId v) const { return graph_.values[v].shape; }

  const xnn::Graph& source_;
  const std::unordered_map<uint32_t, ValueId>& by_id_;
  ReadBudget& budget_;
  const FieldPath& root_;
  Graph& graph_;
  std::vector<bool> available_;  // constants, inputs, and what the nodes so far compute
};

}  // namespace smelt
