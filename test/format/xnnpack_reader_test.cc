#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "format/xnnpack/reader.h"
#include "graph_builder.h"

namespace smelt {
namespace {

using namespace testing;
using xnn::Datatype;
using xnn::NodeUnion;
using xnn::QuantParams;

Result<DelegateGraph> read(std::span<const std::byte> payload) {
  return read_xnnpack_graph(payload, [](std::string_view) { return std::nullopt; }, "d");
}

template <class T>
std::vector<T> elements(std::span<const std::byte> bytes) {
  std::vector<T> v(bytes.size() / sizeof(T));
  std::memcpy(v.data(), bytes.data(), bytes.size());
  return v;
}

TEST(XnnpackReader, ReadsValuesNodesAndConstants) {
  const std::vector<std::byte> payload = sound_graph().build();
  const auto d = read(payload);
  ASSERT_TRUE(d) << d.error().message;
  const Graph& g = d->graph;
  ASSERT_EQ(g.values.size(), 5u);
  EXPECT_EQ(g.values[0].shape, (Shape{2, 4}));
  EXPECT_FALSE(g.values[0].is_constant());
  EXPECT_EQ(elements<float>(g.values[1].constant), std::vector<float>(12, 0.5f));
  EXPECT_EQ(elements<float>(g.values[2].constant), std::vector<float>(3, 1.f));
  ASSERT_EQ(g.nodes.size(), 2u);
  EXPECT_EQ(g.nodes[0].kind, OpKind::kFullyConnected);
  EXPECT_EQ(g.nodes[0].inputs, (std::vector<ValueId>{0, 1, 2}));
  EXPECT_EQ(g.nodes[0].outputs, std::vector<ValueId>{3});
  EXPECT_EQ(g.nodes[1].range.min, 0.f);
  EXPECT_EQ(g.nodes[1].range.max, 6.f);
  EXPECT_EQ(g.inputs, std::vector<ValueId>{0});
  EXPECT_EQ(g.outputs, std::vector<ValueId>{4});
  EXPECT_EQ(d->input_args, std::vector<uint32_t>{0});
  EXPECT_EQ(d->output_args, std::vector<uint32_t>{1});
}

TEST(XnnpackReader, OrdersInputsAndOutputsByArgument) {
  GraphSpec s;
  s.values = {input(3), output(1), input(0), output(2)};
  s.nodes = {node1x1(NodeUnion::Abs, 0, 1), node1x1(NodeUnion::Exp, 2, 3)};
  const std::vector<std::byte> payload = s.build();
  const auto d = read(payload);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->input_args, (std::vector<uint32_t>{0, 3}));
  EXPECT_EQ(d->graph.inputs, (std::vector<ValueId>{2, 0}));
  EXPECT_EQ(d->output_args, (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(d->graph.outputs, (std::vector<ValueId>{1, 3}));
}

TEST(XnnpackReader, ReadsPayloadsWithoutHeaderAndAtAnyAddress) {
  GraphSpec s = sound_graph();
  s.legacy_buffers = {s.constants[0].bytes, s.constants[1].bytes};
  s.constants.clear();
  s.header = false;
  s.identifier = "XN00";
  std::vector<std::byte> payload = s.build();
  const auto d = read(payload);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(elements<float>(d->graph.values[2].constant), std::vector<float>(3, 1.f));

  payload.insert(payload.begin(), std::byte(0));
  const auto moved = read(std::span(payload).subspan(1));
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(elements<float>(moved->graph.values[1].constant), std::vector<float>(12, 0.5f));
}

TEST(XnnpackReader, FindsNamedConstants) {
  GraphSpec s = sound_graph();
  s.constants[0] = {.key = "abc", .size = 48};
  const std::vector<std::byte> payload = s.build();
  const std::vector<float> weights(12, 2.f);
  std::string asked;
  const auto lookup = [&](std::string_view key) {
    asked = key;
    return std::optional(std::as_bytes(std::span(weights)));
  };
  const auto d = read_xnnpack_graph(payload, lookup, "d");
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(asked, "abc");
  EXPECT_EQ(d->graph.values[1].constant.data(), reinterpret_cast<const std::byte*>(weights.data()));

  const auto missing = read(payload);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message,
            "d: xvalues[1].constant_buffer_idx is 1, and constant_data[1] names data that is "
            "missing: \"abc\"");
}

// ---- data types and quantisation --------------------------------------------------------------

/// Reads a graph whose value 1 is `v` and takes part in nothing. The payload must outlive the
/// graph.
Result<DelegateGraph> read_with(ValueSpec v, std::vector<ConstantSpec> constants,
                                std::vector<std::byte>& payload) {
  GraphSpec s;
  s.values = {input(0), std::move(v)};
  s.constants = std::move(constants);
  payload = s.build();
  return read(payload);
}

TEST(XnnpackReader, KnowsTypesWithoutQuantisation) {
  const std::pair<Datatype, DType> cases[] = {{Datatype::fp32, DType::kF32},
                                              {Datatype::pfp32, DType::kF32},
                                              {Datatype::fp16, DType::kF16},
                                              {Datatype::bf16, DType::kBF16},
                                              {Datatype::int32, DType::kS32}};
  for (const auto& [type, dtype] : cases) {
    std::vector<std::byte> payload;
    const auto d = read_with({.type = type}, {}, payload);
    ASSERT_TRUE(d) << d.error().message;
    EXPECT_EQ(d->graph.values[1].dtype, dtype);
    EXPECT_EQ(d->graph.values[1].quant.granularity, QuantGranularity::kNone);
  }
}

TEST(XnnpackReader, KnowsPerTensorQuantisation) {
  const std::tuple<Datatype, DType, int> cases[] = {{Datatype::qint8, DType::kS8, -7},
                                                    {Datatype::quint8, DType::kU8, 200},
                                                    {Datatype::qint32, DType::kS32, 0}};
  for (const auto& [type, dtype, zero] : cases) {
    std::vector<std::byte> payload;
    const auto d = read_with(per_tensor({}, type, 0.25f, zero), {}, payload);
    ASSERT_TRUE(d) << d.error().message;
    const GraphValue& v = d->graph.values[1];
    EXPECT_EQ(v.dtype, dtype);
    EXPECT_EQ(v.quant.granularity, QuantGranularity::kPerTensor);
    EXPECT_EQ(v.quant.scale, 0.25f);
    EXPECT_EQ(v.quant.zero, zero);
  }
}

TEST(XnnpackReader, KnowsPerTokenQuantisation) {
  std::vector<std::byte> payload;
  const auto d = read_with(per_token({.dims = {1, 5, 5, 2}}, 3), {}, payload);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->graph.values[1].dtype, DType::kS8);
  EXPECT_EQ(d->graph.values[1].quant.granularity, QuantGranularity::kPerToken);
  EXPECT_EQ(d->graph.values[1].quant.nonbatch_dims, 3);
}

TEST(XnnpackReader, KnowsPerChannelQuantisation) {
  const std::vector<float> scales = {0.5f, 0.25f, 2.f};
  const std::tuple<Datatype, DType, int, size_t> cases[] = {
      {Datatype::qcint8, DType::kS8, 0, 15},
      {Datatype::qcint4, DType::kU4, 8, 9},  // rows of five nibbles take three bytes
      {Datatype::qcint32, DType::kS32, 0, 60}};
  for (const auto& [type, dtype, zero, bytes] : cases) {
    for (bool inline_scales : {true, false}) {
      const ScaleSpec s =
          inline_scales ? ScaleSpec{.scale = scales} : ScaleSpec{.buffer = 2, .count = 3};
      std::vector<std::byte> payload;
      const auto d = read_with(per_channel({.dims = {3, 5}, .constant = 1}, type, 0, s),
                               {{std::vector<uint8_t>(bytes, 7)}, {bytes_of(scales)}}, payload);
      ASSERT_TRUE(d) << d.error().message;
      const GraphValue& v = d->graph.values[1];
      EXPECT_EQ(v.dtype, dtype);
      EXPECT_EQ(v.quant.granularity, QuantGranularity::kPerChannel);
      EXPECT_EQ(v.quant.axis, 0);
      EXPECT_EQ(v.quant.zero, zero);
      EXPECT_EQ(v.constant.size(), bytes);
      EXPECT_TRUE(std::ranges::equal(v.quant.channel_scale, scales));
    }
  }
}

TEST(XnnpackReader, KnowsPerBlockQuantisationInAllThreeForms) {
  // 1, 0.5, 1.5, 3 in bfloat16; what old files say in float 1.0039 below rounds to the same.
  const std::vector<uint16_t> bf16 = {0x3f80, 0x3f00, 0x3fc0, 0x4040};
  const std::vector<float> f32 = {1.f, 0.5f, 1.5f, 3.f};
  const ScaleSpec forms[] = {{.buffer = 2, .count = 4}, {.bf16 = bf16}, {.scale = f32}};
  for (const ScaleSpec& form : forms) {
    std::vector<std::byte> payload;
    const auto d = read_with(per_block({.dims = {2, 64}, .constant = 1}, 32, form),
                             {{std::vector<uint8_t>(64, 0x88)}, {bytes_of(bf16)}}, payload);
    ASSERT_TRUE(d) << d.error().message;
    const GraphValue& v = d->graph.values[1];
    EXPECT_EQ(v.dtype, DType::kU4);
    EXPECT_EQ(v.quant.granularity, QuantGranularity::kPerBlock);
    EXPECT_EQ(v.quant.block, 32u);
    EXPECT_EQ(v.quant.zero, 8);
    ASSERT_EQ(v.quant.block_scale.size(), 4u);
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(float(v.quant.block_scale[i]), f32[i]);
  }
}

// Half way between two bfloat16 values and above it goes up, below it goes down: the factor is 1 +
// 2^-8, then the low half is cut off.
TEST(XnnpackReader, RoundsOldBlockScales) {
  const std::vector<float> f32 = {1.f + 0x1p-8f + 0x1p-20f, 1.f + 0x1p-9f};
  std::vector<std::byte> payload;
  const auto d = read_with(per_block({.dims = {2, 32}, .constant = 1}, 32, {.scale = f32}),
                           {{std::vector<uint8_t>(32, 0x88)}}, payload);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(float(d->graph.values[1].quant.block_scale[0]), 1.f + 0x1p-7f);
  EXPECT_EQ(float(d->graph.values[1].quant.block_scale[1]), 1.f);
}

TEST(XnnpackReader, SharesScales) {
  GraphSpec s;
  const ValueSpec weights =
      per_channel({.dims = {3, 4}, .constant = 1}, Datatype::qcint8, 0, {.buffer = 2, .count = 3});
  const ValueSpec bias =
      per_channel({.dims = {3}, .constant = 1}, Datatype::qcint32, 0, {.buffer = 2, .count = 3});
  s.values = {input(0), weights, bias, weights};
  s.constants = {{std::vector<uint8_t>(12)}, {bytes_of(std::vector<float>{1, 2, 3})}};
  const std::vector<std::byte> payload = s.build();
  const auto d = read(payload);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->graph.values[1].quant.channel_scale.data(),
            d->graph.values[2].quant.channel_scale.data());
}

// Old exporters marked a float input "quantise me" instead of writing the node that does it.
TEST(XnnpackReader, ExpandsLegacyDynamicQuantisation) {
  GraphSpec s = sound_graph();
  s.values[0].dq = Datatype::qint8;
  const std::vector<std::byte> payload = s.build();
  const auto d = read(payload);
  ASSERT_TRUE(d) << d.error().message;
  const Graph& g = d->graph;
  ASSERT_EQ(g.nodes.size(), 3u);
  EXPECT_EQ(g.nodes[0].kind, OpKind::kConvert);
  EXPECT_EQ(g.nodes[0].inputs, g.inputs);
  EXPECT_EQ(g.values[g.inputs[0]].dtype, DType::kF32);
  const GraphValue& rows = g.values[g.nodes[0].outputs[0]];
  EXPECT_EQ(rows.quant.granularity, QuantGranularity::kPerToken);
  EXPECT_EQ(rows.quant.nonbatch_dims, 1);
  EXPECT_EQ(rows.shape, (Shape{2, 4}));
  EXPECT_EQ(g.nodes[1].inputs[0], g.nodes[0].outputs[0]);
}

// Exporters declare such values in the order that the input had before it was transposed.
// ---- nodes: each type with its attributes -----------------------------------------------------

/// Reads a graph of one node: value 0 is an input [1, 4, 4, 2], values 1 to 5 are constants like
/// it, and 6 and 7 are computed.
Result<DelegateGraph> read_node(NodeSpec n, std::vector<std::byte>& payload,
                                std::vector<uint32_t> dims = {1, 4, 4, 2}) {
  GraphSpec s;
  s.values = {input(0, dims)};
  for (int i = 1; i <= 5; ++i) s.values.push_back({.dims = dims, .constant = 1});
  s.values.push_back(output(1, dims));
  s.values.push_back({.dims = dims});
  s.constants = {{bytes_of(std::vector<float>(32))}};
  s.nodes = {std::move(n)};
  payload = s.build();
  return read(payload);
}

TEST(XnnpackReader, KnowsUnaryNodes) {
  const std::pair<NodeUnion, OpKind> cases[] = {
      {NodeUnion::Abs, OpKind::kAbs},
      {NodeUnion::Ceiling, OpKind::kCeiling},
      {NodeUnion::Clamp, OpKind::kClamp},
      {NodeUnion::Convert, OpKind::kConvert},
      {NodeUnion::Copy, OpKind::kCopy},
      {NodeUnion::Cos, OpKind::kCos},
      {NodeUnion::Exp, OpKind::kExp},
      {NodeUnion::Floor, OpKind::kFloor},
      {NodeUnion::Gelu, OpKind::kGelu},
      {NodeUnion::Hardswish, OpKind::kHardswish},
      {NodeUnion::Log, OpKind::kLog},
      {NodeUnion::Negate, OpKind::kNegate},
      {NodeUnion::ReciprocalSquareRoot, OpKind::kReciprocalSquareRoot},
      {NodeUnion::Sigmoid, OpKind::kSigmoid},
      {NodeUnion::Sin, OpKind::kSin},
      {NodeUnion::Softmax, OpKind::kSoftmax},
      {NodeUnion::Square, OpKind::kSquare},
      {NodeUnion::SquareRoot, OpKind::kSquareRoot},
      {NodeUnion::Tanh, OpKind::kTanh},
      {NodeUnion::GlobalAvgPooling2d, OpKind::kGlobalAvgPool2d}};
  for (const auto& [type, kind] : cases) {
    std::vector<std::byte> payload;
    NodeSpec n = node1x1(type, 0, 6);
    n.debug_handle = 42;
    const auto d = read_node(n, payload);
    ASSERT_TRUE(d) << d.error().message;
    const Node& node = d->graph.nodes.at(0);
    EXPECT_EQ(node.kind, kind) << name(kind);
    EXPECT_EQ(node.inputs, std::vector<ValueId>{0});
    EXPECT_EQ(node.outputs, std::vector<ValueId>{6});
    EXPECT_EQ(node.debug_handle, 42u);
  }
}

TEST(XnnpackReader, KnowsBinaryNodes) {
  const std::pair<NodeUnion, OpKind> cases[] = {
      {NodeUnion::Add, OpKind::kAdd},
      {NodeUnion::Subtract, OpKind::kSubtract},
      {NodeUnion::Multiply, OpKind::kMultiply},
      {NodeUnion::Div, OpKind::kDivide},
      {NodeUnion::Minimum, OpKind::kMinimum},
      {NodeUnion::Maximum, OpKind::kMaximum},
      {NodeUnion::PReLU, OpKind::kPRelu},
      {NodeUnion::BatchMatrixMultiply, OpKind::kBatchMatMul}};
  for (const auto& [type, kind] : cases) {
    std::vector<std::byte> payload;
    const auto d = read_node(node2x1(type, 0, 1, 6), payload);
    ASSERT_TRUE(d) << d.error().message;
    EXPECT_EQ(d->graph.nodes.at(0).kind, kind) << name(kind);
    EXPECT_EQ(d->graph.nodes[0].inputs, (std::vector<ValueId>{0, 1}));
  }
}

TEST(XnnpackReader, KnowsConcatenations) {
  const NodeUnion types[] = {NodeUnion::Concatenate2, NodeUnion::Concatenate3,
                             NodeUnion::Concatenate4, NodeUnion::Concatenate5};
  for (uint32_t count = 2; count <= 5; ++count) {
    const auto make = [&](uint32_t axis) {
      return NodeSpec{types[count - 2], [=](auto& b) {
                        return xnn::CreateNodeConcatenate(b, axis, 0, 1, 2, 3, 6, 0, 4).Union();
                      }};
    };
    std::vector<std::byte> payload;
    const auto d = read_node(make(uint32_t(-2)), payload);
    ASSERT_TRUE(d) << d.error().message;
    EXPECT_EQ(d->graph.nodes.at(0).kind, OpKind::kConcatenate);
    EXPECT_EQ(d->graph.nodes[0].inputs.size(), count);
    EXPECT_EQ(std::get<ConcatAttrs>(d->graph.nodes[0].attrs).axis, -2);
    const auto bad = read_node(make(4), payload);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().message,
              fmt::format("d: xnodes[0].Concatenate{}.axis is 4, of 4 dimensions", count));
  }
}

NodeSpec conv(NodeUnion type, uint32_t in_per_group, uint32_t out_per_group, uint32_t groups,
              uint32_t bias = 2) {
  return {type, [=](auto& b) {
            return xnn::CreateNodeConv(b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, in_per_group,
                                       out_per_group, groups, 11, 12, 0, 1, bias, 3)
                .Union();
          }};
}

TEST(XnnpackReader, KnowsConvolutions) {
  const struct {
    NodeUnion type;
    OpKind kind;
    std::vector<uint32_t> filter;
    uint32_t in_per_group, out_per_group, groups;
  } cases[] = {{NodeUnion::Conv2d, OpKind::kConv2d, {6, 5, 6, 2}, 2, 3, 2},
               {NodeUnion::ConvTranspose2d, OpKind::kConvTranspose2d, {6, 5, 6, 2}, 2, 3, 2},
               {NodeUnion::DepthwiseConv2d, OpKind::kDepthwiseConv2d, {1, 5, 6, 8}, 1, 2, 4}};
  for (const auto& c : cases) {
    const uint32_t out = c.groups * c.out_per_group;
    GraphSpec s;
    s.values = {input(0, {1, 20, 20, 4}),
                {.dims = c.filter, .constant = 1},
                {.dims = {out}, .constant = 2},
                output(1, {1, 3, 3, out})};
    s.constants = {{bytes_of(std::vector<float>(600))}, {bytes_of(std::vector<float>(8))}};
    s.nodes = {conv(c.type, c.in_per_group, c.out_per_group, c.groups)};
    s.nodes[0].range = {0.f, std::numeric_limits<float>::infinity()};
    std::vector<std::byte> payload = s.build();
    const auto d = read(payload);
    ASSERT_TRUE(d) << d.error().message;
    const Node& n = d->graph.nodes.at(0);
    EXPECT_EQ(n.kind, c.kind);
    EXPECT_EQ(n.inputs, (std::vector<ValueId>{0, 1, 2}));
    EXPECT_EQ(n.range.min, 0.f);
    const auto& a = std::get<ConvAttrs>(n.attrs);
    EXPECT_EQ(
        (std::vector<uint32_t>{a.pad_top, a.pad_right, a.pad_bottom, a.pad_left, a.kernel_h,
                               a.kernel_w, a.stride_h, a.stride_w, a.dilation_h, a.dilation_w,
                               a.in_per_group, a.out_per_group, a.groups, a.adjust_h, a.adjust_w}),
        (std::vector<uint32_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, c.in_per_group, c.out_per_group,
                               c.groups, 11, 12}));

    s.nodes[0] = conv(c.type, c.in_per_group, c.out_per_group, c.groups, kNone);
    payload = s.build();
    const auto without_bias = read(payload);
    ASSERT_TRUE(without_bias) << without_bias.error().message;
    EXPECT_EQ(without_bias->graph.nodes.at(0).inputs, (std::vector<ValueId>{0, 1, kNoValue}));

    s.values[1].dims.back() += 1;
    payload = s.build();
    const auto bad = read(payload);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code, ErrorCode::kInvalidFile);
    EXPECT_NE(bad.error().message.find("filter_id is a value of shape ["), std::string::npos)
        << bad.error().message;
  }
}

TEST(XnnpackReader, KnowsPooling) {
  for (const auto& [type, kind] : {std::pair(NodeUnion::MaxPooling2d, OpKind::kMaxPool2d),
                                   std::pair(NodeUnion::AvgPooling2d, OpKind::kAvgPool2d)}) {
    std::vector<std::byte> payload;
    const NodeSpec n = {
        type, [](auto& b) {
          return xnn::CreateNodePooling2D(b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 6, 64).Union();
        }};
    const auto d = read_node(n, payload);
    ASSERT_TRUE(d) << d.error().message;
    EXPECT_EQ(d->graph.nodes.at(0).kind, kind);
    const auto& a = std::get<PoolAttrs>(d->graph.nodes[0].attrs);
    const bool max = kind == OpKind::kMaxPool2d;
    EXPECT_EQ((std::vector<uint32_t>{a.pad_top, a.pad_right, a.pad_bottom, a.pad_left, a.pool_h,
                                     a.pool_w, a.stride_h, a.stride_w, a.dilation_h, a.dilation_w}),
              (std::vector<uint32_t>{1, 2, 3, 4, 5, 6, 7, 8, max ? 9u : 1u, max ? 10u : 1u}));
  }
}

TEST(XnnpackReader, KnowsArgMaxPooling) {
  std::vector<std::byte> payload;
  const NodeSpec n = {NodeUnion::ArgMaxPooling2d, [](auto& b) {
                        return xnn::CreateArgMaxPooling2d(b, 1, 2, 3, 4, 5, 6, 0, 6, 7, 0).Union();
                      }};
  const auto d = read_node(n, payload);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->graph.nodes.at(0).outputs, (std::vector<ValueId>{6, 7}));
  const auto& a = std::get<PoolAttrs>(d->graph.nodes[0].attrs);
  EXPECT_EQ(a.stride_h, 5u);
  EXPECT_EQ(a.stride_w, 6u);
}

TEST(XnnpackReader, KnowsAttention) {
  std::vector<std::byte> payload;
  const NodeSpec n = {NodeUnion::ScaledDotProductAttention, [](auto& b) {
                        return xnn::CreateScaledDotProductAttention(b, 0, 1, 2, 3, 4, 6, 0).Union();
                      }};
  const auto d = read_node(n, payload);
  ASSERT_TRUE(d) << d.error().message;
  EXPECT_EQ(d->graph.nodes.at(0).kind, OpKind::kScaledDotProductAttention);
  EXPECT_EQ(d->graph.nodes[0].inputs, (std::vector<ValueId>{0, 1, 2, 3, 4}));
}

TEST(XnnpackReader, KnowsWhatNodesWithNumbersSay) {
  const std::vector<uint32_t> perm = {0, 3, 1, 2}, pre = {0, 1, 2, 3}, post = {4, 5, 6, 7};
  const auto list = [](auto& b, const std::vector<uint32_t>& v) { return b.CreateVector(v); };
  const auto attrs = [](NodeUnion type, auto make) {
    std::vector<std::byte> payload;
    const auto d = read_node({type, make}, payload);
    EXPECT_TRUE(d) << d.error().message;
    return d ? d->graph.nodes.at(0).attrs : Attrs();
  };
  EXPECT_EQ(std::get<TransposeAttrs>(
                attrs(NodeUnion::StaticTranspose,
                      [&](auto& b) {
                        return xnn::CreateStaticTranspose(b, 4, list(b, perm), 0, 6).Union();
                      }))
                .perm,
            (Shape{0, 3, 1, 2}));
  EXPECT_EQ(std::get<ReshapeAttrs>(
                attrs(NodeUnion::StaticReshape,
                      [&](auto& b) {
                        return xnn::CreateStaticReshape(b, 3, list(b, {2, 0, 8}), 0, 6).Union();
                      }))
                .shape,
            (Shape{2, 0, 8}));
  const auto slice = std::get<SliceAttrs>(attrs(NodeUnion::StaticSlice, [&](auto& b) {
    const auto offsets = list(b, {0, 1, 2, 0}), sizes = list(b, {1, 2, 0, 2});
    return xnn::CreateStaticSlice(b, 4, offsets, sizes, 0, 6).Union();
  }));
  EXPECT_EQ(slice.offsets, (Shape{0, 1, 2, 0}));
  EXPECT_EQ(slice.sizes, (Shape{1, 2, 0, 2}));
  const auto pad = std::get<PadAttrs>(attrs(NodeUnion::StaticConstantPad, [&](auto& b) {
    const auto before = list(b, pre), after = list(b, post);
    return xnn::CreateStaticConstantPad(b, before, after, -1.5f, 0, 6).Union();
  }));
  EXPECT_EQ(pad.pre, (Shape{0, 1, 2, 3}));
  EXPECT_EQ(pad.post, (Shape{4, 5, 6, 7}));
  EXPECT_EQ(pad.value, -1.5f);
  const auto resize = std::get<ResizeAttrs>(attrs(NodeUnion::StaticResizeBilinear2D, [&](auto& b) {
    return xnn::CreateStaticResizeBilinear2D(b, 9, 11, 0, 6, 8).Union();
  }));
  EXPECT_EQ(resize.height, 9u);
  EXPECT_EQ(resize.width, 11u);
  EXPECT_TRUE(resize.align_corners);
  EXPECT_FALSE(resize.legacy_half_pixel);
  EXPECT_EQ(
      std::get<AlphaAttrs>(
          attrs(NodeUnion::ELU, [&](auto& b) { return xnn::CreateELU(b, 0.75f, 0, 6).Union(); }))
          .alpha,
      0.75f);
  EXPECT_EQ(std::get<AlphaAttrs>(
                attrs(NodeUnion::LeakyReLU,
                      [&](auto& b) { return xnn::CreateLeakyReLU(b, -0.25f, 0, 6).Union(); }))
                .alpha,
            -0.25f);
  EXPECT_TRUE(std::get<FullyConnectedAttrs>(attrs(NodeUnion::FullyConnected, [&](auto& b) {
                return xnn::CreateFullyConnected(b, 0, 1, kNone, 6, 1).Union();
              })).transpose_weights);
}

// ---- what can be wrong: one change to a sound graph, and the sentence that answers it --------

struct Wrong {
  const char* name;
  std::function<void(GraphSpec&)> change;
  const char* message;
  ErrorCode code = ErrorCode::kInvalidFile;
};
void PrintTo(const Wrong& w, std::ostream* out) { *out << w.name; }

class InvalidGraph : public ::testing::TestWithParam<Wrong> {};

TEST_P(InvalidGraph, IsRejectedWithFieldAndValue) {
  GraphSpec spec = sound_graph();
  GetParam().change(spec);
  const std::vector<std::byte> payload = spec.build();
  const auto d = read(payload);
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().code, GetParam().code);
  EXPECT_EQ(d.error().message, std::string("d: ") + GetParam().message);
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

NodeSpec reshape(std::vector<uint32_t> shape, uint32_t num_dims) {
  return {NodeUnion::StaticReshape, [=](auto& b) {
            return xnn::CreateStaticReshape(b, num_dims, b.CreateVector(shape), 0, 3).Union();
          }};
}
NodeSpec transpose(std::vector<uint32_t> perm) {
  return {NodeUnion::StaticTranspose, [=](auto& b) {
            return xnn::CreateStaticTranspose(b, 2, b.CreateVector(perm), 0, 3).Union();
          }};
}
/// The weights of the sound graph, quantised by channel.
ValueSpec channel_weights(ScaleSpec s, int32_t channel_dim = 0) {
  return per_channel({.dims = {3, 4}, .constant = 1}, Datatype::qcint8, channel_dim, std::move(s));
}

const Wrong kWrong[] = {
    {"Identifier", [](GraphSpec& g) { g.identifier = "XN77"; },
     "not an XNNPACK graph: the identifier is \"XN77\", expected \"XN00\" or \"XN01\""},
    {"HeaderLength", [](GraphSpec& g) { g.header_length = 12; },
     "payload header: length is 12; must be at least 30"},
    {"GraphCutShort", [](GraphSpec& g) { g.graph_size = 100; },
     "the graph of 100 bytes is truncated or corrupt: not a well-formed flatbuffer"},
    {"ConstantIndex", [](GraphSpec& g) { g.values[1].constant = 3; },
     "xvalues[1].constant_buffer_idx is 3, but there are 3 constants"},
    {"ConstantOffset", [](GraphSpec& g) { g.constants[1].offset = 60; },
     "xvalues[2].constant_buffer_idx is 2: constant_data[2] has 12 bytes at offset 60 of 60"},
    {"ConstantTooShort", [](GraphSpec& g) { g.values[1].dims = {3, 5}; },
     "xvalues[1].constant_buffer_idx is 1: 48 bytes, but float32 [3, 5] needs 60"},
    {"ConstantMisaligned", [](GraphSpec& g) { g.constants[1].offset = 1; },
     "xvalues[2].constant_buffer_idx is 2: elements are not aligned to their 4 bytes"},
    {"LegacyConstantIndex", [](GraphSpec& g) { g.constants.clear(), g.legacy_buffers = {{1}}; },
     "xvalues[1].constant_buffer_idx is 1: 1 bytes, but float32 [3, 4] needs 48"},
    {"OffsetWithoutHeader", [](GraphSpec& g) { g.header = false; },
     "xvalues[1].constant_buffer_idx is 1, and constant_data[1] has an offset, but the payload has "
     "no header"},
    {"Datatype", [](GraphSpec& g) { g.values[3].type = Datatype(15); },
     "xvalues[3].datatype is 15"},
    {"DatatypeInvalid", [](GraphSpec& g) { g.values[3].type = Datatype::invalid; },
     "xvalues[3].datatype is 0"},
    {"QuantMissing", [](GraphSpec& g) { g.values[3].type = Datatype::qint8; },
     "xvalues[3] is qint8 with quantisation parameters none; must be PerTensorQuant"},
    {"QuantOfAnotherKind",
     [](GraphSpec& g) { g.values[3] = per_token({}), g.values[3].type = Datatype::fp32; },
     "xvalues[3] is fp32 with quantisation parameters PerTokenDynamicQuant; must be none"},
    {"QuantWithoutTable",
     [](GraphSpec& g) { g.values[3] = per_token({}), g.values[3].quant = [](auto&) { return 0; }; },
     "xvalues[3].quant_params is missing"},
    {"QuantOfNoType",
     [](GraphSpec& g) {
       g.values[3] = per_token({}), g.values[3].type = Datatype::fp32;
       g.values[3].quant_type = QuantParams::NONE;
     },
     "xvalues[3].quant_params_type is none, in a quantised tensor"},
    {"NumDims", [](GraphSpec& g) { g.values[3].num_dims = 3; },
     "xvalues[3].num_dims is 3, but dims has 2 entries"},
    {"Rank", [](GraphSpec& g) { g.values[3].dims.assign(17, 1); },
     "xvalues[3].num_dims is 17; must be at most 16"},
    {"Elements", [](GraphSpec& g) { g.values[3].dims.assign(4, 0xffffffff); },
     "xvalues[3].dims is [4294967295, 4294967295, 4294967295, 4294967295], more elements than can "
     "be addressed"},
    {"ScaleZero", [](GraphSpec& g) { g.values[3] = per_tensor({}, Datatype::qint8, 0, 0); },
     "xvalues[3].quant_params.scale is 0; must be positive, finite and not subnormal"},
    {"ScaleNaN", [](GraphSpec& g) { g.values[3] = per_tensor({}, Datatype::qint8, kNaN, 0); },
     "xvalues[3].quant_params.scale is nan; must be positive, finite and not subnormal"},
    {"ZeroPoint", [](GraphSpec& g) { g.values[3] = per_tensor({}, Datatype::qint8, 1, 128); },
     "xvalues[3].quant_params.zero_point is 128; must be from -128 to 127"},
    {"ZeroPointUnsigned",
     [](GraphSpec& g) { g.values[3] = per_tensor({}, Datatype::quint8, 1, -1); },
     "xvalues[3].quant_params.zero_point is -1; must be from 0 to 255"},
    {"ZeroPointOfBias", [](GraphSpec& g) { g.values[3] = per_tensor({}, Datatype::qint32, 1, 1); },
     "xvalues[3].quant_params.zero_point is 1; must be from 0 to 0"},
    {"NonbatchDims", [](GraphSpec& g) { g.values[3] = per_token({}, 3); },
     "xvalues[3].quant_params.num_nonbatch_dims is 3, in a tensor of 2 dimensions"},
    {"NonbatchDimsZero", [](GraphSpec& g) { g.values[3] = per_token({}, 0); },
     "xvalues[3].quant_params.num_nonbatch_dims is 0, in a tensor of 2 dimensions"},
    {"DynamicConstant", [](GraphSpec& g) { g.values[1] = per_token(g.values[1]); },
     "xvalues[1].constant_buffer_idx is 1, in a value that is quantised while running"},
    {"DynamicOutput", [](GraphSpec& g) { g.values[4] = per_token(g.values[4]); },
     "xvalues[4].flags is 0x2: rows that are quantised while running cannot leave the graph",
     ErrorCode::kUnsupported},
    {"ChannelDim", [](GraphSpec& g) { g.values[1] = channel_weights({.scale = {1, 1, 1}}, 2); },
     "xvalues[1].quant_params.channel_dim is 2, in a tensor of 2 dimensions"},
    {"ChannelScales", [](GraphSpec& g) { g.values[1] = channel_weights({.scale = {1, 1}}); },
     "xvalues[1].quant_params.scale has 2 entries for 3 channels"},
    {"ChannelScaleValue",
     [](GraphSpec& g) { g.values[1] = channel_weights({.scale = {1, -1, 1}}); },
     "xvalues[1].quant_params.scale[1] is -1; must be positive, finite and not subnormal"},
    {"ChannelScaleCount",
     [](GraphSpec& g) { g.values[1] = channel_weights({.buffer = 2, .count = 2}); },
     "xvalues[1].quant_params.num_scales is 2; the tensor needs 3"},
    {"ChannelScaleBuffer",
     [](GraphSpec& g) { g.values[1] = channel_weights({.buffer = 9, .count = 3}); },
     "xvalues[1].quant_params.scale_buffer_idx is 9, but there are 3 constants"},
    {"ChannelScaleBytes",
     [](GraphSpec& g) {
       g.values[1] = channel_weights({.buffer = 2, .count = 3});
       g.constants[1].size = 8;
     },
     "xvalues[1].quant_params.scale_buffer_idx is 2: 8 bytes for 3 scales of 4 bytes"},
    {"OverlappingScales",
     [](GraphSpec& g) {
       g.values[1] = channel_weights({.buffer = 1, .count = 3});
       g.constants.push_back({.offset = 4, .size = 12});
       g.values[2] = per_channel({.dims = {3}, .constant = 2}, Datatype::qcint32, 0,
                                 {.buffer = 3, .count = 3});
     },
     "xvalues[2].quant_params has scales that overlap those of xvalues[1]"},
    {"ChannelsNotConstant",
     [](GraphSpec& g) {
       g.values[3] = per_channel({.dims = {3, 4}}, Datatype::qcint8, 0, {.scale = {1, 1, 1}});
     },
     "xvalues[3] is qcint8 and computed while running; must be constant", ErrorCode::kUnsupported},
    {"BlockRank",
     [](GraphSpec& g) {
       g.values[1] = per_block({.dims = {1, 2, 32}, .constant = 1}, 32, {.scale = {1, 1}});
     },
     "xvalues[1].quant_params belongs to a tensor of 3 dimensions; must be 2"},
    {"BlockAxis",
     [](GraphSpec& g) { g.values[1] = per_block({.dims = {2, 32}, .constant = 1}, 32, {}, 1); },
     "xvalues[1].quant_params.channel_dim is 1; must be 0"},
    {"BlockZero",
     [](GraphSpec& g) { g.values[1] = per_block({.dims = {2, 32}, .constant = 1}, 0, {}); },
     "xvalues[1].quant_params.group_size is 0, which does not divide rows of 32"},
    {"BlockDivides",
     [](GraphSpec& g) { g.values[1] = per_block({.dims = {2, 48}, .constant = 1}, 32, {}); },
     "xvalues[1].quant_params.group_size is 32, which does not divide rows of 48"},
    {"BlockSmall",
     [](GraphSpec& g) { g.values[1] = per_block({.dims = {2, 32}, .constant = 1}, 16, {}); },
     "xvalues[1].quant_params.group_size is 16; must be a multiple of 32", ErrorCode::kUnsupported},
    {"BlockScales",
     [](GraphSpec& g) {
       g.values[1] = per_block({.dims = {2, 32}, .constant = 1}, 32, {.scale = {1}});
     },
     "xvalues[1].quant_params.scale has 1 entries for 2 blocks"},
    {"BlockScalesBf16",
     [](GraphSpec& g) {
       g.values[1] = per_block({.dims = {2, 32}, .constant = 1}, 32, {.bf16 = {0x3f80}});
     },
     "xvalues[1].quant_params.scale_bf16 has 1 entries for 2 blocks"},
    {"BlockScaleValue",
     [](GraphSpec& g) {
       g.values[1] = per_block({.dims = {2, 32}, .constant = 1}, 32, {.bf16 = {0x3f80, 0x7f80}});
     },
     "xvalues[1].quant_params.scale[1] is inf; must be positive, finite and not subnormal"},
    {"ValueFlags", [](GraphSpec& g) { g.values[3].flags = 4; },
     "xvalues[3].flags is 0x4; only bits 0 and 1 have a meaning"},
    {"ExternalId", [](GraphSpec& g) { g.values[0].external_id = 4; },
     "xvalues[0].external_id is 4, but num_externs is 4"},
    {"ExternalIdTwice", [](GraphSpec& g) { g.values.push_back(input(0)); },
     "xvalues has two input values with external_id 0"},
    {"ConstantInput", [](GraphSpec& g) { g.values[1].flags = 1, g.values[1].external_id = 2; },
     "xvalues[1].flags is 0x1, but the value is constant"},
    {"IdTwice", [](GraphSpec& g) { g.values[3].id = 0; },
     "xvalues[3].id_out is 0, which another value has"},
    {"IdNone", [](GraphSpec& g) { g.values[3].id = kNone; },
     "xvalues[3].id_out is 4294967295, which means no value"},
    {"LegacyDynamicType", [](GraphSpec& g) { g.values[0].dq = Datatype::quint8; },
     "xvalues[0].dq_datatype is 4; must be qint8", ErrorCode::kUnsupported},
    {"LegacyDynamicInside", [](GraphSpec& g) { g.values[3].dq = Datatype::qint8; },
     "xvalues[3].dq_datatype is qint8, but the value is not a float input of the graph"},
    {"NoNode", [](GraphSpec& g) { g.nodes[0] = {NodeUnion::NONE, nullptr}; },
     "xnodes[0] has no node"},
    {"NodeWithoutTable", [](GraphSpec& g) { g.nodes[0].make = nullptr; },
     "xnodes[0].xnode_union is missing"},
    {"NodeType", [](GraphSpec& g) { g.nodes[0].type = NodeUnion(48); },
     "xnodes[0] has the unknown type 48: written by a newer exporter?", ErrorCode::kUnsupported},
    {"NoSuchValue", [](GraphSpec& g) { g.nodes[0] = fully_connected(0, 77, 2, 3); },
     "xnodes[0].FullyConnected.filter_id is 77, but no value has that id"},
    {"NoFilter", [](GraphSpec& g) { g.nodes[0] = fully_connected(0, kNone, 2, 3); },
     "xnodes[0].FullyConnected.filter_id is missing"},
    {"Order", [](GraphSpec& g) { std::swap(g.nodes[0], g.nodes[1]); },
     "xnodes[0].Clamp.input_id is 3, a value that no earlier node computes"},
    {"ComputedTwice", [](GraphSpec& g) { g.nodes.push_back(node1x1(NodeUnion::Abs, 0, 4)); },
     "xnodes[2].Abs.output_id is 4, a value that is constant, an input, or already computed"},
    {"OutputIsConstant", [](GraphSpec& g) { g.nodes[0] = node1x1(NodeUnion::Abs, 0, 1); },
     "xnodes[0].Abs.output_id is 1, a value that is constant, an input, or already computed"},
    {"OutputNotComputed", [](GraphSpec& g) { g.nodes.pop_back(); },
     "xvalues has an output, external_id 1, that no node computes"},
    {"Range", [](GraphSpec& g) { g.nodes[1].range = {1.f, 0.f}; },
     "xnodes[1].Clamp.output_min_max is from 1 to 0"},
    {"RangeNaN", [](GraphSpec& g) { g.nodes[1].range = {kNaN, 0.f}; },
     "xnodes[1].Clamp.output_min_max is from nan to 0"},
    {"NodeFlags", [](GraphSpec& g) { g.nodes[1] = node1x1(NodeUnion::Clamp, 3, 4, 2); },
     "xnodes[1].Clamp.flags is 0x2; supported are 0x0", ErrorCode::kUnsupported},
    {"Perm", [](GraphSpec& g) { g.nodes[0] = transpose({0, 0}); },
     "xnodes[0].StaticTranspose.perm[1] is 0: not a permutation of 2 dimensions"},
    {"PermRange", [](GraphSpec& g) { g.nodes[0] = transpose({0, 2}); },
     "xnodes[0].StaticTranspose.perm[1] is 2: not a permutation of 2 dimensions"},
    {"PermLength", [](GraphSpec& g) { g.nodes[0] = transpose({0}); },
     "xnodes[0].StaticTranspose.perm has 1 entries; must have 2"},
    {"ReshapeRank", [](GraphSpec& g) { g.nodes[0] = reshape(std::vector<uint32_t>(17, 1), 17); },
     "xnodes[0].StaticReshape.num_dims is 17; must be at most 16"},
    {"ReshapeNumDims", [](GraphSpec& g) { g.nodes[0] = reshape({2, 4}, 3); },
     "xnodes[0].StaticReshape.new_shape has 2 entries; must have 3"},
    {"ReshapeInfersTwo", [](GraphSpec& g) { g.nodes[0] = reshape({0, 0}, 2); },
     "xnodes[0].StaticReshape.new_shape is [0, 0]: at most one extent can be inferred"},
    {"ConvKernel",
     [](GraphSpec& g) {
       g.nodes[0] = {NodeUnion::Conv2d, [](auto& b) {
                       return xnn::CreateNodeConv(b, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0,
                                                  1, kNone, 3)
                           .Union();
                     }};
     },
     "xnodes[0].Conv2d.kernel_height is 0; must be from 1 to 1073741823"},
    {"ConvImage",
     [](GraphSpec& g) {
       g.nodes[0] = {NodeUnion::Conv2d, [](auto& b) {
                       return xnn::CreateNodeConv(b, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0,
                                                  1, kNone, 3)
                           .Union();
                     }};
     },
     "xnodes[0].Conv2d.input1_id is a value of shape [2, 4]; must have 4 dimensions (NHWC)"},
    {"PoolStride",
     [](GraphSpec& g) {
       g.nodes[0] = {
           NodeUnion::MaxPooling2d, [](auto& b) {
             return xnn::CreateNodePooling2D(b, 0, 0, 0, 0, 2, 2, 0, 1, 1, 1, 0, 3).Union();
           }};
     },
     "xnodes[0].MaxPooling2d.stride_height is 0; must be from 1 to 1073741823"},
    {"LeakySlope",
     [](GraphSpec& g) {
       g.nodes[0] = {NodeUnion::LeakyReLU,
                     [](auto& b) { return xnn::CreateLeakyReLU(b, kNaN, 0, 3).Union(); }};
     },
     "xnodes[0].LeakyReLU.negative_slope is nan"},
};

TEST(XnnpackReader, RejectsPartsOutsideThePayload) {
  const auto message = [](GraphSpec s) {
    const std::vector<std::byte> payload = s.build();
    const auto d = read(payload);
    return d ? std::string() : d.error().message;
  };
  const size_t size = sound_graph().build().size();
  GraphSpec graph = sound_graph();
  graph.graph_size = 1 << 30;
  EXPECT_EQ(message(graph),
            fmt::format("d: payload header: flatbuffer of 1073741824 bytes at 32, in a "
                        "payload of {} bytes",
                        size));
  GraphSpec constants = sound_graph();
  constants.data_offset = 0;
  constants.data_size = ~uint64_t(0);
  EXPECT_EQ(message(constants),
            fmt::format("d: payload header: constants of 18446744073709551615 bytes at 0, "
                        "in a payload of {} bytes",
                        size));
}

INSTANTIATE_TEST_SUITE_P(XnnpackReader, InvalidGraph, ::testing::ValuesIn(kWrong),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace smelt
