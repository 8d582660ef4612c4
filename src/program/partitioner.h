// Why an operator is outside delegates: what ExecuTorch's partitioner for XNNPACK takes, as far as
// a file shows it.
#pragma once

#include <string>

#include "program/operator.h"
#include "smelt/profile.hpp"

namespace smelt::program {

struct Partition {
  Delegable delegable = Delegable::kNever;
  std::string why;  ///< a clause: "XNNPACK's partitioner takes no aten::index"
};

/// What the partitioner makes of a call. A program may have been exported without it, and the types
/// and shapes around a call may keep it out as well: neither is in the file.
Partition partition(const Operator&, const Arguments&);

}  // namespace smelt::program
