// What a program file says about itself before its flatbuffer can be read: sizes and the place of
// the segments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/status.h"

namespace smelt {

/// At byte 8 of a program file: "eh00", then little-endian u32 length of the header, u64 size of
/// the flatbuffer (counted from byte 0), u64 segment base, and, since ExecuTorch 1.0, u64 size of
/// all segments. Longer headers are fine: fields are only ever appended.
struct ExtendedHeader {
  static constexpr size_t kOffset = 8;
  static constexpr std::string_view kMagic = "eh00";
  static constexpr uint32_t kMinLength = 24;  ///< up to the segment base
  static constexpr uint32_t kLength = 32;     ///< with the size of the segments

  uint64_t program_size = 0;
  uint64_t segment_base = 0;       ///< 0: the file has no segments
  uint64_t segment_data_size = 0;  ///< 0: not known
};

/// Nothing if the file has no such header, as files without segments may. The error has no file
/// name in front of it.
Result<std::optional<ExtendedHeader>> read_extended_header(std::span<const std::byte> file);

}  // namespace smelt
