#include "ops/operand.h"

#include <cmath>
#include <vector>

#include <fmt/ranges.h>

namespace smelt {

namespace {

int32_t lowest(DType t) { return t == DType::kS8 ? -128 : 0; }

}  // namespace

std::string describe(const TensorDesc& desc) {
  std::string text(name(desc.dtype));
  if (!desc.is_quantized()) return text;
  switch (desc.quant->granularity) {
    case QuantGranularity::kPerTensor:
      return text + " per tensor";
    case QuantGranularity::kPerChannel:
      return text + " per channel";
    case QuantGranularity::kPerBlock:
      return text + " per block";
    case QuantGranularity::kPerToken:
      return text + " per token";
    case QuantGranularity::kNone:
      break;
  }
  return text;
}

std::optional<AffineQuant> affine_quant(const TensorDesc& desc) {
  if (!is_byte(desc.dtype) || desc.quant == nullptr ||
      desc.quant->granularity != QuantGranularity::kPerTensor) {
    return std::nullopt;
  }
  return AffineQuant{desc.quant->scale, desc.quant->zero};
}

bool same_encoding(const TensorDesc& a, const TensorDesc& b) {
  if (a.dtype != b.dtype || a.is_quantized() != b.is_quantized()) return false;
  if (!a.is_quantized()) return true;
  if (a.quant->granularity != b.quant->granularity) return false;
  return a.quant->granularity == QuantGranularity::kPerTensor
             ? a.quant->scale == b.quant->scale && a.quant->zero == b.quant->zero
             : a.quant->nonbatch_dims == b.quant->nonbatch_dims;
}

QuantizeParams quantize_params(const TensorDesc& out, const OutputRange& range) {
  const AffineQuant quant = *affine_quant(out);
  const float inverse = 1.0f / quant.scale;
  const int32_t low = lowest(out.dtype), high = low + 255;
  const auto stored = [&](float real, int32_t otherwise) {
    const float q = std::nearbyint(real * inverse) + float(quant.zero);
    if (std::isnan(q)) return otherwise;
    return int32_t(std::clamp(q, float(low), float(high)));
  };
  return {inverse, quant.zero, stored(range.min, low), stored(range.max, high)};
}

tl::unexpected<Error> unsupported_types(const NodeSpec& spec, std::string_view supported) {
  std::vector<std::string> in, out;
  for (const Operand& o : spec.inputs) in.push_back(o.present ? describe(o.desc) : "absent");
  for (const Operand& o : spec.outputs) out.push_back(describe(o.desc));
  return fail(ErrorCode::kUnsupported, "operands ({}) to ({}); supported: {}", fmt::join(in, ", "),
              fmt::join(out, ", "), supported);
}

Requantizer::Requantizer(const VectorKernels& kernels, const TensorDesc& in,
                         const TensorDesc& out) {
  if (same_encoding(in, out) || !affine_quant(in) || !affine_quant(out)) return;
  kernels_ = &kernels;
  table_ = byte_table(kernels, in, out, {}, [](const float*, float*, size_t) {});
}

Status check_movable(const NodeSpec& spec, const TensorDesc& in, const TensorDesc& out) {
  if (in.dtype == DType::kU4) return unsupported_types(spec, "elements of whole bytes");
  if (in.is_per_token() || !(same_encoding(in, out) || (affine_quant(in) && affine_quant(out)))) {
    return unsupported_types(spec, "the same type in and out, or 8-bit per tensor");
  }
  return {};
}

Status check_size(const Shape& shape) {
  if (!checked_numel(shape)) {
    return fail(ErrorCode::kInvalidArgument, "the output would be {}, which is too large",
                to_string(shape));
  }
  return {};
}

}  // namespace smelt
