// The mean over height and width of an NHWC tensor.
#include "ops/bound.h"
#include "ops/operand.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

/// Channels that one unit of work takes: a cache line of bytes, or a few of floats.
constexpr size_t kBlock = 64;
/// Sums of bytes are held in 32 bits.
constexpr size_t kMaxBytePixels = size_t(1) << 22;

class GlobalAvgPool2d final : public Op {
 public:
  GlobalAvgPool2d(const VectorKernels& kernels, OutputRange range, bool keep_dims)
      : kernels_(kernels), range_(range), keep_dims_(keep_dims) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() != 4) {
      return fail(ErrorCode::kInvalidArgument, "the input is {}, not [n, h, w, c]", to_string(in));
    }
    return std::vector<Shape>{keep_dims_ ? Shape{in[0], 1, 1, in[3]} : Shape{in[0], in[3]}};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned) const override {
    const Shape& shape = in[0].shape;
    const size_t pixels = shape.numel(1, 3);
    const BoundInfo info = {.kernel = kernels_.name};
    if (is_byte(in[0].dtype)) {
      if (pixels > kMaxBytePixels)
        return fail(ErrorCode::kUnsupported, "the average of {} 8-bit elements", pixels);
      const WindowByteSumFn fn = for_byte(kernels_.window_sum_byte, in[0].dtype);
      const AffineQuant quant = *affine_quant(in[0]);
      QuantizeParams params = quantize_params(out[0], range_);
      params.inverse_scale *= quant.scale / float(std::max<size_t>(1, pixels));
      return blocks(info, in[0], [=](const Window& w, std::byte* to, size_t channels) {
        fn(w, to, channels, quant.zero, params);
      });
    }
    const WindowSumFn fn = for_float(kernels_.window_sum, in[0].dtype);
    const float scale = 1.0f / float(pixels);
    const FloatRange range = {range_.min, range_.max};
    return blocks(info, in[0], [=](const Window& w, std::byte* to, size_t channels) {
      fn(w, to, channels, scale, range);
    });
  }

 private:
  template <class F>
  static std::unique_ptr<const BoundOp> blocks(const BoundInfo& info, const TensorDesc& in, F f) {
    const size_t bytes = bits(in.dtype) / 8, channels = size_t(in.shape[3]),
                 pixels = in.shape.numel(1, 3);
    const size_t batch = size_t(in.shape[0]), per_image = (channels + kBlock - 1) / kBlock;
    return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
      for_units(context, batch * per_image, kBlock * pixels, [&](size_t begin, size_t end) {
        for (size_t unit = begin; unit < end; ++unit) {
          const size_t n = unit / per_image, c = unit % per_image * kBlock;
          const Window window = {x[0] + (n * pixels * channels + c) * bytes, 1, pixels, 0,
                                 ptrdiff_t(channels * bytes)};
          f(window, y[0] + (n * channels + c) * bytes, std::min(kBlock, channels - c));
        }
      });
    });
  }

  const VectorKernels& kernels_;
  OutputRange range_;
  bool keep_dims_;
};

}  // namespace

Result<std::unique_ptr<const Op>> make_global_avg_pool2d(const NodeSpec& spec, const Cpu& cpu) {
  const TensorDesc& in = spec.inputs[0].desc;
  const TensorDesc& out = spec.outputs[0].desc;
  const bool floats = is_float(in.dtype) && in.dtype == out.dtype;
  if (!floats && !(in.dtype == out.dtype && affine_quant(in) && affine_quant(out))) {
    return unsupported_types(
        spec, "float32, float16, bfloat16, or 8-bit per tensor, the same in and out");
  }
  return std::make_unique<const GlobalAvgPool2d>(vector_kernels(cpu), spec.range,
                                                 out.shape.rank() != 2);
}

}  // namespace smelt
