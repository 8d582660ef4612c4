// The only loop over tiles, compiled once per ISA inside that ISA's files.
//
// Panels outside, rows inside: a rhs panel (nr x k) stays in the nearest cache while the block's rows pass by.
// SMELT_FN is the function attribute that the including file needs (nothing, but for SME).
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

#ifndef SMELT_FN
#define SMELT_FN
#endif

namespace smelt {
namespace {

/// Tile::run(g, m0, left, panel, n0, nb) computes some of the `left` rows from m0 on, columns [n0, n0 + nb), nb <= nr, and
/// returns how many rows it did.
template <class Tile>
SMELT_INLINE void for_each_tile(const GemmBlock& g) SMELT_FN {
  const size_t nr = Tile::nr();
  const std::byte* panel = g.rhs;
  for (size_t n0 = 0; n0 < g.n; n0 += nr, panel += g.rhs_panel_stride) {
    const size_t nb = g.n - n0 < nr ? g.n - n0 : nr;
    for (size_t m0 = 0; m0 < g.m;) m0 += Tile::run(g, m0, g.m - m0, panel, n0, nb);
  }
}

}  // namespace
}  // namespace smelt
