#include "kernels/gemm/quantized_lhs.h"

#include <algorithm>

namespace smelt {

namespace {
// Pointers to rows that one call gets: whole panels of any height, which is at most 64 (a streaming
// vector of 2048 bits).
constexpr size_t kRowsPerCall = 64;
}  // namespace

Isa QuantizedLhs::isa() const {
  return kernel->isa == Isa::kSme || kernel->isa == Isa::kSme2 ? kernel->isa : Isa::kNeon;
}

size_t QuantizedLhs::panel_stride() const {
  return packed() ? panel_map(kernel->lhs, {.rows = rows, .kc = k}, vl32).stride : k;
}

void QuantizedLhs::quantize(size_t first, size_t last, const float* floats, RowQuant* row_quant,
                            std::byte* out) const noexcept {
  const size_t panel = panel_rows(), step = kRowsPerCall / panel * panel;
  const void* pointers[kRowsPerCall];
  for (size_t r = first; r < last; r += step) {
    const size_t count = std::min(step, last - r);
    for (size_t i = 0; i < count; ++i) pointers[i] = floats + (r - first + i) * k;
    kernel->quantize_lhs(kernel->lhs, vl32, count, k, pointers, row_quant + r,
                         out + r / panel * panel_stride());
  }
}

bool operator==(const QuantizedLhs& a, const QuantizedLhs& b) {
  return a.kernel->quantize_lhs == b.kernel->quantize_lhs && a.packed() == b.packed() &&
         (!a.packed() || a.kernel->lhs == b.kernel->lhs) && a.vl32 == b.vl32 && a.rows == b.rows &&
         a.k == b.k;
}

}  // namespace smelt
