// The C++ API: who owns what, what is checked, and that running allocates nothing.
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "programs.h"
#include "smelt/smelt.hpp"
#include "support/allocations.h"
#include "support/resident.h"

namespace smelt::test {
namespace {

struct Loaded {
  AlignedBuffer bytes;
  std::optional<Method> method;
};

/// The Program is gone when this returns: a method needs only the caller's memory.
Loaded load(AlignedBuffer bytes, unsigned threads = 1) {
  auto program = Program::load(bytes.bytes(), {.threads = threads, .isa = {}, .external_data = {}});
  EXPECT_TRUE(program) << program.error().message;
  if (!program) return {};
  auto method = program->method();
  EXPECT_TRUE(method) << method.error().message;
  if (!method) return {};
  return {std::move(bytes), *std::move(method)};
}

std::vector<float> floats(const Value& v) {
  const TensorView* t = v.tensor();
  return t == nullptr ? std::vector<float>()
                      : std::vector<float>(t->as<float>(), t->as<float>() + t->shape.numel());
}

const std::vector<float> kX = {1, 2, 3, 4, 5, 6}, kSum = {11, 22, 33, 14, 25, 36};

TEST(Api, ValuesAreOfTheKindThatTheirArgumentHas) {
  EXPECT_TRUE(Value().is_none());
  EXPECT_EQ(*Value(5).integer(), 5);
  EXPECT_EQ(*Value(uint8_t(5)).integer(), 5);
  EXPECT_EQ(*Value(1.5f).real(), 1.5);
  EXPECT_EQ(*Value(true).boolean(), true);
  EXPECT_EQ(*Value("text").string(), "text");
}

TEST(Api, DescribesInputsAndOutputs) {
  const Loaded l = load(add_program());
  ASSERT_EQ(l.method->inputs().size(), 1u);
  ASSERT_EQ(l.method->outputs().size(), 1u);
  for (const ValueInfo& v : {l.method->inputs()[0], l.method->outputs()[0]}) {
    EXPECT_EQ(v.kind, ValueKind::kTensor);
    EXPECT_EQ(v.dtype, DType::kF32);
    EXPECT_EQ(v.shape, Shape({2, 3}));
    EXPECT_EQ(v.dynamism, Dynamism::kStatic);
  }
  EXPECT_EQ(l.method->info().name, "forward");
  ASSERT_EQ(l.method->info().delegates.size(), 1u);
  EXPECT_EQ(l.method->info().delegates[0].backend, "XnnpackBackend");
}

TEST(Api, DynamicShapesAreBounds) {
  const Loaded l = load(add_program(true));
  EXPECT_EQ(l.method->inputs()[0].dynamism, Dynamism::kBounded);
  EXPECT_EQ(l.method->inputs()[0].shape, Shape({2, 3}));
}

TEST(Api, OutputsAreTheMethodsUnlessTheCallerBringsMemory) {
  Loaded l = load(add_program());
  Value in[] = {TensorView::of(std::span(kX), {2, 3})}, out[1];
  ASSERT_TRUE(l.method->run(in, out));
  EXPECT_EQ(floats(out[0]), kSum);
  EXPECT_EQ(out[0].tensor()->shape, Shape({2, 3}));

  std::vector<float> y(7, -1);  // one too many, which stays as it is
  out[0] = TensorView::of(std::span(y), {7});
  ASSERT_TRUE(l.method->run(in, out));
  EXPECT_EQ(out[0].tensor()->data, y.data());
  EXPECT_EQ(out[0].tensor()->shape, Shape({2, 3}));
  EXPECT_EQ(floats(out[0]), kSum);
  EXPECT_EQ(y[6], -1);
}

TEST(Api, WrongArgumentsAreRefusedAndSayWhatWasExpected) {
  Loaded l = load(add_program());
  std::vector<float> y(6);
  std::vector<int32_t> integers(6);
  Value out[1];
  const auto refused = [&](std::vector<Value> in, std::string_view expected) {
    const Status ok = l.method->run(in, out);
    ASSERT_FALSE(ok);
    EXPECT_EQ(ok.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(ok.error().message.find(expected), std::string::npos) << ok.error().message;
  };
  const Value x = TensorView::of(std::span(kX), {2, 3});
  refused({}, "1");
  refused({x, x}, "1");
  refused({TensorView::of(std::span(kX), {3, 2})}, "[2, 3]");
  refused({TensorView::of(std::span(kX), {6})}, "[2, 3]");
  refused({TensorView::of(std::span(integers), {2, 3})}, "float32");
  refused({Value(int64_t(1))}, "ensor");
  refused({TensorView::of(std::span(kX).first(5), {2, 3})}, "24");  // bytes

  const Value in[] = {x};
  out[0] = TensorView::of(std::span(y).first(5), {5});
  EXPECT_EQ(l.method->run(in, out).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(y, std::vector<float>(6)) << "a refused run writes nothing";
}

TEST(Api, LoadSaysWhatIsWrong) {
  const AlignedBuffer bytes = add_program();
  EXPECT_EQ(Program::load("/nonexistent/x.pte").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Program::load(bytes.bytes().first(40)).error().code, ErrorCode::kInvalidFile);
  const auto isa = Program::load(bytes.bytes(), {.threads = 1, .isa = "mmx", .external_data = {}});
  EXPECT_EQ(isa.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(isa.error().message.find("mmx"), std::string::npos);

  const auto program = Program::load(bytes.bytes());
  ASSERT_TRUE(program);
  EXPECT_EQ(program->method_names(), std::vector<std::string>{"forward"});
  const auto method = program->method("backward");
  EXPECT_EQ(method.error().code, ErrorCode::kNotFound);
  EXPECT_NE(method.error().message.find("forward"), std::string::npos);
}

TEST(Api, OptionsWinOverTheEnvironment) {
  const AlignedBuffer bytes = add_program();
  setenv("SMELT_ISA", "mmx", 1);
  const auto from_environment = Program::load(bytes.bytes());
  const auto from_options =
      Program::load(bytes.bytes(), {.threads = 1, .isa = "scalar", .external_data = {}});
  unsetenv("SMELT_ISA");
  ASSERT_FALSE(from_environment);
  EXPECT_NE(from_environment.error().message.find("SMELT_ISA"), std::string::npos);
  EXPECT_TRUE(from_options);
}

TEST(Api, MethodsOfOneProgramRunAtOnce) {
  const AlignedBuffer bytes = linear_program(5, 33, 47);
  const auto program = Program::load(bytes.bytes(), {.threads = 2, .isa = {}, .external_data = {}});
  ASSERT_TRUE(program);
  std::vector<float> x(5 * 47);
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(i % 7) - 3;
  const std::vector<double> expected = linear(x, 33, 47);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      auto method = program->method();
      for (int run = 0; run < 10; ++run) {
        const Value in[] = {TensorView::of(std::span(x), {5, 47})};
        Value out[1];
        if (!method || !method->run(in, out) || out[0].tensor()->shape != Shape({5, 33})) {
          ++wrong;
          continue;
        }
        // All terms are multiples of 1/4 below 2^20: exact in float, in any order.
        for (size_t i = 0; i < expected.size(); ++i)
          wrong += out[0].tensor()->as<float>()[i] != expected[i];
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Api, RunsAllocateNothingAfterTheFirst) {
  for (unsigned threads : {1u, 2u}) {
    for (auto* make : {+[] { return add_program(); }, +[] { return linear_program(2, 64, 3); }}) {
      Loaded l = load(make(), threads);
      const Value in[] = {TensorView::of(std::span(kX), {2, 3})};
      std::vector<float> memory(128);
      Value own[1], callers[] = {TensorView::of(std::span(memory), {128})};
      ASSERT_TRUE(l.method->run(in, own));
      const size_t before = allocations();
      for (int i = 0; i < 5; ++i) {
        const bool ok =
            l.method->run(in, own).has_value() && l.method->run(in, callers).has_value();
        l.method->reset();
        ASSERT_TRUE(ok);
      }
      EXPECT_EQ(allocations() - before, 0u) << "threads: " << threads;
    }
  }
}

TEST(Api, ShapesThatWereSeenAllocateNothing) {
  Loaded l = load(linear_program(4, 64, 3, true));
  const std::vector<float> x(12, 1);
  Value out[1];
  const auto run = [&](int64_t m) {
    const Value in[] = {TensorView::of(std::span(x), {m, 3})};
    return l.method->run(in, out);
  };
  for (int64_t m : {1, 4, 3}) {
    const Status ok = run(m);
    ASSERT_TRUE(ok) << ok.error().message;
    EXPECT_EQ(out[0].tensor()->shape, Shape({m, 64}));
  }
  const size_t before = allocations();
  bool ok = true;
  for (int64_t m : {3, 1, 4, 4, 1}) ok &= run(m).has_value();
  EXPECT_EQ(allocations() - before, 0u);
  EXPECT_TRUE(ok);
}

TEST(Api, AllocationsAreCounted) {  // else the two tests above would prove nothing
  const size_t before = allocations();
  ::operator delete(
      ::operator new(4));  // called by name, because a new-expression may be optimised away
  EXPECT_TRUE(AlignedBuffer::allocate(100));
  EXPECT_EQ(allocations() - before, 2u);
}

TEST(Api, MemoryForTheLargestShapeIsNotTouched) {
  // Up to 128 MiB each of inputs and outputs; two rows are run.
  constexpr size_t kRows = size_t(1) << 20, kWidth = 32;
  const AlignedBuffer bytes = linear_program(kRows, kWidth, kWidth, true);
  const size_t before = resident_bytes();
  auto program = Program::load(bytes.bytes(), {.threads = 1, .isa = {}, .external_data = {}});
  ASSERT_TRUE(program) << program.error().message;
  auto method = program->method();
  ASSERT_TRUE(method) << method.error().message;
  EXPECT_GE(method->info().planned_bytes, kRows * kWidth * 2 * sizeof(float));
  std::vector<float> x(2 * kWidth, 1.0f);
  const Value in[] = {TensorView::of(std::span<float>(x), {2, kWidth})};
  Value out[1];
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(method->run(in, out));
    EXPECT_EQ(floats(out[0]).size(), 2 * kWidth);
    method->reset();
  }
  EXPECT_LT(resident_bytes(), before + (size_t(32) << 20));
}

}  // namespace
}  // namespace smelt::test
