// What ExecuTorch would do, by rules of its sources and against what its own profiler said.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "author/graph_builder.h"
#include "graph/executorch_names.h"
#include "smelt/smelt.hpp"
#include "support/shared_folder.h"

namespace smelt {
namespace {

using testing::ElementsAre;

std::vector<std::string> names(Graph graph, ExecuTorch version, std::string_view cpu) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) graph.nodes[i].origin = uint32_t(i);
  graph.file_nodes = graph.nodes;
  std::vector<std::string> result;
  for (NamedStep& s : executorch_steps(graph, version, *Cpu::describe(cpu)))
    result.push_back(std::move(s.name));
  return result;
}

std::vector<std::string> current(Graph graph) {
  return names(std::move(graph), ExecuTorch::kCurrent, "apple-m4");
}
std::vector<std::string> v1_0(Graph graph) {
  return names(std::move(graph), ExecuTorch::k1_0, "apple-m4");
}

// A graph that ends in its last value.
struct Case : GraphBuilder {
  ValueId x = kNoValue;
  explicit Case(Shape shape, DType dtype = DType::kF32) { x = input(dtype, shape); }
  /// A node of one output.
  ValueId then(OpKind kind, std::vector<ValueId> in, Shape shape, Attrs attrs = {},
               OutputRange range = {}, DType dtype = DType::kF32, Quant quant = {}) {
    const ValueId out = value(dtype, shape, quant);
    node(kind, std::move(in), {out}, attrs, range);
    return out;
  }
  ValueId floats(const Shape& shape, DType dtype = DType::kF32) {
    return constant(dtype, shape, std::vector<std::byte>(shape.numel() * bits(dtype) / 8));
  }
  Graph ending_in(std::vector<ValueId> outputs) {
    for (const ValueId v : outputs) output(v);
    return std::move(*this).finish();
  }
};

const OutputRange kRelu = {.min = 0, .max = INFINITY};
const Quant kBytes = GraphBuilder::per_tensor({.scale = 0.5f, .zero = 1});

TEST(ExecuTorchSteps, ClampsOfArithmeticAreStepsOfTheirOwn) {
  for (const auto& [kind, name] : {std::pair{OpKind::kAdd, "Add (ND) #1"},
                                   {OpKind::kSubtract, "Subtract (ND) #1"},
                                   {OpKind::kMultiply, "Multiply (ND) #1"},
                                   {OpKind::kDivide, "Divide (ND) #1"}}) {
    Case c({2, 3});
    const ValueId other = c.input(DType::kF32, {2, 3});
    const ValueId y = c.then(kind, {c.x, other}, {2, 3}, {}, kRelu);
    EXPECT_THAT(current(c.ending_in({y})), ElementsAre(name, "Clamp (NC) #1"));
  }
  Case bare({2, 3});
  const ValueId y = bare.then(OpKind::kAdd, {bare.x, bare.x}, {2, 3});
  EXPECT_THAT(current(bare.ending_in({y})), ElementsAre("Add (ND) #1"));
}

TEST(ExecuTorchSteps, ClampsJoinStepsThatCanClampUnlessOthersReadBetween) {
  const auto linear = [](bool others) {
    Case c({2, 4});
    const ValueId y = c.then(OpKind::kFullyConnected, {c.x, c.floats({3, 4}), kNoValue}, {2, 3},
                             FullyConnectedAttrs{});
    const ValueId z = c.then(OpKind::kClamp, {y}, {2, 3}, {}, kRelu);
    return c.ending_in(others ? std::vector{y, z} : std::vector{z});
  };
  for (const auto& steps : {current(linear(false)), v1_0(linear(false))})
    EXPECT_THAT(steps, ElementsAre("Fully Connected (NC, PF32) GEMM #1"));
  EXPECT_THAT(current(linear(true)),
              ElementsAre("Fully Connected (NC, PF32) GEMM #1", "Clamp (NC) #1"));
}

TEST(ExecuTorchSteps, ReshapesInARowMergeInLaterVersions) {
  const auto graph = [] {
    Case c({2, 6});
    const ValueId a = c.then(OpKind::kReshape, {c.x}, {2, 6, 1}, ReshapeAttrs{{2, 6, 1}});
    const ValueId b = c.then(OpKind::kReshape, {a}, {2, 3, 2}, ReshapeAttrs{{2, 3, 2}});
    return c.ending_in({c.then(OpKind::kAbs, {b}, {2, 3, 2})});
  };
  EXPECT_THAT(current(graph()), ElementsAre("Static Reshape (NC) #1", "Abs (NC) #1"));
  EXPECT_THAT(v1_0(graph()),
              ElementsAre("Static Reshape (NC) #1", "Static Reshape (NC) #2", "Abs (NC) #1"));
}

TEST(ExecuTorchSteps, WhatNobodyReadsDoesNotRun) {
  Case c({4});
  c.then(OpKind::kExp, {c.then(OpKind::kAbs, {c.x}, {4})}, {4});
  EXPECT_THAT(current(c.ending_in({c.then(OpKind::kFloor, {c.x}, {4})})),
              ElementsAre("Floor (NC) #1"));
}

TEST(ExecuTorchSteps, ElementwiseChainsBetweenBytesBecomeATable) {
  Case c({1, 8});
  const ValueId q = c.then(OpKind::kConvert, {c.x}, {1, 8}, {}, {}, DType::kS8, kBytes);
  const ValueId f = c.then(OpKind::kConvert, {q}, {1, 8});
  const ValueId again = c.then(OpKind::kConvert, {f}, {1, 8}, {}, {}, DType::kS8, kBytes);
  const ValueId y = c.then(OpKind::kConvert, {again}, {1, 8});
  EXPECT_THAT(current(c.ending_in({y})),
              ElementsAre("Convert (NC) #1", "Invalid Unary Op #1", "Convert (NC) #2"));
}

TEST(ExecuTorchSteps, LaterVersionsSimplifyArithmetic) {
  const auto square = [] {
    Case c({4});
    return c.ending_in({c.then(OpKind::kMultiply, {c.x, c.x}, {4})});
  };
  EXPECT_THAT(current(square()), ElementsAre("Square (NC) #1"));
  EXPECT_THAT(v1_0(square()), ElementsAre("Multiply (ND) #1"));
  const auto larger = [] {
    Case c({4});
    return c.ending_in({c.then(OpKind::kMaximum, {c.floats({1}), c.x}, {4})});
  };
  EXPECT_THAT(current(larger()), ElementsAre("Clamp (NC) #1"));
  EXPECT_THAT(v1_0(larger()), ElementsAre("Maximum (ND) #1"));
}

TEST(ExecuTorchSteps, ProductsReadASwappedRightSideAsItLies) {
  const auto product = [](Shape perm) {
    Case c({2, 3, 4});
    const ValueId other = c.input(DType::kF32, {2, 5, 4});
    const ValueId swapped = c.then(OpKind::kTranspose, {other}, {2, 4, 5}, TransposeAttrs{perm});
    return c.ending_in({c.then(OpKind::kBatchMatMul, {c.x, swapped}, {2, 3, 5})});
  };
  EXPECT_THAT(current(product({0, 2, 1})), ElementsAre("Batch Matrix Multiply (NC, PF32) GEMM #1"));
  EXPECT_THAT(v1_0(product({0, 2, 1})),
              ElementsAre("Transpose (ND, X32) #1", "Batch Matrix Multiply (NC, PF32) GEMM #1"));
  EXPECT_THAT(current(product({2, 0, 1})),
              ElementsAre("Transpose (ND, X32) #1", "Batch Matrix Multiply (NC, PF32) GEMM #1"));
}

TEST(ExecuTorchSteps, ConvolutionsPadByThemselves) {
  const auto padded = [](Shape pre, float with) {
    Case c({1, 4, 4, 2});
    const ValueId p = c.then(OpKind::kPad, {c.x}, {1, 6, 6, 2}, PadAttrs{pre, {0, 1, 1, 0}, with});
    ConvAttrs conv{.kernel_h = 3, .kernel_w = 3, .in_per_group = 2, .out_per_group = 5};
    return c.ending_in(
        {c.then(OpKind::kConv2d, {p, c.floats({5, 3, 3, 2}), kNoValue}, {1, 4, 4, 5}, conv)});
  };
  EXPECT_THAT(current(padded({0, 1, 1, 0}, 0)), ElementsAre("Convolution (NHWC, PF32) IGEMM #1"));
  EXPECT_THAT(v1_0(padded({0, 1, 1, 0}, 0)), ElementsAre("Convolution (NHWC, F32) IGEMM #1"));
  EXPECT_THAT(current(padded({0, 1, 1, 0}, 2)),
              ElementsAre("Constant Pad (ND, X32) #1", "Convolution (NHWC, PF32) IGEMM #1"));
  EXPECT_THAT(current(padded({1, 1, 1, 0}, 0)),
              ElementsAre("Constant Pad (ND, X32) #1", "Convolution (NHWC, PF32) IGEMM #1"));
}

TEST(ExecuTorchSteps, DepthwiseKernelsHaveOneOutputPerChannelAndAtMost25Pixels) {
  const auto depthwise = [](uint32_t window, uint32_t multiplier) {
    Case c({1, 8, 8, 4});
    const ConvAttrs conv{
        .kernel_h = window, .kernel_w = window, .groups = 4, .out_per_group = multiplier};
    const int64_t w = window, out = 4 * multiplier;
    return c.ending_in({c.then(OpKind::kDepthwiseConv2d, {c.x, c.floats({1, w, w, out}), kNoValue},
                               {1, 9 - w, 9 - w, out}, conv)});
  };
  EXPECT_THAT(current(depthwise(3, 1)), ElementsAre("Convolution (NHWC, F32) DWConv #1"));
  EXPECT_THAT(current(depthwise(5, 1)), ElementsAre("Convolution (NHWC, F32) DWConv #1"));
  EXPECT_THAT(current(depthwise(7, 1)), ElementsAre("Convolution (NHWC, F32) IGEMM #1"));
  EXPECT_THAT(current(depthwise(3, 2)), ElementsAre("Convolution (NHWC, F32) IGEMM #1"));
  EXPECT_THAT(v1_0(depthwise(1, 1)), ElementsAre("Convolution (NHWC, F32) VMulCAddC #1"));
}

TEST(ExecuTorchSteps, ProductsQuantiseWhileTheyPackAndConvolutionsDoNot) {
  const auto weights = [](Case& c, Shape shape) {
    const std::vector<float> scales(size_t(shape[0]), 0.25f);
    return c.constant(DType::kS8, shape, std::vector<int8_t>(shape.numel()), c.per_channel(scales));
  };
  Case linear({2, 4});
  const ValueId q = linear.then(OpKind::kConvert, {linear.x}, {2, 4}, {}, {}, DType::kS8,
                                GraphBuilder::per_token(1));
  const ValueId y = linear.then(OpKind::kFullyConnected, {q, weights(linear, {3, 4}), kNoValue},
                                {2, 3}, FullyConnectedAttrs{});
  const ValueId z = linear.then(OpKind::kFullyConnected, {q, weights(linear, {3, 4}), kNoValue},
                                {2, 3}, FullyConnectedAttrs{});
  EXPECT_THAT(current(linear.ending_in({y, z})),
              ElementsAre("Fully Connected (NC, QP8, F32, QC8W) GEMM #1",
                          "Fully Connected (NC, QP8, F32, QC8W) GEMM #2"));
  Case images({1, 4, 4, 2});
  const ValueId qi = images.then(OpKind::kConvert, {images.x}, {1, 4, 4, 2}, {}, {}, DType::kS8,
                                 GraphBuilder::per_token(3));
  const ConvAttrs conv{.kernel_h = 3, .kernel_w = 3, .in_per_group = 2, .out_per_group = 5};
  const ValueId o = images.then(OpKind::kConv2d, {qi, weights(images, {5, 3, 3, 2}), kNoValue},
                                {1, 2, 2, 5}, conv);
  EXPECT_THAT(
      current(images.ending_in({o})),
      ElementsAre("Convert (NC, F32, QD8) #1", "Convolution (NHWC, QD8, F32, QC8W) IGEMM #1"));
}

TEST(ExecuTorchSteps, PackedKernelsNeedTheUnitThatTheirReleaseKnew) {
  const auto linear = [](DType dtype) {
    Case c({2, 4}, dtype);
    return c.ending_in({c.then(OpKind::kFullyConnected, {c.x, c.floats({3, 4}, dtype), kNoValue},
                               {2, 3}, FullyConnectedAttrs{}, {}, dtype)});
  };
  const auto name = [&](DType dtype, ExecuTorch version, std::string_view cpu) {
    return names(linear(dtype), version, cpu).at(0);
  };
  const std::string f32 = "Fully Connected (NC, F32) GEMM #1",
                    pf32 = "Fully Connected (NC, PF32) GEMM #1",
                    f16 = "Fully Connected (NC, F16) GEMM #1",
                    pf16 = "Fully Connected (NC, PF16) GEMM #1";
  // snapdragon-x2 is described as SME without SME2.
  EXPECT_EQ(name(DType::kF32, ExecuTorch::k1_0, "snapdragon-x2"), pf32);
  EXPECT_EQ(name(DType::kF16, ExecuTorch::k1_0, "snapdragon-x2"), f16);
  EXPECT_EQ(name(DType::kF16, ExecuTorch::kCurrent, "snapdragon-x2"), pf16);
  EXPECT_EQ(name(DType::kF16, ExecuTorch::k1_0, "apple-m4"), pf16);
  EXPECT_EQ(name(DType::kF32, ExecuTorch::kCurrent, "neoverse-v2"), f32);
}

// ---- what ExecuTorch's profiler said

nlohmann::json read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

TEST(ExecuTorchSteps, AreThoseThatItsProfilerReports) {
  const auto events = shared_folder("SMELT_BASELINES", "baselines") / "executorch-events-sme2.json";
  const auto corpus = shared_folder("SMELT_CORPUS", "corpus");
  if (!std::filesystem::exists(events))
    GTEST_SKIP() << "no " << events << " (SMELT_BASELINES names another folder)";
  if (!std::filesystem::exists(corpus / "manifest.json"))
    GTEST_SKIP() << "no corpus at " << corpus << " (SMELT_CORPUS names another folder)";
  const nlohmann::json programs = read(events).at("programs"),
                       manifest = read(corpus / "manifest.json");
  size_t compared = 0;
  for (const auto& entry : manifest.at("entries")) {
    const auto expected = programs.find(entry.at("name").get<std::string>());
    if (expected == programs.end()) continue;
    SCOPED_TRACE(entry.at("name"));
    LoadOptions options{.threads = 1, .isa = {}, .external_data = {}, .cpu = "apple-m4"};
    for (const auto& file : entry.value("external_data", nlohmann::json::array()))
      options.external_data.push_back(corpus / file.get<std::string>());
    const auto program = Program::load(corpus / entry.at("program").get<std::string>(), options);
    ASSERT_TRUE(program) << program.error().message;
    const auto method = program->method(entry.value("method", "forward"));
    ASSERT_TRUE(method) << method.error().message;
    // The baseline has each name once, though every delegate numbers its own steps.
    std::vector<std::string> ours;
    for (const StepInfo& s : method->explain()) {
      if (s.delegate < 0) continue;
      for (size_t at = 0; at < s.executorch_current.size();) {
        const size_t end =
            std::min(s.executorch_current.find(" + ", at), s.executorch_current.size());
        std::string name = s.executorch_current.substr(at, end - at);
        if (std::ranges::find(ours, name) == ours.end()) ours.push_back(std::move(name));
        at = end + 3;
      }
    }
    EXPECT_EQ(ours, expected->get<std::vector<std::string>>());
    ++compared;
  }
  EXPECT_EQ(compared, programs.size()) << "programs of the baseline that the corpus has";
  std::printf("ExecuTorch's events: %zu programs compared\n", compared);
}

}  // namespace
}  // namespace smelt
