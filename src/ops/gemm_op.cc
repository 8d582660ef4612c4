#include "ops/gemm_op.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>

#include "base/checked.h"
#include "kernels/gemm/variant.h"

namespace smelt {

namespace {

std::string describe(const TensorDesc& desc) {
  std::string text(name(desc.dtype));
  switch (desc.is_quantized() ? desc.quant->granularity : QuantGranularity::kNone) {
    case QuantGranularity::kNone:
      break;
    case QuantGranularity::kPerTensor:
      text += " (per tensor)";
      break;
    case QuantGranularity::kPerChannel:
      text += " (per channel)";
      break;
    case QuantGranularity::kPerBlock:
      text += " (per block)";
      break;
    case QuantGranularity::kPerToken:
      text += " (per token)";
      break;
  }
  return text;
}

bool is_float(const TensorDesc& desc) {
  return !desc.is_quantized() &&
         (desc.dtype == DType::kF32 || desc.dtype == DType::kF16 || desc.dtype == DType::kBF16);
}

bool has(const TensorDesc& desc, DType dtype, QuantGranularity granularity) {
  return desc.dtype == dtype && desc.is_quantized() && desc.quant->granularity == granularity;
}

std::optional<GemmVariant> float_variant(DType lhs, DType out) {
  if (lhs == DType::kF32 && out == DType::kF32) return GemmVariant::kPf32;
  if (lhs == DType::kF16 && out == DType::kF16) return GemmVariant::kPf16;
  if (lhs == DType::kBF16 && out == DType::kBF16) return GemmVariant::kPbf16;
  if (lhs == DType::kBF16 && out == DType::kF32) return GemmVariant::kPbf16F32;
  return std::nullopt;
}

std::optional<GemmVariant> dynamic_variant(const TensorDesc& rhs, DType out) {
  using enum QuantGranularity;
  const bool half = out == DType::kF16;
  if (!half && out != DType::kF32) return std::nullopt;
  if (has(rhs, DType::kS8, kPerChannel) || has(rhs, DType::kS8, kPerTensor))
    return half ? GemmVariant::kQp8F16Qc8w : GemmVariant::kQp8F32Qc8w;
  if (has(rhs, DType::kU4, kPerChannel))
    return half ? GemmVariant::kQp8F16Qc4w : GemmVariant::kQp8F32Qc4w;
  if (has(rhs, DType::kU4, kPerBlock))
    return half ? GemmVariant::kQp8F16Qb4w : GemmVariant::kQp8F32Qb4w;
  return std::nullopt;
}

bool usable_scale(float scale) { return std::isfinite(scale) && scale > 0; }

size_t bytes_of(DType dtype) { return bits(dtype) / 8; }

}  // namespace

Result<GemmVariant> gemm_variant(const TensorDesc& lhs, const TensorDesc& rhs,
                                 const TensorDesc& out) {
  using enum QuantGranularity;
  std::optional<GemmVariant> variant;
  if (is_float(lhs) && is_float(rhs) && is_float(out)) {
    variant = float_variant(lhs.dtype, out.dtype);
  } else if (has(lhs, DType::kS8, kPerToken) && is_float(out)) {
    variant = dynamic_variant(rhs, out.dtype);
  } else if (has(lhs, DType::kS8, kPerTensor) && has(out, DType::kS8, kPerTensor) &&
             (has(rhs, DType::kS8, kPerChannel) || has(rhs, DType::kS8, kPerTensor))) {
    variant = GemmVariant::kPqs8Qc8w;
  }
  if (!variant)
    return fail(ErrorCode::kUnsupported,
                "{} x {} -> {}; supported: float32, float16 and bfloat16, int8 (per token) x int8 "
                "or uint4 -> float32 or "
                "float16, int8 (per tensor) x int8 -> int8 (per tensor)",
                describe(lhs), describe(rhs), describe(out));
  if (rhs.is_quantized()) {
    const int32_t expected = rhs.dtype == DType::kU4 ? 8 : 0;
    if (rhs.quant->zero != expected)
      return fail(ErrorCode::kUnsupported, "weights of type {} have zero point {}; supported: {}",
                  describe(rhs), rhs.quant->zero, expected);
  }
  return *variant;
}

Result<OutputStage> output_stage(const OutputRange& range, const TensorDesc& out) {
  if (!(range.min <= range.max))
    return fail(ErrorCode::kInvalidFile, "output range [{}, {}] is empty", range.min, range.max);
  switch (out.dtype) {
    // Bounds that the type cannot represent would not clamp to themselves.
    case DType::kF16:
      return OutputStage{float(Half(range.min)), float(Half(range.max)), 0};
    case DType::kBF16:
      return OutputStage{float(BFloat16(range.min)), float(BFloat16(range.max)), 0};
    case DType::kS8:
      break;
    default:
      return OutputStage{range.min, range.max, 0};
  }
  const float scale = out.quant->scale;
  const int32_t zero = out.quant->zero;
  if (!usable_scale(scale)) return fail(ErrorCode::kInvalidFile, "output scale is {}", scale);
  if (zero < -128 || zero > 127)
    return fail(ErrorCode::kInvalidFile, "output zero point is {}", zero);
  const auto bound = [&](float real) {
    return std::nearbyint(std::clamp(real / scale + float(zero), -128.0f, 127.0f)) - float(zero);
  };
  return OutputStage{bound(range.min), bound(range.max), zero};
}

Result<std::vector<float>> channel_scales(const TensorDesc& lhs, const TensorDesc& rhs,
                                          const TensorDesc& out, size_t channels) {
  std::vector<float> scales;
  if (!rhs.is_quantized() || rhs.quant->granularity == QuantGranularity::kPerBlock) return scales;
  if (rhs.quant->granularity == QuantGranularity::kPerTensor) {
    scales.assign(channels, rhs.quant->scale);
  } else {
    const std::span<const float> given = rhs.quant->channel_scale;
    if (given.size() != channels)
      return fail(ErrorCode::kInvalidFile, "weights have {} scales for {} channels", given.size(),
                  channels);
    scales.assign(given.begin(), given.end());
  }
  const bool requantize = out.is_quantized();
  if (requantize && !usable_scale(lhs.quant->scale))
    return fail(ErrorCode::kInvalidFile, "input scale is {}", lhs.quant->scale);
  for (float& s : scales) {
    if (!usable_scale(s)) return fail(ErrorCode::kInvalidFile, "a weight scale is {}", s);
    if (requantize) s = lhs.quant->scale * s / out.quant->scale;
    if (!std::isfinite(s))
      return fail(ErrorCode::kInvalidFile, "the quotient of input and output scales overflows");
  }
  return scales;
}

Status check_bias(const Operand& bias, size_t channels, GemmVariant variant) {
  if (!bias.present) return {};
  if (checked_numel(bias.desc.shape) != channels)
    return fail(ErrorCode::kInvalidFile, "bias has shape {}, expected {} elements",
                to_string(bias.desc.shape), channels);
  const bool fits =
      variant == GemmVariant::kPqs8Qc8w ? bias.desc.dtype == DType::kS32 : is_float(bias.desc);
  if (!fits)
    return fail(ErrorCode::kUnsupported, "bias of type {} for {}", name(bias.desc.dtype),
                signature(variant).name);
  return {};
}

Result<std::shared_ptr<const PackedWeights>> pack_matrices(const PackLayout& layout,
                                                           PackPanels* pack, const PackShape& shape,
                                                           const Cpu& cpu, const PackSource& source,
                                                           size_t matrices, size_t source_step,
                                                           Packing* packing, const ZeroRow& zeros) {
  const auto one = packed_bytes(layout, shape, cpu.sme_vl32);
  const auto all = one ? checked_mul(*one, matrices) : std::nullopt;
  if (!all)
    return fail(ErrorCode::kOutOfMemory, "{} weight matrices of {} x {} x {} are too large",
                matrices, shape.rows, shape.taps, shape.kc);
  const int32_t zero = zeros.lhs.is_quantized() ? zeros.lhs.quant->zero : 0;
  WeightCache::Key key;
  if (packing != nullptr && packing->cache != nullptr) {
    key = {layout, pack, shape, cpu.sme_vl32,   matrices,        source_step, source,
           {},     {},   {},    zeros.elements, zeros.lhs.dtype, zero};
    key.taps.assign(source.taps.begin(), source.taps.end());
    if (source.scale != nullptr)
      key.scale.assign(source.scale, source.scale + shape.rows * matrices);
    if (source.block_scale != nullptr) {
      key.block_scale.assign(source.block_scale,
                             source.block_scale + shape.rows * (shape.kc / shape.block));
    }
    key.source.taps = {};
    key.source.scale = nullptr;
    key.source.block_scale = nullptr;
    if (auto found = packing->cache->find(key)) {
      packing->shared_bytes += found->bytes.size() + found->zero_row.size();
      return found;
    }
  }

  auto packed = std::make_shared<PackedWeights>();
  packed->stride = *one;
  SMELT_ASSIGN(packed->bytes, AlignedBuffer::allocate(*all));
  for (size_t i = 0; i < matrices; ++i) {
    PackSource s = source;
    s.data += i * source_step * bits(source.dtype) / 8;
    if (s.bias != nullptr) s.bias += i * shape.rows * bytes_of(source.bias_dtype);
    if (s.scale != nullptr) s.scale += i * shape.rows;
    pack(layout, shape, cpu.sme_vl32, s, 0, panel_count(layout, shape, cpu.sme_vl32),
         packed->bytes.data() + i * packed->stride);
  }
  if (zeros.elements != 0) {
    const auto bytes = checked_mul(zeros.elements, bytes_of(zeros.lhs.dtype));
    if (!bytes)
      return fail(ErrorCode::kOutOfMemory, "a row of {} elements is too large", zeros.elements);
    SMELT_ASSIGN(packed->zero_row, AlignedBuffer::allocate(*bytes));
    std::memset(packed->zero_row.data(), zero, *bytes);
  }
  if (packing != nullptr && packing->cache != nullptr) packing->cache->add(std::move(key), packed);
  return packed;
}

// ---- the bound form -------------------------------------------------------------------------------------------------

size_t BoundGemm::scratch_bytes() const noexcept {
  size_t bytes = 0;
  for (const Part& part : parts_) bytes = std::max(bytes, part.plan.scratch_bytes);
  if (packing_) bytes += packing_->bytes();
  if (zero_rows_) bytes += zero_rows_->images * zero_rows_->stride;
  if (images_) bytes += *images_->bytes();
  return bytes;
}

void BoundGemm::run(std::span<const std::byte* const> in, std::span<std::byte* const> out,
                    RunContext& context) const noexcept {
  GemmOperands operands{.lhs = in[0], .out = out[0], .stage = stage_};
  if (row_quant_offset_)
    operands.row_quant = reinterpret_cast<const RowQuant*>(in[0] + *row_quant_offset_);
  std::span<std::byte> scratch = context.scratch;

  if (packing_) {
    std::byte* packed = scratch.data();
    scratch = scratch.subspan(packing_->bytes());
    PackSource source = packing_->source;
    source.data = in[1];
    source.bias = in.size() > 2 ? in[2] : nullptr;
    const size_t panels = panel_count(packing_->layout, packing_->shape, packing_->vl32);
    const auto work = [&](size_t begin, size_t end, unsigned) {
      for (size_t i = begin; i < end; ++i) {
        PackSource one = source;
        one.data += i / panels * packing_->source_step;
        packing_->pack(packing_->layout, packing_->shape, packing_->vl32, one, i % panels,
                       i % panels + 1, packed + i / panels * packing_->stride);
      }
    };
    const size_t total = panels * packing_->matrices;
    context.pool.parallel_for(total, std::max<size_t>(1, total / (4 * context.pool.workers())),
                              work);
    operands.rhs = packed;
  }
  if (zero_rows_) {
    for (size_t i = 0; i < zero_rows_->images; ++i)
      std::memset(scratch.data() + i * zero_rows_->stride, operands.row_quant[i].zero,
                  zero_rows_->elements);
    operands.zero = scratch.data();
    scratch = scratch.subspan(zero_rows_->images * zero_rows_->stride);
  }
  if (images_) {
    images_->run(in[0], operands.row_quant, scratch.data(), context.pool);
    operands.lhs = scratch.data();
    scratch = scratch.subspan(*images_->bytes());
  }
  for (const Part& part : parts_) {
    if (part.weights != nullptr) {
      operands.rhs = part.weights->bytes.data();
      if (!zero_rows_) operands.zero = part.weights->zero_row.data();
    }
    run_gemm(part.plan, operands, context.pool, scratch);
  }
}

std::string_view BoundGemm::kernel() const noexcept { return parts_.front().plan.kernel->name; }

uint64_t BoundGemm::macs() const noexcept {
  uint64_t macs = 0;
  for (const Part& part : parts_) macs += part.plan.macs();
  return macs;
}

std::optional<KernelChoice> BoundGemm::choice(const Cpu& cpu) const {
  const GemmPlan& plan = parts_.front().plan;
  const GemmKernel& kernel = *plan.kernel;
  const auto edge = [](Extent e) { return fmt::format("{}{}", e.count, e.times_vl ? "vl" : ""); };
  KernelChoice choice{.variant = signature(kernel.variant).name,
                      .isa = kernel.isa,
                      .tile = fmt::format("{}x{}", edge(kernel.mr), edge(kernel.nr)),
                      .rejected = {}};
  // The selection that chose, asked again for its reasons. Where weights were packed for another
  // shape than this one, their layout decided.
  std::vector<RejectedKernel> rejected;
  const auto free_choice = select_gemm(kernel.variant, plan.shape, cpu, nullptr, &rejected);
  if (!free_choice || *free_choice != &kernel) {
    rejected.clear();
    std::ignore = select_gemm(kernel.variant, plan.shape, cpu, &kernel.rhs, &rejected);
  }
  for (RejectedKernel& r : rejected)
    choice.rejected.push_back({r.kernel->name, r.kernel->isa, std::move(r.why)});
  std::sort(choice.rejected.begin(), choice.rejected.end(), [](const auto& a, const auto& b) {
    return a.isa != b.isa ? a.isa > b.isa : a.kernel < b.kernel;
  });
  return choice;
}

}  // namespace smelt
