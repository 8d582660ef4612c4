#include "program/delegate.h"

#include "graph/explain.h"

namespace smelt::program {
namespace {

/// XNNPACK knows no int64: what a program wants as int64 its graph gives as int32.
bool widened(DType graph, DType program) { return graph == DType::kS32 && program == DType::kS64; }

// The graph sees dimensions in the order they have in memory: its own transposes are part of it.

bool has_graph_shape(const Tensor& t, const Shape& shape) {
  if (t.row_major) return t.shape == shape;
  bool same = shape.rank() == t.rank();
  for (size_t d = 0; same && d < t.rank(); ++d) same = shape[d] == t.shape[t.dim_order[d]];
  return same;
}

Shape graph_shape(const Tensor& t) {
  Shape shape = t.shape;
  for (size_t d = 0; d < t.rank(); ++d) shape[d] = t.shape[t.dim_order[d]];
  return shape;
}

}  // namespace

Result<std::unique_ptr<Delegate>> Delegate::load(std::span<const std::byte> payload,
                                                 NamedDataLookup named_data, std::string_view where,
                                                 const Cpu& cpu, ThreadPool& pool,
                                                 WeightCache* weights) {
  SMELT_ASSIGN(DelegateGraph read, read_xnnpack_graph(payload, named_data, where));
  auto compiled = CompiledGraph::build(std::move(read.graph), cpu,
                                       PlanOptions{.workers = pool.workers(), .weights = weights});
  if (!compiled) return prefixed(std::move(compiled).error(), where);
  auto session = Session::create(*std::move(compiled), pool);
  if (!session) return prefixed(std::move(session).error(), where);

  auto delegate = std::make_unique<Delegate>();
  delegate->session_ = *std::move(session);
  delegate->input_args_ = std::move(read.input_args);
  delegate->output_args_ = std::move(read.output_args);
  delegate->shapes_.resize(delegate->input_args_.size());
  delegate->in_.resize(delegate->input_args_.size());
  delegate->out_.resize(delegate->output_args_.size());
  return delegate;
}

Status Delegate::check_arguments(std::span<EValue* const> args) const {
  const Graph& graph = session_->compiled().graph();
  const auto check = [&](uint32_t arg, ValueId id, std::string_view role,
                         bool may_widen) -> Status {
    if (arg >= args.size()) {
      return fail(ErrorCode::kInvalidFile, "the delegate's {} is argument {} of a call with {}",
                  role, arg, args.size());
    }
    if (args[arg]->kind != Kind::kTensor) {
      return fail(ErrorCode::kInvalidFile, "argument {}, a delegate's {}, is a {}, not a tensor",
                  arg, role, name(args[arg]->kind));
    }
    const DType have = args[arg]->tensor->dtype, want = graph.values[id].dtype;
    if (have != want && !(may_widen && widened(want, have))) {
      return fail(ErrorCode::kInvalidFile, "argument {}, a delegate's {}, is {}; the graph has {}",
                  arg, role, smelt::name(have), smelt::name(want));
    }
    return {};
  };
  for (size_t i = 0; i < input_args_.size(); ++i) {
    SMELT_TRY(check(input_args_[i], graph.inputs[i], "input", false));
  }
  for (size_t i = 0; i < output_args_.size(); ++i) {
    SMELT_TRY(check(output_args_[i], graph.outputs[i], "output", true));
  }
  return {};
}

Status Delegate::run(std::span<EValue* const> args, Scratch& scratch) {
  bool same = true;
  for (size_t i = 0; i < input_args_.size(); ++i) {
    const Tensor& t = *args[input_args_[i]]->tensor;
    same = same && has_graph_shape(t, session_->input_shapes()[i]);
    in_[i] = t.data;
  }
  if (!same) {
    for (size_t i = 0; i < input_args_.size(); ++i) {
      shapes_[i] = graph_shape(*args[input_args_[i]]->tensor);
    }
    SMELT_TRY(session_->reshape(shapes_));
  }

  const Graph& graph = session_->compiled().graph();
  bool widen = false;
  for (size_t i = 0; i < output_args_.size(); ++i) {
    Tensor& t = *args[output_args_[i]]->tensor;
    const Shape& given = session_->output_shapes()[i];
    if (t.row_major) {
      SMELT_TRY(t.resize(given));
    } else {
      if (given.rank() != t.rank()) {
        return fail(ErrorCode::kInvalidArgument,
                    "a delegate's output {} has rank {}, its tensor rank {}", i, given.rank(),
                    t.rank());
      }
      Shape logical = given;
      for (size_t d = 0; d < t.rank(); ++d) logical[t.dim_order[d]] = given[d];
      SMELT_TRY(t.resize(logical));
    }
    out_[i] = t.data;
    if (widened(graph.values[graph.outputs[i]].dtype, t.dtype)) {
      SMELT_ASSIGN(out_[i], scratch.take(t.numel() * sizeof(int32_t)));
      widen = true;
    }
  }
  session_->run(in_, out_);
  for (size_t i = 0; widen && i < output_args_.size(); ++i) {
    const Tensor& t = *args[output_args_[i]]->tensor;
    if (out_[i] == t.data) continue;
    const auto* from = reinterpret_cast<const int32_t*>(out_[i]);
    for (size_t k = 0, n = t.numel(); k < n; ++k) t.as<int64_t>()[k] = from[k];
  }
  return {};
}

DelegateInfo describe(const Session& session, std::string_view backend) {
  const CompiledGraph& compiled = session.compiled();
  const Graph& graph = compiled.graph();
  DelegateInfo info;
  info.backend = backend;
  info.packed_bytes = compiled.packed_bytes();
  info.arena_bytes = session.plan().arena_bytes;
  for (const GraphValue& v : graph.values) info.constant_bytes += v.constant.size();
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    NodeInfo n;
    n.name = name(node.kind);
    std::string_view separator = "(";
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      n.signature += fmt::format("{}{}", separator, describe(graph.values[id]));
      separator = ", ";
    }
    separator = ") -> ";
    for (const ValueId id : node.outputs) {
      n.signature += fmt::format("{}{}", separator, describe(graph.values[id]));
      separator = ", ";
    }
    if (const auto& op = session.plan().ops[i]) {
      n.kernel = op->kernel();
      n.macs = op->macs();
    }
    n.debug_handle = node.debug_handle;
    info.nodes.push_back(std::move(n));
  }
  return info;
}

}  // namespace smelt::program
