// Kernels that work on runs of elements of any type: conversions, choices by flags, maps with
// numbers. As vector_kernels.h, which holds a table of them: no standard library.
#pragma once

#include <cstddef>
#include <cstdint>

namespace smelt {

/// Types of stored elements that convert by the kernels here; binary16 and bfloat16 have others.
enum class Stored : uint8_t { kF32, kF64, kS8, kU8, kS16, kS32, kS64, kBool };
inline constexpr size_t kStoredCount = size_t(Stored::kBool) + 1;

/// Types that operators compute in.
enum class Wide : uint8_t { kF32, kF64, kS64 };
inline constexpr size_t kWideCount = size_t(Wide::kS64) + 1;

/// Input and output do not overlap. Integers wrap; reals that an int64 does not hold become
/// INT64_MIN; a bool is "not zero".
using WidenFn = void (*)(const void* in, void* out, size_t n);

/// out[i] = flags[i] ? yes[i] : no[i]; `out` may be `yes` or `no`, exactly.
using ChooseFn = void (*)(const uint8_t* flags, const void* yes, const void* no, void* out,
                          size_t n);

/// out[i] = in[i] to the power of halves / 2; `out` may be `in`.
using PowerFn = void (*)(const void* in, void* out, size_t n, int halves);
/// out[i] = in[i] * scale + shift; `out` may be `in`.
using AffineFn = void (*)(const void* in, void* out, size_t n, float scale, float shift);

struct ElementKernels {
  WidenFn load[kStoredCount][kWideCount];   ///< from stored to computing type
  WidenFn store[kWideCount][kStoredCount];  ///< and back
  ChooseFn choose[4];                       ///< elements of 1 << i bytes
};

}  // namespace smelt
