// The depthwise kernels that this build holds, and the choice among them.
#pragma once

#include <span>

#include "base/status.h"
#include "kernels/dwconv/dwconv_kernel.h"
#include "platform/cpu.h"

namespace smelt {

std::span<const DwconvKernel* const> dwconv_kernels();

/// All kernels of all architectures, known by name only: they have no `run`.
std::span<const DwconvKernel* const> described_dwconv_kernels();

/// Those to choose from for a CPU: this build's for the machine it runs on, the described ones for a described machine.
std::span<const DwconvKernel* const> dwconv_kernels(const Cpu&);

/// "f32", "f16", "qs8": as in kernel names.
std::string_view name(DwconvVariant) noexcept;

/// The kernel of the most capable available tier. kUnsupported if there is none.
Result<const DwconvKernel*> select_dwconv(DwconvVariant, const Cpu&);

}  // namespace smelt
