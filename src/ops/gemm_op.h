// What the GEMM-shaped operators share: types to variant, checked weights to packed weights, and
// the bound form.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/gemm/driver.h"
#include "kernels/gemm/gemm_kernel.h"
#include "kernels/pack/pack.h"
#include "ops/op.h"
#include "ops/padded_images.h"
#include "ops/weight_cache.h"
#include "platform/memory.h"

namespace smelt {

/// The variant for these operand types, or kUnsupported naming them.
Result<GemmVariant> gemm_variant(const TensorDesc& lhs, const TensorDesc& rhs,
                                 const TensorDesc& out);

/// The clamp as kernels apply it, in terms of the output's stored type.
Result<OutputStage> output_stage(const OutputRange&, const TensorDesc& out);

/// A scale per output channel: the weights' own, or (for int8 outputs) lhs x weights / out. Empty
/// for floating weights and for block scales.
Result<std::vector<float>> channel_scales(const TensorDesc& lhs, const TensorDesc& rhs,
                                          const TensorDesc& out, size_t channels);

/// Checks that a bias, if present, has `channels` elements of a type that fits the variant.
Status check_bias(const Operand& bias, size_t channels, GemmVariant);

/// An optional last operand.
inline Operand operand_or_absent(const NodeSpec& spec, size_t i) {
  return i < spec.inputs.size() ? spec.inputs[i] : Operand{{}, nullptr, false};
}

/// A row of `elements` values that mean 0 in an operand of type `lhs`.
struct ZeroRow {
  TensorDesc lhs;
  size_t elements = 0;
};

/// Packs `matrices` of the same shape; matrix i's source begins i * source_step elements, and its
/// bias and scales i * rows elements, after matrix 0's. With `packing`, what its cache has is
/// shared instead.
Result<std::shared_ptr<const PackedWeights>> pack_matrices(const PackLayout&, PackPanels*,
                                                           const PackShape&, const Cpu&,
                                                           const PackSource&, size_t matrices,
                                                           size_t source_step, Packing* packing,
                                                           const ZeroRow& = {});

/// Weights that are computed while running: packed into scratch, each time.
struct RuntimePacking {
  PackLayout layout;
  PackPanels* pack = nullptr;
  PackShape shape;
  size_t vl32 = 0;
  PackSource source;  ///< without pointers
  size_t matrices = 1;
  size_t source_step = 0;  ///< bytes
  size_t stride = 0;       ///< bytes of a packed matrix
  size_t bytes() const { return stride * matrices; }
};

/// The bound form of all GEMM-shaped operators: products that run one after the other.
class BoundGemm final : public BoundOp {
 public:
  struct Part {
    GemmPlan plan;
    std::shared_ptr<const PackedWeights> weights;  ///< null if packed while running
  };
  /// Dynamically quantised images: each has its own zero point, hence its own row of padding.
  struct DynamicZeroRows {
    size_t images, elements, stride;
  };

  BoundGemm(std::vector<Part> parts, OutputStage stage) : parts_(std::move(parts)), stage_(stage) {}
  void set_row_quant(size_t offset) { row_quant_offset_ = offset; }
  void set_runtime_packing(RuntimePacking packing) { packing_ = packing; }
  /// Products read a copy of input 0 instead: item offsets and windows are of that.
  void set_images(const PaddedImages& images) { images_ = images; }
  void set_dynamic_zero_rows(DynamicZeroRows rows) { zero_rows_ = rows; }

  size_t scratch_bytes() const noexcept override;
  void run(std::span<const std::byte* const> in, std::span<std::byte* const> out,
           RunContext&) const noexcept override;
  std::string_view kernel() const noexcept override;
  uint64_t macs() const noexcept override;
  std::optional<KernelChoice> choice(const Cpu&) const override;

 private:
  std::vector<Part> parts_;
  OutputStage stage_;
  std::optional<size_t> row_quant_offset_;
  std::optional<RuntimePacking> packing_;
  std::optional<DynamicZeroRows> zero_rows_;
  std::optional<PaddedImages> images_;
};

}  // namespace smelt
