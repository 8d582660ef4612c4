#include "format/xnnpack/header.h"

#include <cstring>

#include "base/checked.h"
#include "format/bytes.h"

namespace smelt {

Result<XnnpackPayload> split_xnnpack_payload(std::span<const std::byte> payload) {
  if (payload.size() < XnnpackPayload::kMagicOffset + 4) {
    return fail(ErrorCode::kInvalidFile, "{} bytes are too few for a delegate payload",
                payload.size());
  }
  if (std::memcmp(payload.data() + XnnpackPayload::kMagicOffset, "XH00", 4) != 0) {
    return XnnpackPayload{.flatbuffer = payload, .constants = {}, .has_header = false};
  }
  if (payload.size() < XnnpackPayload::kHeaderBytes) {
    return fail(ErrorCode::kInvalidFile, "payload header is truncated: {} bytes, expected {}",
                payload.size(), XnnpackPayload::kHeaderBytes);
  }
  const auto header_bytes = load<uint16_t>(payload, 8);
  if (header_bytes < XnnpackPayload::kHeaderBytes) {
    return fail(ErrorCode::kInvalidFile, "payload header: length is {}; must be at least {}",
                header_bytes, XnnpackPayload::kHeaderBytes);
  }
  const auto graph_offset = load<uint32_t>(payload, 10), graph_size = load<uint32_t>(payload, 14);
  const auto data_offset = load<uint32_t>(payload, 18);
  const auto data_size = load<uint64_t>(payload, 22);
  if (graph_offset < XnnpackPayload::kHeaderBytes ||
      !range_fits(graph_offset, graph_size, payload.size())) {
    return fail(ErrorCode::kInvalidFile,
                "payload header: flatbuffer of {} bytes at {}, in a payload of {} bytes",
                graph_size, graph_offset, payload.size());
  }
  if (!range_fits(data_offset, data_size, payload.size())) {
    return fail(ErrorCode::kInvalidFile,
                "payload header: constants of {} bytes at {}, in a payload of {} bytes", data_size,
                data_offset, payload.size());
  }
  return XnnpackPayload{.flatbuffer = payload.subspan(graph_offset, graph_size),
                        .constants = payload.subspan(data_offset, data_size),
                        .has_header = true};
}

}  // namespace smelt
