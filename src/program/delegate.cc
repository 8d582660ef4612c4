#include "program/delegate.h"

#include "graph/explain.h"
#include "program/blame.h"

namespace smelt::program {
namespace {

/// XNNPACK knows no int64: what a program wants as int64 its graph gives as int32.
bool widened(DType graph, DType program) { return graph == DType::kS32 && program == DType::kS64; }

/// The graph sees dimensions in the order that they have in memory: its own transposes are part of
/// it. Where a tensor has dimensions of one element, memory says nothing, and the exporter's order
/// of them is anything: the shape that the graph declares says where they are.
DimOrder graph_order(const Tensor& t, const Shape& declared) {
  const size_t rank = t.rank();
  if (declared.rank() != rank) return t.dim_order;
  std::array<uint8_t, kMaxRank> longer, ones;
  size_t longer_count = 0, ones_count = 0;
  for (size_t i = 0; i < rank; ++i) {
    const uint8_t d = t.dim_order[i];
    if (!t.always_one(d)) longer[longer_count++] = d;
    if (t.always_one(i)) ones[ones_count++] = uint8_t(i);
  }
  DimOrder order = t.dim_order;
  size_t next_longer = 0, next_one = 0;
  for (size_t i = 0; i < rank; ++i) {
    const bool one = declared[i] == 1;
    if (one ? next_one == ones_count : next_longer == longer_count) return t.dim_order;
    order[i] = one ? ones[next_one++] : longer[next_longer++];
  }
  return order;
}

bool has_graph_shape(const Tensor& t, const Delegate::Arguments::Order& order,
                     const Shape& shape) {
  if (order.identity) return t.shape == shape;
  bool same = shape.rank() == t.rank();
  for (size_t d = 0; same && d < t.rank(); ++d) same = shape[d] == t.shape[order.dims[d]];
  return same;
}

Shape graph_shape(const Tensor& t, const DimOrder& order) {
  Shape shape = t.shape;
  for (size_t d = 0; d < t.rank(); ++d) shape[d] = t.shape[order[d]];
  return shape;
}

}  // namespace

Result<std::unique_ptr<Delegate>> Delegate::load(std::span<const std::byte> payload,
                                                 NamedDataLookup named_data, std::string_view where,
                                                 DeclaredTensor declared, const Cpu& cpu,
                                                 ThreadPool& pool, WeightCache* weights) {
  SMELT_ASSIGN(DelegateGraph read, read_xnnpack_graph(payload, named_data, where));
  for (size_t i = 0; i < read.input_args.size(); ++i) {
    const pte::Tensor* tensor = declared(read.input_args[i]);
    if (tensor == nullptr) continue;
    Tensor t;
    t.declare(*tensor);
    Shape& shape = read.graph.values[read.graph.inputs[i]].shape;
    if (t.dynamism != Dynamism::kUnbounded) shape = graph_shape(t, graph_order(t, shape));
  }
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

Result<Delegate::Arguments> Delegate::bind(std::vector<EValue*> args) const {
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
  Arguments bound;
  const auto order_of = [&](uint32_t arg, ValueId id) {
    const Tensor& t = *args[arg]->tensor;
    Arguments::Order order{graph_order(t, graph.values[id].shape), true};
    for (size_t d = 0; d < t.rank(); ++d) order.identity = order.identity && order.dims[d] == d;
    return order;
  };
  for (size_t i = 0; i < input_args_.size(); ++i) {
    SMELT_TRY(check(input_args_[i], graph.inputs[i], "input", false));
    bound.in.push_back(order_of(input_args_[i], graph.inputs[i]));
  }
  for (size_t i = 0; i < output_args_.size(); ++i) {
    SMELT_TRY(check(output_args_[i], graph.outputs[i], "output", true));
    bound.out.push_back(order_of(output_args_[i], graph.outputs[i]));
  }
  bound.values = std::move(args);
  return bound;
}

Status Delegate::run(const Arguments& args, Scratch& scratch) {
  bool same = true;
  for (size_t i = 0; i < input_args_.size(); ++i) {
    const Tensor& t = *args.values[input_args_[i]]->tensor;
    same = same && has_graph_shape(t, args.in[i], session_->input_shapes()[i]);
    in_[i] = t.data;
  }
  if (!same) {
    for (size_t i = 0; i < input_args_.size(); ++i) {
      shapes_[i] = graph_shape(*args.values[input_args_[i]]->tensor, args.in[i].dims);
    }
    SMELT_TRY(shapes_taken(session_->reshape(shapes_)));
  }

  const Graph& graph = session_->compiled().graph();
  bool widen = false;
  for (size_t i = 0; i < output_args_.size(); ++i) {
    Tensor& t = *args.values[output_args_[i]]->tensor;
    const Shape& given = session_->output_shapes()[i];
    if (given.rank() != t.rank() && !t.row_major) {
      return fail(ErrorCode::kInvalidFile,
                  "a delegate's output {} has rank {}, its tensor rank {}", i, given.rank(),
                  t.rank());
    }
    if (args.out[i].identity || given.rank() != t.rank()) {
      SMELT_TRY(t.resize(given));
    } else {
      Shape logical = given;
      for (size_t d = 0; d < t.rank(); ++d) logical[args.out[i].dims[d]] = given[d];
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
    const Tensor& t = *args.values[output_args_[i]]->tensor;
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
