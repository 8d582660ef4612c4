// A Graph as the payload of an XNNPACK delegate: the inverse of the reader in format/xnnpack.
#pragma once

#include <cstddef>
#include <vector>

#include "author/named_data.h"
#include "base/status.h"
#include "graph/graph.h"

namespace smelt {

/// The payload: header ("XH00"), flatbuffer ("XN01"), padding to 16 bytes. Constants and scales are
/// not in it; they are added to `constants`, which refers to the graph's own memory. External ids
/// number the graph's inputs, then its outputs.
/// kInvalidArgument names the value or node that the format cannot express.
Result<std::vector<std::byte>> write_xnnpack(const Graph&, NamedData& constants);

}  // namespace smelt
