// Makers of the operators that do not multiply matrices; make_op dispatches to them.
#pragma once

#include <memory>

#include "ops/op.h"

namespace smelt {

/// Element-wise functions of one operand: f32, f16, bf16, and 8-bit with one scale per tensor.
Result<std::unique_ptr<const Op>> make_unary(const NodeSpec&, const Cpu&);

/// Element-wise functions of two operands, with broadcasting: f32, f16, bf16, 8-bit with one scale
/// per tensor, and s32 where there is no rounding.
Result<std::unique_ptr<const Op>> make_binary(const NodeSpec&, const Cpu&);

/// Between float types; float to 8-bit per tensor or per token, and back; 8-bit to 8-bit.
Result<std::unique_ptr<const Op>> make_convert(const NodeSpec&, const Cpu&);

/// Over the last axis; float types.
Result<std::unique_ptr<const Op>> make_softmax(const NodeSpec&, const Cpu&);

/// NHWC. The divisor of an average counts the elements that are not padding.
Result<std::unique_ptr<const Op>> make_avg_pool2d(const NodeSpec&, const Cpu&);
Result<std::unique_ptr<const Op>> make_max_pool2d(const NodeSpec&, const Cpu&);
/// Two outputs: the maxima, and their positions in the window as int32, row by row.
Result<std::unique_ptr<const Op>> make_argmax_pool2d(const NodeSpec&, const Cpu&);
/// NHWC to [n, 1, 1, c], or to [n, c] if the output is declared so.
Result<std::unique_ptr<const Op>> make_global_avg_pool2d(const NodeSpec&, const Cpu&);
/// NHWC.
Result<std::unique_ptr<const Op>> make_resize_bilinear2d(const NodeSpec&, const Cpu&);

// Moves of elements of any type. If input and output are 8-bit and quantised differently, elements
// are requantised.
Result<std::unique_ptr<const Op>> make_copy(const NodeSpec&, const Cpu&);
Result<std::unique_ptr<const Op>> make_reshape(const NodeSpec&, const Cpu&);
Result<std::unique_ptr<const Op>> make_transpose(const NodeSpec&, const Cpu&);
Result<std::unique_ptr<const Op>> make_slice(const NodeSpec&, const Cpu&);
Result<std::unique_ptr<const Op>> make_pad(const NodeSpec&, const Cpu&);
Result<std::unique_ptr<const Op>> make_concatenate(const NodeSpec&, const Cpu&);

/// softmax((query * scale) key^T + mask) value; query [b, h, t, c], key [b, h or 1, s, c], value
/// [b, h or 1, s, d], scale [c], mask [t, s].
Result<std::unique_ptr<const Op>> make_scaled_dot_product_attention(const NodeSpec&, const Cpu&);

}  // namespace smelt
