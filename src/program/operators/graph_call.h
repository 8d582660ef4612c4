// A small graph in the place of an operator: what the planner knows of packing, kernels and threads
// serves operators outside delegates as well.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "graph/session.h"
#include "program/operator.h"

namespace smelt::program {

/// Adds a value that is computed while running.
ValueId add_value(Graph&, DType, const Shape&);
/// Adds a tensor: a constant as such, anything else as an input of the graph.
ValueId add_tensor(Graph&, const Tensor&);

/// Kept by one instruction. The graph is compiled in its first call.
class GraphCall : public OperatorState {
 public:
  /// The instruction's graph, which `build` makes in the first call; null if no kernel serves it,
  /// or if `constants` are no longer the tensors that it was compiled with.
  static GraphCall* of(Call&, std::span<const Tensor* const> constants, FunctionRef<Graph()> build);

  /// Runs with inputs of these shapes. Allocates only for shapes not seen before.
  Status run(std::span<const Shape> shapes, std::span<const std::byte* const> in, std::byte* out);

  const Session* session() const override { return session_.get(); }
  /// The kernel of the node that multiplies most.
  std::string_view kernel() const;
  std::string_view refusal() const override { return refusal_; }

 private:
  std::unique_ptr<Session> session_;
  std::vector<const std::byte*> constants_;
  std::string refusal_;
};

}  // namespace smelt::program
