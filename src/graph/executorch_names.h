// What ExecuTorch's XNNPACK backend, built with KleidiAI, makes of a node: the name in its
// profiles, which says which family of kernels ran. From the eligibility rules of its releases;
// docs/EXPLAIN.md has them in words.
#pragma once

#include <string>
#include <vector>

#include "graph/executorch_rewrites.h"
#include "graph/graph.h"
#include "platform/cpu.h"

namespace smelt {

/// A step of a profile: the node of the file that it comes from, and its name with its number:
/// "Fully Connected (NC, PF32) GEMM #1".
struct NamedStep {
  uint32_t origin;
  std::string name;
};

/// What ExecuTorch's profiler reports on a CPU, in the order in which it runs. A node may have no
/// step there, or two.
std::vector<NamedStep> executorch_steps(const Graph&, ExecuTorch, const Cpu&);

/// How Smelt names the nodes of the file in reports, one step each: as ExecuTorch would if it ran
/// them as they are and had a packed kernel for every product that Smelt has one for.
std::vector<NamedStep> step_names(const Graph&);

}  // namespace smelt
