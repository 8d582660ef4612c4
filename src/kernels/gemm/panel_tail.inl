// What is behind the data of a panel: fields of the kind that gemm/int8_sums.inl names.
#pragma once

#include <cstddef>

#include "kernels/compiler.h"

namespace smelt {
namespace {

/// The tail of a panel of kColumns: where it lies or, with kCopy, a copy. A copy is for machines
/// that have the registers to keep it from row to row: stores to the output could change the
/// original.
template <class Sum, size_t kColumns, bool kCopy>
struct PanelTail {
  explicit SMELT_INLINE PanelTail(const std::byte* tail) : there(tail) {}
  SMELT_INLINE const std::byte* data() const { return there; }
  const std::byte* there;
};

template <class Sum, size_t kColumns>
struct PanelTail<Sum, kColumns, true> {
  explicit SMELT_INLINE PanelTail(const std::byte* tail) {
    __builtin_memcpy(bytes, tail, sizeof bytes);
  }
  SMELT_INLINE const std::byte* data() const { return bytes; }
  alignas(64) std::byte bytes[Sum::kTailFields * kColumns * 4];
};

}  // namespace
}  // namespace smelt
