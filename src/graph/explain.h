// A compiled graph for a person to read: what passes did, which kernels were chosen, and why.
#pragma once

#include <string>
#include <vector>

#include "graph/session.h"
#include "smelt/profile.hpp"

namespace smelt {

/// "fp32", "qcint8*": a value's type as ExecuTorch's schema calls it; * marks constants.
std::string describe(const GraphValue&);

/// One per node of the file, in its order; those that passes removed are marked. `cpu` is the one
/// that the graph was compiled for. Shapes, kernels and counts are those of the session's current
/// plan.
std::vector<StepInfo> explain(const Session&, const Cpu&);

/// For each node of the compiled graph, its index in what explain() gives.
std::vector<uint32_t> explained_nodes(const Session&);

/// Enters a kernel that has one form per tier, such as "vector_avx2", with its tier and unit. On a
/// described CPU it is the one that would serve there.
void add_vector_kernel(StepInfo&, std::string_view kernel, const Cpu&);

/// "matrix product", "element-wise", "data movement".
Category category(OpKind) noexcept;

}  // namespace smelt
