// What a tensor is, apart from its bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/checked.h"
#include "tensor/quant.h"
#include "tensor/shape.h"

namespace smelt {

struct QuantizedLhs;  // kernels/gemm/quantized_lhs.h

/// Type, extents and quantisation of a dense, row-major tensor. Owns nothing; `quant` outlives it.
///
/// Memory of a per-token quantised tensor (Quant::kPerToken): the int8 elements, row-major, padded
/// to a multiple of 64 bytes, then one RowQuant per row. Where all readers are products that want
/// the same form of it, the elements are in that form instead.
struct TensorDesc {
  DType dtype = DType::kF32;
  Shape shape;
  const Quant* quant = nullptr;  ///< null: not quantised
  const QuantizedLhs* form = nullptr;  ///< per token; null: row-major. Outlives this.
  size_t form_bytes = 0;               ///< of the elements in that form

  bool is_quantized() const {
    return quant != nullptr && quant->granularity != QuantGranularity::kNone;
  }
  bool is_per_token() const {
    return quant != nullptr && quant->granularity == QuantGranularity::kPerToken;
  }

  /// Elements of one dynamically quantised row, and the number of rows.
  size_t row_elements() const {
    return shape.numel(shape.rank() - quant->nonbatch_dims, shape.rank());
  }
  size_t rows() const { return shape.numel(0, shape.rank() - quant->nonbatch_dims); }
  size_t row_quant_offset() const {
    return round_up(form != nullptr ? form_bytes : dense_bytes(dtype, shape), size_t(64));
  }

  size_t bytes() const {
    return is_per_token() ? row_quant_offset() + rows() * sizeof(RowQuant)
                          : dense_bytes(dtype, shape);
  }
};

}  // namespace smelt
