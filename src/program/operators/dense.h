// Tensors whose elements are all of one float type and lie in the same order: what the vector
// kernels take as they are.
#pragma once

#include "program/operators/common.h"

namespace smelt::program {

/// The kernel for elements of a type; null where there is none.
template <class F>
F kernel_for(const PerFloat<F>& kernels, DType type) {
  switch (type) {
    case DType::kF32:
      return kernels.f32;
    case DType::kF16:
      return kernels.f16;
    case DType::kBF16:
      return kernels.bf16;
    default:
      return nullptr;
  }
}

template <class F>
F kernel_for(const PerByte<F>& kernels, DType type) {
  return type == DType::kS8 ? kernels.s8 : type == DType::kU8 ? kernels.u8 : nullptr;
}
/// Between floats and bytes.
template <class F>
F kernel_for(const PerFloat<PerByte<F>>& kernels, DType real, DType byte) {
  switch (real) {
    case DType::kF32:
      return kernel_for(kernels.f32, byte);
    case DType::kF16:
      return kernel_for(kernels.f16, byte);
    case DType::kBF16:
      return kernel_for(kernels.bf16, byte);
    default:
      return nullptr;
  }
}
template <class F>
F kernel_for(const PerByte<PerFloat<F>>& kernels, DType byte, DType real) {
  return byte == DType::kS8   ? kernel_for(kernels.s8, real)
         : byte == DType::kU8 ? kernel_for(kernels.u8, real)
                              : nullptr;
}

/// Same type, same shape, same order. Tensors have no gaps, so then element i of one belongs to
/// element i of the other.
inline bool alike(const Tensor& a, const Tensor& b) {
  if (a.dtype != b.dtype || !(a.shape == b.shape)) return false;
  return (a.row_major && b.row_major) || same_layout(a.shape, a.dim_order, b.dim_order);
}

/// Calls f(first element, count) for stretches of [0, n), on all workers where there is enough to
/// do.
template <class F>
void for_each_stretch(ThreadPool& pool, size_t n, F f) {
  constexpr size_t kGrain = 16384;
  if (n < 2 * kGrain || pool.workers() == 1) return f(0, n);
  pool.parallel_for(n, kGrain, [&](size_t begin, size_t end, unsigned) { f(begin, end - begin); });
}

}  // namespace smelt::program
