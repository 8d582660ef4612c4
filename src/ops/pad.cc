// Pad: a border of one value around a tensor.
#include <cmath>
#include <cstring>

#include "base/checked.h"
#include "ops/move.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

/// A value as it is stored, repeated to fill a few cache lines.
struct Pattern {
  static constexpr size_t kBytes = 256;
  std::array<std::byte, kBytes> bytes{};

  template <class T>
  static Pattern of(T value) {
    Pattern p;
    for (size_t i = 0; i < kBytes; i += sizeof value)
      std::memcpy(p.bytes.data() + i, &value, sizeof value);
    return p;
  }
  /// `to` begins at a multiple of the element's size from where the pattern began.
  void fill(std::byte* to, size_t n) const {
    for (size_t i = 0; i < n; i += kBytes)
      std::memcpy(to + i, bytes.data(), std::min(kBytes, n - i));
  }
};

template <class T>
T saturate(float value) {
  if (std::isnan(value)) return 0;
  if (value <= float(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (value >= float(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return T(value);
}

/// Nothing for types that have no stored form of a real number.
std::optional<Pattern> stored_value(const TensorDesc& desc, float value) {
  if (affine_quant(desc)) {
    const QuantizeParams only = quantize_params(desc, {value, value});
    return Pattern::of(uint8_t(std::isnan(value) ? only.zero : only.min));
  }
  switch (desc.dtype) {
    case DType::kF32:
      return Pattern::of(value);
    case DType::kF16:
      return Pattern::of(Half(value));
    case DType::kBF16:
      return Pattern::of(BFloat16(value));
    case DType::kF64:
      return Pattern::of(double(value));
    case DType::kS8:
      return Pattern::of(saturate<int8_t>(value));
    case DType::kU8:
      return Pattern::of(saturate<uint8_t>(value));
    case DType::kS16:
      return Pattern::of(saturate<int16_t>(value));
    case DType::kU16:
      return Pattern::of(saturate<uint16_t>(value));
    case DType::kS32:
      return Pattern::of(saturate<int32_t>(value));
    case DType::kU32:
      return Pattern::of(saturate<uint32_t>(value));
    case DType::kS64:
      return Pattern::of(saturate<int64_t>(value));
    case DType::kU64:
      return Pattern::of(saturate<uint64_t>(value));
    case DType::kBool:
      return Pattern::of(uint8_t(value != 0));
    case DType::kU4:
    case DType::kC32:
    case DType::kC64:
    case DType::kC128:
      break;
  }
  return std::nullopt;
}

class Pad final : public Op {
 public:
  Pad(const VectorKernels& kernels, const PadAttrs& attrs) : kernels_(kernels), attrs_(attrs) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    const Shape& in = inputs[0];
    if (in.rank() != attrs_.pre.rank()) {
      return fail(ErrorCode::kInvalidArgument, "paddings {} do not fit a tensor of shape {}",
                  to_string(attrs_.pre), to_string(in));
    }
    Shape out;
    for (size_t i = 0; i < in.rank(); ++i) {
      const auto half = checked_add(in[i], attrs_.pre[i]);
      const auto whole = half ? checked_add(*half, attrs_.post[i]) : std::nullopt;
      if (attrs_.pre[i] < 0 || attrs_.post[i] < 0 || !whole) {
        return fail(ErrorCode::kInvalidArgument, "paddings {} and {} of a tensor of shape {}",
                    to_string(attrs_.pre), to_string(attrs_.post), to_string(in));
      }
      out.push_back(*whole);
    }
    SMELT_TRY(check_size(out));
    return std::vector<Shape>{out};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned) const override {
    Shape origin;
    origin.resize(in[0].shape.rank(), 0);
    const Block block = make_block(kernels_, in[0].dtype, in[0].shape, origin, out[0].shape,
                                   attrs_.pre, in[0].shape);
    // The value is stored as the input would store it, and requantised with the rest.
    const Pattern pattern = *stored_value(in[0], attrs_.value);
    const Requantizer requantizer(kernels_, in[0], out[0]);
    const size_t n = out[0].shape.numel(), bytes = out[0].bytes();
    return make_bound({.kernel = requantizer.needed() ? kernels_.name : "copy"},
                      [=](Inputs x, Outputs y, RunContext& context) {
                        for_elements(context, bytes, [&](size_t begin, size_t end) {
                          pattern.fill(y[0] + begin, end - begin);
                        });
                        block.run(x[0], y[0], context);
                        requantize(requantizer, y[0], n, context);
                      });
  }

 private:
  const VectorKernels& kernels_;
  PadAttrs attrs_;
};

}  // namespace

Result<std::unique_ptr<const Op>> make_pad(const NodeSpec& spec, const Cpu& cpu) {
  const auto* attrs = std::get_if<PadAttrs>(&spec.attrs);
  if (attrs == nullptr || attrs->pre.rank() != attrs->post.rank()) {
    return fail(ErrorCode::kInvalidArgument, "not one padding before and one after each dimension");
  }
  SMELT_TRY(check_movable(spec, spec.inputs[0].desc, spec.outputs[0].desc));
  return std::make_unique<const Pad>(vector_kernels(cpu), *attrs);
}

}  // namespace smelt
