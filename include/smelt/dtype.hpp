// Types of stored elements.
#pragma once

#include <cstdint>

namespace smelt {

/// Types of stored elements. Quantisation is described beside the type, never by it.
enum class DType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kF64,
  kS8,
  kU8,
  kS16,
  kU16,
  kS32,
  kU32,
  kS64,
  kU64,
  kBool,
  kU4,  ///< two unsigned nibbles per byte, the low nibble first; only in packed weights
  // Complex numbers: the real part, then the imaginary part. Operators outside delegates have them.
  kC32,   ///< of two binary16
  kC64,   ///< of two float
  kC128,  ///< of two double
};

}  // namespace smelt
