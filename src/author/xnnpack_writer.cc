#include "author/xnnpack_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "author/store.h"
#include "base/checked.h"
#include "format/xnnpack/flags.h"
#include "xnnpack_generated.h"

namespace smelt {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr uint32_t kAbsent = 0xffffffff;  // an external id or operand that is not there
static_assert(kNoValue == kAbsent);
constexpr uint64_t kNamed = ~uint64_t(0);  // the offset of a constant that has a name

// XNN_VALUE_FLAG_*
constexpr uint32_t kExternalInput = 1, kExternalOutput = 2;

// The header: 4 unused bytes, the magic, then at these offsets its length (16 bits), the offset and
// the size of the flatbuffer, the offset of constants (32 bits) and their size (64 bits).
constexpr size_t kHeaderLength = 30;
constexpr size_t kMagicAt = 4, kLengthAt = 8, kFlatbufferAt = 10, kFlatbufferSizeAt = 14,
                 kConstantsAt = 18;
constexpr size_t kPayloadAlignment = 16;

// The wire's name for an element type and a quantisation; `invalid` where there is none.
xnn::Datatype datatype(const GraphValue& v) {
  using enum QuantGranularity;
  using D = xnn::Datatype;
  const QuantGranularity g = v.quant.granularity;
  switch (v.dtype) {
    case DType::kF32:
      return g == kNone ? D::fp32 : D::invalid;
    case DType::kF16:
      return g == kNone ? D::fp16 : D::invalid;
    case DType::kBF16:
      return g == kNone ? D::bf16 : D::invalid;
    case DType::kU8:
      return g == kPerTensor ? D::quint8 : D::invalid;
    case DType::kS8:
      return g == kPerTensor    ? D::qint8
             : g == kPerChannel ? D::qcint8
             : g == kPerToken   ? D::qdint8
                                : D::invalid;
    case DType::kS32:
      return g == kPerTensor    ? D::qint32
             : g == kPerChannel ? D::qcint32
             : g == kNone       ? D::int32
                                : D::invalid;
    case DType::kU4:
      return g == kPerChannel ? D::qcint4 : g == kPerBlock ? D::qbint4 : D::invalid;
    default:
      return D::invalid;
  }
}

class Writer {
 public:
  Writer(const Graph& graph, NamedData& constants) : graph_(graph), named_(constants) {}

  Result<std::vector<std::byte>> write();

 private:
  struct NodeRef {
    xnn::NodeUnion type;
    Offset<void> table;
  };

  Result<uint32_t> external_id(ValueId) const;
  uint32_t constant(std::span<const std::byte>, std::string_view prefix = {});
  Result<Offset<xnn::Value>> value(ValueId);
  Result<Offset<xnn::Node>> node(size_t index);
  Result<NodeRef> table(const Node&);
  Status check_operands(const Node&, size_t min_inputs, size_t max_inputs,
                        size_t outputs = 1) const;
  Result<NodeRef> one_to_one(const Node&, xnn::NodeUnion, uint32_t flags = 0);
  Result<NodeRef> two_to_one(const Node&, xnn::NodeUnion);
  Result<NodeRef> convolution(const Node&, xnn::NodeUnion);
  Result<NodeRef> pooling(const Node&, xnn::NodeUnion);
  Result<NodeRef> concatenate(const Node&);

  Offset<flatbuffers::Vector<uint32_t>> extents(const Shape& shape) {
    const std::vector<uint32_t> v(shape.begin(), shape.end());
    return fbb_.CreateVector(v);
  }
  /// An operand's id, or "absent" beyond those that the node has.
  static uint32_t operand(const Node& node, size_t i) {
    return i < node.inputs.size() ? node.inputs[i] : kAbsent;
  }

  const Graph& graph_;
  NamedData& named_;
  FlatBufferBuilder fbb_;
  std::vector<Offset<xnn::ConstantDataOffset>> constants_;
};

Result<uint32_t> Writer::external_id(ValueId id) const {
  const auto in = std::ranges::find(graph_.inputs, id);
  const auto out = std::ranges::find(graph_.outputs, id);
  if (in != graph_.inputs.end() && out != graph_.outputs.end()) {
    return fail(ErrorCode::kInvalidArgument, "value {} is both an input and an output", id);
  }
  if (in != graph_.inputs.end()) return uint32_t(in - graph_.inputs.begin());
  if (out != graph_.outputs.end()) {
    return uint32_t(graph_.inputs.size() + size_t(out - graph_.outputs.begin()));
  }
  return kAbsent;
}

// Adds a constant and returns its index; 0 is taken by the placeholder that means "no constant".
uint32_t Writer::constant(std::span<const std::byte> bytes, std::string_view prefix) {
  const auto key = fbb_.CreateString(named_.add(bytes, prefix));
  constants_.push_back(xnn::CreateConstantDataOffset(fbb_, kNamed, bytes.size(), key));
  return uint32_t(constants_.size() - 1);
}

Result<Offset<xnn::Value>> Writer::value(ValueId id) {
  const GraphValue& v = graph_.values[id];
  const xnn::Datatype type = datatype(v);
  if (type == xnn::Datatype::invalid) {
    return fail(ErrorCode::kInvalidArgument,
                "value {}: the format has no type for {} with this quantisation", id,
                name(v.dtype));
  }
  for (const int64_t d : v.shape) {
    if (d < 0 || d > std::numeric_limits<int32_t>::max()) {
      return fail(ErrorCode::kInvalidArgument, "value {}: extent {} of shape {} is out of range",
                  id, d, to_string(v.shape));
    }
  }
  SMELT_ASSIGN(const uint32_t external, external_id(id));
  uint32_t buffer = 0;
  if (v.is_constant()) {
    if (!checked_numel(v.shape) || v.constant.size() != dense_bytes(v.dtype, v.shape)) {
      return fail(ErrorCode::kInvalidArgument, "value {}: {} bytes for {} of shape {}", id,
                  v.constant.size(), name(v.dtype), to_string(v.shape));
    }
    if (external != kAbsent) {
      return fail(ErrorCode::kInvalidArgument, "value {} is a constant and an input or output", id);
    }
    buffer = constant(v.constant);
  }
  const uint32_t flags = external == kAbsent               ? 0
                         : external < graph_.inputs.size() ? kExternalInput
                                                           : kExternalOutput;
  const auto dims = extents(v.shape);
  const auto tensor = xnn::CreateTensorValue(fbb_, type, uint32_t(v.shape.rank()), dims, buffer,
                                             external, flags, id);
  const Quant& q = v.quant;
  if (q.granularity == QuantGranularity::kNone) {
    return xnn::CreateValue(fbb_, xnn::ValueUnion::TensorValue, tensor.Union());
  }

  // Scales are named data; readers want the inline list to be there nevertheless, empty.
  const auto no_scales = fbb_.CreateVector(std::vector<float>());
  xnn::QuantParams params_type = xnn::QuantParams::NONE;
  Offset<void> params;
  switch (q.granularity) {
    case QuantGranularity::kNone:
      break;
    case QuantGranularity::kPerTensor:
      params_type = xnn::QuantParams::PerTensorQuant;
      params = xnn::CreatePerTensorQuant(fbb_, q.scale, q.zero).Union();
      break;
    case QuantGranularity::kPerChannel: {
      if (q.axis >= v.shape.rank() || uint64_t(v.shape[q.axis]) != q.channel_scale.size()) {
        return fail(ErrorCode::kInvalidArgument, "value {}: {} channel scales for axis {} of {}",
                    id, q.channel_scale.size(), q.axis, to_string(v.shape));
      }
      const int32_t implied = v.dtype == DType::kU4 ? 8 : 0;
      if (q.zero != implied) {
        return fail(ErrorCode::kInvalidArgument, "value {}: zero point {}, the format implies {}",
                    id, q.zero, implied);
      }
      const uint32_t scales = constant(std::as_bytes(q.channel_scale), "scale_");
      params_type = xnn::QuantParams::PerChannelQuant;
      params = xnn::CreatePerChannelQuant(fbb_, no_scales, q.axis, scales,
                                          uint32_t(q.channel_scale.size()))
                   .Union();
      break;
    }
    case QuantGranularity::kPerBlock: {
      const size_t n = v.shape.numel();
      if (v.shape.rank() != 2 || q.block == 0 || v.shape.back() % int64_t(q.block) != 0 ||
          n / q.block != q.block_scale.size() || q.zero != 8) {
        return fail(ErrorCode::kInvalidArgument,
                    "value {}: {} scales, one for each {} of {}, zero point {}", id,
                    q.block_scale.size(), q.block, to_string(v.shape), q.zero);
      }
      const uint32_t scales = constant(std::as_bytes(q.block_scale), "scale_");
      params_type = xnn::QuantParams::PerChannelGroupQuant;
      params = xnn::CreatePerChannelGroupQuant(fbb_, no_scales, 0, int32_t(q.block), 0, scales,
                                               uint32_t(q.block_scale.size()))
                   .Union();
      break;
    }
    case QuantGranularity::kPerToken:
      if (q.nonbatch_dims > v.shape.rank()) {
        return fail(ErrorCode::kInvalidArgument, "value {}: rows of {} dimensions in shape {}", id,
                    q.nonbatch_dims, to_string(v.shape));
      }
      params_type = xnn::QuantParams::PerTokenDynamicQuant;
      params = xnn::CreatePerTokenDynamicQuant(fbb_, q.nonbatch_dims).Union();
      break;
  }
  const auto quantized = xnn::CreateQuantizedTensorValue(fbb_, tensor, params_type, params);
  return xnn::CreateValue(fbb_, xnn::ValueUnion::QuantizedTensorValue, quantized.Union());
}

Status Writer::check_operands(const Node& node, size_t min_inputs, size_t max_inputs,
                              size_t outputs) const {
  if (node.inputs.size() < min_inputs || node.inputs.size() > max_inputs ||
      node.outputs.size() != outputs) {
    return fail(ErrorCode::kInvalidArgument, "{} inputs and {} outputs", node.inputs.size(),
                node.outputs.size());
  }
  // Operands beyond the first `min_inputs` are optional.
  const auto known = [&](ValueId id) { return id < graph_.values.size(); };
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!known(node.inputs[i]) && !(i >= min_inputs && node.inputs[i] == kNoValue)) {
      return fail(ErrorCode::kInvalidArgument, "input {} is value {} of {}", i, node.inputs[i],
                  graph_.values.size());
    }
  }
  for (const ValueId id : node.outputs) {
    if (!known(id)) {
      return fail(ErrorCode::kInvalidArgument, "output is value {} of {}", id,
                  graph_.values.size());
    }
  }
  return {};
}

/// The attributes of a node as the type its kind asks for.
template <class T>
Result<const T*> attrs(const Node& node) {
  if (const T* a = std::get_if<T>(&node.attrs)) return a;
  return fail(ErrorCode::kInvalidArgument, "attributes of another kind of node");
}

Result<Writer::NodeRef> Writer::one_to_one(const Node& n, xnn::NodeUnion type, uint32_t flags) {
  SMELT_TRY(check_operands(n, 1, 1));
  return NodeRef{type, xnn::CreateNode1x1(fbb_, n.inputs[0], n.outputs[0], flags).Union()};
}

Result<Writer::NodeRef> Writer::two_to_one(const Node& n, xnn::NodeUnion type) {
  SMELT_TRY(check_operands(n, 2, 2));
  return NodeRef{type, xnn::CreateNode2x1(fbb_, n.inputs[0], n.inputs[1], n.outputs[0], 0).Union()};
}

Result<Writer::NodeRef> Writer::convolution(const Node& n, xnn::NodeUnion type) {
  SMELT_TRY(check_operands(n, 2, 3));
  SMELT_ASSIGN(const ConvAttrs* a, attrs<ConvAttrs>(n));
  return NodeRef{type, xnn::CreateNodeConv(
                           fbb_, a->pad_top, a->pad_right, a->pad_bottom, a->pad_left, a->kernel_h,
                           a->kernel_w, a->stride_h, a->stride_w, a->dilation_h, a->dilation_w,
                           a->in_per_group, a->out_per_group, a->groups, a->adjust_h, a->adjust_w,
                           n.inputs[0], n.inputs[1], operand(n, 2), n.outputs[0], 0)
                           .Union()};
}

Result<Writer::NodeRef> Writer::pooling(const Node& n, xnn::NodeUnion type) {
  SMELT_TRY(check_operands(n, 1, 1));
  SMELT_ASSIGN(const PoolAttrs* a, attrs<PoolAttrs>(n));
  return NodeRef{
      type, xnn::CreateNodePooling2D(fbb_, a->pad_top, a->pad_right, a->pad_bottom, a->pad_left,
                                     a->pool_h, a->pool_w, a->stride_h, a->stride_w, a->dilation_h,
                                     a->dilation_w, n.inputs[0], n.outputs[0], xnn::kKeepDims)
                .Union()};
}

Result<Writer::NodeRef> Writer::concatenate(const Node& n) {
  SMELT_TRY(check_operands(n, 2, 5));
  SMELT_ASSIGN(const ConcatAttrs* a, attrs<ConcatAttrs>(n));
  constexpr xnn::NodeUnion kTypes[] = {xnn::NodeUnion::Concatenate2, xnn::NodeUnion::Concatenate3,
                                       xnn::NodeUnion::Concatenate4, xnn::NodeUnion::Concatenate5};
  return NodeRef{
      kTypes[n.inputs.size() - 2],
      xnn::CreateNodeConcatenate(fbb_, uint32_t(a->axis), operand(n, 0), operand(n, 1),
                                 operand(n, 2), operand(n, 3), n.outputs[0], 0, operand(n, 4))
          .Union()};
}

Result<Writer::NodeRef> Writer::table(const Node& n) {
  using U = xnn::NodeUnion;
  switch (n.kind) {
    case OpKind::kFullyConnected: {
      SMELT_TRY(check_operands(n, 2, 3));
      SMELT_ASSIGN(const FullyConnectedAttrs* a, attrs<FullyConnectedAttrs>(n));
      return NodeRef{
          U::FullyConnected,
          xnn::CreateFullyConnected(fbb_, n.inputs[0], n.inputs[1], operand(n, 2), n.outputs[0],
                                    a->transpose_weights ? xnn::kTransposeWeights : 0)
              .Union()};
    }
    case OpKind::kConv2d:
      return convolution(n, U::Conv2d);
    case OpKind::kDepthwiseConv2d:
      return convolution(n, U::DepthwiseConv2d);
    case OpKind::kConvTranspose2d:
      return convolution(n, U::ConvTranspose2d);
    case OpKind::kBatchMatMul:
      return two_to_one(n, U::BatchMatrixMultiply);
    case OpKind::kScaledDotProductAttention:
      SMELT_TRY(check_operands(n, 5, 5));
      return NodeRef{U::ScaledDotProductAttention, xnn::CreateScaledDotProductAttention(
                                                       fbb_, n.inputs[0], n.inputs[1], n.inputs[2],
                                                       n.inputs[3], n.inputs[4], n.outputs[0], 0)
                                                       .Union()};
    case OpKind::kAdd:
      return two_to_one(n, U::Add);
    case OpKind::kSubtract:
      return two_to_one(n, U::Subtract);
    case OpKind::kMultiply:
      return two_to_one(n, U::Multiply);
    case OpKind::kDivide:
      return two_to_one(n, U::Div);
    case OpKind::kMinimum:
      return two_to_one(n, U::Minimum);
    case OpKind::kMaximum:
      return two_to_one(n, U::Maximum);
    case OpKind::kPRelu:
      return two_to_one(n, U::PReLU);
    case OpKind::kAbs:
      return one_to_one(n, U::Abs);
    case OpKind::kCeiling:
      return one_to_one(n, U::Ceiling);
    case OpKind::kClamp:
      return one_to_one(n, U::Clamp);
    case OpKind::kConvert:
      return one_to_one(n, U::Convert);
    case OpKind::kCopy:
      return one_to_one(n, U::Copy);
    case OpKind::kCos:
      return one_to_one(n, U::Cos);
    case OpKind::kExp:
      return one_to_one(n, U::Exp);
    case OpKind::kFloor:
      return one_to_one(n, U::Floor);
    case OpKind::kGelu:
      return one_to_one(n, U::Gelu);
    case OpKind::kHardswish:
      return one_to_one(n, U::Hardswish);
    case OpKind::kLog:
      return one_to_one(n, U::Log);
    case OpKind::kNegate:
      return one_to_one(n, U::Negate);
    case OpKind::kReciprocalSquareRoot:
      return one_to_one(n, U::ReciprocalSquareRoot);
    case OpKind::kSigmoid:
      return one_to_one(n, U::Sigmoid);
    case OpKind::kSin:
      return one_to_one(n, U::Sin);
    case OpKind::kSquare:
      return one_to_one(n, U::Square);
    case OpKind::kSquareRoot:
      return one_to_one(n, U::SquareRoot);
    case OpKind::kTanh:
      return one_to_one(n, U::Tanh);
    case OpKind::kSoftmax:
      return one_to_one(n, U::Softmax);
    case OpKind::kGlobalAvgPool2d:
      return one_to_one(n, U::GlobalAvgPooling2d, xnn::kKeepDims);
    case OpKind::kElu: {
      SMELT_TRY(check_operands(n, 1, 1));
      SMELT_ASSIGN(const AlphaAttrs* a, attrs<AlphaAttrs>(n));
      return NodeRef{U::ELU, xnn::CreateELU(fbb_, a->alpha, n.inputs[0], n.outputs[0], 0).Union()};
    }
    case OpKind::kLeakyRelu: {
      SMELT_TRY(check_operands(n, 1, 1));
      SMELT_ASSIGN(const AlphaAttrs* a, attrs<AlphaAttrs>(n));
      return NodeRef{U::LeakyReLU,
                     xnn::CreateLeakyReLU(fbb_, a->alpha, n.inputs[0], n.outputs[0], 0).Union()};
    }
    case OpKind::kAvgPool2d: {
      SMELT_ASSIGN(const PoolAttrs* a, attrs<PoolAttrs>(n));
      if (a->dilation_h != 1 || a->dilation_w != 1) {  // there are fields for it; nobody reads them
        return fail(ErrorCode::kInvalidArgument, "dilation is {}, {}; an average has none",
                    a->dilation_h, a->dilation_w);
      }
      return pooling(n, U::AvgPooling2d);
    }
    case OpKind::kMaxPool2d:
      return pooling(n, U::MaxPooling2d);
    case OpKind::kArgMaxPool2d: {
      SMELT_TRY(check_operands(n, 1, 1, 2));
      SMELT_ASSIGN(const PoolAttrs* a, attrs<PoolAttrs>(n));
      return NodeRef{U::ArgMaxPooling2d,
                     xnn::CreateArgMaxPooling2d(fbb_, a->pad_top, a->pad_right, a->pad_bottom,
                                                a->pad_left, a->pool_h, a->pool_w, n.inputs[0],
                                                n.outputs[0], n.outputs[1], 0)
                         .Union()};
    }
    case OpKind::kResizeBilinear2d: {
      SMELT_TRY(check_operands(n, 1, 1));
      SMELT_ASSIGN(const ResizeAttrs* a, attrs<ResizeAttrs>(n));
      const uint32_t flags = (a->align_corners ? xnn::kAlignCorners : 0) |
                             (a->legacy_half_pixel ? xnn::kLegacyHalfPixel : 0);
      return NodeRef{U::StaticResizeBilinear2D,
                     xnn::CreateStaticResizeBilinear2D(fbb_, a->height, a->width, n.inputs[0],
                                                       n.outputs[0], flags)
                         .Union()};
    }
    case OpKind::kTranspose: {
      SMELT_TRY(check_operands(n, 1, 1));
      SMELT_ASSIGN(const TransposeAttrs* a, attrs<TransposeAttrs>(n));
      const auto perm = extents(a->perm);
      return NodeRef{U::StaticTranspose,
                     xnn::CreateStaticTranspose(fbb_, uint32_t(a->perm.rank()), perm, n.inputs[0],
                                                n.outputs[0], 0)
                         .Union()};
    }
    case OpKind::kReshape: {
      SMELT_TRY(check_operands(n, 1, 1));
      SMELT_ASSIGN(const ReshapeAttrs* a, attrs<ReshapeAttrs>(n));
      const auto shape = extents(a->shape);
      return NodeRef{U::StaticReshape, xnn::CreateStaticReshape(fbb_, uint32_t(a->shape.rank()),
                                                                shape, n.inputs[0], n.outputs[0], 0)
                                           .Union()};
    }
    case OpKind::kSlice: {
      SMELT_TRY(check_operands(n, 1, 1));
      SMELT_ASSIGN(const SliceAttrs* a, attrs<SliceAttrs>(n));
      const auto offsets = extents(a->offsets);
      const auto sizes = extents(a->sizes);
      return NodeRef{U::StaticSlice,
                     xnn::CreateStaticSlice(fbb_, uint32_t(a->offsets.rank()), offsets, sizes,
                                            n.inputs[0], n.outputs[0], 0)
                         .Union()};
    }
    case OpKind::kPad: {
      SMELT_TRY(check_operands(n, 1, 1));
      SMELT_ASSIGN(const PadAttrs* a, attrs<PadAttrs>(n));
      const auto pre = extents(a->pre);
      const auto post = extents(a->post);
      return NodeRef{
          U::StaticConstantPad,
          xnn::CreateStaticConstantPad(fbb_, pre, post, a->value, n.inputs[0], n.outputs[0], 0)
              .Union()};
    }
    case OpKind::kConcatenate:
      return concatenate(n);
  }
  return fail(ErrorCode::kInvalidArgument, "unknown kind of node");
}

Result<Offset<xnn::Node>> Writer::node(size_t index) {
  const Node& n = graph_.nodes[index];
  const auto made = table(n);
  if (!made) return prefixed(made.error(), fmt::format("node {} ({})", index, name(n.kind)));
  Offset<xnn::OutputMinMax> range;
  if (std::isfinite(n.range.min) || std::isfinite(n.range.max)) {
    range = xnn::CreateOutputMinMax(fbb_, n.range.min, n.range.max);
  }
  return xnn::CreateNode(fbb_, made->type, made->table, n.debug_handle, range);
}

Result<std::vector<std::byte>> Writer::write() {
  for (const auto* ids : {&graph_.inputs, &graph_.outputs}) {
    for (const ValueId id : *ids) {
      if (id >= graph_.values.size()) {
        return fail(ErrorCode::kInvalidArgument, "input or output {} of {} values", id,
                    graph_.values.size());
      }
    }
  }
  const auto no_name = fbb_.CreateString("");
  constants_.push_back(xnn::CreateConstantDataOffset(fbb_, 0, 0, no_name));
  std::vector<Offset<xnn::Value>> values;
  for (size_t i = 0; i < graph_.values.size(); ++i) {
    SMELT_ASSIGN(const auto one, value(ValueId(i)));
    values.push_back(one);
  }
  std::vector<Offset<xnn::Node>> nodes;
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    SMELT_ASSIGN(const auto one, node(i));
    nodes.push_back(one);
  }
  const auto version = fbb_.CreateString("0");
  const auto node_list = fbb_.CreateVector(nodes);
  const auto value_list = fbb_.CreateVector(values);
  const auto inputs = fbb_.CreateVector(graph_.inputs);
  const auto outputs = fbb_.CreateVector(graph_.outputs);
  const auto constants = fbb_.CreateVector(constants_);
  fbb_.Finish(
      xnn::CreateGraph(fbb_, version, node_list, value_list,
                       uint32_t(graph_.inputs.size() + graph_.outputs.size()), inputs, outputs,
                       /*constant_buffer=*/0, /*mem_buffer_sizes=*/0, constants),
      xnn::GraphIdentifier());

  const size_t begin = round_up(kHeaderLength, kPayloadAlignment);
  const size_t end = begin + round_up(size_t(fbb_.GetSize()), kPayloadAlignment);
  std::vector<std::byte> payload(end);
  std::memcpy(payload.data() + kMagicAt, "XH00", 4);
  store(payload, kLengthAt, uint16_t(kHeaderLength));
  store(payload, kFlatbufferAt, uint32_t(begin));
  store(payload, kFlatbufferSizeAt, uint32_t(fbb_.GetSize()));
  store(payload, kConstantsAt, uint32_t(end));  // none of them: their size stays 0
  std::memcpy(payload.data() + begin, fbb_.GetBufferPointer(), fbb_.GetSize());
  return payload;
}

}  // namespace

Result<std::vector<std::byte>> write_xnnpack(const Graph& graph, NamedData& constants) {
  return Writer(graph, constants).write();
}

}  // namespace smelt
