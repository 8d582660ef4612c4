// The frame of a delegate payload: where its flatbuffer and its constants are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"

namespace smelt {

/// At byte 4 of a payload: "XH00", then little-endian u16 length of the header (30), u32 offset and
/// u32 size of the flatbuffer, u32 offset and u64 size of the constants. Offsets count from byte 0
/// of the payload. A payload without it is a flatbuffer, whose own identifier is at byte 4.
struct XnnpackPayload {
  static constexpr size_t kHeaderBytes = 30;
  static constexpr size_t kMagicOffset = 4;

  std::span<const std::byte> flatbuffer;
  std::span<const std::byte> constants;
  bool has_header = false;
};

/// kInvalidFile; the message has nothing in front of it.
Result<XnnpackPayload> split_xnnpack_payload(std::span<const std::byte> payload);

}  // namespace smelt
