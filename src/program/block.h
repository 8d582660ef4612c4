// Elements in blocks of one computing type. Operators compute in float, double or int64; tensors
// store thirteen types. Converting a block at a time keeps an operator to three instantiations, and
// costs nothing where the types agree.
#pragma once

#include <cstddef>
#include <cstdint>

#include "smelt/types.hpp"

namespace smelt {
struct VectorKernels;
}

namespace smelt::program {

/// The type that an operator computes in.
enum class Compute : uint8_t { kF32, kF64, kS64 };

inline constexpr size_t kComputeBytesMax = 8;
inline size_t compute_bytes(Compute c) { return c == Compute::kF32 ? 4 : 8; }

/// float16, bfloat16 and float32 compute in float, float64 in double, the rest in int64.
Compute compute_of(DType);
/// The type whose elements need no conversion.
constexpr DType native(Compute c) {
  return c == Compute::kF32 ? DType::kF32 : c == Compute::kF64 ? DType::kF64 : DType::kS64;
}

template <class C>
struct ComputeOf;
template <>
struct ComputeOf<float> {
  static constexpr Compute value = Compute::kF32;
};
template <>
struct ComputeOf<double> {
  static constexpr Compute value = Compute::kF64;
};
template <>
struct ComputeOf<int64_t> {
  static constexpr Compute value = Compute::kS64;
};

/// Calls f with a value of the computing type: `with_compute(c, [&]<class C>(C) { … })`.
template <class F>
auto with_compute(Compute c, F&& f) {
  switch (c) {
    case Compute::kF32:
      return f(float());
    case Compute::kF64:
      return f(double());
    case Compute::kS64:
      break;
  }
  return f(int64_t());
}

struct Bytes16 {
  uint64_t low, high;
};

/// Calls f with a value of a type that has the size of the elements: for moving them unseen.
template <class F>
auto with_bytes_of(size_t element_size, F&& f) {
  switch (element_size) {
    case 1:
      return f(uint8_t());
    case 2:
      return f(uint16_t());
    case 4:
      return f(uint32_t());
    case 8:
      return f(uint64_t());
    default:
      return f(Bytes16());
  }
}

/// dst[i] = src[i * stride], converted. Integers wrap; reals that an int64 does not hold become
/// INT64_MIN; bool is "not zero".
void load_block(DType, const std::byte* src, ptrdiff_t stride, size_t n, Compute, void* dst);
/// dst[i * stride] = src[i], converted likewise.
void store_block(DType, std::byte* dst, ptrdiff_t stride, size_t n, Compute, const void* src);

/// The same for neighbours (strides of 1), by this machine's kernels.
void load_run(const VectorKernels&, DType, const std::byte* src, size_t n, Compute, void* dst);
void store_run(const VectorKernels&, DType, std::byte* dst, size_t n, Compute, const void* src);

template <class C>
C load_element(DType t, const std::byte* src, ptrdiff_t index = 0) {
  C value;
  load_block(t, src + index * ptrdiff_t(bits(t) / 8), 1, 1, ComputeOf<C>::value, &value);
  return value;
}
template <class C>
void store_element(DType t, std::byte* dst, ptrdiff_t index, C value) {
  store_block(t, dst + index * ptrdiff_t(bits(t) / 8), 1, 1, ComputeOf<C>::value, &value);
}

}  // namespace smelt::program
