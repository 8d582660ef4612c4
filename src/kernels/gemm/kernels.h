// The list of kernels that this build holds.
#pragma once

#include <span>

#include "kernels/gemm/gemm_kernel.h"
#include "platform/cpu.h"

namespace smelt {

std::span<const GemmKernel* const> gemm_kernels();

/// All kernels of all architectures, known by name only: they have no `run` and the layouts of their kind.
std::span<const GemmKernel* const> described_gemm_kernels();

/// Those to choose from for a CPU: this build's for the machine it runs on, the described ones for a described machine.
std::span<const GemmKernel* const> gemm_kernels(const Cpu&);

}  // namespace smelt
