#include <array>
#include <cstring>

#include "base/checked.h"
#include "kernels/dwconv/driver.h"
#include "kernels/dwconv/kernels.h"
#include "kernels/kernel_name.h"
#include "ops/column_images.h"
#include "ops/conv_op.h"

namespace smelt {

namespace {

// With a multiplier above 1 the input is first spread, so that each output channel has an input
// channel of its own.
struct Spread {
  size_t pixels, channels, multiplier, element;
  size_t bytes() const { return pixels * channels * multiplier * element; }
};

template <class T>
void spread_pixel(const std::byte* in, size_t channels, size_t multiplier, std::byte* out) {
  for (size_t c = 0; c < channels; ++c)
    for (size_t i = 0; i < multiplier; ++i)
      std::memcpy(out + (c * multiplier + i) * sizeof(T), in + c * sizeof(T), sizeof(T));
}

void spread(const Spread& s, const std::byte* in, std::byte* out, ThreadPool& pool) {
  const auto work = [&](size_t begin, size_t end, unsigned) {
    for (size_t i = begin; i < end; ++i) {
      const std::byte* from = in + i * s.channels * s.element;
      std::byte* to = out + i * s.channels * s.multiplier * s.element;
      switch (s.element) {
        case 4:
          spread_pixel<uint32_t>(from, s.channels, s.multiplier, to);
          break;
        case 2:
          spread_pixel<uint16_t>(from, s.channels, s.multiplier, to);
          break;
        default:
          spread_pixel<uint8_t>(from, s.channels, s.multiplier, to);
          break;
      }
    }
  };
  pool.parallel_for(s.pixels, std::max<size_t>(1, s.pixels / (4 * pool.workers())), work);
}

class BoundDepthwise final : public BoundOp {
 public:
  BoundDepthwise(DwconvPlan plan, std::shared_ptr<const PackedWeights> weights, OutputStage stage,
                 std::optional<Spread> spread)
      : plan_(std::move(plan)), weights_(std::move(weights)), stage_(stage), spread_(spread) {}

  size_t scratch_bytes() const noexcept override { return spread_bytes() + plan_.scratch_bytes; }
  void run(std::span<const std::byte* const> in, std::span<std::byte* const> out,
           RunContext& context) const noexcept override {
    const std::byte* input = in[0];
    if (spread_) {
      spread(*spread_, input, context.scratch.data(), context.pool);
      input = context.scratch.data();
    }
    run_dwconv(plan_,
               {.in = input,
                .filter = weights_->bytes.data(),
                .zero = weights_->zero_row.data(),
                .out = out[0],
                .stage = stage_},
               context.pool, context.scratch.subspan(spread_bytes()));
  }
  std::string_view kernel() const noexcept override { return plan_.kernel->name; }
  uint64_t macs() const noexcept override { return plan_.macs(); }
  std::optional<KernelChoice> choice(const Cpu& cpu) const override {
    KernelChoice choice{.variant = name(plan_.kernel->variant),
                        .isa = plan_.kernel->isa,
                        .tile = std::string(parse_kernel_name(plan_.kernel->name).tile),
                        .rejected = {}};
    for (const DwconvKernel* other : dwconv_kernels(cpu))
      if (other->variant == plan_.kernel->variant && other != plan_.kernel)
        choice.rejected.push_back({other->name, other->isa,
                                   cpu.isa.has(other->isa)
                                       ? fmt::format("{} is less capable than {}", name(other->isa),
                                                     name(plan_.kernel->isa))
                                       : fmt::format("{} is not available", name(other->isa))});
    return choice;
  }

 private:
  size_t spread_bytes() const { return spread_ ? round_up(spread_->bytes(), kAlignment) : 0; }

  DwconvPlan plan_;
  std::shared_ptr<const PackedWeights> weights_;
  OutputStage stage_;
  std::optional<Spread> spread_;
};

class DepthwiseConv2d final : public Op {
 public:
  static Result<std::unique_ptr<const Op>> make(const NodeSpec& spec, const Cpu& cpu);

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    SMELT_TRY(check_nhwc(inputs[0], channels_));
    SMELT_ASSIGN(const Shape out,
                 conv_output(inputs[0], axes_, convolution_rule(), channels_ * multiplier_));
    return std::vector{out};
  }
  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned workers) const override;
  size_t packed_bytes() const noexcept override {
    return weights_->bytes.size() + weights_->zero_row.size();
  }

 private:
  DepthwiseConv2d(const Cpu& cpu, const ConvAxes& axes, size_t channels, size_t multiplier)
      : cpu_(cpu), axes_(axes), channels_(channels), multiplier_(multiplier) {}

  Status pack_filter(const Operand& filter, const Operand& bias, const TensorDesc& in,
                     std::span<const float> scales, Packing*);

  Cpu cpu_;
  ConvAxes axes_;
  size_t channels_, multiplier_;
  OutputStage stage_{};
  const DwconvKernel* kernel_ = nullptr;
  std::shared_ptr<const PackedWeights> weights_;
};

Result<DwconvVariant> dwconv_variant(GemmVariant variant, const TensorDesc& in,
                                     const TensorDesc& out) {
  switch (variant) {
    case GemmVariant::kPf32:
      return DwconvVariant::kF32;
    case GemmVariant::kPf16:
      return DwconvVariant::kF16;
    case GemmVariant::kPqs8Qc8w:
      return DwconvVariant::kQs8;
    default:
      return fail(ErrorCode::kUnsupported,
                  "depthwise {} -> {}; supported: float32, float16, int8 (per tensor)",
                  name(in.dtype), name(out.dtype));
  }
}

Result<std::unique_ptr<const Op>> DepthwiseConv2d::make(const NodeSpec& spec, const Cpu& cpu) {
  const auto* attrs = std::get_if<ConvAttrs>(&spec.attrs);
  if (attrs == nullptr || spec.inputs.size() < 2 || spec.outputs.size() != 1)
    return fail(ErrorCode::kInvalidFile,
                "a depthwise convolution has an input, a filter, a bias and an output");
  SMELT_ASSIGN(const ConvAxes axes, conv_axes(*attrs));
  const Operand &in = spec.inputs[0], &filter = spec.inputs[1];
  const Operand bias = operand_or_absent(spec, 2);
  const TensorDesc& out = spec.outputs[0].desc;
  if (attrs->in_per_group != 1)
    return fail(ErrorCode::kInvalidFile, "in_per_group is {}, expected 1", attrs->in_per_group);
  const uint64_t channels = uint64_t(attrs->groups) * attrs->out_per_group;
  const Shape expected{1, attrs->kernel_h, attrs->kernel_w, int64_t(channels)};
  if (!(filter.desc.shape == expected) || !checked_numel(expected))
    return fail(ErrorCode::kInvalidFile, "filter has shape {}, expected {}",
                to_string(filter.desc.shape), to_string(expected));
  if (filter.constant == nullptr || (bias.present && bias.constant == nullptr))
    return fail(ErrorCode::kUnsupported, "filter or bias of a convolution is not constant");

  std::unique_ptr<DepthwiseConv2d> op(
      new DepthwiseConv2d(cpu, axes, attrs->groups, attrs->out_per_group));
  SMELT_ASSIGN(const GemmVariant types, gemm_variant(in.desc, filter.desc, out));
  SMELT_ASSIGN(const DwconvVariant variant, dwconv_variant(types, in.desc, out));
  SMELT_TRY(check_bias(bias, channels, types));
  SMELT_ASSIGN(op->stage_, output_stage(spec.range, out));
  SMELT_ASSIGN(const std::vector<float> scales,
               channel_scales(in.desc, filter.desc, out, channels));
  SMELT_TRY(op->infer(std::array{in.desc.shape}));
  SMELT_ASSIGN(op->kernel_, select_dwconv(variant, cpu));
  SMELT_TRY(op->pack_filter(filter, bias, in.desc, scales, spec.packing));
  return op;
}

Status DepthwiseConv2d::pack_filter(const Operand& filter, const Operand& bias,
                                    const TensorDesc& in, std::span<const float> scales,
                                    Packing* packing) {
  const size_t channels = channels_ * multiplier_;
  std::vector<size_t> taps(axes_.y.kernel * axes_.x.kernel);
  for (size_t t = 0; t < taps.size(); ++t) taps[t] = t * channels;
  PackSource source{
      .data = filter.constant, .dtype = filter.desc.dtype, .row_stride = 1, .taps = taps};
  if (bias.present) {
    source.bias = bias.constant;
    source.bias_dtype = bias.desc.dtype;
  }
  source.scale = scales.data();
  source.lhs_zero = in.is_quantized() ? in.quant->zero : 0;
  const PackShape shape{.rows = channels, .kc = 1, .taps = taps.size()};
  SMELT_ASSIGN(weights_, pack_matrices(kernel_->filter, pack_panels, shape, cpu_, source, 1, 0,
                                       packing, {in, channels}));
  return {};
}

Result<std::unique_ptr<const BoundOp>> DepthwiseConv2d::bind(std::span<const TensorDesc> in,
                                                             std::span<const TensorDesc> out,
                                                             unsigned workers) const {
  const Shape &input = in[0].shape, &output = out[0].shape;
  const size_t channels = channels_ * multiplier_;
  const size_t element = bits(in[0].dtype) / 8, out_pixel = channels * (bits(out[0].dtype) / 8);
  std::optional<Spread> spread;
  if (multiplier_ > 1) {
    const Shape wide{input[0], input[1], input[2], int64_t(channels)};
    if (!checked_numel(wide))
      return fail(ErrorCode::kOutOfMemory, "{} pixels of {} channels are too large",
                  input.numel(0, 3), channels);
    spread = Spread{input.numel(0, 3), channels_, multiplier_, element};
  }
  WindowRows rows{.y = convolution_rule().window(axes_.y, 0, size_t(input[1]), size_t(output[1])),
                  .x = convolution_rule().window(axes_.x, 0, size_t(input[2]), size_t(output[2])),
                  .in_line = size_t(input[2]) * channels * element,
                  .in_pixel = channels * element,
                  .out_line = size_t(output[2]) * out_pixel,
                  .out_pixel = out_pixel};
  DwconvPlan plan = plan_dwconv(*kernel_, cpu_, channels, std::move(rows), size_t(input[0]),
                                size_t(input[1] * input[2]) * channels * element,
                                output.numel(1, 3) * out_pixel, workers);
  return std::make_unique<BoundDepthwise>(std::move(plan), weights_, stage_, spread);
}

}  // namespace

Result<std::unique_ptr<const Op>> make_depthwise_conv2d(const NodeSpec& spec, const Cpu& cpu) {
  return make_seeing_lines(spec, cpu, DepthwiseConv2d::make);
}

}  // namespace smelt
