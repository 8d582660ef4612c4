// Transposes words: rows go into the tiles of ZA horizontally, columns come out vertically.
//
//              ZA, four tiles side by side                          panel
//   row 0   [ w0 w1 … | wvl … | … | … w(4vl-1) ]        [ w0 of rows 0 … vl-1 ]
//   row 1   [ w0 w1 … | wvl … | … | …          ]   ->   [ w1 of rows 0 … vl-1 ]
//   …                                                   [ …                   ]
//
// Taps that are shorter than four vectors share the tiles: four of one vector, or two of two.
//
// The including file has included simd/sme.h or simd/sme2.h.
#pragma once

#include "kernels/pack/words.h"

namespace smelt {
namespace {

/// The part of up to vl rows that fills the tiles: of each row `bytes` bytes of each tap.
struct WordBlock {
  const void* const* row;  ///< of the first tap
  size_t rows, step;       ///< pointers from row to row
  size_t bytes;
  VectorOffsets at;  ///< of a tap, in bytes
};

/// kVecs vectors of each of kTaps taps of a row go to the row of the tiles at `slice`.
template <int kTaps, int kVecs>
SMELT_INLINE void load_slots(uint32_t slice, const void* const* tap, const WordBlock& w) SMELT_FN {
  const auto from = [](const void* p) SMELT_FN { return static_cast<const std::byte*>(p); };
  const std::byte *t0 = from(tap[0]), *t1 = kTaps > 1 ? from(tap[1]) : t0;
  const std::byte *t2 = kTaps > 2 ? from(tap[2]) : t0, *t3 = kTaps > 3 ? from(tap[3]) : t0;
  if constexpr (kTaps == 2 && kVecs == 2) return load_row(slice, t0, t1, w.at, w.bytes);
  load_row<kVecs>(slice, t0, w.at, w.bytes);
  if constexpr (kTaps > 1) load_row<1>(slice + 1, t1, w.at, w.bytes);
  if constexpr (kTaps > 2) load_row<1>(slice + 2, t2, w.at, w.bytes);
  if constexpr (kTaps > 3) load_row<1>(slice + 3, t3, w.at, w.bytes);
}

template <int kTaps, int kVecs>
SMELT_INLINE void load_block(const WordBlock& w) SMELT_FN {
  const void* const* row = w.row;
  const size_t step = w.step;
  uint32_t slice = 0;
  for (const uint32_t end = opaque(uint32_t(w.rows / 4 * 16)); slice != end;
       slice = opaque(slice + 16)) {
    load_slots<kTaps, kVecs>(slice, row, w);
    load_slots<kTaps, kVecs>(slice + 4, row + step, w);
    load_slots<kTaps, kVecs>(slice + 8, row + 2 * step, w);
    load_slots<kTaps, kVecs>(slice + 12, row + 3 * step, w);
    row += 4 * step;
  }
  for (size_t n = w.rows % 4; n != 0; --n, row += step, slice += 4)
    load_slots<kTaps, kVecs>(slice, row, w);
}

/// The first `count` columns of a tile. Returns where they end.
template <int kTile>
SMELT_INLINE std::byte* store_tile(size_t count, std::byte* out) SMELT_FN {
  const size_t vector = vector_bytes();
  const VectorOffsets offsets = vector_offsets(0, svcntw());
  uint32_t column = 0;
  for (const uint32_t end = opaque(uint32_t(count / 4 * 4)); column != end;
       column = opaque(column + 4)) {
    store_columns<kTile>(column, out, offsets);
    out = opaque(out + 4 * vector);
  }
  for (size_t n = count % 4; n != 0; --n, ++column, out += vector)
    svst1_ver_za32(kTile, column, svptrue_b32(), out);
  return out;
}

/// The first `count` columns of each tile, a multiple of 4; tile after tile.
SMELT_INLINE std::byte* store_all_tiles(size_t count, std::byte* out) SMELT_FN {
  const size_t vector = vector_bytes(), tile = count * vector;
  const VectorOffsets offsets = vector_offsets(0, svcntw());
  std::byte *out1 = opaque(out + tile), *out2 = opaque(out1 + tile), *out3 = opaque(out2 + tile);
  uint32_t column = 0;
  for (const uint32_t end = opaque(uint32_t(count)); column != end; column = opaque(column + 4)) {
    store_columns<0>(column, out, offsets);
    store_columns<1>(column, out1, offsets);
    store_columns<2>(column, out2, offsets);
    store_columns<3>(column, out3, offsets);
    out = opaque(out + 4 * vector), out1 = opaque(out1 + 4 * vector);
    out2 = opaque(out2 + 4 * vector), out3 = opaque(out3 + 4 * vector);
  }
  return out3;
}

/// Columns of words that lie side by side in the tiles, at most as many as there are. Returns where
/// they end.
SMELT_INLINE std::byte* store_words(size_t words, std::byte* out) SMELT_FN {
  const size_t vl = svcntw();
  if (words >= 4 * vl) return store_all_tiles(vl, out);
  out = store_tile<0>(words < vl ? words : vl, out);
  if (words > vl) out = store_tile<1>(words < 2 * vl ? words - vl : vl, out);
  if (words > 2 * vl) out = store_tile<2>(words < 3 * vl ? words - 2 * vl : vl, out);
  if (words > 3 * vl) out = store_tile<3>(words - 3 * vl, out);
  return out;
}

/// Four taps of at most one vector.
SMELT_INLINE std::byte* store_four_taps(size_t words, std::byte* out) SMELT_FN {
  if (words % 4 == 0) return store_all_tiles(words, out);
  return store_tile<3>(words,
                       store_tile<2>(words, store_tile<1>(words, store_tile<0>(words, out))));
}
/// Two taps of more than one vector, but not more than two.
SMELT_INLINE std::byte* store_two_taps(size_t words, std::byte* out) SMELT_FN {
  const size_t vl = svcntw();
  if (words == 2 * vl) return store_all_tiles(vl, out);
  return store_tile<3>(words - vl,
                       store_tile<2>(vl, store_tile<1>(words - vl, store_tile<0>(vl, out))));
}

/// Some rows of one tap.
SMELT_INLINE std::byte* transpose_tap(const WordBlock& tap, std::byte* out) SMELT_FN {
  const size_t vector = vector_bytes(), end = tap.bytes;
  for (size_t skip = 0; skip < end; skip += 4 * vector) {
    const WordBlock w{tap.row, tap.rows, tap.step, end - skip, vector_offsets(skip, vector)};
    if (w.bytes > 2 * vector)
      load_block<1, 4>(w);
    else if (w.bytes > vector)
      load_block<1, 2>(w);
    else
      load_block<1, 1>(w);
    out = store_words((w.bytes + 3) / 4, out);
  }
  return out;
}

SMELT_INLINE void transpose_words(const WordRows& w) SMELT_FN {
  const size_t vl = svcntw(), words = (w.bytes + 3) / 4;
  std::byte* panel = w.out;
  for (size_t r0 = 0; r0 < w.rows; r0 += vl, panel += w.panel_stride) {
    const size_t rows = w.rows - r0 < vl ? w.rows - r0 : vl;
    if (rows < vl) svzero_za();
    std::byte* out = panel;
    if (w.taps == 1) {
      transpose_tap({w.row + r0, rows, 1, w.bytes, {}}, out);
      continue;
    }
    WordBlock tap{w.row + r0 * w.taps, rows, w.taps, w.bytes, vector_offsets(0, vector_bytes())};
    size_t taps = w.taps;
    if (words <= vl) {
      for (; taps >= 4; taps -= 4, tap.row += 4) {
        load_block<4, 1>(tap);
        out = store_four_taps(words, out);
      }
    } else if (words <= 2 * vl) {
      for (; taps >= 2; taps -= 2, tap.row += 2) {
        load_block<2, 2>(tap);
        out = store_two_taps(words, out);
      }
    }
    for (; taps != 0; --taps, ++tap.row) out = transpose_tap(tap, out);
  }
}

}  // namespace
}  // namespace smelt
