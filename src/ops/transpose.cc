// Transpose: the dimensions in another order.
#include "ops/move.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

class Transpose final : public Op {
 public:
  Transpose(const VectorKernels& kernels, const Shape& perm) : kernels_(kernels), perm_(perm) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() != perm_.rank()) {
      return fail(ErrorCode::kInvalidArgument,
                  "the permutation {} does not fit a tensor of shape {}", to_string(perm_),
                  to_string(in));
    }
    Shape out;
    for (int64_t p : perm_) out.push_back(in[size_t(p)]);
    return std::vector<Shape>{out};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned) const override {
    const size_t bytes = bits(in[0].dtype) / 8;
    const auto in_strides = dense_strides(in[0].shape, bytes),
               out_strides = dense_strides(out[0].shape, bytes);
    std::array<StridedCopy::Dim, kMaxRank> dims;
    for (size_t i = 0; i < perm_.rank(); ++i) {
      dims[i] = {size_t(out[0].shape[i]), in_strides[size_t(perm_[i])], out_strides[i]};
    }
    const Block block = {StridedCopy(kernels_, bytes, {dims.data(), perm_.rank()}), 0, 0};
    const Requantizer requantizer(kernels_, in[0], out[0]);
    const size_t n = out[0].shape.numel();
    // Dimensions of one element may change places without moving anything.
    const bool stays = block.copy.is_identity() && !requantizer.needed();
    BoundInfo info = {.kernel = stays ? "copy" : kernels_.name, .keeps_bytes = stays};
    if (stays) info.in_place = 0;
    return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
      if (x[0] != y[0]) block.run(x[0], y[0], context);
      requantize(requantizer, y[0], n, context);
    });
  }

 private:
  const VectorKernels& kernels_;
  Shape perm_;
};

}  // namespace

Result<std::unique_ptr<const Op>> make_transpose(const NodeSpec& spec, const Cpu& cpu) {
  const auto* attrs = std::get_if<TransposeAttrs>(&spec.attrs);
  if (attrs == nullptr) return fail(ErrorCode::kInvalidArgument, "no permutation");
  std::array<bool, kMaxRank> seen{};
  for (int64_t p : attrs->perm) {
    if (p < 0 || size_t(p) >= attrs->perm.rank() || seen[size_t(p)]) {
      return fail(ErrorCode::kInvalidArgument, "{} is not a permutation", to_string(attrs->perm));
    }
    seen[size_t(p)] = true;
  }
  SMELT_TRY(check_movable(spec, spec.inputs[0].desc, spec.outputs[0].desc));
  return std::make_unique<const Transpose>(vector_kernels(cpu), attrs->perm);
}

}  // namespace smelt
