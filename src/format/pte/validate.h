// The proof behind ProgramFile: everything that a verified flatbuffer can still get wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.h"
#include "program_generated.h"

namespace smelt {

struct ProgramLayout {
  std::string_view name;            ///< of the file, for messages
  std::span<const std::byte> file;  ///< all of it
  uint64_t program_size = 0;
  uint64_t segment_base = 0;
  uint64_t segment_data_size = 0;  ///< 0: not known
};

/// `program` has passed the flatbuffers verifier. kInvalidFile.
Status validate_program(const pte::Program& program, const ProgramLayout&);

/// Bytes of a tensor whose sizes have been validated. `type` has a DType.
size_t tensor_bytes(const pte::Tensor&);

/// Offset of a planned tensor in its buffer.
inline uint64_t planned_offset(const pte::AllocationDetails& a) {
  return uint64_t(a.memory_offset_high()) << 32 | a.memory_offset_low();
}

inline bool is_external(const pte::Tensor& t) {
  return t.extra_tensor_info() != nullptr &&
         t.extra_tensor_info()->location() == pte::TensorDataLocation::External;
}

/// True if constants are in a segment, false if they are in the flatbuffer.
inline bool has_constant_segment(const pte::Program& p) {
  return p.constant_segment() != nullptr && p.constant_segment()->offsets() != nullptr &&
         p.constant_segment()->offsets()->size() > 1;  // entry 0 is a placeholder
}

}  // namespace smelt
