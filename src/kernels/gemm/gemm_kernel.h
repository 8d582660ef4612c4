// What a GEMM micro-kernel is, as data.
//
//   out[i][j] = f(sum over k of lhs[i][k] x rhs[j][k]),  0 <= i < m, 0 <= j < n, k = taps x kc
//
// Rows of the left side and of the output are reached through pointers, so one kernel serves matrices (one tap),
// convolutions (a tap per filter position; padding points at a row of zeros, or of zero points) and outputs whose rows lie
// anywhere. The right side is always packed, as the kernel's `rhs` layout says.
#pragma once

#include "base/row_quant.h"
#include "kernels/pack/packers.h"
#include "platform/isa.h"

namespace smelt {

/// Semantics of the operands, independent of the ISA: p<lhs>[_<out>][_<weights>]. "q" is int8; "d"ynamic rows carry a
/// RowQuant each. Accumulators are float32 or int32.
enum class GemmVariant : uint8_t {
  kPf32,         ///< f32 x f32 -> f32
  kPf16,         ///< f16 x f16 -> f16
  kPbf16,        ///< bf16 x bf16 -> bf16
  kPbf16F32,     ///< bf16 x bf16 -> f32
  kQp8F32Qc8w,   ///< dynamic int8 rows x int8 weights, a scale per channel -> f32
  kQp8F16Qc8w,   ///< … -> f16
  kQp8F32Qc4w,   ///< dynamic int8 rows x 4-bit weights, a scale per channel -> f32
  kQp8F16Qc4w,
  kQp8F32Qb4w,   ///< dynamic int8 rows x 4-bit weights, a scale per block of k -> f32
  kQp8F16Qb4w,
  kPqs8Qc8w,     ///< int8 x int8 weights, a scale per channel (or the same for all) -> int8
};
inline constexpr size_t kGemmVariantCount = size_t(GemmVariant::kPqs8Qc8w) + 1;

/// How a kernel wants its left side.
enum class LhsForm : uint8_t {
  kRows,    ///< as it is, through GemmBlock::rows
  kPacked,  ///< in panels of its `lhs` layout, through GemmBlock::lhs
};

/// What happens to a finished sum.
///
/// Floating outputs:       out = clamp(sum, min, max)                      (the bias is in the sum)
/// Dynamic int8 rows:      out = clamp((sum - zero_i x rowsum_j) x scale_i x scale_j + bias_j, min, max)
/// Static int8 (pqs8):     out = zero + round_half_even(clamp(float(sum) x scale_j, min, max))
///
/// For the last, min and max are the bounds of the stored output less `zero`: whole numbers, so clamping first is the same
/// as rounding first. docs/KERNELS.md derives where the zero points went.
struct OutputStage {
  float min, max;
  int32_t zero;
};

/// One call: a block of any m and n, and the whole k. Strides are in bytes.
struct GemmBlock {
  size_t m, n;
  size_t taps, kc;              ///< k = taps x kc; either may be 0, and the sum is then the bias
  const void* const* rows;      ///< kRows: [m][taps] pointers to kc elements each; aligned to the element
  const std::byte* lhs;         ///< kPacked: panel 0
  size_t lhs_panel_stride;
  const RowQuant* row_quant;    ///< dynamic rows: row i has row_quant[i * row_quant_stride]
  size_t row_quant_stride;      ///< in elements: 1, or 0 if all rows share one
  const std::byte* rhs;         ///< the panel that holds column 0, aligned to 64
  size_t rhs_panel_stride;
  size_t quant_block;           ///< qb4w: elements of k that share a scale, a multiple of 32
  void* const* out;             ///< [m] pointers to n elements each; aligned to the element
  OutputStage stage;
};

/// Rows in the form that a kernel's inner loop reads, for where the same rows are read many times: by overlapping windows, by
/// one panel after the other. A kernel without it reads rows as they are.
struct PreparedForm {
  size_t bytes = 0;  ///< of an element
  /// Converts `count` elements. May write up to 64 bytes beyond them.
  void (*convert)(const std::byte* from, std::byte* to, size_t count) = nullptr;
  /// GemmKernel::run with GemmBlock::rows pointing to prepared elements. Of each tap, it may read up to the next multiple of
  /// the rhs layout's kr.
  void (*run)(const GemmBlock&) = nullptr;
};

/// One constexpr object at the foot of each kernel file.
struct GemmKernel {
  const char* name;             ///< "gemm_pf32_avx512_12x32": gemm_<variant>_<isa>_<mr>x<nr>
  Isa isa;
  GemmVariant variant;
  Extent mr, nr;                ///< the tile; nr is also the height of a rhs panel
  LhsForm lhs_form = LhsForm::kRows;
  PackLayout lhs = {};          ///< kPacked
  PackLayout rhs = {};
  PackLhs* pack_lhs = smelt::pack_lhs;        ///< kPacked: fills panels of `lhs`
  QuantizeLhs* quantize_lhs = nullptr;        ///< dynamic rows: floats to what the kernel reads, in one pass
  PackPanels* pack_rhs = smelt::pack_panels;  ///< fills panels of `rhs`
  PreparedForm prepared = {};
  size_t max_k = ~size_t(0);    ///< the largest taps x kc of which no sum overflows
  size_t max_m = ~size_t(0);    ///< the largest m it is meant for: 1 for matrix-vector kernels
  void (*run)(const GemmBlock&);  ///< never allocates, never fails; any thread
};

}  // namespace smelt
