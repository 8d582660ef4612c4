// Where a delegate's constants are: named data of the program, bytes after the flatbuffer, or, in
// old files, inside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"
#include "format/field_path.h"
#include "format/named_data.h"
#include "format/xnnpack/header.h"
#include "xnnpack_generated.h"

namespace smelt {

class XnnpackConstants {
 public:
  XnnpackConstants(const xnn::Graph& graph, const XnnpackPayload& payload,
                   NamedDataLookup named_data)
      : graph_(graph), payload_(payload), named_data_(named_data) {}

  /// Bytes of constant `index` (not 0). `index_path` is the field that holds the index.
  /// kInvalidFile; kNotFound if it names data that does not exist.
  Result<std::span<const std::byte>> get(uint32_t index, const FieldPath& index_path) const;

 private:
  const xnn::Graph& graph_;
  const XnnpackPayload& payload_;
  NamedDataLookup named_data_;
};

}  // namespace smelt
