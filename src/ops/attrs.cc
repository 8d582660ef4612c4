#include "ops/attrs.h"

namespace smelt {

namespace {
constexpr std::string_view kNames[] = {
    "FullyConnected",
    "Conv2d",
    "DepthwiseConv2d",
    "ConvTranspose2d",
    "BatchMatrixMultiply",
    "ScaledDotProductAttention",
    "Add",
    "Subtract",
    "Multiply",
    "Div",
    "Minimum",
    "Maximum",
    "PReLU",
    "Abs",
    "Ceiling",
    "Clamp",
    "Convert",
    "Copy",
    "Cos",
    "ELU",
    "Exp",
    "Floor",
    "Gelu",
    "Hardswish",
    "LeakyReLU",
    "Log",
    "Negate",
    "ReciprocalSquareRoot",
    "Sigmoid",
    "Sin",
    "Square",
    "SquareRoot",
    "Tanh",
    "Softmax",
    "AvgPooling2d",
    "MaxPooling2d",
    "ArgMaxPooling2d",
    "GlobalAvgPooling2d",
    "StaticResizeBilinear2D",
    "StaticTranspose",
    "StaticReshape",
    "StaticSlice",
    "StaticConstantPad",
    "Concatenate",
};
static_assert(std::size(kNames) == kOpKindCount);
}  // namespace

std::string_view name(OpKind kind) noexcept { return kNames[size_t(kind)]; }

}  // namespace smelt
