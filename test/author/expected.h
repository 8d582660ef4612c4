// What a one-layer graph computes, in double precision and by the definition, with a bound on how
// far a correct implementation may be from it.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace smelt {

/// Real (dequantised) values of a tensor, row-major.
struct Expected {
  std::vector<double> value;
  std::vector<double> error;  ///< the largest difference that rounding explains, element by element
};

/// `inputs` are the exact values that the graph gets. Knows the nodes that recipes use; a graph
/// with another node fails the running test.
///
/// The bound follows from each step: sums of k products in f32 (and of int8 exactly), one rounding
/// to the type of the output, half a step of a calibrated scale, one step of a scale that is found
/// while running (whose zero point is rounded too).
std::vector<Expected> expected_outputs(const Graph&,
                                       const std::vector<std::vector<double>>& inputs);

/// The elements of a constant, dequantised.
std::vector<double> real_values(const GraphValue&);

}  // namespace smelt
