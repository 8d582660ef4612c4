// The CPU that a verb is about.
#pragma once

#include <string>

#include "platform/cpu.h"

namespace smelt::cli {

/// The described CPU of that name; for an empty name this machine, restricted by SMELT_ISA.
Result<Cpu> find_cpu(const std::string& described);

/// The tiers of this machine that SMELT_ISA leaves: "scalar avx2 avx512". Empty if SMELT_ISA is
/// wrong.
std::string cpu_tiers();

}  // namespace smelt::cli
