#include "format/xnnpack/nodes.h"

#include <cmath>
#include <limits>

#include "format/xnnpack/flags.h"
#include "format/xnnpack/values.h"
#include "tensor/shape.h"

namespace smelt {
namespace {

/// Sizes and counts in attributes: beyond this, sums of two overflow the int32 that other
/// implementations use.
constexpr uint32_t kMaxAttr = std::numeric_limits<int32_t>::max() / 2;

}  // namespace

XnnpackNodeReader::XnnpackNodeReader(const xnn::Graph& source,
                                     const std::unordered_map<uint32_t, ValueId>& by_id,
                                     ReadBudget& budget, const FieldPath& root, Graph& graph)
    : source_(source),
      by_id_(by_id),
      budget_(budget),
      root_(root),
      graph_(graph),
      available_(graph.values.size()) {
  for (size_t i = 0; i < graph.values.size(); ++i) available_[i] = graph.values[i].is_constant();
  for (ValueId v : graph.inputs) available_[v] = true;
  for (const Node& n : graph.nodes) {
    for (ValueId v : n.outputs) available_[v] = true;
  }
}

Status XnnpackNodeReader::read() {
  const auto* list = source_.xnodes();
  if (list == nullptr) return root_.field("xnodes").invalid("is missing");
  SMELT_TRY(budget_.take(list, root_.field("xnodes")));
  for (uint32_t i = 0; i < list->size(); ++i) {
    const xnn::Node& source = *list->Get(i);
    const FieldPath item = root_.item("xnodes", i);
    const xnn::NodeUnion type = source.xnode_union_type();
    if (type == xnn::NodeUnion::NONE) return item.invalid("has no node");
    if (type > xnn::NodeUnion::MAX) {
      return item.unsupported("has the unknown type {}: written by a newer exporter?", int(type));
    }
    if (source.xnode_union() == nullptr) return item.field("xnode_union").invalid("is missing");
    SMELT_TRY(node(source, item.field(xnn::EnumNameNodeUnion(type))));
  }
  return {};
}

Status XnnpackNodeReader::node(const xnn::Node& source, const FieldPath& path) {
  Current c{source, path, {}};
  c.node.debug_handle = source.debug_handle();
  SMELT_TRY(dispatch(c));
  for (ValueId v : c.node.outputs) available_[v] = true;
  graph_.nodes.push_back(std::move(c.node));
  return {};
}

Status XnnpackNodeReader::dispatch(Current& c) {
  using U = xnn::NodeUnion;
  const xnn::Node& n = c.source;
  const auto* one = static_cast<const xnn::Node1x1*>(n.xnode_union());
  const auto* two = static_cast<const xnn::Node2x1*>(n.xnode_union());
  switch (n.xnode_union_type()) {
    case U::Abs:
      return unary(c, *one, OpKind::kAbs);
    case U::Ceiling:
      return unary(c, *one, OpKind::kCeiling);
    case U::Clamp:
      return unary(c, *one, OpKind::kClamp);
    case U::Convert:
      return unary(c, *one, OpKind::kConvert);
    case U::Copy:
      return unary(c, *one, OpKind::kCopy);
    case U::Cos:
      return unary(c, *one, OpKind::kCos);
    case U::Exp:
      return unary(c, *one, OpKind::kExp);
    case U::Floor:
      return unary(c, *one, OpKind::kFloor);
    case U::Gelu:
      return unary(c, *one, OpKind::kGelu);
    case U::Hardswish:
      return unary(c, *one, OpKind::kHardswish);
    case U::Log:
      return unary(c, *one, OpKind::kLog);
    case U::Negate:
      return unary(c, *one, OpKind::kNegate);
    case U::ReciprocalSquareRoot:
      return unary(c, *one, OpKind::kReciprocalSquareRoot);
    case U::Sigmoid:
      return unary(c, *one, OpKind::kSigmoid);
    case U::Sin:
      return unary(c, *one, OpKind::kSin);
    case U::Softmax:
      return unary(c, *one, OpKind::kSoftmax);
    case U::Square:
      return unary(c, *one, OpKind::kSquare);
    case U::SquareRoot:
      return unary(c, *one, OpKind::kSquareRoot);
    case U::Tanh:
      return unary(c, *one, OpKind::kTanh);
    case U::ELU: {
      const xnn::ELU& e = *n.xnode_union_as_ELU();
      if (!std::isfinite(e.alpha())) return c.path.field("alpha").invalid("is {}", e.alpha());
      c.node.attrs = AlphaAttrs{e.alpha()};
      return one_to_one(c, e, OpKind::kElu);
    }
    case U::LeakyReLU: {
      const xnn::LeakyReLU& l = *n.xnode_union_as_LeakyReLU();
      if (!std::isfinite(l.negative_slope()))
        return c.path.field("negative_slope").invalid("is {}", l.negative_slope());
      c.node.attrs = AlphaAttrs{l.negative_slope()};
      return one_to_one(c, l, OpKind::kLeakyRelu);
    }
    case U::Add:
      return binary(c, *two, OpKind::kAdd);
    case U::Subtract:
      return binary(c, *two, OpKind::kSubtract);
    case U::Multiply:
      return binary(c, *two, OpKind::kMultiply);
    case U::Div:
      return binary(c, *two, OpKind::kDivide);
    case U::Minimum:
      return binary(c, *two, OpKind::kMinimum);
    case U::Maximum:
      return binary(c, *two, OpKind::kMaximum);
    case U::PReLU:
      return binary(c, *two, OpKind::kPRelu);
    case U::BatchMatrixMultiply:
      return binary(c, *two, OpKind::kBatchMatMul);
    case U::Concatenate2:
      return concatenate(c, *n.xnode_union_as_Concatenate2(), 2);
    case U::Concatenate3:
      return concatenate(c, *n.xnode_union_as_Concatenate3(), 3);
    case U::Concatenate4:
      return concatenate(c, *n.xnode_union_as_Concatenate4(), 4);
    case U::Concatenate5:
      return concatenate(c, *n.xnode_union_as_Concatenate5(), 5);
    case U::FullyConnected:
      return fully_connected(c, *n.xnode_union_as_FullyConnected());
    case U::ScaledDotProductAttention:
      return attention(c, *n.xnode_union_as_ScaledDotProductAttention());
    case U::Conv2d:
      return convolution(c, *n.xnode_union_as_Conv2d(), OpKind::kConv2d);
    case U::DepthwiseConv2d:
      return convolution(c, *n.xnode_union_as_DepthwiseConv2d(), OpKind::kDepthwiseConv2d);
    case U::ConvTranspose2d:
      return convolution(c, *n.xnode_union_as_ConvTranspose2d(), OpKind::kConvTranspose2d);
    case U::AvgPooling2d:
      return pooling(c, *n.xnode_union_as_AvgPooling2d(), OpKind::kAvgPool2d);
    case U::MaxPooling2d:
      return pooling(c, *n.xnode_union_as_MaxPooling2d(), OpKind::kMaxPool2d);
    case U::ArgMaxPooling2d:
      return arg_max_pooling(c, *n.xnode_union_as_ArgMaxPooling2d());
    case U::GlobalAvgPooling2d:
      return global_average_pooling(c, *one);
    case U::StaticTranspose:
      return transpose(c, *n.xnode_union_as_StaticTranspose());
    case U::StaticReshape:
      return reshape(c, *n.xnode_union_as_StaticReshape());
    case U::StaticSlice:
      return slice(c, *n.xnode_union_as_StaticSlice());
    case U::StaticConstantPad:
      return pad(c, *n.xnode_union_as_StaticConstantPad());
    case U::StaticResizeBilinear2D:
      return resize(c, *n.xnode_union_as_StaticResizeBilinear2D());
    case U::NONE:
      break;
  }
  return c.path.invalid("has the unknown type {}", int(n.xnode_union_type()));
}

// ---- fields that many nodes have

Status XnnpackNodeReader::input(Current& c, uint32_t id, std::string_view field) {
  const auto it = by_id_.find(id);
  if (it == by_id_.end()) {
    if (id == kXnnpackNoId) return c.path.field(field).invalid("is missing");
    return c.path.field(field).invalid("is {}, but no value has that id", id);
  }
  if (!available_[it->second]) {
    return c.path.field(field).invalid("is {}, a value that no earlier node computes", id);
  }
  c.node.inputs.push_back(it->second);
  return {};
}

Status XnnpackNodeReader::optional_input(Current& c, uint32_t id, std::string_view field) {
  if (id != kXnnpackNoId) return input(c, id, field);
  c.node.inputs.push_back(kNoValue);
  return {};
}

Status XnnpackNodeReader::output(Current& c, uint32_t id, std::string_view field) {
  const auto it = by_id_.find(id);
  if (it == by_id_.end()) {
    if (id == kXnnpackNoId) return c.path.field(field).invalid("is missing");
    return c.path.field(field).invalid("is {}, but no value has that id", id);
  }
  bool taken = available_[it->second];
  for (ValueId other : c.node.outputs) taken |= other == it->second;
  if (taken)
    return c.path.field(field).invalid(
        "is {}, a value that is constant, an input, or already computed", id);
  c.node.outputs.push_back(it->second);
  return {};
}

Status XnnpackNodeReader::output_range(Current& c) {
  const xnn::OutputMinMax* range = c.source.output_min_max();
  if (range == nullptr) return {};
  const float low = range->output_min(), high = range->output_max();
  if (std::isnan(low) || std::isnan(high) || low > high) {
    return c.path.field("output_min_max").invalid("is from {} to {}", low, high);
  }
  c.node.range = {low, high};
  return {};
}

Status XnnpackNodeReader::flags(const Current& c, uint32_t flags, uint32_t known) const {
  if ((flags & ~known) == 0) return {};
  return c.path.field("flags").unsupported("is {:#x}; supported are {:#x}", flags, known);
}

Status XnnpackNodeReader::list(const Current& c, const Dims* list, std::string_view field,
                               size_t expected) {
  if (length(list) != expected) {
    return c.path.field(field).invalid("has {} entries; must have {}", length(list), expected);
  }
  return budget_.take(list, c.path.field(field));
}

Status XnnpackNodeReader::in_range(const Current& c, uint32_t value, std::string_view field,
                                   uint32_t low) const {
  if (value >= low && value <= kMaxAttr) return {};
  return c.path.field(field).invalid("is {}; must be from {} to {}", value, low, kMaxAttr);
}

Status XnnpackNodeReader::image(const Current& c, ValueId v, std::string_view field) const {
  if (shape(v).rank() == 4) return {};
  return c.path.field(field).invalid("is a value of shape {}; must have 4 dimensions (NHWC)",
                                     to_string(shape(v)));
}

// ---- families of nodes

/// A node with one input and one output: what all have in common.
template <class N>
Status XnnpackNodeReader::one_to_one(Current& c, const N& n, OpKind kind, uint32_t known) {
  c.node.kind = kind;
  SMELT_TRY(flags(c, n.flags(), known));
  SMELT_TRY(input(c, n.input_id(), "input_id"));
  return output(c, n.output_id(), "output_id");
}

Status XnnpackNodeReader::unary(Current& c, const xnn::Node1x1& n, OpKind kind) {
  if (kind == OpKind::kClamp) SMELT_TRY(output_range(c));
  return one_to_one(c, n, kind);
}

Status XnnpackNodeReader::binary(Current& c, const xnn::Node2x1& n, OpKind kind) {
  c.node.kind = kind;
  // The other binary nodes carry a range at most by mistake: the runtime that the format belongs to
  // ignores it.
  if (kind == OpKind::kAdd || kind == OpKind::kSubtract || kind == OpKind::kMultiply ||
      kind == OpKind::kDivide) {
    SMELT_TRY(output_range(c));
  }
  SMELT_TRY(flags(c, n.flags(), 0));
  SMELT_TRY(input(c, n.input1_id(), "input1_id"));
  SMELT_TRY(input(c, n.input2_id(), "input2_id"));
  return output(c, n.output_id(), "output_id");
}

Status XnnpackNodeReader::concatenate(Current& c, const xnn::NodeConcatenate& n, size_t count) {
  c.node.kind = OpKind::kConcatenate;
  SMELT_TRY(flags(c, n.flags(), 0));
  const uint32_t ids[] = {n.input1_id(), n.input2_id(), n.input3_id(), n.input4_id(),
                          n.input5_id()};
  constexpr std::string_view names[] = {"input1_id", "input2_id", "input3_id", "input4_id",
                                        "input5_id"};
  for (size_t i = 0; i < count; ++i) SMELT_TRY(input(c, ids[i], names[i]));
  SMELT_TRY(output(c, n.output_id(), "output_id"));
  const auto axis = int32_t(n.axis());
  const auto rank = int32_t(shape(c.node.outputs[0]).rank());
  if (axis < -rank || axis >= rank)
    return c.path.field("axis").invalid("is {}, of {} dimensions", axis, rank);
  c.node.attrs = ConcatAttrs{axis};
  return {};
}

Status XnnpackNodeReader::convolution(Current& c, const xnn::NodeConv& n, OpKind kind) {
  c.node.kind = kind;
  SMELT_TRY(output_range(c));
  SMELT_TRY(flags(c, n.flags(), xnn::kFp32StaticWeights | xnn::kTransientIndirection));
  const struct {
    uint32_t value;
    std::string_view field;
    uint32_t low;
  } fields[] = {{n.padding_top(), "padding_top", 0},
                {n.padding_right(), "padding_right", 0},
                {n.padding_bottom(), "padding_bottom", 0},
                {n.padding_left(), "padding_left", 0},
                {n.kernel_height(), "kernel_height", 1},
                {n.kernel_width(), "kernel_width", 1},
                {n.subsampling_height(), "subsampling_height", 1},
                {n.subsampling_width(), "subsampling_width", 1},
                {n.dilation_height(), "dilation_height", 1},
                {n.dilation_width(), "dilation_width", 1},
                {n.group_input_channels(), "group_input_channels", 1},
                {n.group_output_channels(), "group_output_channels", 1},
                {n.groups(), "groups", 1},
                {n.adjustment_height(), "adjustment_height", 0},
                {n.adjustment_width(), "adjustment_width", 0}};
  for (const auto& f : fields) SMELT_TRY(in_range(c, f.value, f.field, f.low));
  ConvAttrs a{.pad_top = n.padding_top(),
              .pad_right = n.padding_right(),
              .pad_bottom = n.padding_bottom(),
              .pad_left = n.padding_left(),
              .kernel_h = n.kernel_height(),
              .kernel_w = n.kernel_width(),
              .stride_h = n.subsampling_height(),
              .stride_w = n.subsampling_width(),
              .dilation_h = n.dilation_height(),
              .dilation_w = n.dilation_width(),
              .groups = n.groups(),
              .in_per_group = n.group_input_channels(),
              .out_per_group = n.group_output_channels(),
              .adjust_h = n.adjustment_height(),
              .adjust_w = n.adjustment_width()};
  SMELT_TRY(input(c, n.input1_id(), "input1_id"));
  SMELT_TRY(input(c, n.filter_id(), "filter_id"));
  SMELT_TRY(optional_input(c, n.bias_id(), "bias_id"));
  SMELT_TRY(output(c, n.output_id(), "output_id"));
  SMELT_TRY(image(c, c.node.inputs[0], "input1_id"));
  SMELT_TRY(image(c, c.node.outputs[0], "output_id"));

  // Two factors of at most 2^30 each fit int64.
  const int64_t out = int64_t(a.groups) * a.out_per_group;
  const int64_t extent_h = int64_t(a.kernel_h - 1) * a.dilation_h + 1;
  const int64_t extent_w = int64_t(a.kernel_w - 1) * a.dilation_w + 1;
  if (extent_h > kMaxAttr)
    return c.path.field("kernel_height")
        .invalid("is {}, with dilation {} rows", a.kernel_h, extent_h);
  if (extent_w > kMaxAttr)
    return c.path.field("kernel_width")
        .invalid("is {}, with dilation {} columns", a.kernel_w, extent_w);
  const bool depthwise = kind == OpKind::kDepthwiseConv2d;
  if (depthwise && a.in_per_group != 1) {
    return c.path.field("group_input_channels").invalid("is {}; must be 1", a.in_per_group);
  }
  const Shape filter = depthwise ? Shape{1, a.kernel_h, a.kernel_w, out}
                                 : Shape{out, a.kernel_h, a.kernel_w, a.in_per_group};
  if (shape(c.node.inputs[1]) != filter) {
    return c.path.field("filter_id")
        .invalid("is a value of shape {}; must be {}", to_string(shape(c.node.inputs[1])),
                 to_string(filter));
  }
  if (c.node.inputs[2] != kNoValue && shape(c.node.inputs[2]) != Shape{out}) {
    return c.path.field("bias_id").invalid("is a value of shape {}; must be [{}]",
                                           to_string(shape(c.node.inputs[2])), out);
  }
  c.node.attrs = a;
  return {};
}

Status XnnpackNodeReader::pooling(Current& c, const xnn::NodePooling2D& n, OpKind kind) {
  c.node.kind = kind;
  SMELT_TRY(output_range(c));
  SMELT_TRY(flags(c, n.flags(), xnn::kKeepDims | xnn::kTransientIndirection));
  // Average pooling has the fields, but no dilation: writers leave anything there.
  const bool dilates = kind == OpKind::kMaxPool2d;
  const uint32_t dilation_h = dilates ? n.dilation_height() : 1,
                 dilation_w = dilates ? n.dilation_width() : 1;
  const struct {
    uint32_t value;
    std::string_view field;
    uint32_t low;
  } fields[] = {{n.padding_top(), "padding_top", 0},       {n.padding_right(), "padding_right", 0},
                {n.padding_bottom(), "padding_bottom", 0}, {n.padding_left(), "padding_left", 0},
                {n.pooling_height(), "pooling_height", 1}, {n.pooling_width(), "pooling_width", 1},
                {n.stride_height(), "stride_height", 1},   {n.stride_width(), "stride_width", 1},
                {dilation_h, "dilation_height", 1},        {dilation_w, "dilation_width", 1}};
  for (const auto& f : fields) SMELT_TRY(in_range(c, f.value, f.field, f.low));
  if (int64_t(n.pooling_height() - 1) * dilation_h >= kMaxAttr) {
    return c.path.field("pooling_height")
        .invalid("is {}, with dilation {}", n.pooling_height(), dilation_h);
  }
  if (int64_t(n.pooling_width() - 1) * dilation_w >= kMaxAttr) {
    return c.path.field("pooling_width")
        .invalid("is {}, with dilation {}", n.pooling_width(), dilation_w);
  }
  c.node.attrs = PoolAttrs{.pad_top = n.padding_top(),
                           .pad_right = n.padding_right(),
                           .pad_bottom = n.padding_bottom(),
                           .pad_left = n.padding_left(),
                           .pool_h = n.pooling_height(),
                           .pool_w = n.pooling_width(),
                           .stride_h = n.stride_height(),
                           .stride_w = n.stride_width(),
                           .dilation_h = dilation_h,
                           .dilation_w = dilation_w};
  SMELT_TRY(input(c, n.input_id(), "input_id"));
  SMELT_TRY(output(c, n.output_id(), "output_id"));
  SMELT_TRY(image(c, c.node.inputs[0], "input_id"));
  return image(c, c.node.outputs[0], "output_id");
}

Status XnnpackNodeReader::arg_max_pooling(Current& c, const xnn::ArgMaxPooling2d& n) {
  c.node.kind = OpKind::kArgMaxPool2d;
  SMELT_TRY(flags(c, n.flags(), xnn::kKeepDims | xnn::kTransientIndirection));
  const struct {
    uint32_t value;
    std::string_view field;
    uint32_t low;
  } fields[] = {{n.padding_top(), "padding_top", 0},       {n.padding_right(), "padding_right", 0},
                {n.padding_bottom(), "padding_bottom", 0}, {n.padding_left(), "padding_left", 0},
                {n.pooling_height(), "pooling_height", 1}, {n.pooling_width(), "pooling_width", 1}};
  for (const auto& f : fields) SMELT_TRY(in_range(c, f.value, f.field, f.low));
  // Windows do not overlap: the stride is the window.
  c.node.attrs = PoolAttrs{.pad_top = n.padding_top(),
                           .pad_right = n.padding_right(),
                           .pad_bottom = n.padding_bottom(),
                           .pad_left = n.padding_left(),
                           .pool_h = n.pooling_height(),
                           .pool_w = n.pooling_width(),
                           .stride_h = n.pooling_height(),
                           .stride_w = n.pooling_width()};
  SMELT_TRY(input(c, n.input_id(), "input_id"));
  SMELT_TRY(output(c, n.output_value_id(), "output_value_id"));
  SMELT_TRY(output(c, n.output_index_id(), "output_index_id"));
  SMELT_TRY(image(c, c.node.inputs[0], "input_id"));
  SMELT_TRY(image(c, c.node.outputs[0], "output_value_id"));
  return image(c, c.node.outputs[1], "output_index_id");
}

Status XnnpackNodeReader::global_average_pooling(Current& c, const xnn::Node1x1& n) {
  SMELT_TRY(output_range(c));
  SMELT_TRY(one_to_one(c, n, OpKind::kGlobalAvgPool2d, xnn::kKeepDims));
  SMELT_TRY(image(c, c.node.inputs[0], "input_id"));
  if (shape(c.node.outputs[0]).rank() == 4) return {};
  return c.path.field("output_id")
      .unsupported("is a value of shape {}; must keep 4 dimensions",
                   to_string(shape(c.node.outputs[0])));
}

Status XnnpackNodeReader::fully_connected(Current& c, const xnn::FullyConnected& n) {
  c.node.kind = OpKind::kFullyConnected;
  SMELT_TRY(output_range(c));
  SMELT_TRY(flags(c, n.flags(), xnn::kTransposeWeights | xnn::kFp32StaticWeights));
  c.node.attrs = FullyConnectedAttrs{(n.flags() & xnn::kTransposeWeights) != 0};
  SMELT_TRY(input(c, n.input1_id(), "input1_id"));
  SMELT_TRY(input(c, n.filter_id(), "filter_id"));
  SMELT_TRY(optional_input(c, n.bias_id(), "bias_id"));
  return output(c, n.output_id(), "output_id");
}

Status XnnpackNodeReader::attention(Current& c, const xnn::ScaledDotProductAttention& n) {
  c.node.kind = OpKind::kScaledDotProductAttention;
  SMELT_TRY(flags(c, n.flags(), 0));
  SMELT_TRY(input(c, n.query_id(), "query_id"));
  SMELT_TRY(input(c, n.key_id(), "key_id"));
  SMELT_TRY(input(c, n.value_id(), "value_id"));
  SMELT_TRY(input(c, n.scale_id(), "scale_id"));
  SMELT_TRY(input(c, n.mask_id(), "mask_id"));
  return output(c, n.output_id(), "output_id");
}

Status XnnpackNodeReader::transpose(Current& c, const xnn::StaticTranspose& n) {
  SMELT_TRY(one_to_one(c, n, OpKind::kTranspose));
  const size_t rank = shape(c.node.inputs[0]).rank();
  SMELT_TRY(list(c, n.perm(), "perm", rank));
  TransposeAttrs a;
  uint32_t seen = 0;
  for (size_t i = 0; i < rank; ++i) {
    const uint32_t d = n.perm()->Get(uint32_t(i));
    if (d >= rank || (seen >> d & 1) != 0) {
      return c.path.item("perm", i).invalid("is {}: not a permutation of {} dimensions", d, rank);
    }
    seen |= 1u << d;
    a.perm.push_back(d);
  }
  c.node.attrs = a;
  return {};
}

Status XnnpackNodeReader::reshape(Current& c, const xnn::StaticReshape& n) {
  SMELT_TRY(one_to_one(c, n, OpKind::kReshape));
  if (n.num_dims() > kMaxRank)
    return c.path.field("num_dims").invalid("is {}; must be at most {}", n.num_dims(), kMaxRank);
  SMELT_TRY(list(c, n.new_shape(), "new_shape", n.num_dims()));
  ReshapeAttrs a;
  size_t inferred = 0;
  for (uint32_t i = 0; i < n.num_dims(); ++i) {
    a.shape.push_back(n.new_shape()->Get(i));
    inferred += n.new_shape()->Get(i) == 0;
  }
  if (inferred > 1)
    return c.path.field("new_shape")
        .invalid("is {}: at most one extent can be inferred", to_string(a.shape));
  if (!checked_numel(a.shape))
    return c.path.field("new_shape").invalid("is {}: too large", to_string(a.shape));
  c.node.attrs = a;
  return {};
}

Status XnnpackNodeReader::slice(Current& c, const xnn::StaticSlice& n) {
  SMELT_TRY(one_to_one(c, n, OpKind::kSlice));
  const size_t rank = shape(c.node.inputs[0]).rank();
  SMELT_TRY(list(c, n.offsets(), "offsets", rank));
  SMELT_TRY(list(c, n.sizes(), "sizes", rank));
  SliceAttrs a;
  for (uint32_t i = 0; i < rank; ++i) {
    a.offsets.push_back(n.offsets()->Get(i));
    a.sizes.push_back(n.sizes()->Get(i));
  }
  c.node.attrs = a;
  return {};
}

Status XnnpackNodeReader::pad(Current& c, const xnn::StaticConstantPad& n) {
  SMELT_TRY(one_to_one(c, n, OpKind::kPad));
  const size_t rank = shape(c.node.inputs[0]).rank();
  SMELT_TRY(list(c, n.pre_paddings(), "pre_paddings", rank));
  SMELT_TRY(list(c, n.post_paddings(), "post_paddings", rank));
  PadAttrs a;
  a.value = n.padding_value();
  for (uint32_t i = 0; i < rank; ++i) {
    const uint32_t pre = n.pre_paddings()->Get(i), post = n.post_paddings()->Get(i);
    if (pre > kMaxAttr)
      return c.path.item("pre_paddings", i).invalid("is {}; must be at most {}", pre, kMaxAttr);
    if (post > kMaxAttr)
      return c.path.item("post_paddings", i).invalid("is {}; must be at most {}", post, kMaxAttr);
    a.pre.push_back(pre);
    a.post.push_back(post);
  }
  c.node.attrs = a;
  return {};
}

Status XnnpackNodeReader::resize(Current& c, const xnn::StaticResizeBilinear2D& n) {
  c.node.kind = OpKind::kResizeBilinear2d;
  SMELT_TRY(flags(c, n.flags(), xnn::kAlignCorners | xnn::kLegacyHalfPixel));
  SMELT_TRY(in_range(c, n.new_height(), "new_height", 1));
  SMELT_TRY(in_range(c, n.new_width(), "new_width", 1));
  c.node.attrs = ResizeAttrs{.height = n.new_height(),
                             .width = n.new_width(),
                             .align_corners = (n.flags() & xnn::kAlignCorners) != 0,
                             .legacy_half_pixel = (n.flags() & xnn::kLegacyHalfPixel) != 0};
  SMELT_TRY(input(c, n.input_id(), "input_id"));
  SMELT_TRY(output(c, n.output_id(), "output_id"));
  SMELT_TRY(image(c, c.node.inputs[0], "input_id"));
  return image(c, c.node.outputs[0], "output_id");
}

}  // namespace smelt
