// What the writer writes, the reader reads: every kind of node, every type of value.
#include <cstddef>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "author/graph_builder.h"
#include "author/pte_writer.h"
#include "author/random.h"
#include "format/pte/program_file.h"
#include "format/xnnpack/reader.h"
#include "learning_path.h"

namespace smelt {
namespace {

// ---- graphs as text, so that a difference shows -----------------------------------------------

struct AttrsText {
  std::string operator()(const NoAttrs&) const { return ""; }
  std::string operator()(const FullyConnectedAttrs& a) const {
    return fmt::format("transposed {}", a.transpose_weights);
  }
  std::string operator()(const ConvAttrs& a) const {
    return fmt::format(
        "{}", fmt::join({a.pad_top, a.pad_right, a.pad_bottom, a.pad_left, a.kernel_h, a.kernel_w,
                         a.stride_h, a.stride_w, a.dilation_h, a.dilation_w, a.groups,
                         a.in_per_group, a.out_per_group, a.adjust_h, a.adjust_w},
                        " "));
  }
  std::string operator()(const PoolAttrs& a) const {
    return fmt::format(
        "{}", fmt::join({a.pad_top, a.pad_right, a.pad_bottom, a.pad_left, a.pool_h, a.pool_w,
                         a.stride_h, a.stride_w, a.dilation_h, a.dilation_w},
                        " "));
  }
  std::string operator()(const ResizeAttrs& a) const {
    return fmt::format("{} {} {} {}", a.height, a.width, a.align_corners, a.legacy_half_pixel);
  }
  std::string operator()(const TransposeAttrs& a) const { return to_string(a.perm); }
  std::string operator()(const ReshapeAttrs& a) const { return to_string(a.shape); }
  std::string operator()(const SliceAttrs& a) const {
    return to_string(a.offsets) + to_string(a.sizes);
  }
  std::string operator()(const PadAttrs& a) const {
    return fmt::format("{} {} {}", to_string(a.pre), to_string(a.post), a.value);
  }
  std::string operator()(const ConcatAttrs& a) const { return fmt::format("{}", a.axis); }
  std::string operator()(const AlphaAttrs& a) const { return fmt::format("{}", a.alpha); }
};

std::string text(const Quant& q) {
  switch (q.granularity) {
    case QuantGranularity::kNone:
      return "";
    case QuantGranularity::kPerTensor:
      return fmt::format("one scale {} zero {}", q.scale, q.zero);
    case QuantGranularity::kPerChannel:
      return fmt::format("axis {} zero {} scales {}", q.axis, q.zero,
                         fmt::join(q.channel_scale, " "));
    case QuantGranularity::kPerBlock: {
      std::string s = fmt::format("block {} zero {} scales", q.block, q.zero);
      for (const BFloat16 scale : q.block_scale) s += fmt::format(" {:x}", scale.bits);
      return s;
    }
    case QuantGranularity::kPerToken:
      return fmt::format("rows of {} dimensions", q.nonbatch_dims);
  }
  return "?";
}

std::string text(const Graph& g) {
  std::string s =
      fmt::format("inputs {} outputs {}\n", fmt::join(g.inputs, " "), fmt::join(g.outputs, " "));
  for (const GraphValue& v : g.values) {
    s += fmt::format("value {} {} {}", name(v.dtype), to_string(v.shape), text(v.quant));
    for (const std::byte b : v.constant) s += fmt::format(" {:02x}", unsigned(b));
    s += '\n';
  }
  for (const Node& n : g.nodes) {
    s += fmt::format("{} ({}) -> ({}) range {} {} handle {} {}\n", name(n.kind),
                     fmt::join(n.inputs, " "), fmt::join(n.outputs, " "), n.range.min, n.range.max,
                     n.debug_handle, std::visit(AttrsText{}, n.attrs));
  }
  return s;
}

/// The delegate's graph in a file that write_pte made of `graph`.
void expect_read_back(const Graph& graph, const PteOptions& options = {}) {
  const auto bytes = write_pte(graph, options);
  ASSERT_TRUE(bytes) << bytes.error().message;
  const auto file = ProgramFile::parse(*bytes, "test.pte");
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->plan_count(), 1u);
  const pte::ExecutionPlan& plan = file->plan(0);
  EXPECT_EQ(plan.name()->str(), options.method);
  EXPECT_TRUE(file->check_supported(plan));
  ASSERT_EQ(plan.delegates()->size(), 1u);
  const auto find = [&](std::string_view key) { return file->named_data().find(key); };
  const auto read =
      read_xnnpack_graph(file->delegate_payload(*plan.delegates()->Get(0)), find, "test.pte");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(text(read->graph), text(graph));

  // The method's values are the graph's inputs and outputs, in planned memory that does not
  // overlap.
  ASSERT_EQ(plan.values()->size(), graph.inputs.size() + graph.outputs.size());
  uint64_t end = 0;
  for (size_t i = 0; i < plan.values()->size(); ++i) {
    const ValueId id =
        i < graph.inputs.size() ? graph.inputs[i] : graph.outputs[i - graph.inputs.size()];
    const pte::Tensor& t = *plan.values()->Get(uint32_t(i))->val_as_Tensor();
    EXPECT_EQ(shape(t), graph.values[id].shape);
    EXPECT_EQ(to_dtype(t.scalar_type()), graph.values[id].dtype);
    EXPECT_EQ(t.shape_dynamism() == pte::TensorShapeDynamism::DynamicBound, options.dynamic);
    const TensorStorage where = file->storage(t);
    EXPECT_EQ(where.kind, TensorStorage::Kind::kPlanned);
    EXPECT_EQ(where.offset % 16, 0u);
    EXPECT_GE(where.offset, end);
    end = where.offset + dense_bytes(graph.values[id].dtype, graph.values[id].shape);
  }
  EXPECT_LE(end, uint64_t(plan.non_const_buffer_sizes()->Get(1)));
}

TEST(ReadBack, LearningPath) {
  for (const LearningPathProgram& program : learning_path()) {
    SCOPED_TRACE(program.name);
    const auto graph = program.make();
    ASSERT_TRUE(graph) << graph.error().message;
    expect_read_back(*graph);
  }
}

TEST(ReadBack, OptionsOfRecipes) {
  const auto nibbles = make_linear({.variant = RecipeVariant::kQp8F32Qc4w, .n = 3, .k = 5});
  ASSERT_TRUE(nibbles);
  expect_read_back(*nibbles, {.method = "encode", .dynamic = true});
  const auto plain = make_linear({.m = 7, .n = 1, .k = 1, .bias = false, .relu = true});
  ASSERT_TRUE(plain);
  expect_read_back(*plain, {.segment_alignment = 4096});
  const auto dynamic = make_conv2d({.variant = RecipeVariant::kQp8F32Qc8w,
                                    .batch = 2,
                                    .in_channels = 4,
                                    .out_channels = 8,
                                    .groups = 2,
                                    .height = 9,
                                    .width = 7,
                                    .kernel = {3, 2},
                                    .stride = {2, 1},
                                    .padding = {1, 0},
                                    .dilation = {1, 2}});
  ASSERT_TRUE(dynamic);
  expect_read_back(*dynamic);
}

// Nodes of one input and one output with the attributes that they want.
TEST(ReadBack, NodesOfOneInput) {
  struct Case {
    OpKind kind;
    Attrs attrs;
    Shape in, out;
  };
  const Shape image{1, 6, 6, 4};
  PoolAttrs pool;
  pool.pad_top = 1, pool.pad_left = 1;
  pool.pool_h = 3, pool.pool_w = 2, pool.stride_h = 2;
  PoolAttrs dilated = pool;
  dilated.dilation_w = 2;
  std::vector<Case> cases = {
      {OpKind::kElu, AlphaAttrs{0.5f}, image, image},
      {OpKind::kLeakyRelu, AlphaAttrs{0.01f}, image, image},
      {OpKind::kSoftmax, NoAttrs{}, image, image},
      {OpKind::kAvgPool2d, pool, image, {1, 3, 6, 4}},
      {OpKind::kMaxPool2d, dilated, image, {1, 3, 5, 4}},
      {OpKind::kGlobalAvgPool2d, NoAttrs{}, image, {1, 1, 1, 4}},
      {OpKind::kResizeBilinear2d, ResizeAttrs{12, 9, true, false}, image, {1, 12, 9, 4}},
      {OpKind::kResizeBilinear2d, ResizeAttrs{3, 3, false, true}, image, {1, 3, 3, 4}},
      {OpKind::kTranspose, TransposeAttrs{{0, 3, 1, 2}}, image, {1, 4, 6, 6}},
      {OpKind::kReshape, ReshapeAttrs{{4, 36}}, image, {4, 36}},
      {OpKind::kSlice, SliceAttrs{{0, 1, 2, 0}, {1, 2, 3, 4}}, image, {1, 2, 3, 4}},
      {OpKind::kPad, PadAttrs{{0, 1, 0, 0}, {0, 2, 3, 0}, -1.5f}, image, {1, 9, 9, 4}},
  };
  for (const OpKind kind :
       {OpKind::kAbs, OpKind::kCeiling, OpKind::kConvert, OpKind::kCopy, OpKind::kCos, OpKind::kExp,
        OpKind::kFloor, OpKind::kGelu, OpKind::kHardswish, OpKind::kLog, OpKind::kNegate,
        OpKind::kReciprocalSquareRoot, OpKind::kSigmoid, OpKind::kSin, OpKind::kSquare,
        OpKind::kSquareRoot, OpKind::kTanh}) {
    cases.push_back({kind, NoAttrs{}, image, image});
  }
  for (const Case& c : cases) {
    SCOPED_TRACE(name(c.kind));
    GraphBuilder b;
    const ValueId x = b.input(DType::kF32, c.in), y = b.value(DType::kF32, c.out);
    b.node(c.kind, {x}, {y}, c.attrs);
    b.output(y);
    expect_read_back(std::move(b).finish());
  }
}

TEST(ReadBack, NodesOfSeveralInputs) {
  const Shape shape{2, 3, 4};
  for (const OpKind kind : {OpKind::kAdd, OpKind::kSubtract, OpKind::kMultiply, OpKind::kDivide,
                            OpKind::kMinimum, OpKind::kMaximum, OpKind::kPRelu}) {
    SCOPED_TRACE(name(kind));
    GraphBuilder b;
    const ValueId x = b.input(DType::kF16, shape), z = b.input(DType::kF16, shape);
    const ValueId y = b.value(DType::kF16, shape);
    b.node(kind, {x, z}, {y}, NoAttrs{});
    b.output(y);
    expect_read_back(std::move(b).finish());
  }
  for (size_t n = 2; n <= 5; ++n) {
    SCOPED_TRACE(n);
    GraphBuilder b;
    std::vector<ValueId> inputs;
    for (size_t i = 0; i < n; ++i) inputs.push_back(b.input(DType::kF32, shape));
    const ValueId y = b.value(DType::kF32, {2, int64_t(3 * n), 4});
    b.node(OpKind::kConcatenate, inputs, {y}, ConcatAttrs{-2});
    b.output(y);
    expect_read_back(std::move(b).finish());
  }
}

TEST(ReadBack, Clamps) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const OutputRange range :
       {OutputRange{-1, 6}, OutputRange{0, kInfinity}, OutputRange{-kInfinity, 2}}) {
    GraphBuilder b;
    const ValueId x = b.input(DType::kF32, {8}), y = b.value(DType::kF32, {8});
    const ValueId z = b.value(DType::kF32, {8});
    b.node(OpKind::kClamp, {x}, {y}, NoAttrs{}, range);
    b.node(OpKind::kAdd, {x, y}, {z}, NoAttrs{}, range);
    b.output(z);
    b.output(y);
    expect_read_back(std::move(b).finish());
  }
}

TEST(ReadBack, TransposedConvolutionAndWeights) {
  Random random(3);
  GraphBuilder b;
  const ValueId x = b.input(DType::kF32, {1, 5, 4, 6});
  const ValueId w = b.constant(DType::kF32, {8, 3, 2, 3}, random.uniforms(8 * 3 * 2 * 3, 1.0f));
  const ValueId y = b.value(DType::kF32, {1, 12, 9, 8});
  ConvAttrs conv;
  conv.pad_top = 1, conv.pad_right = 2;
  conv.kernel_h = 3, conv.kernel_w = 2, conv.stride_h = 2, conv.stride_w = 3;
  conv.groups = 2, conv.in_per_group = 3, conv.out_per_group = 4;
  conv.adjust_h = 1;
  b.node(OpKind::kConvTranspose2d, {x, w, kNoValue}, {y}, conv);
  b.output(y);

  const ValueId flat = b.value(DType::kF32, {1, 864});
  const ValueId kn = b.constant(DType::kF32, {864, 2}, random.uniforms(864 * 2, 1.0f));
  const ValueId z = b.value(DType::kF32, {1, 2});
  b.node(OpKind::kReshape, {y}, {flat}, ReshapeAttrs{{1, 864}});
  b.node(OpKind::kFullyConnected, {flat, kn, kNoValue}, {z}, FullyConnectedAttrs{true});
  b.output(z);
  expect_read_back(std::move(b).finish());
}

// Types and quantisations that no recipe has.
TEST(ReadBack, TypesOfValues) {
  const Shape shape{2, 4};
  GraphBuilder b;
  const ValueId bf16 = b.input(DType::kBF16, shape);
  const ValueId half = b.value(DType::kF16, shape);
  b.node(OpKind::kConvert, {bf16}, {half});
  const ValueId u8 = b.value(DType::kU8, shape, GraphBuilder::per_tensor({0.25f, 200}));
  b.node(OpKind::kConvert, {half}, {u8});
  const ValueId y = b.value(DType::kF32, shape);
  b.node(OpKind::kConvert, {u8}, {y});
  b.output(y);
  b.constant(DType::kS32, {2}, std::vector<int32_t>{-5, 7});
  const std::vector<float> scales = {0.5f, 0.25f};
  b.constant(DType::kS8, {3, 2}, std::vector<int8_t>{1, 2, 3, 4, 5, 6}, b.per_channel(scales, 1));
  expect_read_back(std::move(b).finish());
}

}  // namespace
}  // namespace smelt
