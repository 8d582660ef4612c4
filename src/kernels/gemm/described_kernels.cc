// Kernels of every architecture, from their names: enough to plan for a machine that is not here,
// and nothing that runs.
#include <array>

#include "kernels/gemm/kernels.h"
#include "kernels/gemm/variant.h"
#include "kernels/kernel_name.h"
#include "platform/cpu.h"

namespace smelt {

namespace {

constexpr const char* kNames[] = {
#define SMELT_ALL_ARCHITECTURES
#define GEMM_KERNEL(name) #name,
#include "kernels/gemm/kernels.inc"
#undef GEMM_KERNEL
#undef SMELT_ALL_ARCHITECTURES
};

// Where weights lie in a kernel of this kind. Kernels may differ in the order of fields, which
// changes no size.
PackLayout rhs_layout(const GemmSignature& types, Extent nr) {
  PackLayout layout{.rows = nr, .elem = types.rhs};
  if (types.lhs == DType::kBF16) layout.kr = 2;
  if (types.is_integer()) layout.kr = 4;
  switch (types.scale) {
    case WeightScale::kNone:
      layout.head = kBias;
      break;
    case WeightScale::kPerBlock:
      layout.tail = kBias | kScaledRowSum;
      layout.block_scales = true;
      break;
    case WeightScale::kPerChannel:
      layout.head = types.dynamic_rows ? 0 : kFoldedBias;
      layout.tail = types.dynamic_rows ? kBias | kRowSum | kScale : kScale;
      break;
  }
  return layout;
}

// Stands for a quantiser, and is never called.
void quantize_nothing(const PackLayout&, size_t, size_t, size_t, const void* const*, RowQuant*,
                      std::byte*) {}

GemmKernel kernel_of(const char* name) {
  const KernelName parts = parse_kernel_name(name);
  GemmKernel kernel{.name = name,
                    .isa = parts.isa,
                    .variant = {},
                    .mr = parts.rows,
                    .nr = parts.columns,
                    .run = nullptr};
  for (size_t i = 0; i < kGemmVariantCount; ++i)
    if (kGemmSignatures[i].name == parts.variant) kernel.variant = GemmVariant(i);
  // Matrix units and matrix instructions read packed panels; kernels of one row are for one row.
  const bool pairs = kernel.isa == Isa::kNeonI8mm || kernel.isa == Isa::kNeonBf16;
  if (kernel.mr.times_vl || pairs) {
    kernel.lhs_form = LhsForm::kPacked;
    kernel.lhs = {.rows = pairs ? Extent{2} : kernel.mr, .elem = signature(kernel.variant).lhs};
  }
  if (signature(kernel.variant).dynamic_rows && kernel.isa >= Isa::kNeon)
    kernel.quantize_lhs = quantize_nothing;
  if (kernel.mr == Extent{1}) kernel.max_m = 1;
  kernel.rhs = rhs_layout(signature(kernel.variant), kernel.nr);
  return kernel;
}

struct DescribedKernels {
  std::array<GemmKernel, std::size(kNames)> kernels;
  std::array<const GemmKernel*, std::size(kNames)> pointers;
  DescribedKernels() {
    for (size_t i = 0; i < kernels.size(); ++i) {
      kernels[i] = kernel_of(kNames[i]);
      pointers[i] = &kernels[i];
    }
  }
};

}  // namespace

std::span<const GemmKernel* const> described_gemm_kernels() {
  static const DescribedKernels all;  // a constant, made when first needed
  return all.pointers;
}

std::span<const GemmKernel* const> gemm_kernels(const Cpu& cpu) {
  return cpu.described ? described_gemm_kernels() : gemm_kernels();
}

}  // namespace smelt
