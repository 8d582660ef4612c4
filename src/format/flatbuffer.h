// What the flatbuffers library leaves to its users when the file is not to be trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <flatbuffers/flatbuffers.h>

#include "base/status.h"
#include "format/bytes.h"
#include "format/field_path.h"

namespace smelt {

/// Alignment of a flatbuffer in memory: the widest that our schemas ask for.
inline constexpr size_t kFlatbufferAlignment = 16;

/// Verifies that every offset, table, vector and string lies inside the buffer. `identifier`: four
/// characters, or null if the caller has looked at it. `bytes` is aligned to kFlatbufferAlignment.
/// Null: the buffer is not well formed.
template <class Root>
const Root* verified_root(std::span<const std::byte> bytes, const char* identifier) {
  // Smaller buffers have no room for a root and an identifier; larger ones cannot be flatbuffers.
  if (bytes.size() < 8 || bytes.size() >= FLATBUFFERS_MAX_BUFFER_SIZE) return nullptr;
  // A table takes at least 4 bytes. A buffer with more tables than that reaches some twice, which
  // no writer does, and which could make a small file expensive.
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size(), /*max_depth=*/32,
                                 flatbuffers::uoffset_t(bytes.size() / 4));
  return verifier.VerifyBuffer<Root>(identifier) ? flatbuffers::GetRoot<Root>(data) : nullptr;
}

/// Length of a vector that may be absent.
template <class T>
flatbuffers::uoffset_t length(const flatbuffers::Vector<T>* v) {
  return v == nullptr ? 0 : v->size();
}

/// Counts the vector elements that a reader looks at. In a buffer whose vectors do not overlap,
/// they are fewer than its bytes; a hostile one could have a million tables share one long vector,
/// and would be slow instead of invalid.
class ReadBudget {
 public:
  explicit ReadBudget(size_t bytes) : left_(bytes) {}

  /// Before elements are read: that the vector is aligned, which flatbuffers does not verify for
  /// 8-byte elements, and that the budget allows it. An absent vector is empty.
  template <class T>
  Status take(const flatbuffers::Vector<T>* v, const FieldPath& path) {
    if (length(v) == 0) return {};  // empty ones need not be aligned
    if (!is_aligned(v->Data(), sizeof(T)))
      return path.invalid("is not aligned to {} bytes", sizeof(T));
    if (v->size() > left_) return path.invalid("overlaps other fields");
    left_ -= v->size();
    return {};
  }

 private:
  size_t left_;
};

inline std::string_view view(const flatbuffers::String* s) {
  return s == nullptr ? std::string_view() : std::string_view(s->c_str(), s->size());
}

}  // namespace smelt
