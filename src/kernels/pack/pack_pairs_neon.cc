// Two rows side by side, 8 bytes of the one after 8 bytes of the other.
#include <arm_neon.h>

#include "kernels/compiler.h"
#include "kernels/pack/neon_packers.h"

namespace smelt {

namespace {

constexpr size_t kWord = 8;

/// Where the bytes of one row of a pair go.
struct PairRow {
  std::byte* out;
  size_t used = 0;  ///< bytes of the row so far

  SMELT_INLINE std::byte* at(size_t byte) const {
    return out + byte / kWord * 2 * kWord + byte % kWord;
  }
  SMELT_INLINE void put(const std::byte* from, size_t bytes) {
    size_t i = 0;
    if (used % kWord == 0) {
      SMELT_KEEP_LOOP for (; i + kWord <= bytes; i += kWord, used += kWord)
          __builtin_memcpy(at(used), from + i, kWord);
    }
    SMELT_KEEP_LOOP for (; i < bytes; ++i, ++used) * at(used) = from[i];
  }
  SMELT_INLINE void fill_up(size_t end) {
    SMELT_KEEP_LOOP for (; used < end; ++used) * at(used) = std::byte(0);
  }
};

/// Whole words of both rows at once; returns the bytes that it has done. Without a second row,
/// zeros.
template <bool kBoth>
SMELT_INLINE size_t put_both(const std::byte* a, const std::byte* b, size_t bytes, std::byte* out) {
  const auto load = [](const std::byte* p) SMELT_INLINE_LAMBDA {
    return vreinterpretq_u64_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(p)));
  };
  size_t i = 0;
  SMELT_KEEP_LOOP for (; i + 16 <= bytes; i += 16) {
    const uint64x2_t x = load(a + i), y = kBoth ? load(b + i) : vdupq_n_u64(0);
    auto* to = reinterpret_cast<uint8_t*>(out + 2 * i);
    vst1q_u8(to, vreinterpretq_u8_u64(vzip1q_u64(x, y)));
    vst1q_u8(to + 16, vreinterpretq_u8_u64(vzip2q_u64(x, y)));
  }
  return i;
}

}  // namespace

void pack_pairs_neon(const PackLayout& layout, size_t vl32, size_t m, size_t taps, size_t kc,
                     const void* const* rows, std::byte* out) {
  const PanelMap map = panel_map(layout, {.rows = m, .kc = kc, .taps = taps}, vl32);
  const size_t bytes = kc * layout_bits(layout.elem) / 8;
  for (size_t i = 0; i < m; i += 2, out += map.stride) {
    PairRow a{out}, b{out + kWord};
    const void* const* row = rows + i * taps;
    const bool both = i + 1 < m;
    for (size_t t = 0; t < taps; ++t) {
      const auto* from_a = static_cast<const std::byte*>(row[t]);
      const auto* from_b = both ? static_cast<const std::byte*>(row[taps + t]) : nullptr;
      const size_t done = a.used % kWord != 0 ? 0
                          : both              ? put_both<true>(from_a, from_b, bytes, a.at(a.used))
                                 : put_both<false>(from_a, from_b, bytes, a.at(a.used));
      a.used += done;
      b.used += done;
      a.put(from_a + done, bytes - done);
      if (both)
        b.put(from_b + done, bytes - done);
      else
        b.fill_up(a.used);
    }
    a.fill_up(map.stride / 2);
    b.fill_up(map.stride / 2);
  }
}

}  // namespace smelt
