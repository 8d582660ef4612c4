// What ExecuTorch's XNNPACK backend, built with KleidiAI, makes of a node: the name in its profiles, which says which family
// of kernels ran. From the eligibility rules of its releases; docs/EXPLAIN.md has them in words.
#pragma once

#include <string>

#include "graph/graph.h"
#include "platform/cpu.h"

namespace smelt {

enum class ExecuTorch : uint8_t {
  k1_0,      ///< v1.0 to v1.2
  kCurrent,  ///< v1.3 and later
};

/// The name without its number: "Fully Connected (NC, PF32) GEMM". Empty: such a node is no step of its own there. The node
/// is one of graph.file_nodes, before any pass.
std::string executorch_name(const Graph&, const Node&, ExecuTorch, const Cpu&);

/// How Smelt names the node in reports: as ExecuTorch would if it had a packed kernel for every product that Smelt has one
/// for.
std::string step_name(const Graph&, const Node&);

}  // namespace smelt
