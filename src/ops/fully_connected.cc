#include <array>

#include "base/checked.h"
#include "ops/gemm_op.h"
#include "ops/gemm_ops.h"

namespace smelt {

namespace {

struct Weights {
  size_t n, k;
};

Result<Weights> weights_of(const Shape& shape, bool transposed) {
  if (shape.rank() != 2 || !checked_numel(shape))
    return fail(ErrorCode::kInvalidArgument, "weights have shape {}, expected two dimensions",
                to_string(shape));
  const size_t a = size_t(shape[0]), b = size_t(shape[1]);
  return transposed ? Weights{b, a} : Weights{a, b};
}

class FullyConnected final : public Op {
 public:
  static Result<std::unique_ptr<const Op>> make(const NodeSpec& spec, const Cpu& cpu);

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override;
  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned workers) const override;
  std::optional<QuantizedLhs> quantized_lhs(std::span<const TensorDesc> in) const override;
  size_t packed_bytes() const noexcept override {
    return packed_ == nullptr ? 0 : packed_->bytes.size();
  }

 private:
  FullyConnected(const Cpu& cpu, bool transposed) : cpu_(cpu), transposed_(transposed) {}

  Result<const GemmKernel*> kernel_for(const GemmShape& shape) const {
    return select_gemm(variant_, shape, cpu_, packed_ == nullptr ? nullptr : &kernel_->rhs);
  }
  GemmShape shape_for(const TensorDesc& lhs, const Weights& weights) const {
    return {.m = lhs.shape.numel(0, lhs.shape.rank() - 1),
            .n = weights.n,
            .kc = weights.k,
            .block = block_};
  }
  PackSource source(const Operand& weights, const Operand& bias, const Weights& shape) const;

  Cpu cpu_;
  bool transposed_;
  bool has_bias_ = false;
  GemmVariant variant_{};
  OutputStage stage_{};
  size_t block_ = 0;
  const GemmKernel* kernel_ = nullptr;  ///< the one that weights are packed for
  std::shared_ptr<const PackedWeights> packed_;
  PackSource runtime_source_;  ///< strides and types, if weights or bias are computed while running
};

// Strides and types; pointers only where the operands are constant.
PackSource FullyConnected::source(const Operand& weights, const Operand& bias,
                                  const Weights& shape) const {
  PackSource s{.data = weights.constant, .dtype = weights.desc.dtype};
  // Nibbles fill whole bytes in each line of memory.
  const size_t pitch = weights.desc.dtype == DType::kU4
                           ? round_up(transposed_ ? shape.n : shape.k, size_t(2))
                           : (transposed_ ? shape.n : shape.k);
  s.row_stride = transposed_ ? 1 : pitch;
  s.k_stride = transposed_ ? pitch : 1;
  if (bias.present) {
    s.bias = bias.constant;
    s.bias_dtype = bias.desc.dtype;
  }
  return s;
}

Result<std::unique_ptr<const Op>> FullyConnected::make(const NodeSpec& spec, const Cpu& cpu) {
  const auto* attrs = std::get_if<FullyConnectedAttrs>(&spec.attrs);
  if (attrs == nullptr || spec.inputs.size() < 2 || spec.outputs.size() != 1)
    return fail(ErrorCode::kInvalidFile,
                "a fully connected node has an input, weights, a bias and an output");
  const Operand &lhs = spec.inputs[0], &weights = spec.inputs[1];
  const Operand bias = operand_or_absent(spec, 2);
  const TensorDesc& out = spec.outputs[0].desc;
  std::unique_ptr<FullyConnected> op(new FullyConnected(cpu, attrs->transpose_weights));

  SMELT_ASSIGN(op->variant_, gemm_variant(lhs.desc, weights.desc, out));
  SMELT_ASSIGN(const Weights shape, weights_of(weights.desc.shape, op->transposed_));
  SMELT_TRY(check_bias(bias, shape.n, op->variant_));
  op->has_bias_ = bias.present;
  SMELT_ASSIGN(op->stage_, output_stage(spec.range, out));
  SMELT_ASSIGN(const std::vector<float> scales,
               channel_scales(lhs.desc, weights.desc, out, shape.n));
  if (lhs.desc.is_per_token() && lhs.desc.quant->nonbatch_dims != 1)
    return fail(ErrorCode::kUnsupported, "input is quantised per {} dimensions; supported: 1",
                lhs.desc.quant->nonbatch_dims);
  SMELT_ASSIGN(const std::vector<Shape> declared,
               op->infer(std::array{lhs.desc.shape, weights.desc.shape, bias.desc.shape}));
  const size_t m = shape.n == 0 ? 0 : declared[0].numel() / shape.n;
  PackSource source = op->source(weights, bias, shape);

  if (weights.desc.is_quantized() &&
      weights.desc.quant->granularity == QuantGranularity::kPerBlock) {
    const Quant& quant = *weights.desc.quant;
    op->block_ = quant.block;
    if (op->transposed_)
      return fail(ErrorCode::kUnsupported, "transposed weights with a scale per block");
    if (quant.block == 0 || quant.block % 32 != 0 || shape.k % quant.block != 0)
      return fail(ErrorCode::kUnsupported,
                  "blocks of {} weights for k = {}; supported: multiples of 32 that divide k",
                  quant.block, shape.k);
    if (quant.block_scale.size() != shape.n * (shape.k / quant.block))
      return fail(ErrorCode::kInvalidFile, "weights have {} block scales, expected {} x {}",
                  quant.block_scale.size(), shape.n, shape.k / quant.block);
    source.block_scale = quant.block_scale.data();
  }
  const GemmShape gemm{.m = m, .n = shape.n, .kc = shape.k, .block = op->block_};
  SMELT_ASSIGN(op->kernel_, select_gemm(op->variant_, gemm, cpu));
  const bool constant = weights.constant != nullptr && (!bias.present || bias.constant != nullptr);
  if (constant) {
    source.scale = scales.data();
    source.lhs_zero = lhs.desc.is_quantized() ? lhs.desc.quant->zero : 0;
    SMELT_ASSIGN(op->packed_, pack_matrices(op->kernel_->rhs, op->kernel_->pack_rhs,
                                            rhs_shape(gemm), cpu, source, 1, 0, spec.packing));
  } else if (weights.desc.is_quantized()) {
    return fail(ErrorCode::kUnsupported, "quantised weights or their bias are not constant");
  } else {
    op->runtime_source_ = source;
  }
  return op;
}

Result<std::vector<Shape>> FullyConnected::infer(std::span<const Shape> inputs) const {
  SMELT_ASSIGN(const Weights weights, weights_of(inputs[1], transposed_));
  Shape shape = inputs[0];
  if (shape.rank() == 0 || size_t(shape.back()) != weights.k)
    return fail(ErrorCode::kInvalidArgument,
                "input has shape {}, expected an innermost extent of {}", to_string(shape),
                weights.k);
  if (has_bias_ && inputs[2].numel() != weights.n)
    return fail(ErrorCode::kInvalidArgument, "bias has shape {}, expected {} elements",
                to_string(inputs[2]), weights.n);
  shape[shape.rank() - 1] = int64_t(weights.n);
  if (!checked_numel(shape))
    return fail(ErrorCode::kInvalidArgument, "output shape {} is too large", to_string(shape));
  return std::vector{shape};
}

std::optional<QuantizedLhs> FullyConnected::quantized_lhs(std::span<const TensorDesc> in) const {
  const auto weights = weights_of(in[1].shape, transposed_);
  if (!weights || !in[0].is_per_token()) return std::nullopt;
  const GemmShape shape = shape_for(in[0], *weights);
  const auto kernel = kernel_for(shape);
  if (!kernel || (*kernel)->quantize_lhs == nullptr) return std::nullopt;
  return QuantizedLhs{.kernel = *kernel, .vl32 = cpu_.sme_vl32, .rows = shape.m, .k = shape.kc};
}

Result<std::unique_ptr<const BoundOp>> FullyConnected::bind(std::span<const TensorDesc> in,
                                                            std::span<const TensorDesc> out,
                                                            unsigned workers) const {
  SMELT_ASSIGN(const Weights weights, weights_of(in[1].shape, transposed_));
  const GemmShape shape = shape_for(in[0], weights);
  SMELT_ASSIGN(const GemmKernel* kernel, kernel_for(shape));
  const size_t out_stride = weights.n * (bits(out[0].dtype) / 8);
  RowMap rows =
      MatrixRows{.lhs_stride = weights.k * (bits(in[0].dtype) / 8), .out_stride = out_stride};
  if (in[0].form != nullptr && in[0].form->packed()) rows = PanelRows{.out_stride = out_stride};
  SMELT_ASSIGN(GemmPlan plan,
               plan_gemm(*kernel, shape, std::move(rows), {GemmItem{}}, 1, cpu_, workers));
  auto bound =
      std::make_unique<BoundGemm>(std::vector{BoundGemm::Part{std::move(plan), packed_}}, stage_);
  if (in[0].is_per_token()) bound->set_row_quant(in[0].row_quant_offset());
  if (packed_ == nullptr) {
    RuntimePacking packing{.layout = kernel->rhs,
                           .pack = kernel->pack_rhs,
                           .shape = rhs_shape(shape),
                           .vl32 = cpu_.sme_vl32,
                           .source = runtime_source_};
    packing.source.row_stride = transposed_ ? 1 : weights.k;
    packing.source.k_stride = transposed_ ? weights.n : 1;
    const auto bytes = smelt::packed_bytes(packing.layout, packing.shape, packing.vl32);
    if (!bytes)
      return fail(ErrorCode::kOutOfMemory, "weights {} are too large", to_string(in[1].shape));
    packing.stride = *bytes;
    bound->set_runtime_packing(packing);
  }
  return bound;
}

}  // namespace

Result<std::unique_ptr<const Op>> make_fully_connected(const NodeSpec& spec, const Cpu& cpu) {
  return FullyConnected::make(spec, cpu);
}

}  // namespace smelt
