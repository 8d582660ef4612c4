// What kernel files ask of the compiler.
#pragma once

#define SMELT_INLINE inline __attribute__((always_inline))
#define SMELT_INLINE_LAMBDA __attribute__((always_inline))
#define SMELT_NOINLINE __attribute__((noinline))

/// Before a loop over an array of accumulators. The array lives in registers only if every index is a constant, so the
/// loop has to be unrolled completely; optimisers do that by a guess about size, which this replaces.
/// SMELT_KEEP_LOOP is the opposite: before loops over k, whose bodies are long enough.
#if defined(__clang__)
#define SMELT_KEEP_LOOP _Pragma("clang loop unroll(disable)")
#define SMELT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SMELT_KEEP_LOOP _Pragma("GCC unroll 1")
#define SMELT_UNROLL _Pragma("GCC unroll 64")
#endif
