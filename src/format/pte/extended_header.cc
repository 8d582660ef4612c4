#include "format/pte/extended_header.h"

#include <cstring>

#include "base/checked.h"
#include "format/bytes.h"

namespace smelt {

Result<std::optional<ExtendedHeader>> read_extended_header(std::span<const std::byte> file) {
  constexpr size_t at = ExtendedHeader::kOffset;
  constexpr std::string_view magic = ExtendedHeader::kMagic;
  if (file.size() < at + magic.size() ||
      std::memcmp(file.data() + at, magic.data(), magic.size()) != 0) {
    return std::nullopt;
  }
  if (file.size() < at + ExtendedHeader::kMinLength) {
    return fail(ErrorCode::kInvalidFile,
                "truncated in the extended header: {} bytes, expected at least {}", file.size(),
                at + ExtendedHeader::kMinLength);
  }
  const auto length = load<uint32_t>(file, at + 4);
  if (length < ExtendedHeader::kMinLength) {
    return fail(ErrorCode::kInvalidFile, "length of the extended header is {}; must be at least {}",
                length, ExtendedHeader::kMinLength);
  }
  if (!range_fits(at, length, file.size())) {
    return fail(ErrorCode::kInvalidFile,
                "truncated in the extended header: {} bytes, expected at least {}", file.size(),
                at + uint64_t(length));
  }
  ExtendedHeader h;
  h.program_size = load<uint64_t>(file, at + 8);
  h.segment_base = load<uint64_t>(file, at + 16);
  if (length >= ExtendedHeader::kLength) h.segment_data_size = load<uint64_t>(file, at + 24);
  if (h.program_size > file.size()) {
    return fail(ErrorCode::kInvalidFile,
                "truncated: {} bytes, but the extended header says that the program has {}",
                file.size(), h.program_size);
  }
  if (h.program_size < at + length) {
    return fail(ErrorCode::kInvalidFile,
                "extended header: program size is {}, less than the header itself", h.program_size);
  }
  if (h.segment_base != 0 && h.segment_base < h.program_size) {
    return fail(ErrorCode::kInvalidFile,
                "extended header: segments start at byte {}, inside the program of {} bytes",
                h.segment_base, h.program_size);
  }
  if (h.segment_base > file.size()) {
    return fail(ErrorCode::kInvalidFile,
                "truncated: {} bytes, but the extended header says that segments start at byte {}",
                file.size(), h.segment_base);
  }
  if (h.segment_data_size != 0 && !range_fits(h.segment_base, h.segment_data_size, file.size())) {
    return fail(ErrorCode::kInvalidFile,
                "truncated: {} bytes, but the extended header says that {} bytes of segments start "
                "at byte {}",
                file.size(), h.segment_data_size, h.segment_base);
  }
  return h;
}

}  // namespace smelt
