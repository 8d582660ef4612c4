// Writes a program of one method that is one XNNPACK delegate, laid out as ExecuTorch 1.x does.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "graph/graph.h"

namespace smelt {

struct PteOptions {
  std::string method = "forward";
  size_t segment_alignment = 128;  ///< a power of two, at least 16
  bool dynamic = false;            ///< extents of inputs and outputs are upper bounds
};

/// The bytes of a .pte file. The same graph and options give the same bytes, on every machine.
/// The method's inputs and outputs are the graph's, in planned memory. kInvalidArgument names what
/// the format cannot express.
Result<std::vector<std::byte>> write_pte(const Graph&, const PteOptions& = {});

}  // namespace smelt
