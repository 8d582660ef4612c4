// Signature + shape + Cpu -> kernel, with a record of who else stood and why they lost.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "kernels/gemm/gemm_kernel.h"
#include "platform/cpu.h"

namespace smelt {

struct GemmShape {
  size_t m = 0, n = 0;
  size_t kc = 0, taps = 1;  ///< k = taps x kc
  size_t block = 0;  ///< elements of k per weight scale; 0 unless the variant has block scales
};

struct RejectedKernel {
  const GemmKernel* kernel;
  std::string why;
};

/// The best kernel for a shape; m is the largest that will come, if it is not fixed yet. `packed`:
/// only kernels that read this layout (weights have been packed already). kUnsupported if there is
/// none.
Result<const GemmKernel*> select_gemm(GemmVariant, const GemmShape&, const Cpu&,
                                      const PackLayout* packed = nullptr,
                                      std::vector<RejectedKernel>* rejected = nullptr);

}  // namespace smelt
