// Depthwise kernels of every architecture, from their names: enough to plan for a machine that is
// not here.
#include <array>

#include "kernels/dwconv/kernels.h"
#include "kernels/kernel_name.h"

namespace smelt {

namespace {

constexpr const char* kNames[] = {
#define SMELT_ALL_ARCHITECTURES
#define DWCONV_KERNEL(name) #name,
#include "kernels/dwconv/kernels.inc"
#undef DWCONV_KERNEL
#undef SMELT_ALL_ARCHITECTURES
};

DwconvKernel kernel_of(const char* text) {
  const KernelName parts = parse_kernel_name(text);
  DwconvKernel kernel{.name = text,
                      .isa = parts.isa,
                      .variant = {},
                      .filter = {.rows = parts.columns},
                      .run = nullptr};
  for (size_t i = 0; i < kDwconvVariantCount; ++i)
    if (name(DwconvVariant(i)) == parts.variant) kernel.variant = DwconvVariant(i);
  switch (kernel.variant) {
    case DwconvVariant::kF16:
      kernel.filter.elem = DType::kF16;
      [[fallthrough]];
    case DwconvVariant::kF32:
      kernel.filter.head = kBias;
      break;
    case DwconvVariant::kQs8:
      kernel.filter.elem = DType::kS8;
      kernel.filter.head = kFoldedBias;
      kernel.filter.tail = kScale;
      break;
  }
  return kernel;
}

struct DescribedKernels {
  std::array<DwconvKernel, std::size(kNames)> kernels;
  std::array<const DwconvKernel*, std::size(kNames)> pointers;
  DescribedKernels() {
    for (size_t i = 0; i < kernels.size(); ++i) {
      kernels[i] = kernel_of(kNames[i]);
      pointers[i] = &kernels[i];
    }
  }
};

}  // namespace

std::span<const DwconvKernel* const> described_dwconv_kernels() {
  static const DescribedKernels all;  // a constant, made when first needed
  return all.pointers;
}

std::span<const DwconvKernel* const> dwconv_kernels(const Cpu& cpu) {
  return cpu.described ? described_dwconv_kernels() : dwconv_kernels();
}

}  // namespace smelt
