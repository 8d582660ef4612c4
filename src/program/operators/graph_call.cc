#include "program/operators/graph_call.h"

#include <algorithm>

#include "program/blame.h"

namespace smelt::program {

ValueId add_value(Graph& graph, DType type, const Shape& shape) {
  GraphValue& v = graph.values.emplace_back();
  v.dtype = type;
  v.shape = shape;
  return ValueId(graph.values.size() - 1);
}

ValueId add_tensor(Graph& graph, const Tensor& t) {
  const ValueId id = add_value(graph, t.dtype, t.shape);
  if (t.constant) {
    graph.values[id].constant = {t.data, t.bytes()};
  } else {
    graph.inputs.push_back(id);
  }
  return id;
}

GraphCall* GraphCall::of(Call& call, std::span<const Tensor* const> constants,
                         FunctionRef<Graph()> build) {
  if (call.state() == nullptr) {
    auto state = std::make_unique<GraphCall>();
    for (const Tensor* t : constants) state->constants_.push_back(t ? t->data : nullptr);
    auto compiled =
        CompiledGraph::build(build(), call.cpu(), PlanOptions{.workers = call.pool().workers()});
    if (compiled) {
      auto session = Session::create(*std::move(compiled), call.pool());
      if (session) {
        state->session_ = *std::move(session);
      } else {
        state->refusal_ = std::move(session).error().message;
      }
    } else {
      state->refusal_ = std::move(compiled).error().message;
    }
    call.state() = std::move(state);
  }
  auto& state = static_cast<GraphCall&>(*call.state());
  const bool same = std::ranges::equal(
      constants, state.constants_,
      [](const Tensor* t, auto* data) { return (t ? t->data : nullptr) == data; });
  return state.session_ != nullptr && same ? &state : nullptr;
}

std::string_view GraphCall::kernel() const {
  const auto& ops = session_->plan().ops;
  return (*std::ranges::max_element(ops, {}, [](const auto& op) { return op->macs(); }))->kernel();
}

Status GraphCall::run(std::span<const Shape> shapes, std::span<const std::byte* const> in,
                      std::byte* out) {
  if (!std::ranges::equal(shapes, session_->input_shapes()))
    SMELT_TRY(shapes_taken(session_->reshape(shapes)));
  session_->run(in, {&out, 1});
  return {};
}

}  // namespace smelt::program
