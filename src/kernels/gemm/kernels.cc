#include "kernels/gemm/kernels.h"

namespace smelt {

#define GEMM_KERNEL(name) extern const GemmKernel name;
#include "kernels/gemm/kernels.inc"
#undef GEMM_KERNEL

namespace {
constexpr const GemmKernel* kKernels[] = {
#define GEMM_KERNEL(name) &name,
#include "kernels/gemm/kernels.inc"
#undef GEMM_KERNEL
};
}  // namespace

std::span<const GemmKernel* const> gemm_kernels() { return kKernels; }

}  // namespace smelt
