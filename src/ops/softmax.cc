// Softmax over the last axis.
#include "ops/bound.h"
#include "ops/operand.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

class Softmax final : public Op {
 public:
  explicit Softmax(const VectorKernels& kernels) : kernels_(kernels) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    if (inputs[0].rank() == 0)
      return fail(ErrorCode::kInvalidArgument, "a scalar has no last axis");
    return std::vector<Shape>{inputs[0]};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc>,
                                              unsigned) const override {
    const Shape& shape = in[0].shape;
    const RowSoftmaxFn fn = for_float(kernels_.row_softmax, in[0].dtype);
    const size_t length = size_t(shape.back()), row_bytes = length * bits(in[0].dtype) / 8;
    const size_t rows = length == 0 ? 0 : shape.numel() / length;
    return make_bound({.kernel = kernels_.name, .in_place = 0},
                      [=](Inputs x, Outputs y, RunContext& context) {
                        // An exponential costs as much as several plain elements.
                        for_units(context, rows, 4 * length, [&](size_t begin, size_t end) {
                          for (size_t r = begin; r < end; ++r)
                            fn(x[0] + r * row_bytes, y[0] + r * row_bytes, length);
                        });
                      });
  }

 private:
  const VectorKernels& kernels_;
};

}  // namespace

Result<std::unique_ptr<const Op>> make_softmax(const NodeSpec& spec, const Cpu& cpu) {
  const DType type = spec.inputs[0].desc.dtype;
  if (!is_float(type) || spec.outputs[0].desc.dtype != type) {
    return unsupported_types(spec, "float32, float16 or bfloat16, the same in and out");
  }
  return std::make_unique<const Softmax>(vector_kernels(cpu));
}

}  // namespace smelt
