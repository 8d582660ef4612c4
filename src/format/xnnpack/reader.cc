#include "format/xnnpack/reader.h"

#include "format/flatbuffer.h"
#include "format/xnnpack/constants.h"
#include "format/xnnpack/header.h"
#include "format/xnnpack/nodes.h"
#include "format/xnnpack/values.h"

namespace smelt {

Result<DelegateGraph> read_xnnpack_graph(std::span<const std::byte> payload_bytes,
                                         NamedDataLookup named_data, std::string_view where) {
  auto split = split_xnnpack_payload(payload_bytes);
  if (!split) return prefixed(std::move(split).error(), where);
  XnnpackPayload& payload = *split;

  DelegateGraph result;
  Graph& graph = result.graph;
  if (!is_aligned(payload.flatbuffer.data(), kFlatbufferAlignment)) {
    payload.flatbuffer =
        graph.owned.emplace_back(payload.flatbuffer.begin(), payload.flatbuffer.end());
  }
  const FieldPath root(where);
  if (payload.flatbuffer.size() >= 8) {
    const std::string_view identifier(reinterpret_cast<const char*>(payload.flatbuffer.data()) + 4,
                                      4);
    if (identifier != "XN00" && identifier != "XN01") {
      return root.invalid(
          "not an XNNPACK graph: the identifier is {:?}, expected \"XN00\" or \"XN01\"",
          identifier);
    }
  }
  const auto* source = verified_root<xnn::Graph>(payload.flatbuffer, nullptr);
  if (source == nullptr) {
    return root.invalid(
        "the graph of {} bytes is truncated or corrupt: not a well-formed flatbuffer",
        payload.flatbuffer.size());
  }
  ReadBudget budget(payload.flatbuffer.size());
  SMELT_TRY(budget.take(source->constant_data(), root.field("constant_data")));
  SMELT_TRY(budget.take(source->constant_buffer(), root.field("constant_buffer")));

  const XnnpackConstants constants(*source, payload, named_data);
  XnnpackValueReader values(*source, constants, budget, root, graph);
  SMELT_TRY(values.read());
  for (const auto& [arg, value] : values.inputs()) {
    graph.inputs.push_back(value);
    result.input_args.push_back(arg);
  }
  for (const auto& [arg, value] : values.outputs()) {
    graph.outputs.push_back(value);
    result.output_args.push_back(arg);
  }
  XnnpackNodeReader nodes(*source, values.by_id(), budget, root, graph);
  SMELT_TRY(nodes.read());
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    if (!nodes.is_produced(graph.outputs[i])) {
      return root.field("xvalues").invalid("has an output, external_id {}, that no node computes",
                                           result.output_args[i]);
    }
  }
  return result;
}

}  // namespace smelt
