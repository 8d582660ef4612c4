// What nodes say beside their operands. One struct per family of operators; names follow the
// exporter's.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <variant>

#include "tensor/shape.h"

namespace smelt {

/// Operators of a delegate's graph. The GEMM-shaped ones come first.
enum class OpKind : uint8_t {
  kFullyConnected,
  kConv2d,
  kDepthwiseConv2d,
  kConvTranspose2d,
  kBatchMatMul,
  kScaledDotProductAttention,
  // binary, with broadcasting
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kMinimum,
  kMaximum,
  kPRelu,
  // unary
  kAbs,
  kCeiling,
  kClamp,
  kConvert,
  kCopy,
  kCos,
  kElu,
  kExp,
  kFloor,
  kGelu,
  kHardswish,
  kLeakyRelu,
  kLog,
  kNegate,
  kReciprocalSquareRoot,
  kSigmoid,
  kSin,
  kSquare,
  kSquareRoot,
  kTanh,
  // the rest
  kSoftmax,
  kAvgPool2d,
  kMaxPool2d,
  kArgMaxPool2d,
  kGlobalAvgPool2d,
  kResizeBilinear2d,
  kTranspose,
  kReshape,
  kSlice,
  kPad,
  kConcatenate,
};
inline constexpr size_t kOpKindCount = size_t(OpKind::kConcatenate) + 1;

/// The exporter's name of the node type, without "XNN": "FullyConnected", "StaticTranspose".
std::string_view name(OpKind) noexcept;

/// A fused clamp on real (dequantised) outputs.
struct OutputRange {
  float min = -std::numeric_limits<float>::infinity();
  float max = std::numeric_limits<float>::infinity();
};

struct NoAttrs {};

struct FullyConnectedAttrs {
  bool transpose_weights = false;  ///< weights are [k, n] instead of [n, k]
};

/// Conv2d, DepthwiseConv2d, ConvTranspose2d. NHWC; filter [groups * out_per_group, kh, kw,
/// in_per_group], depthwise filter [1, kh, kw, channels * multiplier].
struct ConvAttrs {
  uint32_t pad_top = 0, pad_right = 0, pad_bottom = 0, pad_left = 0;
  uint32_t kernel_h = 1, kernel_w = 1;
  uint32_t stride_h = 1, stride_w = 1;
  uint32_t dilation_h = 1, dilation_w = 1;
  uint32_t groups = 1;
  uint32_t in_per_group = 1, out_per_group = 1;
  uint32_t adjust_h = 0, adjust_w = 0;  ///< ConvTranspose2d: output padding
};

/// Windows over H and W of an NHWC tensor.
struct PoolAttrs {
  uint32_t pad_top = 0, pad_right = 0, pad_bottom = 0, pad_left = 0;
  uint32_t pool_h = 1, pool_w = 1;
  uint32_t stride_h = 1, stride_w = 1;
  uint32_t dilation_h = 1, dilation_w = 1;
};

struct ResizeAttrs {
  uint32_t height = 0, width = 0;
  bool align_corners = false;
  bool legacy_half_pixel = false;  ///< TensorFlow's legacy mapping: no half-pixel offset
};

struct TransposeAttrs {
  Shape perm;  ///< output dimension i is input dimension perm[i]
};

struct ReshapeAttrs {
  Shape shape;  ///< 0: take what is left
};

struct SliceAttrs {
  Shape offsets, sizes;  ///< size 0: up to the end
};

struct PadAttrs {
  Shape pre, post;
  float value = 0;
};

struct ConcatAttrs {
  int32_t axis = 0;  ///< negative counts from the end
};

/// ELU: alpha. LeakyReLU: slope for negative inputs.
struct AlphaAttrs {
  float alpha = 0;
};

using Attrs =
    std::variant<NoAttrs, FullyConnectedAttrs, ConvAttrs, PoolAttrs, ResizeAttrs, TransposeAttrs,
                 ReshapeAttrs, SliceAttrs, PadAttrs, ConcatAttrs, AlphaAttrs>;

}  // namespace smelt
