#include "ops/column_images.h"

#include <array>
#include <tuple>

#include "ops/conv_op.h"

namespace smelt {

namespace {

// [a, h, w, c] as [a, w, h, c]: of images and filters alike.
Shape turned(const Shape& shape) { return {shape[0], shape[2], shape[1], shape[3]}; }

TensorDesc turned(TensorDesc desc) {
  desc.shape = turned(desc.shape);
  return desc;
}

ConvAttrs turned(const ConvAttrs& a) {
  ConvAttrs t = a;
  std::tie(t.pad_top, t.pad_bottom) = std::tie(a.pad_left, a.pad_right);
  std::tie(t.pad_left, t.pad_right) = std::tie(a.pad_top, a.pad_bottom);
  std::tie(t.kernel_h, t.kernel_w) = std::tie(a.kernel_w, a.kernel_h);
  std::tie(t.stride_h, t.stride_w) = std::tie(a.stride_w, a.stride_h);
  std::tie(t.dilation_h, t.dilation_w) = std::tie(a.dilation_w, a.dilation_h);
  std::tie(t.adjust_h, t.adjust_w) = std::tie(a.adjust_w, a.adjust_h);
  return t;
}

class OnLines final : public Op {
 public:
  OnLines(std::unique_ptr<const Op> op, size_t channels)
      : op_(std::move(op)), channels_(channels) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    SMELT_TRY(check_nhwc(inputs[0], channels_));
    if (inputs[0][2] != 1)
      return fail(ErrorCode::kInvalidArgument, "input has shape {}, expected [n, h, 1, {}]",
                  to_string(inputs[0]), channels_);
    std::vector<Shape> shapes(inputs.begin(), inputs.end());
    shapes[0] = turned(shapes[0]);
    SMELT_ASSIGN(std::vector<Shape> out, op_->infer(shapes));
    out[0] = turned(out[0]);
    return out;
  }
  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned workers) const override {
    std::vector<TensorDesc> inputs(in.begin(), in.end());
    inputs[0] = turned(inputs[0]);
    return op_->bind(inputs, std::array{turned(out[0])}, workers);
  }
  size_t packed_bytes() const noexcept override { return op_->packed_bytes(); }

 private:
  std::unique_ptr<const Op> op_;
  size_t channels_;
};

}  // namespace

Result<std::unique_ptr<const Op>> make_seeing_lines(const NodeSpec& spec, const Cpu& cpu,
                                                    MakeConvOp* make) {
  const auto* a = std::get_if<ConvAttrs>(&spec.attrs);
  if (a == nullptr || spec.inputs.size() < 2 || spec.outputs.size() != 1) return make(spec, cpu);
  const Shape &image = spec.inputs[0].desc.shape, &filter = spec.inputs[1].desc.shape;
  const bool column = image.rank() == 4 && filter.rank() == 4 && image[2] == 1 && filter[2] == 1 &&
                      a->kernel_w == 1 && a->pad_left == 0 && a->pad_right == 0 && a->adjust_w == 0;
  if (!column) return make(spec, cpu);
  NodeSpec lines = spec;
  lines.attrs = turned(*a);
  for (size_t i : {0, 1}) lines.inputs[i].desc = turned(lines.inputs[i].desc);
  SMELT_ASSIGN(auto op, make(lines, cpu));
  return std::make_unique<const OnLines>(std::move(op), size_t(a->groups) * a->in_per_group);
}

}  // namespace smelt
