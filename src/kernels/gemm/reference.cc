#include "kernels/gemm/reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/gemm/variant.h"

namespace smelt {

namespace {

// An element of a left side, as it is stored.
double lhs_value(DType dtype, const void* row, size_t c) {
  const PackSource one{.data = static_cast<const std::byte*>(row), .dtype = dtype};
  return source_value(one, 0, 0, c);
}

double clamped(double x, const OutputStage& s) {
  if (std::isnan(x)) return x;
  return std::min(std::max(x, double(s.min)), double(s.max));
}

ReferenceOutput float_element(const ReferenceGemm& g, size_t i, size_t j) {
  const DType dtype = signature(g.variant).lhs;
  double sum = source_bias(g.rhs, j), magnitude = std::abs(sum);
  for (size_t t = 0; t < g.shape.taps; ++t) {
    for (size_t c = 0; c < g.shape.kc; ++c) {
      const double product =
          lhs_value(dtype, g.rows[i * g.shape.taps + t], c) * double(source_value(g.rhs, j, t, c));
      sum += product;
      magnitude += std::abs(product);
    }
  }
  return {clamped(sum, g.stage), magnitude};
}

ReferenceOutput static_element(const ReferenceGemm& g, size_t i, size_t j) {
  int64_t sum = int64_t(source_bias(g.rhs, j));
  for (size_t t = 0; t < g.shape.taps; ++t)
    for (size_t c = 0; c < g.shape.kc; ++c)
      sum += (int64_t(lhs_value(DType::kS8, g.rows[i * g.shape.taps + t], c)) - g.rhs.lhs_zero) *
             int64_t(source_value(g.rhs, j, t, c));
  const float scaled = float(int32_t(sum)) * g.rhs.scale[j];
  return {std::nearbyint(clamped(scaled, g.stage)) + g.stage.zero, 0};
}

ReferenceOutput dynamic_element(const ReferenceGemm& g, size_t i, size_t j) {
  const RowQuant row = g.row_quant[i * g.row_quant_stride];
  const bool blocks = signature(g.variant).scale == WeightScale::kPerBlock;
  double sum = 0, magnitude = 0;
  for (size_t t = 0; t < g.shape.taps; ++t) {
    for (size_t c = 0; c < g.shape.kc; ++c) {
      double scale = blocks ? 0 : g.rhs.scale[j];
      if (blocks) {
        BFloat16 stored;
        std::memcpy(&stored, g.rhs.block_scale + j * (g.shape.kc / g.shape.block) + c / g.shape.block, sizeof stored);
        scale = float(stored);
      }
      const double q = lhs_value(DType::kS8, g.rows[i * g.shape.taps + t], c);
      const double w = source_value(g.rhs, j, t, c) * scale;
      sum += (q - row.zero) * w;
      // Kernels may keep the parts of the zero-point correction apart, and add an offset of 128.
      magnitude += (std::abs(q) + std::abs(row.zero) + 256) * std::abs(w);
    }
  }
  const double bias = source_bias(g.rhs, j);
  return {clamped(sum * row.scale + bias, g.stage), magnitude * row.scale + std::abs(bias)};
}

}  // namespace

std::vector<ReferenceOutput> reference_gemm(const ReferenceGemm& g) {
  const GemmSignature& s = signature(g.variant);
  std::vector<ReferenceOutput> out;
  for (size_t i = 0; i < g.shape.m; ++i)
    for (size_t j = 0; j < g.shape.n; ++j)
      out.push_back(s.dynamic_rows ? dynamic_element(g, i, j)
                                   : s.is_integer() ? static_element(g, i, j) : float_element(g, i, j));
  return out;
}

}  // namespace smelt
