// From a node to its op: a table of makers, and what holds for the operands of every operator.
#include <array>
#include <cmath>

#include "ops/gemm_ops.h"
#include "ops/operand.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

struct Maker {
  Result<std::unique_ptr<const Op>> (*make)(const NodeSpec&, const Cpu&) = nullptr;
  size_t min_inputs = 0, max_inputs = 0;  ///< inputs from min_inputs on may be absent
  size_t outputs = 1;
};

constexpr auto kMakers = [] {
  std::array<Maker, kOpKindCount> table{};
  const auto set = [&](OpKind kind, Maker maker) { table[size_t(kind)] = maker; };
  set(OpKind::kFullyConnected, {make_fully_connected, 2, 3});
  set(OpKind::kConv2d, {make_conv2d, 2, 3});
  set(OpKind::kDepthwiseConv2d, {make_depthwise_conv2d, 2, 3});
  set(OpKind::kConvTranspose2d, {make_conv_transpose2d, 2, 3});
  set(OpKind::kBatchMatMul, {make_batch_matmul, 2, 2});
  set(OpKind::kScaledDotProductAttention, {make_scaled_dot_product_attention, 5, 5});
  for (OpKind kind : {OpKind::kAdd, OpKind::kSubtract, OpKind::kMultiply, OpKind::kDivide,
                      OpKind::kMinimum, OpKind::kMaximum, OpKind::kPRelu}) {
    set(kind, {make_binary, 2, 2});
  }
  for (OpKind kind :
       {OpKind::kAbs, OpKind::kCeiling, OpKind::kClamp, OpKind::kCos, OpKind::kElu, OpKind::kExp,
        OpKind::kFloor, OpKind::kGelu, OpKind::kHardswish, OpKind::kLeakyRelu, OpKind::kLog,
        OpKind::kNegate, OpKind::kReciprocalSquareRoot, OpKind::kSigmoid, OpKind::kSin,
        OpKind::kSquare, OpKind::kSquareRoot, OpKind::kTanh}) {
    set(kind, {make_unary, 1, 1});
  }
  set(OpKind::kConvert, {make_convert, 1, 1});
  set(OpKind::kCopy, {make_copy, 1, 1});
  set(OpKind::kSoftmax, {make_softmax, 1, 1});
  set(OpKind::kAvgPool2d, {make_avg_pool2d, 1, 1});
  set(OpKind::kMaxPool2d, {make_max_pool2d, 1, 1});
  set(OpKind::kArgMaxPool2d, {make_argmax_pool2d, 1, 1, 2});
  set(OpKind::kGlobalAvgPool2d, {make_global_avg_pool2d, 1, 1});
  set(OpKind::kResizeBilinear2d, {make_resize_bilinear2d, 1, 1});
  set(OpKind::kTranspose, {make_transpose, 1, 1});
  set(OpKind::kReshape, {make_reshape, 1, 1});
  set(OpKind::kSlice, {make_slice, 1, 1});
  set(OpKind::kPad, {make_pad, 1, 1});
  set(OpKind::kConcatenate, {make_concatenate, 1, 5});
  return table;
}();

Status check_operand(const Operand& operand) {
  const TensorDesc& desc = operand.desc;
  if (!desc.is_quantized()) return {};
  if (desc.is_per_token() && desc.quant->nonbatch_dims > desc.shape.rank()) {
    return fail(ErrorCode::kInvalidArgument, "rows of {} dimensions in a tensor of shape {}",
                desc.quant->nonbatch_dims, to_string(desc.shape));
  }
  const std::optional<AffineQuant> quant = affine_quant(desc);
  if (!quant) return {};
  if (!std::isfinite(quant->scale) || quant->scale <= 0) {
    return fail(ErrorCode::kInvalidArgument, "the scale {} of an operand of type {}", quant->scale,
                describe(desc));
  }
  const int32_t lowest = desc.dtype == DType::kS8 ? -128 : 0;
  if (quant->zero < lowest || quant->zero > lowest + 255) {
    return fail(ErrorCode::kInvalidArgument, "the zero point {} of an operand of type {}",
                quant->zero, describe(desc));
  }
  return {};
}

Result<std::unique_ptr<const Op>> make(const NodeSpec& spec, const Cpu& cpu) {
  const Maker& maker = kMakers[size_t(spec.kind)];
  if (spec.inputs.size() < maker.min_inputs || spec.inputs.size() > maker.max_inputs) {
    return fail(ErrorCode::kInvalidArgument, "{} inputs", spec.inputs.size());
  }
  if (spec.outputs.size() != maker.outputs) {
    return fail(ErrorCode::kInvalidArgument, "{} outputs", spec.outputs.size());
  }
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    if (!spec.inputs[i].present) {
      if (i < maker.min_inputs) return fail(ErrorCode::kInvalidArgument, "input {} is absent", i);
      continue;
    }
    SMELT_TRY(check_operand(spec.inputs[i]));
  }
  for (const Operand& output : spec.outputs) SMELT_TRY(check_operand(output));
  if (std::isnan(spec.range.min) || std::isnan(spec.range.max) || spec.range.min > spec.range.max) {
    return fail(ErrorCode::kInvalidArgument, "the output range [{}, {}]", spec.range.min,
                spec.range.max);
  }
  return maker.make(spec, cpu);
}

}  // namespace

Result<std::unique_ptr<const Op>> make_op(const NodeSpec& spec, const Cpu& cpu) {
  if (size_t(spec.kind) >= kOpKindCount) {
    return fail(ErrorCode::kUnsupported, "operator kind {}", unsigned(spec.kind));
  }
  auto op = make(spec, cpu);
  if (!op) return prefixed(std::move(op).error(), name(spec.kind));
  return op;
}

}  // namespace smelt
