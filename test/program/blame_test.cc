// Whose mistake it is: a file that contradicts itself is a bad file, whoever runs it; inputs that
// do not go together are the caller's.
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "program/method.h"
#include "support/program_builder.h"

namespace smelt::program {
namespace {

using namespace smelt::testing;
using ::testing::HasSubstr;
constexpr auto kBounded = pte::TensorShapeDynamism::DynamicBound;
constexpr auto kUnbounded = pte::TensorShapeDynamism::DynamicUnbound;

struct Loaded {
  std::vector<std::byte> bytes;
  std::unique_ptr<LoadedMethod> method;
};

/// A program of these instructions; `code` gets what loading says, if it fails.
Loaded load(ProgramSpec p, ErrorCode* code = nullptr) {
  p.buffers = {0};
  Loaded l{p.build(), nullptr};
  auto file = ProgramFile::parse(l.bytes, "p.pte");
  EXPECT_TRUE(file) << file.error().message;
  auto source = std::make_shared<const ProgramSource>(ProgramSource{*std::move(file), {}});
  auto method = LoadedMethod::load(source, "forward", *Cpu::detect(), 1);
  if (method)
    l.method = *std::move(method);
  else if (code != nullptr)
    *code = method.error().code;
  else
    ADD_FAILURE() << method.error().message;
  return l;
}

TableMaker floats(std::vector<int32_t> sizes,
                  pte::TensorShapeDynamism dynamism = pte::TensorShapeDynamism::Static) {
  TensorSpec t{.sizes = sizes, .dim_order = {}, .dynamism = dynamism};
  for (size_t d = 0; d < sizes.size(); ++d) t.dim_order.push_back(uint8_t(d));
  return tensor(t);
}
TableMaker longs(std::vector<int32_t> sizes) {
  TensorSpec t{.type = pte::ScalarType::Long, .sizes = sizes, .dim_order = {}};
  for (size_t d = 0; d < sizes.size(); ++d) t.dim_order.push_back(uint8_t(d));
  return tensor(t);
}

/// What running says, with inputs of these shapes.
ErrorCode run(const Loaded& l, std::vector<Shape> shapes, int64_t index = 0) {
  std::vector<float> ones(64, 1);
  std::vector<int64_t> indices(64, index);
  std::vector<Value> in;
  for (size_t i = 0; i < shapes.size(); ++i) {
    if (l.method->info().inputs[i].dtype == DType::kF32)
      in.emplace_back(TensorView::of(std::span(ones).first(shapes[i].numel()), shapes[i]));
    else
      in.emplace_back(TensorView::of(std::span(indices).first(shapes[i].numel()), shapes[i]));
  }
  std::vector<Value> out(l.method->info().outputs.size());
  const Status ran = l.method->run(in, out);
  EXPECT_FALSE(ran);
  return ran ? ErrorCode::kIo : ran.error().code;
}

/// out = a + b.
ProgramSpec sum(TableMaker a, TableMaker b, TableMaker out) {
  ProgramSpec p;
  p.values = {a, b, out, integer(1)};
  p.inputs = {0, 1}, p.outputs = {2};
  p.operators = {{"aten::add", "out"}};
  p.instructions = {kernel_call(0, {0, 1, 3, 2})};
  return p;
}

TEST(Blame, FixedShapesThatContradictEachOtherAreTheFiles) {
  EXPECT_EQ(run(load(sum(floats({3}), floats({3}), floats({4}))), {{3}, {3}}),
            ErrorCode::kInvalidFile);
  EXPECT_EQ(run(load(sum(floats({3}), floats({2}), floats({3}))), {{3}, {2}}),
            ErrorCode::kInvalidFile);
}

TEST(Blame, ShapesThatTheCallerChoseAreTheCallers) {
  const Loaded l = load(sum(floats({4}, kBounded), floats({4}, kBounded), floats({4}, kBounded)));
  EXPECT_EQ(run(l, {{3}, {2}}), ErrorCode::kInvalidArgument);
  // At the declared bounds the file has to be right.
  EXPECT_EQ(run(load(sum(floats({4}, kBounded), floats({3}, kBounded), floats({4}, kBounded))),
                {{4}, {3}}),
            ErrorCode::kInvalidFile);
}

TEST(Blame, AShapeIsFollowedThroughInstructions) {
  // t = -a, of the caller's shape; n = t.size(0); out = t + b: fails for the caller's shape.
  ProgramSpec p;
  p.values = {floats({4}, kBounded), floats({4}), floats({4}, kUnbounded), floats({4}, kUnbounded),
              integer(1)};
  p.inputs = {0, 1}, p.outputs = {3};
  p.operators = {{"aten::neg", "out"}, {"aten::add", "out"}};
  p.instructions = {kernel_call(0, {0, 2}), kernel_call(1, {2, 1, 4, 3})};
  EXPECT_EQ(run(load(p), {{3}, {4}}), ErrorCode::kInvalidArgument);
}

TEST(Blame, ADimensionThatIsNoneIsTheFiles) {
  ProgramSpec p;
  p.values = {floats({4}, kBounded), integer(12884901889), integer(0)};
  p.inputs = {0}, p.outputs = {2};
  p.operators = {{"aten::sym_size", "int"}};
  p.instructions = {kernel_call(0, {0, 1, 2})};
  EXPECT_EQ(run(load(p), {{4}}), ErrorCode::kInvalidFile);
}

TEST(Blame, ValuesOutOfRangeAreTheCallersAndShapesBesideThemTheFiles) {
  const auto embedding = [](TableMaker out) {
    ProgramSpec p;
    p.values = {floats({3, 2}), longs({2}), integer(-1), boolean(false), boolean(false), out};
    p.inputs = {0, 1}, p.outputs = {5};
    p.operators = {{"aten::embedding", "out"}};
    p.instructions = {kernel_call(0, {0, 1, 2, 3, 4, 5})};
    return p;
  };
  EXPECT_EQ(run(load(embedding(floats({2, 2}))), {{3, 2}, {2}}, /*index=*/7),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(run(load(embedding(floats({2, 5}))), {{3, 2}, {2}}, /*index=*/1),
            ErrorCode::kInvalidFile);
}

TEST(Blame, NumbersFromTheCallersDataAreTheCallers) {
  // out = a.select(0, i): with i from a tensor, and with i from the file.
  ProgramSpec p;
  p.values = {floats({3, 2}), longs({1}), integer(0), integer(0), floats({2})};
  p.inputs = {0, 1}, p.outputs = {4};
  p.operators = {{"aten::_local_scalar_dense", ""}, {"aten::select_copy", "int_out"}};
  p.instructions = {kernel_call(0, {1, 2}), kernel_call(1, {0, 3, 2, 4})};
  EXPECT_EQ(run(load(p), {{3, 2}, {1}}, /*index=*/9), ErrorCode::kInvalidArgument);
  p.values[2] = integer(9);
  p.instructions = {kernel_call(1, {0, 3, 2, 4})};
  EXPECT_EQ(run(load(p), {{3, 2}, {1}}), ErrorCode::kInvalidFile);
}

}  // namespace
}  // namespace smelt::program
