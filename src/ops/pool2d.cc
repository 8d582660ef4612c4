// Pooling over windows of an NHWC tensor: average, maximum, and maximum with its position.
#include <cmath>

#include "base/checked.h"
#include "ops/move.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

/// One axis of a pooling.
struct Axis {
  int64_t in = 0, out = 0;
  int64_t pool = 1, stride = 1, dilation = 1, pad = 0;

  /// What the window at an output position covers of the input: `count` elements from `position`
  /// on, which are the window's own elements from `first` on.
  struct Cover {
    size_t first, position, count;
  };
  Cover cover(size_t output) const {
    const int64_t start = int64_t(output) * stride - pad;
    const int64_t first = start < 0 ? div_up(-start, dilation) : 0;
    const int64_t end = start >= in ? 0 : std::min(pool, div_up(in - start, dilation));
    if (first >= end) return {0, 0, 0};
    return {size_t(first), size_t(start + first * dilation), size_t(end - first)};
  }

  /// How many windows, from that of an output position on, lie one behind the other in memory:
  /// those that move by one pixel and are whole. Together they are one window, of as many times the
  /// channels, which fills vectors where the channels of a pixel do not.
  size_t alike(size_t output) const {
    const int64_t last = in - 1 - (pool - 1) * dilation + pad;
    if (stride != 1 || int64_t(output) < pad || int64_t(output) > last) return 1;
    return size_t(std::min(last + 1, out) - int64_t(output));
  }
};

Result<Axis> make_axis(const char* which, int64_t in, uint32_t pool, uint32_t stride,
                       uint32_t dilation, uint32_t pad_before, uint32_t pad_after) {
  const auto reach = checked_mul(int64_t(pool) - 1, int64_t(dilation));
  const auto padded = checked_add(in, int64_t(pad_before) + int64_t(pad_after));
  if (!reach || !padded || *reach >= *padded) {
    return fail(
        ErrorCode::kInvalidArgument,
        "a window of {} elements, dilated by {}, is larger than the padded {} of {} + {} + {}",
        pool, dilation, which, pad_before, in, pad_after);
  }
  return Axis{in, (*padded - *reach - 1) / int64_t(stride) + 1, pool, stride, dilation, pad_before};
}

enum class Kind { kAverage, kMaximum, kArgMax };

class Pool2d final : public Op {
 public:
  Pool2d(const VectorKernels& kernels, Kind kind, const PoolAttrs& attrs, OutputRange range)
      : kernels_(kernels), kind_(kind), attrs_(attrs), range_(range) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() != 4) {
      return fail(ErrorCode::kInvalidArgument, "the input is {}, not [n, h, w, c]", to_string(in));
    }
    SMELT_ASSIGN(const Axis y, axis_y(in));
    SMELT_ASSIGN(const Axis x, axis_x(in));
    const Shape out = {in[0], y.out, x.out, in[3]};
    SMELT_TRY(check_size(out));
    return std::vector<Shape>(kind_ == Kind::kArgMax ? 2 : 1, out);
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned) const override {
    const Shape& shape = in[0].shape;
    SMELT_ASSIGN(const Axis y, axis_y(shape));
    SMELT_ASSIGN(const Axis x, axis_x(shape));
    if (kind_ == Kind::kAverage) return bind_average(in[0], out[0], y, x);
    if (kind_ == Kind::kArgMax) {
      const WindowArgMaxFn fn = for_float(kernels_.window_argmax, in[0].dtype);
      return pool(in[0], y, x,
                  [fn, row = size_t(x.pool)](const Window& w, Outputs o, size_t at, size_t bytes,
                                             size_t channels, size_t first) {
                    auto* index = reinterpret_cast<int32_t*>(o[1]) + at;
                    fn(w, o[0] + at * bytes, index, channels, row);
                    // The window was cut at the padding; positions count from the whole one.
                    for (size_t c = 0; first != 0 && c < channels; ++c) index[c] += int32_t(first);
                  });
    }
    const bool bounded = std::isfinite(range_.min) || std::isfinite(range_.max);
    if (is_byte(in[0].dtype)) {
      const WindowMaxFn fn = for_byte(kernels_.window_max_byte, in[0].dtype);
      const ByteClampFn clamp = for_byte(kernels_.clamp_byte, in[0].dtype);
      QuantizeParams limits = {};
      if (bounded) limits = quantize_params(out[0], range_);
      const Requantizer requantizer(kernels_, in[0], out[0]);
      return pool(in[0], y, x,
                  [=](const Window& w, Outputs o, size_t at, size_t, size_t channels, size_t) {
                    fn(w, o[0] + at, channels);
                    if (requantizer.needed()) requantizer.run(o[0] + at, channels);
                    if (bounded) clamp(o[0] + at, o[0] + at, channels, limits.min, limits.max);
                  });
    }
    const WindowMaxFn fn = for_float(kernels_.window_max, in[0].dtype);
    const UnaryFn clamp = for_float(kernels_.unary[size_t(UnaryOp::kClamp)], in[0].dtype);
    const UnaryParams limits = {range_.min, range_.max};
    return pool(in[0], y, x,
                [=](const Window& w, Outputs o, size_t at, size_t bytes, size_t channels, size_t) {
                  std::byte* to = o[0] + at * bytes;
                  fn(w, to, channels);
                  if (bounded) clamp(to, to, channels, limits);
                });
  }

 private:
  Result<Axis> axis_y(const Shape& in) const {
    return make_axis("height", in[1], attrs_.pool_h, attrs_.stride_h, attrs_.dilation_h,
                     attrs_.pad_top, attrs_.pad_bottom);
  }
  Result<Axis> axis_x(const Shape& in) const {
    return make_axis("width", in[2], attrs_.pool_w, attrs_.stride_w, attrs_.dilation_w,
                     attrs_.pad_left, attrs_.pad_right);
  }

  Result<std::unique_ptr<const BoundOp>> bind_average(const TensorDesc& in, const TensorDesc& out,
                                                      const Axis& y, const Axis& x) const {
    if (is_byte(in.dtype)) {
      const WindowByteSumFn fn = for_byte(kernels_.window_sum_byte, in.dtype);
      const QuantizeParams params = quantize_params(out, range_);
      return pool(in, y, x,
                  [=, quant = *affine_quant(in)](const Window& w, Outputs o, size_t at, size_t,
                                                 size_t channels, size_t) {
                    QuantizeParams scaled = params;
                    scaled.inverse_scale *= quant.scale / float(std::max<size_t>(1, w.ny * w.nx));
                    fn(w, o[0] + at, channels, quant.zero, scaled);
                  });
    }
    const WindowSumFn fn = for_float(kernels_.window_sum, in.dtype);
    const FloatRange range = {range_.min, range_.max};
    return pool(in, y, x,
                [=](const Window& w, Outputs o, size_t at, size_t bytes, size_t channels, size_t) {
                  fn(w, o[0] + at * bytes, channels, 1.0f / float(std::max<size_t>(1, w.ny * w.nx)),
                     range);
                });
  }

  /// f(window, outputs, first output element, element bytes, channels, position of the window's
  /// first element).
  template <class F>
  std::unique_ptr<const BoundOp> pool(const TensorDesc& in, const Axis& y, const Axis& x,
                                      F f) const {
    const size_t bytes = bits(in.dtype) / 8, channels = size_t(in.shape[3]);
    const size_t pixel = channels * bytes, row = size_t(x.in) * pixel, image = size_t(y.in) * row;
    const size_t outputs = size_t(in.shape[0]) * size_t(y.out) * size_t(x.out);
    const size_t weight = size_t(y.pool) * size_t(x.pool) * channels;
    return make_bound({.kernel = kernels_.name}, [=](Inputs i, Outputs o, RunContext& context) {
      if (channels == 0) return;
      for_units(context, outputs, weight, [&](size_t begin, size_t end) {
        for (size_t p = begin, run; p < end; p += run) {
          const size_t ox = p % size_t(x.out), oy = p / size_t(x.out) % size_t(y.out);
          const size_t n = p / size_t(x.out) / size_t(y.out);
          Axis::Cover cy = y.cover(oy), cx = x.cover(ox);
          if (cy.count == 0 || cx.count == 0) cy = cx = {0, 0, 0};
          run = std::min(end - p, x.alike(ox));
          const Window window = {i[0] + n * image + cy.position * row + cx.position * pixel,
                                 cy.count, cx.count, ptrdiff_t(row) * ptrdiff_t(y.dilation),
                                 ptrdiff_t(pixel) * ptrdiff_t(x.dilation)};
          f(window, o, p * channels, bytes, run * channels, cy.first * size_t(x.pool) + cx.first);
        }
      });
    });
  }

  const VectorKernels& kernels_;
  Kind kind_;
  PoolAttrs attrs_;
  OutputRange range_;
};

/// Sums of bytes are held in 32 bits.
constexpr uint64_t kMaxByteWindow = uint64_t(1) << 22;

Result<std::unique_ptr<const Op>> make(const NodeSpec& spec, const Cpu& cpu, Kind kind) {
  const auto* given = std::get_if<PoolAttrs>(&spec.attrs);
  if (given == nullptr) return fail(ErrorCode::kInvalidArgument, "no pooling attributes");
  PoolAttrs attrs = *given;
  // Windows with positions tile the input.
  if (kind == Kind::kArgMax) {
    attrs.stride_h = attrs.pool_h;
    attrs.stride_w = attrs.pool_w;
    attrs.dilation_h = attrs.dilation_w = 1;
  }
  const uint64_t window = uint64_t(attrs.pool_h) * attrs.pool_w;
  if (window == 0 || attrs.stride_h == 0 || attrs.stride_w == 0 || attrs.dilation_h == 0 ||
      attrs.dilation_w == 0) {
    return fail(ErrorCode::kInvalidArgument, "window {}x{}, stride {}x{}, dilation {}x{}",
                attrs.pool_h, attrs.pool_w, attrs.stride_h, attrs.stride_w, attrs.dilation_h,
                attrs.dilation_w);
  }
  const TensorDesc& in = spec.inputs[0].desc;
  const TensorDesc& out = spec.outputs[0].desc;
  const bool floats = is_float(in.dtype) && in.dtype == out.dtype;
  if (kind == Kind::kArgMax) {
    if (!floats || spec.outputs[1].desc.dtype != DType::kS32) {
      return unsupported_types(
          spec, "float32, float16 or bfloat16, the same in and out, with int32 positions");
    }
    if (window > uint64_t(INT32_MAX)) {
      return fail(ErrorCode::kUnsupported, "positions in a window of {} elements", window);
    }
  } else if (!floats && !(in.dtype == out.dtype && affine_quant(in) && affine_quant(out))) {
    return unsupported_types(
        spec, "float32, float16, bfloat16, or 8-bit per tensor, the same in and out");
  }
  if (kind == Kind::kAverage && !floats && window > kMaxByteWindow) {
    return fail(ErrorCode::kUnsupported, "the average of {} 8-bit elements", window);
  }
  return std::make_unique<const Pool2d>(vector_kernels(cpu), kind, attrs, spec.range);
}

}  // namespace

Result<std::unique_ptr<const Op>> make_avg_pool2d(const NodeSpec& spec, const Cpu& cpu) {
  return make(spec, cpu, Kind::kAverage);
}

Result<std::unique_ptr<const Op>> make_max_pool2d(const NodeSpec& spec, const Cpu& cpu) {
  return make(spec, cpu, Kind::kMaximum);
}

Result<std::unique_ptr<const Op>> make_argmax_pool2d(const NodeSpec& spec, const Cpu& cpu) {
  return make(spec, cpu, Kind::kArgMax);
}

}  // namespace smelt
