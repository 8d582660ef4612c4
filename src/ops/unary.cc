// Element-wise functions of one operand.
#include <array>

#include "ops/bound.h"
#include "ops/operand.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

// The kernel for an operator kind.
constexpr std::optional<UnaryOp> kernel_of(OpKind kind) {
  switch (kind) {
    case OpKind::kAbs:
      return UnaryOp::kAbs;
    case OpKind::kCeiling:
      return UnaryOp::kCeiling;
    case OpKind::kClamp:
      return UnaryOp::kClamp;
    case OpKind::kCos:
      return UnaryOp::kCos;
    case OpKind::kElu:
      return UnaryOp::kElu;
    case OpKind::kExp:
      return UnaryOp::kExp;
    case OpKind::kFloor:
      return UnaryOp::kFloor;
    case OpKind::kGelu:
      return UnaryOp::kGelu;
    case OpKind::kHardswish:
      return UnaryOp::kHardswish;
    case OpKind::kLeakyRelu:
      return UnaryOp::kLeakyRelu;
    case OpKind::kLog:
      return UnaryOp::kLog;
    case OpKind::kNegate:
      return UnaryOp::kNegate;
    case OpKind::kReciprocalSquareRoot:
      return UnaryOp::kReciprocalSquareRoot;
    case OpKind::kSigmoid:
      return UnaryOp::kSigmoid;
    case OpKind::kSin:
      return UnaryOp::kSin;
    case OpKind::kSquare:
      return UnaryOp::kSquare;
    case OpKind::kSquareRoot:
      return UnaryOp::kSquareRoot;
    case OpKind::kTanh:
      return UnaryOp::kTanh;
    default:
      return std::nullopt;
  }
}

class Unary final : public Op {
 public:
  Unary(const VectorKernels& kernels, UnaryOp op, UnaryParams params)
      : kernels_(kernels), op_(op), params_(params) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    return std::vector<Shape>{inputs[0]};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned) const override {
    const size_t n = out[0].shape.numel();
    const BoundInfo info = {.kernel = kernels_.name, .in_place = 0};
    if (is_byte(in[0].dtype)) return bind_byte(info, in[0], out[0], n);
    const UnaryFn fn = for_float(kernels_.unary[size_t(op_)], in[0].dtype);
    const size_t bytes = bits(in[0].dtype) / 8;
    return make_bound(info, [=, params = params_](Inputs x, Outputs y, RunContext& context) {
      for_elements(context, n, [&](size_t begin, size_t end) {
        fn(x[0] + begin * bytes, y[0] + begin * bytes, end - begin, params);
      });
    });
  }

 private:
  Result<std::unique_ptr<const BoundOp>> bind_byte(const BoundInfo& info, const TensorDesc& in,
                                                   const TensorDesc& out, size_t n) const {
    if (op_ == UnaryOp::kClamp && same_encoding(in, out)) {
      const QuantizeParams limits = quantize_params(out, {params_.a, params_.b});
      const ByteClampFn fn = for_byte(kernels_.clamp_byte, in.dtype);
      return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
        for_elements(context, n, [&](size_t begin, size_t end) {
          fn(x[0] + begin, y[0] + begin, end - begin, limits.min, limits.max);
        });
      });
    }
    const ByteTable table =
        byte_table(kernels_, in, out, {}, [&](const float* x, float* y, size_t count) {
          kernels_.unary[size_t(op_)].f32(x, y, count, params_);
        });
    return make_bound(info, [=, map = kernels_.map_byte](Inputs x, Outputs y, RunContext& context) {
      for_elements(context, n, [&](size_t begin, size_t end) {
        map(reinterpret_cast<const uint8_t*>(x[0]) + begin,
            reinterpret_cast<uint8_t*>(y[0]) + begin, end - begin, table.data());
      });
    });
  }

  const VectorKernels& kernels_;
  UnaryOp op_;
  UnaryParams params_;
};

}  // namespace

Result<std::unique_ptr<const Op>> make_unary(const NodeSpec& spec, const Cpu& cpu) {
  const TensorDesc& in = spec.inputs[0].desc;
  const TensorDesc& out = spec.outputs[0].desc;
  const bool floats = is_float(in.dtype) && in.dtype == out.dtype;
  if (!floats && !(affine_quant(in) && affine_quant(out) && in.dtype == out.dtype)) {
    return unsupported_types(
        spec, "float32, float16, bfloat16, or 8-bit per tensor, the same in and out");
  }
  const std::optional<UnaryOp> op = kernel_of(spec.kind);
  if (!op) return fail(ErrorCode::kUnsupported, "not a function of one operand");
  UnaryParams params;
  if (*op == UnaryOp::kClamp) params = {spec.range.min, spec.range.max};
  if (*op == UnaryOp::kElu || *op == UnaryOp::kLeakyRelu) {
    const auto* attrs = std::get_if<AlphaAttrs>(&spec.attrs);
    if (attrs == nullptr) return fail(ErrorCode::kInvalidArgument, "no alpha");
    params.a = attrs->alpha;
  }
  return std::make_unique<const Unary>(vector_kernels(cpu), *op, params);
}

}  // namespace smelt
