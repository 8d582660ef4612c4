// The only loop over tiles, compiled once per ISA inside that ISA's files.
//
// Panels outside, rows inside: a rhs panel (nr x k) stays in the nearest cache while the block's
// rows pass by. SMELT_FN is the function attribute that the including file needs (nothing, but for
// SME).
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

#ifndef SMELT_FN
#define SMELT_FN
#endif

namespace smelt {
namespace {

/// Tile::run(g, m0, left, panel, n0, nb) computes some of the `left` rows from m0 on, columns [n0,
/// n0 + nb), nb <= nr, and returns how many rows it did.
template <class Tile>
SMELT_INLINE void for_each_tile(const GemmBlock& g) SMELT_FN {
  const size_t nr = Tile::nr();
  const std::byte* panel = g.rhs;
  for (size_t n0 = 0; n0 < g.n; n0 += nr, panel += g.rhs_panel_stride) {
    const size_t nb = g.n - n0 < nr ? g.n - n0 : nr;
    for (size_t m0 = 0; m0 < g.m;) m0 += Tile::run(g, m0, g.m - m0, panel, n0, nb);
  }
}

/// For tiles written for an exact height: calls Body::rows<height>(g, m0, panel, n0, nb), height <=
/// Body::kRows. What is left is split evenly, so that no tile is nearly empty: 13 rows in tiles of
/// 12 are 7 and 6, not 12 and 1.
template <class Body, int kHeight>
SMELT_INLINE size_t run_height(size_t height, const GemmBlock& g, size_t m0, const std::byte* panel,
                               size_t n0, size_t nb) {
  if constexpr (kHeight > 1)
    if (height < size_t(kHeight))
      return run_height<Body, kHeight - 1>(height, g, m0, panel, n0, nb);
  Body::template rows<kHeight>(g, m0, panel, n0, nb);
  return kHeight;
}

template <class Body>
SMELT_INLINE size_t run_evenly(const GemmBlock& g, size_t m0, size_t left, const std::byte* panel,
                               size_t n0, size_t nb) {
  const size_t tiles = (left + Body::kRows - 1) / Body::kRows;
  return run_height<Body, Body::kRows>((left + tiles - 1) / tiles, g, m0, panel, n0, nb);
}

/// GemmKernel::run of a kernel that needs nothing around its tiles.
template <class Tile>
void run_tiles(const GemmBlock& g) {
  for_each_tile<Tile>(g);
}

}  // namespace
}  // namespace smelt
