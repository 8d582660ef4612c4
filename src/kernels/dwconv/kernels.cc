#include "kernels/dwconv/kernels.h"

#include <array>

namespace smelt {

#define DWCONV_KERNEL(name) extern const DwconvKernel name;
#include "kernels/dwconv/kernels.inc"
#undef DWCONV_KERNEL

namespace {
constexpr const DwconvKernel* kKernels[] = {
#define DWCONV_KERNEL(name) &name,
#include "kernels/dwconv/kernels.inc"
#undef DWCONV_KERNEL
};
}  // namespace

std::span<const DwconvKernel* const> dwconv_kernels() { return kKernels; }

std::string_view name(DwconvVariant variant) noexcept {
  constexpr std::array<std::string_view, kDwconvVariantCount> kNames = {"f32", "f16", "qs8"};
  return kNames[size_t(variant)];
}

Result<const DwconvKernel*> select_dwconv(DwconvVariant variant, const Cpu& cpu) {
  const DwconvKernel* best = nullptr;
  for (const DwconvKernel* kernel : dwconv_kernels(cpu))
    if (kernel->variant == variant && cpu.isa.has(kernel->isa) && (best == nullptr || kernel->isa > best->isa))
      best = kernel;
  if (best == nullptr) return fail(ErrorCode::kUnsupported, "no depthwise kernel for {}", name(variant));
  return best;
}

}  // namespace smelt
