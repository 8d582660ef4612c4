// Concatenate: tensors one after another along an axis.
#include "base/checked.h"
#include "ops/move.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

class Concatenate final : public Op {
 public:
  Concatenate(const VectorKernels& kernels, int32_t axis) : kernels_(kernels), axis_(axis) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    Shape out = inputs[0];
    const int64_t rank = int64_t(out.rank());
    if (axis_ < -rank || axis_ >= rank) {
      return fail(ErrorCode::kInvalidArgument, "axis {} of a tensor of shape {}", axis_,
                  to_string(out));
    }
    const size_t axis = this->axis(out);
    for (const Shape& in : inputs.subspan(1)) {
      bool fits = in.rank() == out.rank();
      for (size_t i = 0; fits && i < in.rank(); ++i) fits = i == axis || in[i] == out[i];
      if (!fits) {
        return fail(ErrorCode::kInvalidArgument, "{} and {} differ beside axis {}",
                    to_string(inputs[0]), to_string(in), axis);
      }
      const auto sum = checked_add(out[axis], in[axis]);
      if (!sum)
        return fail(ErrorCode::kInvalidArgument, "the extents along axis {} overflow", axis);
      out[axis] = *sum;
    }
    SMELT_TRY(check_size(out));
    return std::vector<Shape>{out};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned) const override {
    struct Part {
      Block block;
      Requantizer requantizer;
      size_t rows, row_bytes, out_row_bytes;
    };
    const Shape& shape = out[0].shape;
    const size_t axis = this->axis(shape), element = bits(out[0].dtype) / 8;
    std::vector<Part> parts;
    Shape origin, at;
    origin.resize(shape.rank(), 0);
    at.resize(shape.rank(), 0);
    bool requantizes = false;
    for (const TensorDesc& part : in) {
      parts.push_back({make_block(kernels_, part.dtype, part.shape, origin, shape, at, part.shape),
                       Requantizer(kernels_, part, out[0]), shape.numel(0, axis),
                       part.shape.numel(axis, shape.rank()) * element,
                       shape.numel(axis, shape.rank()) * element});
      requantizes |= parts.back().requantizer.needed();
      at[axis] += part.shape[axis];
    }
    return make_bound({.kernel = requantizes ? kernels_.name : "copy"},
                      [parts = std::move(parts)](Inputs x, Outputs y, RunContext& context) {
                        for (size_t i = 0; i < parts.size(); ++i) {
                          const Part& part = parts[i];
                          part.block.run(x[i], y[0], context);
                          if (!part.requantizer.needed()) continue;
                          std::byte* to = y[0] + part.block.out_offset;
                          for (size_t r = 0; r < part.rows; ++r) {
                            part.requantizer.run(to + r * part.out_row_bytes, part.row_bytes);
                          }
                        }
                      });
  }

 private:
  size_t axis(const Shape& shape) const {
    return size_t(axis_ < 0 ? axis_ + int64_t(shape.rank()) : axis_);
  }

  const VectorKernels& kernels_;
  int32_t axis_;
};

}  // namespace

Result<std::unique_ptr<const Op>> make_concatenate(const NodeSpec& spec, const Cpu& cpu) {
  const auto* attrs = std::get_if<ConcatAttrs>(&spec.attrs);
  if (attrs == nullptr) return fail(ErrorCode::kInvalidArgument, "no axis");
  for (const Operand& input : spec.inputs) {
    if (!input.present) return fail(ErrorCode::kInvalidArgument, "an input is absent");
    SMELT_TRY(check_movable(spec, input.desc, spec.outputs[0].desc));
  }
  return std::make_unique<const Concatenate>(vector_kernels(cpu), attrs->axis);
}

}  // namespace smelt
