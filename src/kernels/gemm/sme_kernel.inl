// The two functions of an SME kernel file. Streaming mode and ZA are entered here, once per block.
//
// The including file has included simd/sme.h or simd/sme2.h.
#include "kernels/gemm/block_loop.inl"

namespace smelt {
namespace {

/// Mopa tiles over a block.
template <class Tile>
__arm_new(SMELT_ZA) __arm_locally_streaming void run_streaming(const GemmBlock& block) {
  const GemmBlock g = block;  // a copy, which no store to the output can change
  Tile::begin();
  for_each_tile<Tile>(g);
}

/// A block of one row.
template <class Row>
__arm_new(SMELT_ZA) __arm_locally_streaming void run_streaming_row(const GemmBlock& block) {
  const GemmBlock g = block;
  Row::begin();
  Row::run(g);
}

}  // namespace
}  // namespace smelt
