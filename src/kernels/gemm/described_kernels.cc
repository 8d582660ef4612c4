// Kernels of every architecture, from their names: enough to plan for a machine that is not here, and nothing that runs.
#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "kernels/gemm/kernels.h"
#include "kernels/gemm/variant.h"
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

Extent extent_of(std::string_view text) {
  Extent e;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), e.count).ptr;
  e.times_vl = std::string_view(end, text.data() + text.size()) == "vl";
  return e;
}

// Where weights lie in a kernel of this kind. Kernels may differ in the order of fields, which changes no size.
PackLayout rhs_layout(const GemmSignature& types, Extent nr) {
  PackLayout layout{.rows = nr, .elem = types.rhs};
  if (types.lhs == DType::kBF16) layout.kr = 2;
  if (types.is_integer()) layout.kr = 4;
  switch (types.scale) {
    case WeightScale::kNone: layout.head = kBias; break;
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

// "gemm_<variant>_<isa>_<mr>x<nr>"
GemmKernel kernel_of(const char* name) {
  std::string_view text = name;
  const auto take_last = [&text] {
    const size_t at = text.rfind('_');
    const std::string_view last = text.substr(at + 1);
    text = text.substr(0, at);
    return last;
  };
  const std::string_view tile = take_last(), isa = take_last();
  const std::string_view variant = text.substr(std::string_view("gemm_").size());
  GemmKernel kernel{.name = name, .isa = Isa::kScalar, .variant = {}, .mr = {}, .nr = {}, .run = nullptr};
  for (size_t i = 0; i < kIsaCount; ++i)
    if (smelt::name(Isa(i)) == isa) kernel.isa = Isa(i);
  for (size_t i = 0; i < kGemmVariantCount; ++i)
    if (kGemmSignatures[i].name == variant) kernel.variant = GemmVariant(i);
  const size_t x = tile.find('x');
  kernel.mr = extent_of(tile.substr(0, x));
  kernel.nr = extent_of(tile.substr(x + 1));
  // Matrix units take whole tiles from packed panels; kernels of one row are for one row.
  if (kernel.mr.times_vl) kernel.lhs_form = LhsForm::kPacked;
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
