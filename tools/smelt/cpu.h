// The CPU that a verb is about.
#pragma once

#include <string>

#include "platform/cpu.h"

namespace smelt::cli {

/// The described CPU of that name; for an empty name this machine, restricted by SMELT_ISA.
Result<Cpu> find_cpu(const std::string& described);

}  // namespace smelt::cli
