// Reshape and Copy: the same elements in the same order.
#include <cstring>

#include "ops/bound.h"
#include "ops/operand.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

class Reshape final : public Op {
 public:
  /// Without a shape the output has the input's.
  Reshape(const VectorKernels& kernels, std::optional<Shape> shape)
      : kernels_(kernels), shape_(shape) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (!shape_) return std::vector<Shape>{in};
    Shape out = *shape_;
    std::optional<size_t> inferred;
    for (size_t i = 0; i < out.rank(); ++i) {
      if (out[i] < 0)
        return fail(ErrorCode::kInvalidArgument, "negative extent in the shape {}", to_string(out));
      if (out[i] != 0) continue;
      if (inferred) {
        return fail(ErrorCode::kInvalidArgument, "more than one extent to be inferred in {}",
                    to_string(out));
      }
      inferred = i;
    }
    if (inferred) out[*inferred] = 1;
    const std::optional<size_t> numel = checked_numel(in), given = checked_numel(out);
    const bool fits = numel && given && (inferred ? *numel % *given == 0 : *numel == *given);
    if (!fits) {
      return fail(ErrorCode::kInvalidArgument, "{} does not have the elements of {}", to_string(in),
                  to_string(*shape_));
    }
    if (inferred) out[*inferred] = int64_t(*numel / *given);
    return std::vector<Shape>{out};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned) const override {
    if (in[0].is_per_token() && !same_rows(in[0], out[0])) {
      return fail(ErrorCode::kUnsupported,
                  "{} to {} would change the rows of an int8 tensor quantised per token",
                  to_string(in[0].shape), to_string(out[0].shape));
    }
    const size_t bytes = in[0].bytes();
    const Requantizer requantizer(kernels_, in[0], out[0]);
    const BoundInfo info = {.kernel = requantizer.needed() ? kernels_.name : "copy",
                            .in_place = 0,
                            .keeps_bytes = !requantizer.needed()};
    return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
      const bool moves = x[0] != y[0];
      if (!moves && !requantizer.needed()) return;
      for_elements(context, bytes, [&](size_t begin, size_t end) {
        if (moves) std::memcpy(y[0] + begin, x[0] + begin, end - begin);
        if (requantizer.needed()) requantizer.run(y[0] + begin, end - begin);
      });
    });
  }

 private:
  static bool same_rows(const TensorDesc& a, const TensorDesc& b) {
    return a.quant->nonbatch_dims <= a.shape.rank() && b.quant->nonbatch_dims <= b.shape.rank() &&
           a.rows() == b.rows() && a.row_elements() == b.row_elements();
  }

  const VectorKernels& kernels_;
  std::optional<Shape> shape_;
};

Result<std::unique_ptr<const Op>> make(const NodeSpec& spec, const Cpu& cpu,
                                       std::optional<Shape> shape) {
  const TensorDesc& in = spec.inputs[0].desc;
  const TensorDesc& out = spec.outputs[0].desc;
  if (!(in.is_per_token() && out.is_per_token() && in.dtype == out.dtype)) {
    SMELT_TRY(check_movable(spec, in, out));
  }
  return std::make_unique<const Reshape>(vector_kernels(cpu), shape);
}

}  // namespace

Result<std::unique_ptr<const Op>> make_reshape(const NodeSpec& spec, const Cpu& cpu) {
  const auto* attrs = std::get_if<ReshapeAttrs>(&spec.attrs);
  if (attrs == nullptr) return fail(ErrorCode::kInvalidArgument, "no shape");
  return make(spec, cpu, attrs->shape);
}

Result<std::unique_ptr<const Op>> make_copy(const NodeSpec& spec, const Cpu& cpu) {
  return make(spec, cpu, std::nullopt);
}

}  // namespace smelt
