// From an element type to the kernel for it.
#pragma once

#include "kernels/vector/vector_kernels.h"
#include "smelt/dtype.hpp"

namespace smelt {

constexpr bool is_float(DType t) {
  return t == DType::kF32 || t == DType::kF16 || t == DType::kBF16;
}
constexpr bool is_byte(DType t) { return t == DType::kS8 || t == DType::kU8; }

/// `t` is one of the three float types.
template <class F>
constexpr const F& for_float(const PerFloat<F>& kernels, DType t) {
  return t == DType::kF32 ? kernels.f32 : t == DType::kF16 ? kernels.f16 : kernels.bf16;
}

/// `t` is kS8 or kU8.
template <class F>
constexpr const F& for_byte(const PerByte<F>& kernels, DType t) {
  return t == DType::kS8 ? kernels.s8 : kernels.u8;
}

}  // namespace smelt
