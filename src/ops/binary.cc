// Element-wise functions of two operands, with broadcasting.
#include "ops/bound.h"
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

/// Broadcasting as loops: runs in which both operands are contiguous or one is a single element,
/// inside outer loops that step through the operands by strides, in elements.
struct Loops {
  size_t rank = 0;
  std::array<size_t, kMaxRank> extent{}, lhs{}, rhs{};
  size_t outer = 1;  ///< runs
  size_t run = 1;    ///< elements of a run
  Broadcast broadcast = Broadcast::kNone;
};

Loops plan_loops(const Shape& lhs, const Shape& rhs, const Shape& out) {
  Loops loops;
  struct Dim {
    size_t extent, lhs, rhs;
  };
  // Innermost first, with neighbours merged that both operands step through alike.
  std::array<Dim, kMaxRank> dims;
  size_t rank = 0, lhs_stride = 1, rhs_stride = 1;
  for (size_t i = 0; i < out.rank(); ++i) {
    const size_t extent = size_t(out.back(i));
    const size_t a = i < lhs.rank() ? size_t(lhs.back(i)) : 1;
    const size_t b = i < rhs.rank() ? size_t(rhs.back(i)) : 1;
    const Dim dim = {extent, a == 1 ? 0 : lhs_stride, b == 1 ? 0 : rhs_stride};
    lhs_stride *= a;
    rhs_stride *= b;
    if (extent == 1) continue;
    if (rank > 0) {
      Dim& inner = dims[rank - 1];
      if (dim.lhs == inner.lhs * inner.extent && dim.rhs == inner.rhs * inner.extent) {
        inner.extent *= extent;
        continue;
      }
    }
    dims[rank++] = dim;
  }
  if (rank > 0) {
    loops.run = dims[0].extent;
    loops.broadcast = dims[0].lhs == 0   ? Broadcast::kLhs
                      : dims[0].rhs == 0 ? Broadcast::kRhs
                                         : Broadcast::kNone;
  }
  for (size_t i = rank; i-- > 1;) {
    loops.extent[loops.rank] = dims[i].extent;
    loops.lhs[loops.rank] = dims[i].lhs;
    loops.rhs[loops.rank] = dims[i].rhs;
    loops.outer *= dims[i].extent;
    ++loops.rank;
  }
  return loops;
}

/// f(lhs offset, rhs offset, out offset, n) for all runs, in parallel. Offsets are in elements.
template <class F>
void for_runs(RunContext& context, const Loops& loops, F f) {
  const size_t lhs_step = loops.broadcast != Broadcast::kLhs,
               rhs_step = loops.broadcast != Broadcast::kRhs;
  if (loops.outer == 1) {
    for_elements(context, loops.run, [&](size_t begin, size_t end) {
      f(begin * lhs_step, begin * rhs_step, begin, end - begin);
    });
    return;
  }
  for_units(context, loops.outer, loops.run, [&](size_t begin, size_t end) {
    std::array<size_t, kMaxRank> index{};
    size_t a = 0, b = 0;
    for (size_t i = loops.rank, rest = begin; i-- > 0;) {
      index[i] = rest % loops.extent[i];
      rest /= loops.extent[i];
      a += index[i] * loops.lhs[i];
      b += index[i] * loops.rhs[i];
    }
    for (size_t r = begin; r < end; ++r) {
      f(a, b, r * loops.run, loops.run);
      for (size_t i = loops.rank; i-- > 0;) {
        a += loops.lhs[i];
        b += loops.rhs[i];
        if (++index[i] < loops.extent[i]) break;
        a -= index[i] * loops.lhs[i];
        b -= index[i] * loops.rhs[i];
        index[i] = 0;
      }
    }
  });
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
    const Loops loops = plan_loops(in[0].shape, in[1].shape, out[0].shape);
    const DType type = out[0].dtype;
    if (type == DType::kS32) {
      const IntBinaryFn fn = kernels_.binary_s32[size_t(op_)];
      return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
        const auto* lhs = reinterpret_cast<const int32_t*>(x[0]);
        const auto* rhs = reinterpret_cast<const int32_t*>(x[1]);
        auto* dst = reinterpret_cast<int32_t*>(y[0]);
        for_runs(context, loops, [&](size_t a, size_t b, size_t o, size_t n) {
          fn(lhs + a, rhs + b, dst + o, n, loops.broadcast);
        });
      });
    }
    if (is_byte(type)) {
      const QuantBinaryFn fn = for_byte(kernels_.binary_quantized[size_t(op_)], type);
      const QuantBinaryParams params = {*affine_quant(in[0]), *affine_quant(in[1]),
                                        quantize_params(out[0], range_)};
      return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
        for_runs(context, loops, [&](size_t a, size_t b, size_t o, size_t n) {
          fn(x[0] + a, x[1] + b, y[0] + o, n, loops.broadcast, params);
        });
      });
    }
    const BinaryFn fn = for_float(kernels_.binary[size_t(op_)], type);
    const FloatRange range = {range_.min, range_.max};
    const size_t bytes = bits(type) / 8;
    return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
      for_runs(context, loops, [&](size_t a, size_t b, size_t o, size_t n) {
        fn(x[0] + a * bytes, x[1] + b * bytes, y[0] + o * bytes, n, loops.broadcast, range);
      });
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
