// What kernel files ask of the compiler.
#pragma once

#define SMELT_INLINE inline __attribute__((always_inline))

/// Before a loop over an array of accumulators. The array lives in registers only if every index is a constant, so the
/// loop has to be unrolled completely; optimisers do that by a guess about size, which this replaces.
#if defined(__clang__)
#define SMELT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SMELT_UNROLL _Pragma("GCC unroll 64")
#endif
