// Tensors whose memory can be read in several orders, because some extents are one.
#include <cmath>

#include "author/graph_builder.h"
#include "author/xnnpack_writer.h"
#include "loaded.h"
#include "support/random.h"

namespace smelt::program {
namespace {

using Dynamism = pte::TensorShapeDynamism;
using Order = std::vector<uint8_t>;

TensorSpec spec(const Shape& shape, const Order& order, Dynamism dynamism) {
  TensorSpec s{.dim_order = order, .dynamism = dynamism};
  s.sizes.emplace();
  for (const int64_t d : shape) s.sizes->push_back(int32_t(d));
  return s;
}

/// A program of one delegate, which is called with tensors of this kind.
ProgramSpec delegating(const Graph& graph, const TensorSpec& operand) {
  NamedData constants;
  const auto payload = write_xnnpack(graph, constants);
  EXPECT_TRUE(payload) << payload.error().message;
  ProgramSpec p;
  p.values = {tensor(operand), tensor(operand)};
  p.inputs = {0};
  p.outputs = {1};
  p.delegates = {{.location = pte::DataLocation::Inline}};
  const auto* bytes = reinterpret_cast<const uint8_t*>(payload->data());
  p.inline_delegates = {{bytes, bytes + payload->size()}};
  p.instructions = {delegate_call(0, {0, 1})};
  p.buffers = {0};
  return p;
}

/// A delegate whose graph is a softmax over the last dimension of the shape that it declares.
ProgramSpec softmax(const Shape& bound, const Order& order, const Shape& declared,
                    Dynamism dynamism) {
  GraphBuilder b;
  const ValueId x = b.input(DType::kF32, declared), y = b.value(DType::kF32, declared);
  b.node(OpKind::kSoftmax, {x}, {y});
  b.output(y);
  return delegating(std::move(b).finish(), spec(bound, order, dynamism));
}

struct Softmax {
  Shape bound;
  Order order;
  Shape declared;
  size_t last;  ///< the tensor's dimension that is the graph's last
  std::vector<Shape> shapes;
};

const Softmax kSoftmaxes[] = {
    // One channel: the exporter's order is between NCHW and NHWC.
    {{8, 1, 3, 5}, {0, 2, 1, 3}, {8, 1, 3, 5}, 3, {{8, 1, 3, 5}, {2, 1, 3, 5}, {1, 1, 3, 5}}},
    {{8, 1, 3, 5}, {0, 2, 1, 3}, {8, 3, 5, 1}, 1, {{8, 1, 3, 5}, {3, 1, 3, 5}}},
    {{8, 1, 3, 5}, {0, 2, 3, 1}, {8, 1, 3, 5}, 3, {{4, 1, 3, 5}}},
    {{8, 1, 3, 5}, {0, 1, 2, 3}, {8, 3, 5, 1}, 1, {{4, 1, 3, 5}}},
    // All extents vary: one now, but not always.
    {{4, 3, 6, 5}, {0, 2, 3, 1}, {4, 6, 5, 3}, 1, {{4, 3, 6, 5}, {2, 1, 6, 5}, {1, 3, 1, 2}}},
    // One line, one column, one pixel.
    {{2, 3, 1, 5}, {0, 2, 3, 1}, {2, 1, 5, 3}, 1, {{2, 3, 1, 5}, {1, 3, 1, 4}}},
    {{2, 3, 1, 5}, {0, 3, 1, 2}, {2, 1, 5, 3}, 1, {{2, 3, 1, 5}}},
    {{2, 3, 5, 1}, {0, 2, 1, 3}, {2, 5, 1, 3}, 1, {{2, 3, 5, 1}}},
    {{6, 3, 1, 1}, {0, 2, 3, 1}, {6, 3, 1, 1}, 3, {{6, 3, 1, 1}, {2, 3, 1, 1}}},
    {{6, 3, 1, 1}, {0, 1, 2, 3}, {6, 1, 1, 3}, 1, {{6, 3, 1, 1}, {2, 3, 1, 1}}},
    {{1, 1, 1, 1}, {0, 2, 3, 1}, {1, 1, 1, 1}, 3, {{1, 1, 1, 1}}},
    {{5, 1, 1, 4}, {0, 2, 1, 3}, {5, 1, 1, 4}, 3, {{3, 1, 1, 4}, {5, 1, 1, 2}}},
    // Other ranks.
    {{4, 1, 6}, {1, 0, 2}, {4, 1, 6}, 2, {{4, 1, 6}, {3, 1, 2}}},
    {{4, 1, 6}, {0, 2, 1}, {4, 6, 1}, 1, {{3, 1, 6}}},
    {{2, 1, 3, 4, 5}, {0, 2, 3, 1, 4}, {2, 1, 3, 4, 5}, 4, {{2, 1, 3, 4, 5}, {1, 1, 2, 4, 3}}},
    {{2, 1, 3, 4, 5}, {0, 2, 3, 4, 1}, {2, 3, 4, 5, 1}, 1, {{2, 1, 3, 4, 5}}},
    {{2, 3, 1, 1, 4}, {0, 2, 3, 4, 1}, {2, 1, 1, 4, 3}, 1, {{2, 3, 1, 1, 4}, {1, 2, 1, 1, 3}}},
    {{2, 3, 1, 4, 1}, {0, 4, 3, 2, 1}, {2, 1, 4, 1, 3}, 1, {{2, 3, 1, 4, 1}, {2, 2, 1, 1, 1}}},
};

TEST(Orders, DelegatesSeeDimensionsWhereTheyDeclareThem) {
  Random random(1);
  for (const Softmax& s : kSoftmaxes) {
    for (const Dynamism dynamism : {Dynamism::DynamicBound, Dynamism::Static}) {
      SCOPED_TRACE(to_string(s.bound) + " declared " + to_string(s.declared));
      auto l = load(softmax(s.bound, s.order, s.declared, dynamism));
      ASSERT_OK(l);
      for (const Shape& shape : s.shapes) {
        if (dynamism == Dynamism::Static && !(shape == s.bound)) continue;
        Floats x(shape.numel()), expected;
        for (float& v : x) v = random.real(-2, 2);
        const size_t row = size_t(shape[s.last]);
        for (size_t first = 0; first < x.size(); first += row) {
          double sum = 0;
          for (size_t i = 0; i < row; ++i) sum += std::exp(double(x[first + i]));
          for (size_t i = 0; i < row; ++i)
            expected.push_back(float(std::exp(double(x[first + i])) / sum));
        }
        TensorView t = TensorView::of(std::span<float>(x), shape);
        for (const uint8_t d : s.order) t.dim_order.push_back(d);
        const Value inputs[] = {t};
        Value outputs[1];
        ASSERT_OK(l->method->run(inputs, outputs));
        EXPECT_EQ(outputs[0].tensor()->shape, shape);
        const Floats y = floats(outputs[0]);
        ASSERT_EQ(y.size(), expected.size());
        for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], 1e-6) << i;
      }
    }
  }
}

TEST(Orders, DelegatesAreAsLargeAsTheProgramsTensors) {
  // The graph declares 68 GB.
  GraphBuilder b;
  const Shape declared{1 << 30, 16};
  const ValueId x = b.input(DType::kF32, declared), mid = b.value(DType::kF32, declared),
                y = b.value(DType::kF32, declared);
  b.node(OpKind::kSoftmax, {x}, {mid});
  b.node(OpKind::kSoftmax, {mid}, {y});
  b.output(y);
  const Shape bound{2, 16};
  auto l = load(delegating(std::move(b).finish(), spec(bound, {0, 1}, Dynamism::Static)));
  ASSERT_OK(l);
  Floats ones(32, 1);
  const Value inputs[] = {TensorView::of(std::span<float>(ones), bound)};
  Value outputs[1];
  ASSERT_OK(l->method->run(inputs, outputs));
  for (const float v : floats(outputs[0])) EXPECT_NEAR(v, 1.0 / 16, 1e-6);
}

TEST(Orders, ResultsInOtherOrdersAreCheckedBeforeTheyAreComputed) {
  ProgramSpec p;
  const Shape shape{8, 2, 4, 4};
  p.values = {tensor(spec(shape, {0, 1, 2, 3}, Dynamism::Static)),
              tensor(spec({2, 1, 1, 1}, {0, 1, 2, 3}, Dynamism::Static)),
              null(),
              integer(1),
              int_list({3, 3}),
              integer(0),
              integer(1 << 30),
              int_list({5, 6}),
              boolean(false),
              int_list({5, 5}),
              integer(2),
              tensor(spec(shape, {0, 2, 3, 1}, Dynamism::Static))};
  p.inputs = {0, 1};
  p.outputs = {11};
  p.operators = {{"aten::convolution", "out"}};
  p.instructions = {kernel_call(0, {0, 1, 2, 4, 7, 4, 8, 9, 10, 11, 11})};
  p.buffers = {0};
  auto l = load(p);
  ASSERT_OK(l);
  Floats x(shape.numel()), w(2);
  const Value inputs[] = {TensorView::of(std::span<float>(x), shape),
                          TensorView::of(std::span<float>(w), {2, 1, 1, 1})};
  Value outputs[1];
  const auto status = l->method->run(inputs, outputs);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message,
            "test.pte: forward: instruction 0 (aten::convolution.out): result of shape [8, 2, 4, "
            "2147483652] for a tensor of fixed shape [8, 2, 4, 4]");
}

/// view(x, wanted)
Result<Shape> viewed(const Shape& from, const Order& from_order, const Shape& to,
                     const Order& to_order) {
  ProgramSpec p;
  p.values = {tensor(spec(from, from_order, Dynamism::DynamicBound)),
              tensor(spec(to, to_order, Dynamism::DynamicBound))};
  std::vector<int64_t> items;
  for (const int64_t d : to) {
    items.push_back(int64_t(p.values.size()));
    p.values.push_back(integer(d));
  }
  p.values.push_back(int_list(items));
  p.inputs = {0};
  p.outputs = {1};
  p.operators = {{"executorch_prim::et_view", "default"}};
  p.instructions = {kernel_call(0, {0, int32_t(p.values.size() - 1), 1})};
  p.buffers = {0};
  SMELT_ASSIGN(const Loaded l, load(p));
  Floats x(from.numel());
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(i);
  TensorView t = TensorView::of(std::span<float>(x), from);
  for (const uint8_t d : from_order) t.dim_order.push_back(d);
  const Value inputs[] = {t};
  Value outputs[1];
  SMELT_TRY(l.method->run(inputs, outputs));
  EXPECT_EQ(floats(outputs[0]), x);
  return outputs[0].tensor()->shape;
}

TEST(Orders, ViewsNeedTheSameElementsInTheSamePlaces) {
  const struct {
    Shape from;
    Order from_order;
    Shape to;
    Order to_order;
    bool same;
  } cases[] = {
      {{8, 1, 3, 3}, {0, 2, 1, 3}, {24, 3}, {0, 1}, true},
      {{24, 3}, {0, 1}, {8, 1, 3, 3}, {0, 2, 3, 1}, true},
      {{2, 3, 1, 1}, {0, 2, 3, 1}, {6}, {0}, true},
      {{2, 3, 1, 4}, {0, 2, 3, 1}, {2, 3, 4}, {0, 2, 1}, true},
      {{2, 3, 4}, {0, 2, 1}, {2, 3, 1, 4, 1}, {0, 2, 3, 4, 1}, true},
      {{2, 3, 4, 5}, {0, 2, 3, 1}, {2, 3, 20}, {0, 2, 1}, true},
      {{2, 3, 4, 5}, {0, 2, 3, 1}, {2, 3, 4, 5}, {0, 2, 3, 1}, true},
      {{2, 3, 4, 5}, {0, 2, 3, 1}, {2, 3, 4, 5}, {0, 1, 2, 3}, false},
      {{2, 3, 4, 5}, {0, 2, 3, 1}, {2, 60}, {0, 1}, false},
      {{2, 3, 4, 5}, {0, 2, 3, 1}, {2, 4, 3, 5}, {0, 2, 3, 1}, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(to_string(c.from) + " as " + to_string(c.to));
    const auto shape = viewed(c.from, c.from_order, c.to, c.to_order);
    if (c.same) {
      ASSERT_OK(shape);
      EXPECT_EQ(*shape, c.to);
    } else {
      ASSERT_FALSE(shape);
      EXPECT_EQ(shape.error().code, ErrorCode::kUnsupported) << shape.error().message;
    }
  }
}

TEST(Orders, ResultsStayWithinTheBoundsOfTheirTensor) {
  // y = x transposed, where y is as large as x, but not as x is.
  const auto transposed = [](const Shape& given, const Shape& bound) -> Status {
    ProgramSpec p;
    p.values = {tensor(spec({4, 6}, {0, 1}, Dynamism::DynamicBound)), integer(0), integer(1),
                tensor(spec(bound, {0, 1}, Dynamism::DynamicBound))};
    p.inputs = {0};
    p.outputs = {3};
    p.operators = {{"aten::transpose_copy", "int_out"}};
    p.instructions = {kernel_call(0, {0, 1, 2, 3, 3})};
    p.buffers = {0};
    SMELT_ASSIGN(const Loaded l, load(p));
    Floats x(given.numel());
    const Value inputs[] = {TensorView::of(std::span<float>(x), given)};
    Value outputs[1];
    return l.method->run(inputs, outputs);
  };
  EXPECT_TRUE(transposed({4, 6}, {6, 4}));
  EXPECT_TRUE(transposed({4, 4}, {4, 6}));
  const auto status = transposed({4, 6}, {4, 6});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message,
            "test.pte: forward: instruction 0 (aten::transpose_copy.int_out): result of shape "
            "[6, 4] for a tensor of at most [4, 6]");
}

}  // namespace
}  // namespace smelt::program
