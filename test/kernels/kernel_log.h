// Which kernels this test binary holds, and which it has run: docs/TESTING.md, "No silent skip".
#pragma once

#include <string_view>

#include "platform/cpu.h"

namespace smelt {

/// Called by a test once it has run a kernel; main prints `RAN <name>`.
void log_kernel_run(std::string_view name, Isa isa);

/// The machine that the tests run on, with $SMELT_ISA applied.
const Cpu& test_cpu();

}  // namespace smelt
