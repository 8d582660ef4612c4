#include "ops/conv_op.h"

#include <algorithm>
#include <array>

#include "base/checked.h"

namespace smelt {

namespace {
// Of inputs and dilated filters: keeps positions far from the ends of 64 bits.
constexpr uint64_t kMaxExtent = uint64_t(1) << 40;
constexpr uint64_t kMaxCopiedSpan = 64;
constexpr size_t kShortTap = 64;  // bytes: a cache line
}  // namespace

Result<ConvAxes> conv_axes(const ConvAttrs& a) {
  const std::pair<const char*, uint32_t> positive[] = {{"kernel_h", a.kernel_h},
                                                       {"kernel_w", a.kernel_w},
                                                       {"stride_h", a.stride_h},
                                                       {"stride_w", a.stride_w},
                                                       {"dilation_h", a.dilation_h},
                                                       {"dilation_w", a.dilation_w},
                                                       {"groups", a.groups},
                                                       {"in_per_group", a.in_per_group},
                                                       {"out_per_group", a.out_per_group}};
  for (const auto& [what, value] : positive)
    if (value == 0) return fail(ErrorCode::kInvalidFile, "{} is 0", what);
  const ConvAxes axes{{a.kernel_h, a.stride_h, a.dilation_h, a.pad_top, a.pad_bottom, a.adjust_h},
                      {a.kernel_w, a.stride_w, a.dilation_w, a.pad_left, a.pad_right, a.adjust_w}};
  for (const ConvAxis& axis : {axes.y, axes.x})
    if (axis.span() > kMaxExtent)
      return fail(ErrorCode::kUnsupported, "a filter of {} with dilation {} is too large",
                  axis.kernel, axis.dilation);
  return axes;
}

Status check_nhwc(const Shape& shape, size_t channels) {
  if (shape.rank() != 4 || !checked_numel(shape) || size_t(shape[3]) != channels)
    return fail(ErrorCode::kInvalidArgument, "input has shape {}, expected [n, h, w, {}]",
                to_string(shape), channels);
  if (uint64_t(shape[1]) > kMaxExtent || uint64_t(shape[2]) > kMaxExtent)
    return fail(ErrorCode::kInvalidArgument, "input has shape {}, which is too large",
                to_string(shape));
  return {};
}

Result<Shape> conv_output(const Shape& input, const ConvAxes& axes, const WindowRule& rule,
                          size_t channels) {
  SMELT_ASSIGN(const size_t h, rule.output(axes.y, size_t(input[1])));
  SMELT_ASSIGN(const size_t w, rule.output(axes.x, size_t(input[2])));
  const Shape out{input[0], int64_t(h), int64_t(w), int64_t(channels)};
  if (!checked_numel(out))
    return fail(ErrorCode::kInvalidArgument, "output shape {} is too large", to_string(out));
  return out;
}

namespace {

// Output positions that see the same taps, and the weights of those taps.
struct Phase {
  size_t y, x;
  std::shared_ptr<const PackedWeights> weights;
};

class Conv final : public Op {
 public:
  static Result<std::unique_ptr<const Op>> make(const NodeSpec& spec, const Cpu& cpu,
                                                const WindowRule& rule);

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override;
  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned workers) const override;
  size_t packed_bytes() const noexcept override;

 private:
  Conv(const Cpu& cpu, const WindowRule& rule, const ConvAttrs& attrs, const ConvAxes& axes)
      : cpu_(cpu),
        rule_(rule),
        axes_(axes),
        groups_(attrs.groups),
        kc_(attrs.in_per_group),
        n_(attrs.out_per_group) {}

  Status pack_phases(const Operand& filter, const Operand& bias, const TensorDesc& lhs,
                     std::span<const float> scales, Packing*);
  GemmShape gemm_shape(size_t m, size_t taps) const {
    return {.m = m, .n = n_, .kc = kc_ * joined_taps_, .taps = taps / joined_taps_};
  }
  std::vector<GemmItem> items(const TensorDesc& out, size_t images, size_t in_image,
                              size_t in_group, size_t weights_stride, size_t zero_stride) const;
  /// Whether products read a copy of the input that holds its padding.
  bool copies(const TensorDesc& lhs) const;

  Cpu cpu_;
  const WindowRule& rule_;  // static
  ConvAxes axes_;
  size_t groups_, kc_, n_;
  GemmVariant variant_{};
  OutputStage stage_{};
  const GemmKernel* kernel_ = nullptr;  ///< the one that weights are packed for
  bool copies_ = false;
  size_t joined_taps_ = 1;  ///< neighbouring taps of a line that are one run of k
  std::vector<Phase> phases_;
};

Result<std::unique_ptr<const Op>> Conv::make(const NodeSpec& spec, const Cpu& cpu,
                                             const WindowRule& rule) {
  const auto* attrs = std::get_if<ConvAttrs>(&spec.attrs);
  if (attrs == nullptr || spec.inputs.size() < 2 || spec.outputs.size() != 1)
    return fail(ErrorCode::kInvalidFile,
                "a convolution has an input, a filter, a bias and an output");
  SMELT_ASSIGN(const ConvAxes axes, conv_axes(*attrs));
  const Operand &lhs = spec.inputs[0], &filter = spec.inputs[1];
  const Operand bias = operand_or_absent(spec, 2);
  const TensorDesc& out = spec.outputs[0].desc;
  std::unique_ptr<Conv> op(new Conv(cpu, rule, *attrs, axes));

  // 32 bits times 32 bits.
  const uint64_t channels = uint64_t(attrs->groups) * attrs->out_per_group;
  const Shape expected{int64_t(channels), attrs->kernel_h, attrs->kernel_w, attrs->in_per_group};
  if (!(filter.desc.shape == expected) || !checked_numel(expected))
    return fail(ErrorCode::kInvalidFile, "filter has shape {}, expected {}",
                to_string(filter.desc.shape), to_string(expected));
  if (filter.constant == nullptr || (bias.present && bias.constant == nullptr))
    return fail(ErrorCode::kUnsupported, "filter or bias of a convolution is not constant");
  SMELT_ASSIGN(op->variant_, gemm_variant(lhs.desc, filter.desc, out));
  if (filter.desc.dtype == DType::kU4)
    return fail(ErrorCode::kUnsupported, "filter of type {}", name(filter.desc.dtype));
  SMELT_TRY(check_bias(bias, channels, op->variant_));
  SMELT_ASSIGN(op->stage_, output_stage(spec.range, out));
  SMELT_ASSIGN(const std::vector<float> scales,
               channel_scales(lhs.desc, filter.desc, out, channels));
  if (lhs.desc.is_per_token() && lhs.desc.quant->nonbatch_dims != 3)
    return fail(ErrorCode::kUnsupported, "input is quantised per {} dimensions; supported: 3",
                lhs.desc.quant->nonbatch_dims);
  SMELT_ASSIGN(const std::vector<Shape> declared, op->infer(std::array{lhs.desc.shape}));

  const size_t m = declared[0].numel(0, 3);
  SMELT_ASSIGN(op->kernel_,
               select_gemm(op->variant_, op->gemm_shape(m, axes.y.kernel * axes.x.kernel), cpu));
  op->copies_ = op->copies(lhs.desc);
  if (op->copies_ && &rule == &convolution_rule() && op->groups_ == 1 && axes.x.dilation == 1)
    op->joined_taps_ = axes.x.kernel;
  SMELT_TRY(op->pack_phases(filter, bias, lhs.desc, scales, spec.packing));
  return op;
}

bool Conv::copies(const TensorDesc& lhs) const {
  if (kernel_->lhs_form != LhsForm::kRows || axes_.y.kernel * axes_.x.kernel == 1) return false;
  // A copy is little larger than its image, unless there is far more padding than the filter has
  // use for.
  for (const ConvAxis& axis : {axes_.y, axes_.x})
    if (axis.span() > kMaxCopiedSpan || axis.pad_before >= axis.span() ||
        axis.pad_after >= axis.span())
      return false;
  if (kernel_->prepared.run != nullptr) return true;
  // Otherwise the gain is in joining short taps, which pays where each pixel is read by many
  // windows.
  return groups_ == 1 && axes_.y.stride == 1 && axes_.x.stride == 1 &&
         kc_ * (bits(lhs.dtype) / 8) <= kShortTap;
}

Status Conv::pack_phases(const Operand& filter, const Operand& bias, const TensorDesc& lhs,
                         std::span<const float> scales, Packing* packing) {
  const size_t row = axes_.y.kernel * axes_.x.kernel * kc_;
  for (size_t y = 0; y < rule_.phases(axes_.y); ++y) {
    for (size_t x = 0; x < rule_.phases(axes_.x); ++x) {
      std::vector<size_t> taps;
      for (size_t ky : rule_.taps(axes_.y, y))
        for (size_t kx : rule_.taps(axes_.x, x))
          if (kx % joined_taps_ == 0) taps.push_back((ky * axes_.x.kernel + kx) * kc_);
      PackSource source{
          .data = filter.constant, .dtype = filter.desc.dtype, .row_stride = row, .taps = taps};
      if (bias.present) {
        source.bias = bias.constant;
        source.bias_dtype = bias.desc.dtype;
      }
      source.scale = scales.data();
      source.lhs_zero = lhs.is_quantized() ? lhs.quant->zero : 0;
      SMELT_ASSIGN(auto packed,
                   pack_matrices(kernel_->rhs, kernel_->pack_rhs,
                                 rhs_shape(gemm_shape(0, taps.size() * joined_taps_)), cpu_, source,
                                 groups_, n_ * row, packing, {lhs, kc_}));
      phases_.push_back({y, x, std::move(packed)});
    }
  }
  return {};
}

size_t Conv::packed_bytes() const noexcept {
  size_t bytes = 0;
  for (const Phase& phase : phases_)
    bytes += phase.weights->bytes.size() + phase.weights->zero_row.size();
  return bytes;
}

Result<std::vector<Shape>> Conv::infer(std::span<const Shape> inputs) const {
  SMELT_TRY(check_nhwc(inputs[0], groups_ * kc_));
  SMELT_ASSIGN(const Shape out, conv_output(inputs[0], axes_, rule_, groups_ * n_));
  return std::vector{out};
}

// A product for each image and group.
std::vector<GemmItem> Conv::items(const TensorDesc& out, size_t images, size_t in_image,
                                  size_t in_group, size_t weights_stride,
                                  size_t zero_stride) const {
  const size_t out_bytes = bits(out.dtype) / 8;
  std::vector<GemmItem> items;
  for (size_t image = 0; image < images; ++image)
    for (size_t g = 0; g < groups_; ++g)
      items.push_back({.lhs = image * in_image + g * in_group,
                       .rhs = g * weights_stride,
                       .out = (image * out.shape.numel(1, 4) + g * n_) * out_bytes,
                       .zero = image * zero_stride,
                       .row_quant = image});
  return items;
}

Result<std::unique_ptr<const BoundOp>> Conv::bind(std::span<const TensorDesc> in,
                                                  std::span<const TensorDesc> out,
                                                  unsigned workers) const {
  const Shape &input = in[0].shape, &output = out[0].shape;
  const size_t in_element = bits(in[0].dtype) / 8;
  const size_t pixel = groups_ * kc_ * in_element,
               out_pixel = groups_ * n_ * (bits(out[0].dtype) / 8);
  const bool dynamic = in[0].is_per_token();
  const size_t zero_stride = dynamic ? round_up(kc_, kAlignment) : 0;

  std::vector<WindowRows> windows;
  AxisSpan y_span, x_span;
  for (const Phase& phase : phases_) {
    windows.push_back({.y = rule_.window(axes_.y, phase.y, size_t(input[1]), size_t(output[1])),
                       .x = rule_.window(axes_.x, phase.x, size_t(input[2]), size_t(output[2])),
                       .in_line = size_t(input[2]) * pixel,
                       .in_pixel = pixel,
                       .out_line = size_t(output[2]) * out_pixel,
                       .out_pixel = out_pixel});
    y_span.add(windows.back().y);
    x_span.add(windows.back().x);
  }
  std::optional<PaddedImages> images;
  if (copies_) {
    images.emplace(*kernel_, size_t(input[0]), y_span, x_span, groups_ * kc_,
                   int8_t(in[0].is_quantized() ? in[0].quant->zero : 0));
    if (!images->bytes())
      return fail(ErrorCode::kOutOfMemory, "input {} with its padding is too large",
                  to_string(input));
  }
  const size_t in_image = images ? images->image_bytes() : input.numel(1, 4) * in_element;
  const size_t in_group = kc_ * (images ? images->element_bytes() : in_element);

  std::vector<BoundGemm::Part> parts;
  for (size_t i = 0; i < phases_.size(); ++i) {
    WindowRows& window = windows[i];
    if (window.rows() == 0 && !parts.empty()) continue;
    const size_t taps = window.taps();
    // A filter of one pixel at stride 1 sees its input as it lies: a plain matrix, over all images
    // unless each has its own quantisation.
    const bool plain = phases_.size() == 1 && taps == 1 && input[1] == output[1] &&
                       input[2] == output[2] && axes_.y.stride == 1 && axes_.x.stride == 1 &&
                       axes_.y.pad_before == 0 && axes_.x.pad_before == 0;
    const size_t count = plain && !dynamic ? 1 : size_t(input[0]);
    const size_t m = plain && !dynamic ? size_t(input[0]) * window.rows() : window.rows();
    const GemmShape shape = gemm_shape(m, taps);
    RowMap rows = images ? images->windows(window, joined_taps_ > 1) : std::move(window);
    if (plain) rows = MatrixRows{.lhs_stride = pixel, .out_stride = out_pixel};
    SMELT_ASSIGN(const GemmKernel* kernel, select_gemm(variant_, shape, cpu_, &kernel_->rhs));
    if (images && kernel->prepared.convert != kernel_->prepared.convert) kernel = kernel_;
    SMELT_ASSIGN(GemmPlan plan, plan_gemm(*kernel, shape, std::move(rows),
                                          items(out[0], count, in_image, in_group,
                                                phases_[i].weights->stride, zero_stride),
                                          0, cpu_, workers));
    if (images && kernel->prepared.run != nullptr) plan.rows_form = RowsForm::kPrepared;
    parts.push_back({std::move(plan), phases_[i].weights});
  }
  auto bound = std::make_unique<BoundGemm>(std::move(parts), stage_);
  if (dynamic) bound->set_row_quant(in[0].row_quant_offset());
  if (images)
    bound->set_images(*images);
  else if (dynamic)
    bound->set_dynamic_zero_rows({size_t(input[0]), kc_, zero_stride});
  return bound;
}

}  // namespace

Result<std::unique_ptr<const Op>> make_conv(const NodeSpec& spec, const Cpu& cpu,
                                            const WindowRule& rule) {
  return Conv::make(spec, cpu, rule);
}

}  // namespace smelt
