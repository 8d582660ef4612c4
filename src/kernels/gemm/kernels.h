// The list of kernels that this build holds.
#pragma once

#include <span>

#include "kernels/gemm/gemm_kernel.h"

namespace smelt {

std::span<const GemmKernel* const> gemm_kernels();

}  // namespace smelt
