// The bound form of a Convert whose readers are all products with the same left side.
#pragma once

#include "ops/op.h"

namespace smelt {

/// Floats of any type to `to.form`.
Result<std::unique_ptr<const BoundOp>> bind_quantize_lhs(const TensorDesc& from,
                                                         const TensorDesc& to, const Cpu&,
                                                         unsigned workers);

}  // namespace smelt
