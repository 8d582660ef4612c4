// A product with operands in guarded memory, its kernel-independent truth, and the comparison.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/gemm/driver.h"
#include "kernels/gemm/reference.h"
#include "support/guarded.h"
#include "support/random.h"

namespace smelt {

enum class Values {
  kRandom,
  kExtreme,  ///< the ends of the integer types; floats of very different sizes
  kNan,      ///< every second row has NaN: one of its elements, or its scale
  kSmallLhs,  ///< the left side's floats, and the bias, are in the range of denormal halves
  kSmallRhs,  ///< the weights' floats, and the bias
};

class GemmProblem {
 public:
  GemmProblem(GemmVariant, const GemmShape&, Values, uint64_t seed);

  const GemmShape& shape() const { return shape_; }
  /// Weights, packed for a layout, in memory of their own.
  std::unique_ptr<Guarded<std::byte>> packed(const PackLayout&, PackPanels*, const Cpu&) const;
  std::vector<ReferenceOutput> truth() const;
  /// An output of m rows, each followed by `gap` elements of canary.
  std::unique_ptr<Guarded<std::byte>> output(size_t gap) const;
  /// Empty if all is well: elements within their bounds, canaries alive.
  std::string compare(const std::byte* out, size_t gap,
                      const std::vector<ReferenceOutput>& truth) const;

  size_t out_bytes() const;      ///< of an element
  size_t lhs_row_bytes() const;  ///< between rows of taps x kc elements
  const std::byte* lhs() const { return lhs_->data(); }
  const RowQuant* row_quant() const { return row_quant_.data(); }
  const OutputStage& stage() const { return stage_; }
  const std::vector<const void*>& rows() const { return rows_; }

 private:
  GemmVariant variant_;
  GemmShape shape_;
  std::unique_ptr<Guarded<std::byte>> lhs_, rhs_, bias_;
  std::vector<size_t> taps_;
  std::vector<RowQuant> row_quant_;
  std::vector<const void*> rows_;  ///< [m][taps]
  std::vector<float> scale_;
  std::vector<BFloat16> block_scale_;
  PackSource source_;
  OutputStage stage_{};
};

}  // namespace smelt
