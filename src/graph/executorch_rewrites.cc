#include "graph/executorch_rewrites.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "tensor/shape.h"

namespace smelt {

namespace {

using enum QuantGranularity;

bool is_binary(OpKind k) { return k >= OpKind::kAdd && k <= OpKind::kMaximum; }

// To XNNPACK a dynamic quantisation is a node of its own kind; every other conversion is
// element-wise.
bool is_unary(const Node& n, const std::deque<GraphValue>& values) {
  if (n.kind == OpKind::kConvert) return values[n.outputs[0]].quant.granularity != kPerToken;
  return n.kind >= OpKind::kAbs && n.kind <= OpKind::kTanh && n.kind != OpKind::kCopy;
}

// Steps whose kernels clamp for nothing.
bool has_clamp(const Node& n) {
  switch (n.kind) {
    case OpKind::kClamp:
    case OpKind::kAvgPool2d:
    case OpKind::kMaxPool2d:
    case OpKind::kConv2d:
    case OpKind::kDepthwiseConv2d:
    case OpKind::kConvTranspose2d:
    case OpKind::kFullyConnected:
      return true;
    default:
      return false;
  }
}

size_t elements(const GraphValue& v) {
  const auto n = checked_numel(v.shape);
  return n ? *n : 0;
}

bool one_element_constant(const GraphValue& v) { return v.is_constant() && elements(v) == 1; }

bool is_byte(const GraphValue& v) { return bits(v.dtype) == 8; }

class Rewriter {
 public:
  Rewriter(const Graph& graph, ExecuTorch version)
      : g_(executorch_graph(graph)), version_(version) {}

  ExecuTorchGraph run() {
    split_clamps();
    index();
    remove_dead();
    if (version_ == ExecuTorch::k1_0) merge_clamps();
    fuse_pads();
    fuse_copies();
    make_tables();
    if (version_ == ExecuTorch::kCurrent) {
      while (optimize()) remove_dead();
    }
    inline_quantisation();
    remove_dead();
    std::erase_if(g_.nodes, [](const ExecuTorchNode& n) { return n.outputs.empty(); });
    return std::move(g_);
  }

 private:
  static constexpr uint32_t kNobody = ~uint32_t(0);

  // Nodes that are gone stay in place, without operands: numbers of nodes are what the tables below
  // hold.
  bool gone(uint32_t n) const { return g_.nodes[n].outputs.empty(); }

  void index() {
    producer_.assign(g_.values.size(), kNobody);
    readers_.assign(g_.values.size(), {});
    is_output_.assign(g_.values.size(), false);
    is_input_.assign(g_.values.size(), false);
    for (const ValueId v : g_.inputs) is_input_[v] = true;
    for (const ValueId v : g_.outputs) is_output_[v] = true;
    for (uint32_t n = 0; n < g_.nodes.size(); ++n) {
      for (const ValueId v : g_.nodes[n].inputs) add_reader(v, n);
      for (const ValueId v : g_.nodes[n].outputs)
        if (v != kNoValue) producer_[v] = n;
    }
  }
  void add_reader(ValueId v, uint32_t n) {
    if (v == kNoValue) return;
    auto& readers = readers_[v];
    const auto at = std::ranges::lower_bound(readers, n);
    if (at == readers.end() || *at != n) readers.insert(at, n);
  }
  void remove_reader(ValueId v, uint32_t n) {
    if (v != kNoValue) std::erase(readers_[v], n);
  }
  void remove(uint32_t n) {
    for (const ValueId v : g_.nodes[n].inputs) remove_reader(v, n);
    for (const ValueId v : g_.nodes[n].outputs)
      if (v != kNoValue && producer_[v] == n) producer_[v] = kNobody;
    g_.nodes[n].inputs.clear();
    g_.nodes[n].outputs.clear();
  }
  void read_instead(uint32_t n, ValueId from, ValueId to) {
    std::ranges::replace(g_.nodes[n].inputs, from, to);
    remove_reader(from, n);
    add_reader(to, n);
  }
  void write_instead(uint32_t n, ValueId from, ValueId to) {
    std::ranges::replace(g_.nodes[n].outputs, from, to);
    producer_[from] = kNobody;
    producer_[to] = n;
  }

  bool is_internal(ValueId v) const { return !is_input_[v] && !is_output_[v]; }
  // Nodes that read a value, and the caller if it does.
  size_t readers(ValueId v) const { return readers_[v].size() + (is_output_[v] ? 1 : 0); }
  // The node that alone reads a value.
  uint32_t only_reader(ValueId v) const {
    return readers(v) == 1 && readers_[v].size() == 1 ? readers_[v][0] : kNobody;
  }

  // Arithmetic has no clamp of its own: it is a step behind it.
  void split_clamps() {
    std::vector<ExecuTorchNode> nodes;
    for (ExecuTorchNode& n : g_.nodes) {
      const bool arithmetic = n.kind >= OpKind::kAdd && n.kind <= OpKind::kDivide;
      if (!arithmetic || (n.range.min == -INFINITY && n.range.max == INFINITY)) {
        nodes.push_back(std::move(n));
        continue;
      }
      ExecuTorchNode clamp = n;
      clamp.kind = OpKind::kClamp;
      clamp.attrs = NoAttrs{};
      n.range = {};
      n.outputs = clamp.inputs = {ValueId(g_.values.size())};
      g_.values.push_back(GraphValue(g_.values[clamp.outputs[0]]));
      nodes.push_back(std::move(n));
      nodes.push_back(std::move(clamp));
    }
    g_.nodes = std::move(nodes);
  }

  void remove_dead() {
    for (uint32_t n = uint32_t(g_.nodes.size()); n-- > 0;) {
      const auto unread = [&](ValueId v) { return v == kNoValue || readers(v) == 0; };
      if (!gone(n) && std::ranges::all_of(g_.nodes[n].outputs, unread)) remove(n);
    }
  }

  // A clamp joins the step before it, if that can clamp and nobody else reads its result.
  bool merge_clamps() {
    bool changed = false;
    for (uint32_t n = 0; n < g_.nodes.size(); ++n) {
      const ExecuTorchNode& clamp = g_.nodes[n];
      if (gone(n) || clamp.kind != OpKind::kClamp || clamp.table || readers(clamp.inputs[0]) != 1)
        continue;
      const ValueId between = clamp.inputs[0], out = clamp.outputs[0];
      const uint32_t before = producer_[between];
      if (before == kNobody || !has_clamp(g_.nodes[before]) || g_.nodes[before].table) continue;
      remove(n);
      write_instead(before, between, out);
      changed = true;
    }
    return changed;
  }

  // Padding with zeros around images becomes the convolution's own.
  void fuse_pads() {
    for (uint32_t n = 0; n < g_.nodes.size(); ++n) {
      if (gone(n) || g_.nodes[n].kind != OpKind::kPad) continue;
      const auto& pad = std::get<PadAttrs>(g_.nodes[n].attrs);
      const ValueId from = g_.nodes[n].inputs[0], to = g_.nodes[n].outputs[0];
      const GraphValue& padded = g_.values[to];
      const uint32_t reader = only_reader(to);
      if (reader == kNobody || g_.nodes[reader].inputs[0] != to) continue;
      const bool images =
          pad.pre.rank() == 4 && pad.pre[0] + pad.post[0] + pad.pre[3] + pad.post[3] == 0;
      const bool zeros =
          pad.value == 0 && (padded.dtype == DType::kF32 || padded.quant.granularity == kPerTensor);
      const ExecuTorchNode& conv = g_.nodes[reader];
      const bool convolution = conv.kind == OpKind::kDepthwiseConv2d ||
                               (conv.kind == OpKind::kConv2d && !is_pointwise(conv));
      if (!images || !zeros || !convolution) continue;
      remove(n);
      read_instead(reader, to, from);
    }
  }

  // A copy of a value that nobody else reads is not made: the step before writes where it should,
  // or the step behind reads the original.
  void fuse_copies() {
    for (uint32_t n = 0; n < g_.nodes.size(); ++n) {
      if (gone(n) || g_.nodes[n].kind != OpKind::kCopy) continue;
      const ValueId from = g_.nodes[n].inputs[0], to = g_.nodes[n].outputs[0];
      const uint32_t before = producer_[from], behind = only_reader(to);
      if (before != kNobody && readers(from) == 1 && is_internal(from)) {
        remove(n);
        write_instead(before, from, to);
      } else if (behind != kNobody && is_internal(to)) {
        const bool read_between =
            std::ranges::any_of(readers_[from], [&](uint32_t r) { return n < r && r < behind; });
        if (read_between) continue;
        remove(n);
        read_instead(behind, to, from);
      }
    }
  }

  // The operand that a step is an element-wise function of; `known` are values computed from that
  // same operand.
  std::optional<ValueId> function_of(const ExecuTorchNode& n,
                                     std::span<const ValueId> known) const {
    if (n.table) return std::nullopt;
    if (is_unary(n, g_.values)) return n.inputs[0];
    if (!is_binary(n.kind)) return std::nullopt;
    const ValueId a = n.inputs[0], b = n.inputs[1];
    if (one_element_constant(g_.values[a]) && !g_.values[b].is_constant()) return b;
    if (one_element_constant(g_.values[b]) && !g_.values[a].is_constant()) return a;
    const auto in = [&](ValueId v) { return std::ranges::find(known, v) != known.end(); };
    return in(a) && in(b) ? std::optional(a) : std::nullopt;
  }

  // A chain of element-wise steps from bytes to bytes becomes one table of 256.
  void make_tables() {
    constexpr size_t kLongest = 10;
    for (uint32_t n = 0; n < g_.nodes.size(); ++n) {
      if (gone(n)) continue;
      const auto input = function_of(g_.nodes[n], {});
      if (!input || !is_byte(g_.values[*input])) continue;
      std::vector<uint32_t> chain = {n};
      std::vector<ValueId> known(g_.nodes[n].inputs);
      for (;;) {
        const ValueId result = g_.nodes[chain.back()].outputs[0];
        known.push_back(result);
        const uint32_t next = chain.size() < kLongest ? only_reader(result) : kNobody;
        if (next == kNobody || !function_of(g_.nodes[next], known)) break;
        const auto& inputs = g_.nodes[next].inputs;
        known.insert(known.end(), inputs.begin(), inputs.end());
        chain.push_back(next);
      }
      while (chain.size() > 1 && !is_byte(g_.values[g_.nodes[chain.back()].outputs[0]]))
        chain.pop_back();
      if (chain.size() == 1) continue;
      ExecuTorchNode& last = g_.nodes[chain.back()];
      for (const ValueId v : last.inputs) remove_reader(v, chain.back());
      chain.pop_back();
      for (const uint32_t fused : chain) remove(fused);
      last.table = true;
      last.inputs = {*input};
      add_reader(*input, uint32_t(&last - g_.nodes.data()));
    }
  }

  // One round of what later versions do; whether it changed something.
  bool optimize() {
    bool changed = merge_clamps();
    for (uint32_t n = 0; n < g_.nodes.size(); ++n) {
      if (gone(n) || g_.nodes[n].table) continue;
      switch (g_.nodes[n].kind) {
        case OpKind::kMultiply:
          changed |= square(n);
          break;
        case OpKind::kMinimum:
        case OpKind::kMaximum:
          changed |= clamp_by_scalar(n);
          break;
        case OpKind::kReshape:
          changed |= merge_reshape(n);
          break;
        case OpKind::kFullyConnected:
        case OpKind::kBatchMatMul:
          changed |= skip_transpose(n);
          break;
        default:
          break;
      }
    }
    return changed;
  }

  bool square(uint32_t n) {
    ExecuTorchNode& product = g_.nodes[n];
    if (product.inputs[0] != product.inputs[1]) return false;
    product.kind = OpKind::kSquare;
    product.inputs.pop_back();
    return true;
  }

  // The larger or smaller of a value and one constant is a clamp.
  bool clamp_by_scalar(uint32_t n) {
    ValueId input = g_.nodes[n].inputs[0], scalar = g_.nodes[n].inputs[1];
    if (!one_element_constant(g_.values[scalar])) std::swap(input, scalar);
    if (!one_element_constant(g_.values[scalar])) return false;
    if (g_.values[scalar].shape.rank() > g_.values[input].shape.rank()) return false;
    remove_reader(scalar, n);
    g_.nodes[n].kind = OpKind::kClamp;
    g_.nodes[n].inputs = {input};
    return true;
  }

  // Two reshapes in a row are one, if the second says all extents and nobody else reads between
  // them.
  bool merge_reshape(uint32_t n) {
    const Shape& shape = std::get<ReshapeAttrs>(g_.nodes[n].attrs).shape;
    const ValueId between = g_.nodes[n].inputs[0];
    const uint32_t before = producer_[between];
    if (std::ranges::any_of(shape, [](int64_t d) { return d == 0; })) return false;
    if (before == kNobody || g_.nodes[before].kind != OpKind::kReshape || readers(between) != 1)
      return false;
    read_instead(n, between, g_.nodes[before].inputs[0]);
    remove(before);
    return true;
  }

  // A product reads its right side as it lies where only its last two dimensions were swapped.
  bool skip_transpose(uint32_t n) {
    const ValueId rhs = g_.nodes[n].inputs[1];
    const uint32_t before = producer_[rhs];
    if (before == kNobody || g_.nodes[before].kind != OpKind::kTranspose || readers(rhs) != 1)
      return false;
    const Shape& perm = std::get<TransposeAttrs>(g_.nodes[before].attrs).perm;
    const size_t rank = perm.rank();
    if (rank < 2) return false;
    for (size_t d = 0; d < rank; ++d) {
      const size_t from = d + 2 < rank ? d : d + 2 == rank ? rank - 1 : rank - 2;
      if (perm[d] != int64_t(from)) return false;
    }
    read_instead(n, rhs, g_.nodes[before].inputs[0]);
    remove(before);
    return true;
  }

  // Matrix products quantise their rows while they pack them; convolutions need a step for it.
  void inline_quantisation() {
    for (uint32_t n = 0; n < g_.nodes.size(); ++n) {
      if (gone(n)) continue;
      const ExecuTorchNode& node = g_.nodes[n];
      const bool product = node.kind == OpKind::kFullyConnected ||
                           node.kind == OpKind::kBatchMatMul || is_pointwise(node);
      const ValueId lhs = node.inputs[0];
      if (!product || g_.values[lhs].quant.granularity != kPerToken || producer_[lhs] == kNobody)
        continue;
      // The operand itself stays: names are made from its type.
      remove_reader(lhs, n);
      add_reader(g_.nodes[producer_[lhs]].inputs[0], n);
    }
  }

  ExecuTorchGraph g_;
  ExecuTorch version_;
  std::vector<uint32_t> producer_;
  std::vector<std::vector<uint32_t>> readers_;
  std::vector<bool> is_input_, is_output_;
};

}  // namespace

bool is_pointwise(const Node& node) {
  if (node.kind != OpKind::kConv2d) return false;
  const auto& a = std::get<ConvAttrs>(node.attrs);
  return a.groups == 1 && a.kernel_h == 1 && a.kernel_w == 1 && a.stride_h == 1 &&
         a.stride_w == 1 && a.pad_top + a.pad_right + a.pad_bottom + a.pad_left == 0 &&
         a.in_per_group + a.out_per_group > 2;
}

ExecuTorchGraph executorch_graph(const Graph& graph) {
  ExecuTorchGraph g;
  g.values = graph.values;
  for (const Node& n : graph.file_nodes) g.nodes.push_back({n});
  g.inputs = graph.inputs;
  g.outputs = graph.outputs;
  return g;
}

ExecuTorchGraph executorch_rewritten(const Graph& graph, ExecuTorch version) {
  return Rewriter(graph, version).run();
}

}  // namespace smelt
