// Variants as data: their names and the types of their operands.
#pragma once

#include <array>
#include <string_view>

#include "kernels/gemm/gemm_kernel.h"

namespace smelt {

enum class WeightScale : uint8_t { kNone, kPerChannel, kPerBlock };

struct GemmSignature {
  std::string_view name;   ///< as in kernel names: "pf32", "qp8_f32_qc8w"
  DType lhs, rhs, out;
  WeightScale scale;
  bool dynamic_rows;       ///< a RowQuant per row

  /// Sums are exact integers.
  constexpr bool is_integer() const { return lhs == DType::kS8; }
};

inline constexpr std::array<GemmSignature, kGemmVariantCount> kGemmSignatures = {{
    {"pf32", DType::kF32, DType::kF32, DType::kF32, WeightScale::kNone, false},
    {"pf16", DType::kF16, DType::kF16, DType::kF16, WeightScale::kNone, false},
    {"pbf16", DType::kBF16, DType::kBF16, DType::kBF16, WeightScale::kNone, false},
    {"pbf16_f32", DType::kBF16, DType::kBF16, DType::kF32, WeightScale::kNone, false},
    {"qp8_f32_qc8w", DType::kS8, DType::kS8, DType::kF32, WeightScale::kPerChannel, true},
    {"qp8_f16_qc8w", DType::kS8, DType::kS8, DType::kF16, WeightScale::kPerChannel, true},
    {"qp8_f32_qc4w", DType::kS8, DType::kU4, DType::kF32, WeightScale::kPerChannel, true},
    {"qp8_f16_qc4w", DType::kS8, DType::kU4, DType::kF16, WeightScale::kPerChannel, true},
    {"qp8_f32_qb4w", DType::kS8, DType::kU4, DType::kF32, WeightScale::kPerBlock, true},
    {"qp8_f16_qb4w", DType::kS8, DType::kU4, DType::kF16, WeightScale::kPerBlock, true},
    {"pqs8_qc8w", DType::kS8, DType::kS8, DType::kS8, WeightScale::kPerChannel, false},
}};

constexpr const GemmSignature& signature(GemmVariant v) { return kGemmSignatures[size_t(v)]; }

}  // namespace smelt
