// Slice: a box out of a tensor.
#include "base/checked.h"
#include "ops/move.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

class Slice final : public Op {
 public:
  Slice(const VectorKernels& kernels, const SliceAttrs& attrs) : kernels_(kernels), attrs_(attrs) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() != attrs_.offsets.rank()) {
      return fail(ErrorCode::kInvalidArgument, "offsets {} do not fit a tensor of shape {}",
                  to_string(attrs_.offsets), to_string(in));
    }
    Shape out;
    for (size_t i = 0; i < in.rank(); ++i) {
      const int64_t offset = attrs_.offsets[i], size = attrs_.sizes[i];
      if (offset < 0 || size < 0 ||
          !range_fits(uint64_t(offset), uint64_t(size), uint64_t(in[i]))) {
        return fail(ErrorCode::kInvalidArgument, "offsets {}, sizes {} are outside of {}",
                    to_string(attrs_.offsets), to_string(attrs_.sizes), to_string(in));
      }
      out.push_back(size == 0 ? in[i] - offset : size);
    }
    return std::vector<Shape>{out};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned) const override {
    Shape origin;
    origin.resize(in[0].shape.rank(), 0);
    const Block block = make_block(kernels_, in[0].dtype, in[0].shape, attrs_.offsets, out[0].shape,
                                   origin, out[0].shape);
    const Requantizer requantizer(kernels_, in[0], out[0]);
    const size_t n = out[0].shape.numel();
    return make_bound({.kernel = requantizer.needed() ? kernels_.name : "copy"},
                      [=](Inputs x, Outputs y, RunContext& context) {
                        block.run(x[0], y[0], context);
                        requantize(requantizer, y[0], n, context);
                      });
  }

 private:
  const VectorKernels& kernels_;
  SliceAttrs attrs_;
};

}  // namespace

Result<std::unique_ptr<const Op>> make_slice(const NodeSpec& spec, const Cpu& cpu) {
  const auto* attrs = std::get_if<SliceAttrs>(&spec.attrs);
  if (attrs == nullptr || attrs->offsets.rank() != attrs->sizes.rank()) {
    return fail(ErrorCode::kInvalidArgument, "not one offset and one size for each dimension");
  }
  SMELT_TRY(check_movable(spec, spec.inputs[0].desc, spec.outputs[0].desc));
  return std::make_unique<const Slice>(vector_kernels(cpu), *attrs);
}

}  // namespace smelt
