// The payload of an XNNPACK delegate, read into a Graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "format/named_data.h"
#include "graph/graph.h"

namespace smelt {

struct DelegateGraph {
  Graph graph;
  /// For each input and output of the graph, in order: which argument of the DelegateCall it is.
  /// Ascending. Arguments that are not listed are not used by the graph. Nothing here knows how
  /// many arguments the call has: check before indexing.
  std::vector<uint32_t> input_args, output_args;
};

/// Reads a payload, with or without the XH00 header. Constants stay where they are: `payload` and
/// the named data outlive the graph. (What has to be converted or moved to be aligned is copied
/// into Graph::owned.)
///
/// Everything that the values and nodes say about themselves is checked: types, quantisation, sizes
/// of constants, order of nodes, presence and rank of operands, ranges of attributes. What only
/// shapes can tell is left to make_op and Op::infer: declared shapes of computed values are upper
/// bounds at best.
///
/// `where` names the payload in messages: "model.pte: execution_plan[0].delegates[2]".
/// kInvalidFile; kNotFound if a constant names data that the lookup does not have; kUnsupported for
/// what is sound but Smelt does not have.
Result<DelegateGraph> read_xnnpack_graph(std::span<const std::byte> payload,
                                         NamedDataLookup named_data, std::string_view where);

}  // namespace smelt
