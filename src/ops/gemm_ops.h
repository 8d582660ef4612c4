// Makers of the operators that multiply matrices; make_op hands their nodes over to them.
#pragma once

#include <memory>

#include "ops/op.h"

namespace smelt {

/// lhs [..., k] x weights [n, k] (or [k, n]), + bias [n]. Weights and bias may be computed while
/// running where the types are floating point.
Result<std::unique_ptr<const Op>> make_fully_connected(const NodeSpec&, const Cpu&);

/// NHWC input, constant filter [groups * out_per_group, kh, kw, in_per_group], constant bias.
Result<std::unique_ptr<const Op>> make_conv2d(const NodeSpec&, const Cpu&);

/// NHWC input, constant filter [1, kh, kw, channels * multiplier], constant bias.
Result<std::unique_ptr<const Op>> make_depthwise_conv2d(const NodeSpec&, const Cpu&);

/// NHWC input, constant filter [groups * out_per_group, kh, kw, in_per_group], constant bias.
Result<std::unique_ptr<const Op>> make_conv_transpose2d(const NodeSpec&, const Cpu&);

/// lhs [..., m, k] x rhs [..., k, n]; leading dimensions broadcast. Either may be computed while
/// running.
Result<std::unique_ptr<const Op>> make_batch_matmul(const NodeSpec&, const Cpu&);

}  // namespace smelt
