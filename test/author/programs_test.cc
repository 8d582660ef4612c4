// Programs of one layer, made, loaded and run, against the definition in double precision.
#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "author/pte_writer.h"
#include "author/random.h"
#include "base/float16.h"
#include "expected.h"
#include "learning_path.h"
#include "smelt/smelt.hpp"

namespace smelt {
namespace {

/// A tensor of f32 or f16 elements in our memory.
struct Tensor {
  DType dtype;
  Shape shape;
  std::vector<float> f32;
  std::vector<Half> f16;

  Tensor(DType dtype, const Shape& shape) : dtype(dtype), shape(shape) {
    dtype == DType::kF16 ? f16.resize(shape.numel()) : f32.resize(shape.numel());
  }
  double operator[](size_t i) const { return dtype == DType::kF16 ? float(f16[i]) : f32[i]; }
  void set(size_t i, float v) {
    if (dtype == DType::kF16) {
      f16[i] = Half(v);
    } else {
      f32[i] = v;
    }
  }
  std::vector<double> doubles() const {
    std::vector<double> v(shape.numel());
    for (size_t i = 0; i < v.size(); ++i) v[i] = (*this)[i];
    return v;
  }
  TensorView view() {
    TensorView v;
    v.data = dtype == DType::kF16 ? static_cast<void*>(f16.data()) : f32.data();
    v.bytes = shape.numel() * (dtype == DType::kF16 ? 2 : 4);
    v.dtype = dtype;
    v.shape = shape;
    return v;
  }
};

/// The quantised value that an input is converted to, if there is one.
const GraphValue* quantized(const Graph& graph) {
  for (const Node& n : graph.nodes) {
    const GraphValue& to = graph.values[n.outputs[0]];
    if (n.kind == OpKind::kConvert && to.desc().is_quantized()) return &to;
  }
  return nullptr;
}

enum class Inputs {
  kAny,      ///< in [-1, 1): the bound has room for how inputs are rounded
  kOnCodes,  ///< values that are integers when quantised, so that hardly any room is left
};

Tensor random_input(const Graph& graph, ValueId id, Inputs kind, Random& random) {
  Tensor t(graph.values[id].dtype, graph.values[id].shape);
  const GraphValue* q = kind == Inputs::kOnCodes ? quantized(graph) : nullptr;
  // A row with both ends of [-128, 127] / 128 in it has that step and no zero point.
  const bool by_rows = q != nullptr && q->desc().is_per_token();
  const float step = by_rows ? 0x1p-7f : q != nullptr ? q->quant.scale : 0.0f;
  const size_t row = by_rows ? q->desc().row_elements() : 0;
  for (size_t i = 0; i < t.shape.numel(); ++i) {
    float x = random.uniform(1.0f);
    if (step != 0) x = std::nearbyint(x / step) * step;
    if (by_rows) x = i % row == 0 ? -1.0f : i % row == 1 ? 1.0f - step : std::min(x, 1.0f - step);
    t.set(i, x);
  }
  return t;
}

void run_and_compare(const Graph& graph, Inputs kind, uint64_t seed) {
  const auto bytes = write_pte(graph);
  ASSERT_TRUE(bytes) << bytes.error().message;
  const auto program = Program::load(*bytes);
  ASSERT_TRUE(program) << program.error().message;
  auto method = program->method("forward");
  ASSERT_TRUE(method) << method.error().message;

  Random random(seed);
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs) inputs.push_back(random_input(graph, id, kind, random));
  std::vector<Value> in, out(graph.outputs.size());
  std::vector<std::vector<double>> exact;
  for (Tensor& t : inputs) {
    in.emplace_back(t.view());
    exact.push_back(t.doubles());
  }
  const ValueId y = graph.outputs[0];
  Tensor output(graph.values[y].dtype, graph.values[y].shape);
  for (size_t i = 0; i < output.shape.numel(); ++i) output.set(i, NAN);
  out[0] = Value(output.view());
  const Status ran = method->run(in, out);
  ASSERT_TRUE(ran) << ran.error().message;

  const Expected expected = expected_outputs(graph, exact)[0];
  ASSERT_EQ(out[0].tensor()->shape, output.shape);
  size_t wrong = 0, first = 0;
  for (size_t i = 0; i < expected.value.size(); ++i) {
    // Not the other way round: NaN is wrong.
    if (std::fabs(output[i] - expected.value[i]) <= expected.error[i]) continue;
    if (wrong++ == 0) first = i;
  }
  EXPECT_EQ(wrong, 0u) << "of " << expected.value.size() << "; first at " << first << ": "
                       << output[first] << ", expected " << expected.value[first] << " within "
                       << expected.error[first];
}

TEST(Programs, LearningPath) {
  for (const LearningPathProgram& program : learning_path()) {
    SCOPED_TRACE(program.name);
    const auto graph = program.make();
    ASSERT_TRUE(graph) << graph.error().message;
    for (const Inputs kind : {Inputs::kAny, Inputs::kOnCodes}) run_and_compare(*graph, kind, 1);
  }
}

TEST(Programs, MethodsOfOneProgramPackTheirWeightsOnce) {
  for (const LearningPathProgram& program : learning_path()) {
    SCOPED_TRACE(program.name);
    const auto graph = program.make();
    ASSERT_TRUE(graph) << graph.error().message;
    const auto bytes = write_pte(*graph);
    ASSERT_TRUE(bytes) << bytes.error().message;
    const auto packed = [](const Method& m) { return m.info().delegates.at(0).packed_bytes; };
    const auto loaded = Program::load(*bytes);
    ASSERT_TRUE(loaded) << loaded.error().message;
    auto first = loaded->method();
    ASSERT_TRUE(first) << first.error().message;
    const size_t once = packed(*first);
    auto second = loaded->method();
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(packed(*second), 0u);
    // What is packed lives as long as somebody needs it, and no longer.
    *first = *std::move(second);
    auto third = loaded->method();
    ASSERT_TRUE(third) << third.error().message;
    EXPECT_EQ(packed(*third), 0u);
    const auto other = Program::load(*bytes);
    ASSERT_TRUE(other) << other.error().message;
    const auto apart = other->method();
    ASSERT_TRUE(apart) << apart.error().message;
    EXPECT_EQ(packed(*apart), once);
    const bool has_weights = !program.name.starts_with("matrix_mul");
    EXPECT_EQ(once != 0, has_weights);
  }
}

TEST(Programs, LinearShapes) {
  for (const RecipeVariant variant : linear_variants()) {
    for (const auto& [m, n, k] : {std::tuple(1, 1, 32), std::tuple(3, 17, 96), std::tuple(9, 5, 64),
                                  std::tuple(2, 70, 33)}) {
      if (variant == RecipeVariant::kQp8F32Qb4w && k % 32 != 0) continue;  // refused by the recipe
      for (const bool plain : {false, true}) {
        const LinearRecipe recipe{.variant = variant,
                                  .m = m,
                                  .n = n,
                                  .k = k,
                                  .bias = !plain,
                                  .relu = plain,
                                  .seed = uint64_t(m)};
        SCOPED_TRACE(fmt::format("{} {}x{}x{}{}", name(variant), m, n, k, plain ? " relu" : ""));
        const auto graph = make_linear(recipe);
        ASSERT_TRUE(graph) << graph.error().message;
        for (const Inputs kind : {Inputs::kAny, Inputs::kOnCodes}) run_and_compare(*graph, kind, 2);
      }
    }
  }
}

TEST(Programs, ConvolutionShapes) {
  const Conv2dRecipe strided{.batch = 2,
                             .in_channels = 6,
                             .out_channels = 9,
                             .groups = 3,
                             .height = 11,
                             .width = 8,
                             .kernel = {3, 2},
                             .stride = {2, 1},
                             .padding = {1, 2},
                             .dilation = {1, 2}};
  const Conv2dRecipe plain{.in_channels = 5,
                           .out_channels = 3,
                           .height = 4,
                           .width = 7,
                           .kernel = {1, 1},
                           .bias = false,
                           .relu = true};
  const Conv2dRecipe multiplied{.in_channels = 5,
                                .out_channels = 10,
                                .groups = 5,
                                .height = 6,
                                .width = 9,
                                .kernel = {5, 3},
                                .stride = {1, 2},
                                .padding = {2, 1}};
  for (Conv2dRecipe recipe : {strided, plain, multiplied}) {
    const bool depthwise = recipe.in_channels == recipe.groups;
    for (const RecipeVariant v : depthwise ? depthwise_variants() : conv2d_variants()) {
      recipe.variant = v;
      SCOPED_TRACE(fmt::format("{} of {} channels", name(v), recipe.in_channels));
      const auto graph = make_conv2d(recipe);
      ASSERT_TRUE(graph) << graph.error().message;
      for (const Inputs kind : {Inputs::kAny, Inputs::kOnCodes}) run_and_compare(*graph, kind, 3);
    }
  }
}

}  // namespace
}  // namespace smelt
