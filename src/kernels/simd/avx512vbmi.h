// AVX-512 VBMI beside VNNI: its table look-up takes the low six bits of each byte, so that a table
// of sixteen entries, repeated, unpacks low nibbles in one instruction, whatever is above them.
#pragma once

#include "kernels/simd/avx512vnni.h"

namespace smelt {
namespace {

struct Avx512Vbmi : Avx512Vnni {
  static constexpr Isa kIsa = Isa::kAvx512Vbmi;

  static SMELT_INLINE void load_u4(const std::byte* p, Bytes (&b)[2]) {
    const __m512i packed = _mm512_loadu_si512(p);
    const __m128i times_16 =
        _mm_setr_epi8(0, 16, 32, 48, 64, 80, 96, 112, -128, -112, -96, -80, -64, -48, -32, -16);
    b[0] = _mm512_permutexvar_epi8(packed, _mm512_broadcast_i32x4(times_16));
    b[1] = _mm512_and_si512(packed, _mm512_set1_epi8(-16));
  }
};

}  // namespace
}  // namespace smelt
