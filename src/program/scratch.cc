#include <algorithm>

#include "base/checked.h"
#include "base/status.h"
#include "program/operator.h"

namespace smelt::program {

Result<std::byte*> Scratch::take(size_t bytes) {
  const auto padded = checked_add(bytes, kAlignment);
  if (!padded) return fail(ErrorCode::kOutOfMemory, "an operator needs {} bytes", bytes);
  const size_t size = *padded / kAlignment * kAlignment;
  for (Chunk& c : chunks_) {
    if (c.buffer.size() - c.used < size) continue;
    std::byte* p = c.buffer.data() + c.used;
    c.used += size;
    return p;
  }
  // Chunks are never merged: one that is handed out must not move, and with first fit the same
  // requests find the same places in the next run.
  constexpr size_t kLeast = size_t(64) << 10;
  SMELT_ASSIGN(AlignedBuffer buffer, AlignedBuffer::allocate(std::max(size, kLeast)));
  chunks_.push_back({std::move(buffer), size});
  return chunks_.back().buffer.data();
}

}  // namespace smelt::program
