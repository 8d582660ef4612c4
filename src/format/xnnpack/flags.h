// Flags of nodes, as XNNPACK's public header numbers them. The same bit means different things to
// different nodes.
#pragma once

#include <cstdint>

namespace smelt::xnn {

inline constexpr uint32_t kTransposeWeights = 1 << 0;  ///< FullyConnected
inline constexpr uint32_t kLegacyHalfPixel = 1 << 2;   ///< StaticResizeBilinear2D
inline constexpr uint32_t kAlignCorners = 1 << 3;      ///< StaticResizeBilinear2D
/// Nodes with weights: fp16 nodes whose weights are fp32, as types say.
inline constexpr uint32_t kFp32StaticWeights = 1 << 3;
/// Convolution and pooling: how XNNPACK uses memory.
inline constexpr uint32_t kTransientIndirection = 1 << 5;
inline constexpr uint32_t kKeepDims = 1 << 6;  ///< pooling

}  // namespace smelt::xnn
