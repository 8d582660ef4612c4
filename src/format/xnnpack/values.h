// The values of a delegate's graph: types, shapes, quantisation, constants.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "format/field_path.h"
#include "format/flatbuffer.h"
#include "format/xnnpack/constants.h"
#include "graph/graph.h"
#include "xnnpack_generated.h"

namespace smelt {

/// The id that stands for no value: an internal value's external id, an operand that is absent.
inline constexpr uint32_t kXnnpackNoId = 0xffffffff;

class XnnpackValueReader {
 public:
  /// An input or output of the graph.
  struct External {
    uint32_t arg;  ///< of the DelegateCall
    ValueId value;
  };

  /// All references outlive the reader.
  XnnpackValueReader(const xnn::Graph& source, const XnnpackConstants& constants,
                     ReadBudget& budget, const FieldPath& root, Graph& graph)
      : source_(source), constants_(constants), budget_(budget), root_(root), graph_(graph) {}

  /// Appends all values to the graph; for inputs that old files want quantised before use, also the
  /// float input and the node that quantises.
  Status read();

  /// What nodes call the values.
  const std::unordered_map<uint32_t, ValueId>& by_id() const { return by_id_; }
  std::span<const External> inputs() const { return inputs_; }
  std::span<const External> outputs() const { return outputs_; }

 private:
  /// Scales to look at when all are known: each byte of the file once, however often it is referred
  /// to.
  struct ScaleArray {
    const std::byte* data;
    size_t count;
    bool bf16;
    uint32_t value;
    size_t bytes() const { return count * (bf16 ? 2 : 4); }
  };

  Status value(uint32_t index, const FieldPath& path);
  Status quantise(const xnn::QuantizedTensorValue&, uint32_t index, GraphValue&,
                  const FieldPath& path);
  Status per_channel(const xnn::PerChannelQuant&, uint32_t index, GraphValue&,
                     const FieldPath& path);
  Status per_block(const xnn::PerChannelGroupQuant&, uint32_t index, GraphValue&,
                   const FieldPath& path);
  Status constant(const xnn::TensorValue&, GraphValue&, const FieldPath& path);
  Status external(const xnn::TensorValue&, const GraphValue&, ValueId, const FieldPath& path);
  Status legacy_dynamic(const xnn::TensorValue&, GraphValue float_value, const FieldPath& path);
  Status scale_constant(uint32_t buffer, uint32_t num_scales, size_t expected, size_t element,
                        const FieldPath& path, const std::byte*& data);
  Status check_scales();

  const xnn::Graph& source_;
  const XnnpackConstants& constants_;
  ReadBudget& budget_;
  const FieldPath& root_;
  Graph& graph_;
  std::unordered_map<uint32_t, ValueId> by_id_;
  std::vector<External> inputs_, outputs_;
  std::vector<ScaleArray> scales_;
};

}  // namespace smelt
