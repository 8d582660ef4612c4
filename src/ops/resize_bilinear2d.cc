// Bilinear resizing of an NHWC tensor.
#include "ops/move.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

/// One axis: where an output position lies between two input positions.
struct Axis {
  size_t in, out;
  float scale, offset;

  struct Place {
    size_t low, high;
    float weight;  ///< of high
  };
  Place place(size_t output) const {
    const float position = std::max(0.0f, (float(output) + offset) * scale - offset);
    const size_t low = std::min(size_t(position), in - 1);
    return {low, std::min(low + 1, in - 1), std::min(1.0f, position - float(low))};
  }
};

Axis make_axis(size_t in, size_t out, const ResizeAttrs& attrs) {
  const bool ends_meet = attrs.align_corners && out > 1;
  const float scale = ends_meet ? float(in - 1) / float(out - 1) : float(in) / float(out);
  // The centre of a pixel is half a pixel from its corner, unless the mapping says that it is the
  // corner.
  return {in, out, scale, attrs.align_corners || attrs.legacy_half_pixel ? 0.0f : 0.5f};
}

class ResizeBilinear2d final : public Op {
 public:
  ResizeBilinear2d(const VectorKernels& kernels, const ResizeAttrs& attrs)
      : kernels_(kernels), attrs_(attrs) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() != 4 || in[1] == 0 || in[2] == 0) {
      return fail(ErrorCode::kInvalidArgument,
                  "the input is {}, not [n, h, w, c] with h and w above 0", to_string(in));
    }
    const Shape out = {in[0], attrs_.height, attrs_.width, in[3]};
    SMELT_TRY(check_size(out));
    return std::vector<Shape>{out};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned) const override {
    const Shape& shape = in[0].shape;
    const Axis y = make_axis(size_t(shape[1]), attrs_.height, attrs_);
    const Axis x = make_axis(size_t(shape[2]), attrs_.width, attrs_);
    const BilinearFn fn = is_byte(in[0].dtype) ? for_byte(kernels_.bilinear_byte, in[0].dtype)
                                               : for_float(kernels_.bilinear, in[0].dtype);
    const Requantizer requantizer(kernels_, in[0], out[0]);
    const size_t channels = size_t(shape[3]), pixel = channels * bits(in[0].dtype) / 8;
    const size_t rows = size_t(shape[0]) * y.out;
    std::vector<Between> pixels;
    for (size_t ox = 0; ox < x.out; ++ox) {
      const Axis::Place place = x.place(ox);
      pixels.push_back({place.low * pixel, place.high * pixel, place.weight});
    }
    return make_bound({.kernel = kernels_.name}, [=](Inputs i, Outputs o, RunContext& context) {
      for_units(context, rows, 4 * x.out * channels, [&](size_t begin, size_t end) {
        for (size_t r = begin; r < end; ++r) {
          const Axis::Place place = y.place(r % y.out);
          const std::byte* image = i[0] + r / y.out * y.in * x.in * pixel;
          std::byte* to = o[0] + r * x.out * pixel;
          fn({.top = image + place.low * x.in * pixel,
              .bottom = image + place.high * x.in * pixel,
              .weight = place.weight,
              .pixels = pixels.data(),
              .count = pixels.size(),
              .channels = channels,
              .in_bytes = x.in * pixel},
             to);
          if (requantizer.needed()) requantizer.run(to, x.out * pixel);
        }
      });
    });
  }

 private:
  const VectorKernels& kernels_;
  ResizeAttrs attrs_;
};

}  // namespace

Result<std::unique_ptr<const Op>> make_resize_bilinear2d(const NodeSpec& spec, const Cpu& cpu) {
  const auto* attrs = std::get_if<ResizeAttrs>(&spec.attrs);
  if (attrs == nullptr) return fail(ErrorCode::kInvalidArgument, "no size");
  if (attrs->height == 0 || attrs->width == 0) {
    return fail(ErrorCode::kInvalidArgument, "an output of {}x{}", attrs->height, attrs->width);
  }
  const TensorDesc& in = spec.inputs[0].desc;
  const TensorDesc& out = spec.outputs[0].desc;
  const bool floats = is_float(in.dtype) && in.dtype == out.dtype;
  if (!floats && !(in.dtype == out.dtype && affine_quant(in) && affine_quant(out))) {
    return unsupported_types(
        spec, "float32, float16, bfloat16, or 8-bit per tensor, the same in and out");
  }
  return std::make_unique<const ResizeBilinear2d>(vector_kernels(cpu), *attrs);
}

}  // namespace smelt
