// Element-wise functions of two operands, with broadcasting.
#include "ops/bound.h"
#include "ops/broadcast_runs.h"
#include "ops/operand.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

constexpr std::optional<BinaryOp> kernel_of(OpKind kind) {
  switch (kind) {
    case OpKind::kAdd:
      return BinaryOp::kAdd;
    case OpKind::kSubtract:
      return BinaryOp::kSubtract;
    case OpKind::kMultiply:
      return BinaryOp::kMultiply;
    case OpKind::kDivide:
      return BinaryOp::kDivide;
    case OpKind::kMinimum:
      return BinaryOp::kMinimum;
    case OpKind::kMaximum:
      return BinaryOp::kMaximum;
    case OpKind::kPRelu:
      return BinaryOp::kPRelu;
    default:
      return std::nullopt;
  }
}

class Binary final : public Op {
 public:
  Binary(const VectorKernels& kernels, BinaryOp op, OutputRange range)
      : kernels_(kernels), op_(op), range_(range) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    const Shape& a = inputs[0];
    const Shape& b = inputs[1];
    Shape out;
    out.resize(std::max(a.rank(), b.rank()));
    for (size_t i = 0; i < out.rank(); ++i) {
      const int64_t x = i < a.rank() ? a.back(i) : 1;
      const int64_t y = i < b.rank() ? b.back(i) : 1;
      if (x != y && x != 1 && y != 1) {
        return fail(ErrorCode::kInvalidArgument, "shapes {} and {} do not broadcast", to_string(a),
                    to_string(b));
      }
      out[out.rank() - 1 - i] = x == 1 ? y : x;
    }
    SMELT_TRY(check_size(out));
    return std::vector<Shape>{out};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned) const override {
    BoundInfo info = {.kernel = kernels_.name};
    const bool empty = out[0].shape.numel() == 0;
    if (empty) return make_bound(info, [](Inputs, Outputs, RunContext&) {});
    if (same_encoding(in[0], out[0]) && in[0].shape == out[0].shape) {
      info.in_place = 0;
    } else if (same_encoding(in[1], out[0]) && in[1].shape == out[0].shape) {
      info.in_place = 1;
    }
    const DType type = out[0].dtype;
    const BroadcastRuns runs(in[0].shape, in[1].shape, out[0].shape, bits(type) / 8);
    if (type == DType::kS32) {
      const IntBinaryFn fn = kernels_.binary_s32[size_t(op_)];
      return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
        runs.for_each(context, x[0], x[1], y[0],
                      [=](const std::byte* a, const std::byte* b, std::byte* o, size_t n,
                          Broadcast broadcast) {
                        fn(reinterpret_cast<const int32_t*>(a), reinterpret_cast<const int32_t*>(b),
                           reinterpret_cast<int32_t*>(o), n, broadcast);
                      });
      });
    }
    if (is_byte(type)) {
      const QuantBinaryFn fn = for_byte(kernels_.binary_quantized[size_t(op_)], type);
      const QuantBinaryParams params = {*affine_quant(in[0]), *affine_quant(in[1]),
                                        quantize_params(out[0], range_)};
      return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
        runs.for_each(context, x[0], x[1], y[0],
                      [&](const std::byte* a, const std::byte* b, std::byte* o, size_t n,
                          Broadcast broadcast) { fn(a, b, o, n, broadcast, params); });
      });
    }
    const BinaryFn fn = for_float(kernels_.binary[size_t(op_)], type);
    const FloatRange range = {range_.min, range_.max};
    return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
      runs.for_each(context, x[0], x[1], y[0],
                    [&](const std::byte* a, const std::byte* b, std::byte* o, size_t n,
                        Broadcast broadcast) { fn(a, b, o, n, broadcast, range); });
    });
  }

 private:
  const VectorKernels& kernels_;
  BinaryOp op_;
  OutputRange range_;
};

}  // namespace

Result<std::unique_ptr<const Op>> make_binary(const NodeSpec& spec, const Cpu& cpu) {
  const std::optional<BinaryOp> op = kernel_of(spec.kind);
  if (!op) return fail(ErrorCode::kUnsupported, "not a function of two operands");
  const VectorKernels& kernels = vector_kernels(cpu);
  const TensorDesc& lhs = spec.inputs[0].desc;
  const TensorDesc& rhs = spec.inputs[1].desc;
  const TensorDesc& out = spec.outputs[0].desc;
  const bool alike = lhs.dtype == rhs.dtype && lhs.dtype == out.dtype;
  const bool floats = is_float(out.dtype);
  const bool bytes = affine_quant(lhs) && affine_quant(rhs) && affine_quant(out);
  const bool ints = out.dtype == DType::kS32 && !lhs.is_quantized() && !rhs.is_quantized() &&
                    !out.is_quantized() && kernels.binary_s32[size_t(*op)] != nullptr;
  if (!alike || !(floats || bytes || ints)) {
    return unsupported_types(
        spec, "float32, float16, bfloat16, 8-bit per tensor, or int32 without division, all alike");
  }
  return std::make_unique<const Binary>(kernels, *op, spec.range);
}

}  // namespace smelt
