// The names of the instruction-set tiers: all that a kernel file needs to know of a Cpu.
#pragma once

#include <cstddef>
#include <cstdint>

namespace smelt {

/// Instruction-set tiers that kernels are written for. Order within an architecture: later is more
/// capable.
enum class Isa : uint8_t {
  kScalar,  ///< portable C++; always present
  kAvx2,    ///< AVX2 + FMA + F16C
  kAvx512,  ///< AVX-512 F, BW, DQ, VL
  kAvx512Vnni,
  kAvx512Vbmi,  ///< beside VNNI
  kAvx512Bf16,
  kNeon,      ///< Armv8.0 Advanced SIMD
  kNeonFp16,  ///< Armv8.2 half-precision arithmetic and FMLAL
  kNeonDot,   ///< SDOT/UDOT
  kNeonI8mm,  ///< SMMLA/USMMLA
  kNeonBf16,
  kSme,
  kSme2,
};
inline constexpr size_t kIsaCount = size_t(Isa::kSme2) + 1;

}  // namespace smelt
