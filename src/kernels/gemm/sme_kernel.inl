// What the kernels for SME and SME2 have in common: what packs, and the two
// functions of a kernel file. Streaming mode and ZA are entered here, once per block.
//
// The including file has included simd/sme.h or simd/sme2.h.
#include "kernels/gemm/block_loop.inl"
#include "kernels/gemm/sme_weights.h"
#include "kernels/pack/sme_packers.h"

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

/// A kernel of one row, which is read where it is.
constexpr GemmKernel sme_row(Isa isa, GemmVariant variant, const char* name,
                             void (*run)(const GemmBlock&)) {
  const PackLayout rhs = sme_weights(variant);
  GemmKernel kernel{.name = name,
                    .isa = isa,
                    .variant = variant,
                    .mr = {1},
                    .nr = rhs.rows,
                    .rhs = rhs,
                    .pack_rhs = pack_panels_sme,
                    .max_m = 1,
                    .run = run};
  if (rhs.tail & kBias)
    kernel.quantize_lhs = isa == Isa::kSme2 ? quantize_row_sme2 : quantize_row_sme;
  return kernel;
}

/// A kernel of outer products, of panels of vl rows.
constexpr GemmKernel sme_tiles(Isa isa, GemmVariant variant, const char* name,
                               void (*run)(const GemmBlock&)) {
  const bool second = isa == Isa::kSme2;
  GemmKernel kernel = sme_row(isa, variant, name, run);
  kernel.max_m = ~size_t(0);
  kernel.mr = {1, true};
  kernel.lhs_form = LhsForm::kPacked;
  kernel.lhs = {.rows = kernel.mr,
                .kr = kernel.rhs.kr,
                .elem = kernel.rhs.elem == DType::kU4 ? DType::kS8 : kernel.rhs.elem};
  kernel.pack_lhs = second ? pack_lhs_sme2 : pack_lhs_sme;
  if (kernel.quantize_lhs != nullptr)
    kernel.quantize_lhs = second ? quantize_lhs_sme2 : quantize_lhs_sme;
  return kernel;
}

}  // namespace
}  // namespace smelt
