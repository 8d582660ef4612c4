#include "graph/in_floats.h"

#include <algorithm>
#include <cstring>

#include "base/float16.h"
#include "ops/operand.h"

namespace smelt {

namespace {

bool is_product(OpKind kind) {
  return kind == OpKind::kFullyConnected || kind == OpKind::kConv2d ||
         kind == OpKind::kDepthwiseConv2d || kind == OpKind::kConvTranspose2d;
}

DType float_type(const Graph& graph, const Node& node) {
  for (const auto* ids : {&node.outputs, &node.inputs})
    for (ValueId id : *ids)
      if (id != kNoValue && is_float(graph.values[id].dtype)) return graph.values[id].dtype;
  return DType::kF32;
}

/// Scales along a dimension: one for all elements, or one for each index.
struct Scales {
  std::vector<float> values;
  size_t axis = 0;
  int32_t zero = 0;
};

/// What a value says itself; nothing if it says nothing, or has a scale for each block.
std::optional<Scales> own_scales(const Quant& q) {
  if (q.granularity == QuantGranularity::kPerTensor) return Scales{{q.scale}, 0, q.zero};
  if (q.granularity == QuantGranularity::kPerChannel)
    return Scales{{q.channel_scale.begin(), q.channel_scale.end()}, q.axis, q.zero};
  return std::nullopt;
}

/// A bias counts in units of the products' scale.
std::optional<Scales> product_scales(const Graph& graph, const Node& node) {
  const GraphValue &lhs = graph.values[node.inputs[0]], &weights = graph.values[node.inputs[1]];
  auto scales = own_scales(weights.quant);
  if (!affine_quant(lhs.desc()) || !scales) return std::nullopt;
  for (float& s : scales->values) s *= lhs.quant.scale;
  scales->axis = 0;
  scales->zero = 0;
  return scales;
}

int32_t stored(const GraphValue& v, size_t i) {
  switch (v.dtype) {
    case DType::kS8:
      return reinterpret_cast<const int8_t*>(v.constant.data())[i];
    case DType::kU8:
      return reinterpret_cast<const uint8_t*>(v.constant.data())[i];
    default: {
      int32_t x;
      std::memcpy(&x, v.constant.data() + i * sizeof x, sizeof x);
      return x;
    }
  }
}

template <class T>
ValueId add_constant(Graph& graph, const GraphValue& v, DType type, const Scales& scales) {
  const size_t n = v.shape.numel(), count = scales.values.size();
  const size_t inner = count == 1 ? n : v.shape.numel(scales.axis + 1, v.shape.rank());
  std::vector<std::byte>& bytes = graph.owned.emplace_back(std::max<size_t>(n * sizeof(T), 1));
  for (size_t i = 0; i < n; ++i) {
    const float scale = scales.values[count == 1 ? 0 : i / inner % count];
    const T real = T(float(int64_t(stored(v, i)) - scales.zero) * scale);
    std::memcpy(bytes.data() + i * sizeof real, &real, sizeof real);
  }
  GraphValue real;
  real.dtype = type;
  real.shape = v.shape;
  real.constant = std::span<const std::byte>(bytes).first(n * sizeof(T));
  graph.values.push_back(std::move(real));
  return ValueId(graph.values.size() - 1);
}

ValueId add_constant(Graph& graph, const GraphValue& v, DType type, const Scales& scales) {
  switch (type) {
    case DType::kF16:
      return add_constant<Half>(graph, v, type, scales);
    case DType::kBF16:
      return add_constant<BFloat16>(graph, v, type, scales);
    default:
      return add_constant<float>(graph, v, type, scales);
  }
}

ValueId add_value(Graph& graph, DType type, const Shape& shape) {
  GraphValue v;
  v.dtype = type;
  v.shape = shape;
  graph.values.push_back(std::move(v));
  return ValueId(graph.values.size() - 1);
}

}  // namespace

/// A constant by its own scales, made once.
ValueId InFloats::constant(ValueId id, DType type) {
  const auto [known, added] = constants_.emplace(std::pair(id, type), kNoValue);
  if (!added) return known->second;
  const GraphValue& v = graph_.values[id];
  const auto scales = own_scales(v.quant);
  if (scales && !scales->values.empty()) known->second = add_constant(graph_, v, type, *scales);
  return known->second;
}

std::optional<FloatForm> InFloats::of(const Node& node) {
  Graph& graph = graph_;
  if (node.kind == OpKind::kConvert || node.inputs.empty()) return std::nullopt;
  const DType type = float_type(graph, node);
  FloatForm form{{}, node, {}};
  const auto conversion = [&](ValueId from, ValueId to) {
    Node n{};
    n.kind = OpKind::kConvert;
    n.inputs = {from};
    n.outputs = {to};
    n.debug_handle = node.debug_handle;
    return n;
  };
  const bool product = is_product(node.kind);
  // Rows that are quantised while running are multiplied by weights as they are stored.
  const bool rows = product && graph.values[node.inputs[0]].desc().is_per_token();
  bool changed = false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const GraphValue& v = graph.values[node.inputs[i]];
    const bool byte = v.dtype == DType::kS8 || v.dtype == DType::kU8;
    const bool bias = product && i == 2 && v.dtype == DType::kS32;
    if (v.is_constant() && ((byte && !rows) || bias)) {
      ValueId real = constant(node.inputs[i], type);
      if (real == kNoValue && bias) {
        const auto scales = product_scales(graph, node);
        if (scales && !scales->values.empty()) real = add_constant(graph, v, type, *scales);
      }
      if (real == kNoValue) continue;
      form.node.inputs[i] = real;
      changed = true;
    } else if (!v.is_constant() && affine_quant(v.desc())) {
      const auto same = std::find(node.inputs.begin(), node.inputs.end(), node.inputs[i]);
      const auto earlier = size_t(same - node.inputs.begin());
      if (earlier < i) {
        form.node.inputs[i] = form.node.inputs[earlier];
        continue;
      }
      form.node.inputs[i] = add_value(graph, type, v.shape);
      form.before.push_back(conversion(node.inputs[i], form.node.inputs[i]));
      changed = true;
    }
  }
  for (ValueId& out : form.node.outputs) {
    if (out == kNoValue || !affine_quant(graph.values[out].desc())) continue;
    const ValueId real = add_value(graph, type, graph.values[out].shape);
    form.after.push_back(conversion(real, out));
    out = real;
    changed = true;
  }
  return changed ? std::optional(std::move(form)) : std::nullopt;
}

bool mixes_floats(const Graph& graph, const Node& node) {
  bool floats = false, others = false;
  for (const auto* ids : {&node.inputs, &node.outputs})
    for (ValueId id : *ids) {
      if (id == kNoValue) continue;
      (is_float(graph.values[id].dtype) ? floats : others) = true;
    }
  return floats && others;
}

}  // namespace smelt
