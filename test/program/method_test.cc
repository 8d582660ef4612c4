// Methods made by hand: control flow, state, memory.
#include "program/method.h"

#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>

#include "base/float16.h"
#include "loaded.h"
#include "platform/denormals.h"
#include "support/allocations.h"

namespace smelt::program {
namespace {

/// y = x + x.
ProgramSpec doubling(TensorSpec x, TensorSpec y) {
  ProgramSpec p;
  p.values = {tensor(x), tensor(y), integer(1)};
  p.inputs = {0};
  p.outputs = {1};
  p.operators = {{"aten::add", "out"}};
  p.instructions = {kernel_call(0, {0, 0, 2, 1, 1})};
  p.buffers = {0, 256};
  return p;
}

TEST(Method, RunsAnOperator) {
  for (const auto& x : {planned(0), unplanned()}) {
    for (const auto& y : {planned(16), unplanned()}) {
      auto l = load(doubling(x, y));
      ASSERT_OK(l);
      Floats in = {1, 2, 3};
      const Value inputs[] = {view(in)};
      Value outputs[1];
      ASSERT_OK(l->method->run(inputs, outputs));
      EXPECT_EQ(floats(outputs[0]), (Floats{2, 4, 6}));
      // Into the caller's memory.
      Floats out(3);
      outputs[0] = view(out);
      ASSERT_OK(l->method->run(inputs, outputs));
      EXPECT_EQ(out, (Floats{2, 4, 6}));
      // Onto the input itself.
      outputs[0] = view(in);
      ASSERT_OK(l->method->run(inputs, outputs));
      EXPECT_EQ(in, (Floats{2, 4, 6}));
    }
  }
}

TEST(Method, DescribesItself) {
  auto l = load(doubling(planned(0), dynamic(planned(16), pte::TensorShapeDynamism::DynamicBound)));
  ASSERT_OK(l);
  const MethodInfo& info = l->method->info();
  EXPECT_EQ(info.name, "forward");
  ASSERT_EQ(info.inputs.size(), 1u);
  EXPECT_EQ(info.inputs[0].shape, Shape{3});
  EXPECT_EQ(info.inputs[0].dynamism, Dynamism::kStatic);
  EXPECT_EQ(info.outputs[0].dynamism, Dynamism::kBounded);
  ASSERT_EQ(info.operators.size(), 1u);
  EXPECT_EQ(info.operators[0].name, "aten::add.out");
  EXPECT_EQ(info.operators[0].calls, 1u);
  EXPECT_EQ(info.planned_bytes, 256u);
}

TEST(Method, NamesAllOperatorsThatAreMissingAndWhatToDo) {
  const auto message = [](const std::vector<std::pair<std::string, std::string>>& operators) {
    ProgramSpec p;
    p.values = {tensor(planned(0)), tensor(planned(16))};
    p.inputs = {0};
    p.outputs = {1};
    p.operators = operators;
    p.instructions = {kernel_call(0, {0, 1})};
    p.buffers = {0, 256};
    const auto l = load(p);
    EXPECT_FALSE(l);
    return l ? std::string() : l.error().message;
  };
  const std::string aten = message({{"aten::sin", "out"}, {"aten::x", "out"}, {"aten::y", ""}});
  EXPECT_EQ(aten,
            "test.pte: execution_plan[0]: operators that Smelt does not have: aten::x.out, aten::y; "
            "when exporting, decompose aten operators with run_decompositions() and an entry for "
            "each (those that there are: smelt kernels --operators)");
  const std::string other = message({{"my::x", "out"}});
  EXPECT_EQ(other.find("decompose"), std::string::npos) << other;
  EXPECT_NE(other.find("write operators of other libraries"), std::string::npos) << other;
  const std::string both = message({{"aten::x", "out"}, {"my::x", "out"}});
  EXPECT_NE(both.find("decompose"), std::string::npos) << both;
  EXPECT_NE(both.find("write operators of other libraries"), std::string::npos) << both;
}

TEST(Method, NamesAllOperatorsThatHaveNoComplexForm) {
  const auto complex = typed(planned(0), pte::ScalarType::ComplexFloat);
  ProgramSpec p;
  p.values = {tensor(complex), tensor(complex), integer(1)};
  p.inputs = {0};
  p.outputs = {1};
  p.operators = {{"aten::sin", "out"}, {"aten::add", "out"}, {"aten::relu", "out"}};
  p.instructions = {kernel_call(0, {0, 1}), kernel_call(1, {0, 0, 2, 1, 1}), kernel_call(2, {0, 1}),
                    kernel_call(0, {1, 1})};
  p.buffers = {0, 256};
  const auto l = load(p);
  ASSERT_FALSE(l);
  EXPECT_EQ(l.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(l.error().message,
            "test.pte: execution_plan[0]: operators that Smelt does not have for such types: "
            "aten::sin.out of complex64, aten::relu.out of complex64");
}

TEST(Method, AllocatesNothingOnceTheShapesAreKnown) {
  auto l = load(doubling(dynamic(planned(0), pte::TensorShapeDynamism::DynamicBound),
                         dynamic(unplanned(), pte::TensorShapeDynamism::DynamicUnbound)));
  ASSERT_OK(l);
  Floats in = {1, 2, 3};
  const Value inputs[] = {view(in)};
  Value outputs[1];
  ASSERT_OK(l->method->run(inputs, outputs));
  const size_t before = test::allocations();
  const bool ran = l->method->run(inputs, outputs).has_value();
  const size_t after = test::allocations();
  EXPECT_TRUE(ran);
  EXPECT_EQ(after, before);
}

TEST(Method, ExplainsWrongArguments) {
  auto l = load(doubling(planned(0), planned(16)));
  ASSERT_OK(l);
  Floats right = {1, 2, 3}, wrong = {1, 2};
  Value outputs[1];
  const auto message = [&](std::span<const Value> inputs) {
    const auto status = l->method->run(inputs, outputs);
    EXPECT_FALSE(status);
    if (status) return std::string();
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
    return status.error().message;
  };
  const auto contains = [](const std::string& text, std::string_view part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  contains(message({}), "1 inputs");
  const Value shape[] = {view(wrong)};
  contains(message(shape), "[3]");
  const Value number[] = {Value(int64_t(1))};
  contains(message(number), "expected a tensor");
  std::vector<int32_t> integers = {1, 2, 3};
  const Value type[] = {TensorView::of(std::span<int32_t>(integers), {3})};
  contains(message(type), "float32");
  TensorView short_view = *view(right).tensor();
  short_view.bytes = 8;
  const Value bytes[] = {short_view};
  contains(message(bytes), "8 bytes");
  short_view.bytes = 12;
  const Value inputs[] = {Value(short_view)};
  outputs[0] = view(wrong);
  contains(message(inputs), "output 0");
  outputs[0] = Value(*type[0].tensor());
  contains(message(inputs), "int32");
}

TEST(Method, DynamicShapesStayWithinTheirBounds) {
  const auto bound = pte::TensorShapeDynamism::DynamicBound;
  auto l = load(doubling(dynamic(planned(0), bound), dynamic(planned(16), bound)));
  ASSERT_OK(l);
  Value outputs[1];
  for (const size_t n : {3, 0, 2, 1, 3}) {
    Floats in(n, 1.5f);
    const Value inputs[] = {view(in)};
    ASSERT_OK(l->method->run(inputs, outputs));
    EXPECT_EQ(floats(outputs[0]), Floats(n, 3.0f));
  }
  Floats in(4);
  const Value inputs[] = {view(in)};
  EXPECT_FALSE(l->method->run(inputs, outputs));

  // A result that does not fit a static tensor names the operator and both shapes.
  auto fixed = load(doubling(dynamic(planned(0), bound), planned(16)));
  ASSERT_OK(fixed);
  Floats two(2);
  const Value shorter[] = {view(two)};
  const auto status = fixed->method->run(shorter, outputs);
  ASSERT_FALSE(status);
  for (const char* part : {"aten::add.out", "[2]", "[3]"}) {
    EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
  }
}

TEST(Method, UnboundedResultsGrow) {
  const auto unbound = pte::TensorShapeDynamism::DynamicUnbound;
  auto l = load(doubling(dynamic(unplanned(), unbound), dynamic(unplanned(), unbound)));
  ASSERT_OK(l);
  for (const size_t n : {1, 1000, 10}) {
    Floats in(n, 1.0f);
    const Value inputs[] = {view(in)};
    Value outputs[1];
    ASSERT_OK(l->method->run(inputs, outputs));
    EXPECT_EQ(floats(outputs[0]), Floats(n, 2.0f));
  }
}

TEST(Method, ChannelsLastInputsMustBeGivenSo) {
  TensorSpec x = {.sizes = std::vector<int32_t>{1, 2, 2, 2},
                  .dim_order = {0, 2, 3, 1},
                  .allocation = AllocationSpec{1, 0}};
  TensorSpec y = {.sizes = std::vector<int32_t>{1, 2, 2, 2},
                  .dim_order = {0, 1, 2, 3},
                  .allocation = AllocationSpec{1, 64}};
  auto l = load(doubling(x, y));
  ASSERT_OK(l);
  EXPECT_EQ(l->method->info().inputs[0].dim_order, (Shape{0, 2, 3, 1}));
  Floats in = {1, 5, 2, 6, 3, 7, 4, 8};  // pixel by pixel
  TensorView t = TensorView::of(std::span<float>(in), {1, 2, 2, 2});
  Value outputs[1];
  const Value row_major[] = {t};
  const auto status = l->method->run(row_major, outputs);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("[0, 2, 3, 1]"), std::string::npos)
      << status.error().message;
  t.dim_order = {0, 2, 3, 1};
  const Value channels_last[] = {t};
  ASSERT_OK(l->method->run(channels_last, outputs));
  EXPECT_EQ(floats(outputs[0]), (Floats{2, 4, 6, 8, 10, 12, 14, 16}));
}

/// y = sum(x) > 0 ? x + x : x · x, as torch.cond is emitted.
ProgramSpec branching() {
  ProgramSpec p;
  TensorSpec scalar = {
      .sizes = std::vector<int32_t>{}, .dim_order = {}, .allocation = AllocationSpec{1, 48}};
  TensorSpec flag = typed(scalar, pte::ScalarType::Bool);
  flag.allocation = AllocationSpec{1, 52};
  p.values = {
      tensor(planned(0)),   // 0: x
      tensor(planned(16)),  // 1: x + x
      tensor(planned(16)),  // 2: x · x
      tensor(unplanned()),  // 3: y
      tensor(scalar),       // 4: sum
      tensor(flag),         // 5: sum > 0
      integer(1),          integer(0), boolean(false), null(), int_list({}),
  };
  p.inputs = {0};
  p.outputs = {3};
  p.operators = {{"aten::sum", "IntList_out"},
                 {"aten::gt", "Scalar_out"},
                 {"aten::add", "out"},
                 {"aten::mul", "out"}};
  p.instructions = {
      kernel_call(0, {0, 10, 8, 9, 4, 4}),
      kernel_call(1, {4, 7, 5, 5}),
      jump(5, 6),
      kernel_call(2, {0, 0, 6, 1, 1}),
      move_call(1, 3),
      jump(8, 8),
      kernel_call(3, {0, 0, 2, 2}),
      move_call(2, 3),
  };
  p.buffers = {0, 64};
  return p;
}

TEST(Method, BranchesBothWaysInTurn) {
  auto l = load(branching());
  ASSERT_OK(l);
  for (int round = 0; round < 2; ++round) {
    Floats up = {1, 2, 3}, down = {-1, -2, -3};
    const Value positive[] = {view(up)}, negative[] = {view(down)};
    Value outputs[1];
    ASSERT_OK(l->method->run(positive, outputs));
    EXPECT_EQ(floats(outputs[0]), (Floats{2, 4, 6}));
    ASSERT_OK(l->method->run(negative, outputs));
    EXPECT_EQ(floats(outputs[0]), (Floats{1, 4, 9}));
  }
}

TEST(Method, LoopsUntilTheConditionHolds) {
  // i = 0; do { y += x; i += 1 } while (!(i == 4)): numbers start anew in each run.
  ProgramSpec p;
  p.values = {tensor(planned(0)), tensor(planned(16)), integer(0),    integer(1),
              integer(4),         boolean(false),      int_list({7}), integer(3)};
  p.inputs = {0};
  p.outputs = {1};
  p.operators = {{"aten::zeros", "out"},
                 {"aten::add", "out"},
                 {"executorch_prim::add", "Scalar"},
                 {"executorch_prim::eq", "Scalar"}};
  p.instructions = {kernel_call(0, {6, 1, 1}), kernel_call(1, {1, 0, 3, 1, 1}),
                    kernel_call(2, {2, 3, 2}), kernel_call(3, {2, 4, 5}), jump(5, 1)};
  p.buffers = {0, 64};
  auto l = load(p);
  ASSERT_OK(l);
  Floats in = {1, 2, 3};
  const Value inputs[] = {view(in)};
  Value outputs[1];
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK(l->method->run(inputs, outputs));
    EXPECT_EQ(floats(outputs[0]), (Floats{4, 8, 12}));
  }
}

TEST(Method, StateLivesOnAndCanBeReset) {
  // state += x; y = state. One state starts at what the file says, the other at zero.
  for (const bool initial : {true, false}) {
    ProgramSpec p;
    TensorSpec state = planned(16);
    if (initial) state.data_buffer_idx = 1;
    p.values = {tensor(planned(0)), tensor(state), tensor(planned(32)), integer(1), boolean(false)};
    p.inputs = {0};
    p.outputs = {2};
    p.operators = {{"aten::add", "out"}, {"aten::copy_", ""}};
    p.instructions = {kernel_call(0, {1, 0, 3, 2, 2}), kernel_call(1, {1, 2, 4, 1})};
    p.buffers = {0, 64};
    if (initial) {
      p.segments = {{0, 16}};
      p.segment_bytes.resize(16);
      const float first[] = {10, 20, 30};
      std::memcpy(p.segment_bytes.data(), first, sizeof first);
      p.mutable_segments = {{0, {0, 0}}};
    }
    auto l = load(p);
    ASSERT_OK(l);
    Floats in = {1, 2, 3};
    const Value inputs[] = {view(in)};
    Value outputs[1];
    const float base = initial ? 10 : 0;
    for (int round = 0; round < 2; ++round) {
      for (const float n : {1.0f, 2.0f, 3.0f}) {
        ASSERT_OK(l->method->run(inputs, outputs));
        EXPECT_EQ(floats(outputs[0]), (Floats{base + n, 2 * (base + n), 3 * (base + n)}));
      }
      l->method->reset();
    }
  }
}

/// next = index_put(state, [i], x); y = next + next; copy_(state, next). With `peek`, y = next +
/// state instead, which sees the old contents.
ProgramSpec cache(bool peek) {
  ProgramSpec p;
  TensorSpec row = planned(0);
  row.sizes = std::vector<int32_t>{1};
  TensorSpec index = typed(row, pte::ScalarType::Long);
  index.allocation = AllocationSpec{1, 16};
  p.values = {tensor(row),         tensor(index), tensor(planned(32)), tensor(planned(48)),
              tensor(planned(64)), integer(1),    boolean(false),      optional_tensor_list({1})};
  p.inputs = {0, 1};
  p.outputs = {4};
  p.operators = {{"aten::index_put", "out"}, {"aten::add", "out"}, {"aten::copy_", ""}};
  p.instructions = {kernel_call(0, {2, 7, 0, 6, 3, 3}), kernel_call(1, {3, peek ? 2 : 3, 5, 4, 4}),
                    kernel_call(2, {2, 3, 6, 2})};
  p.buffers = {0, 128};
  return p;
}

TEST(Method, CachesAreUpdatedInPlaceUnlessTheOldContentsAreSeen) {
  for (const bool peek : {false, true}) {
    auto l = load(cache(peek));
    ASSERT_OK(l);
    Floats state(3), x = {5};
    for (int64_t i : {2, 0, 2}) {
      const Floats old = state;
      x[0] += 1;
      state[size_t(i)] = x[0];
      Value outputs[1];
      const Value inputs[] = {view(x), TensorView::of(std::span<int64_t>(&i, 1), {1})};
      ASSERT_OK(l->method->run(inputs, outputs));
      Floats expected(3);
      for (size_t k = 0; k < 3; ++k) expected[k] = state[k] + (peek ? old : state)[k];
      EXPECT_EQ(floats(outputs[0]), expected);
    }
  }
}

TEST(Method, ViewsShareMemoryAndInputsAreNotWritten) {
  // v = view(x); v += 1 in place (as an out argument); y = x + x.
  ProgramSpec p;
  TensorSpec v = unplanned();
  v.sizes = std::vector<int32_t>{3, 1};
  v.dim_order = {0, 1};
  p.values = {tensor(unplanned()), tensor(v),        tensor(planned(16)),
              integer(1),          int_list({5, 3}), integer(-1)};
  p.inputs = {0};
  p.outputs = {2};
  p.operators = {
      {"executorch_prim::et_view", "default"}, {"aten::add", "Scalar_out"}, {"aten::add", "out"}};
  p.instructions = {kernel_call(0, {0, 4, 1}), kernel_call(1, {1, 3, 3, 1, 1}),
                    kernel_call(2, {0, 0, 3, 2, 2})};
  p.buffers = {0, 64};
  auto l = load(p);
  ASSERT_OK(l);
  Floats in = {1, 2, 3};
  const Value inputs[] = {view(in)};
  Value outputs[1];
  ASSERT_OK(l->method->run(inputs, outputs));
  EXPECT_EQ(floats(outputs[0]), (Floats{4, 6, 8}));
  EXPECT_EQ(in, (Floats{1, 2, 3}));
}

TEST(Method, PassesInputsAndNumbersThrough) {
  ProgramSpec p;
  p.values = {tensor(unplanned()), integer(7), boolean(true)};
  p.inputs = {0};
  p.outputs = {0, 1, 2};
  p.buffers = {0};
  auto l = load(p);
  ASSERT_OK(l);
  Floats in = {1, 2, 3};
  const Value inputs[] = {view(in)};
  Value outputs[3];
  ASSERT_OK(l->method->run(inputs, outputs));
  EXPECT_EQ(floats(outputs[0]), in);
  EXPECT_NE(static_cast<void*>(outputs[0].tensor()->data), static_cast<void*>(in.data()));
  ASSERT_NE(outputs[1].integer(), nullptr);
  EXPECT_EQ(*outputs[1].integer(), 7);
  ASSERT_NE(outputs[2].boolean(), nullptr);
  EXPECT_TRUE(*outputs[2].boolean());
}

TEST(Method, NumbersBuiltInMustBeRepeated) {
  ProgramSpec p;
  p.values = {integer(7)};
  p.inputs = {0};
  p.outputs = {0};
  p.buffers = {0};
  auto l = load(p);
  ASSERT_OK(l);
  Value outputs[1];
  const Value right[] = {Value(int64_t(7))}, wrong[] = {Value(int64_t(8))};
  EXPECT_TRUE(l->method->run(right, outputs));
  const auto status = l->method->run(wrong, outputs);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("7"), std::string::npos);
}

TEST(Method, NamesAllMissingOperatorsAtOnce) {
  ProgramSpec p = doubling(planned(0), planned(16));
  p.operators = {{"aten::add", "out"}, {"my::first", "out"}, {"my::second", ""}};
  const auto l = load(p);
  ASSERT_FALSE(l);
  EXPECT_EQ(l.error().code, ErrorCode::kUnsupported);
  for (const char* part : {"my::first.out", "my::second"}) {
    EXPECT_NE(l.error().message.find(part), std::string::npos) << l.error().message;
  }
  EXPECT_EQ(l.error().message.find("aten::add.out"), std::string::npos);
}

TEST(Method, RefusesUnsoundPrograms) {
  const auto refused = [](const ProgramSpec& p, std::string_view part) {
    const auto l = load(p);
    ASSERT_FALSE(l);
    EXPECT_NE(l.error().message.find(part), std::string::npos) << l.error().message;
  };
  ProgramSpec few = doubling(planned(0), planned(16));
  few.instructions = {kernel_call(0, {0, 0, 1})};
  refused(few, "takes 4 arguments");
  ProgramSpec kinds = doubling(planned(0), planned(16));
  kinds.instructions = {kernel_call(0, {0, 2, 2, 1, 1})};
  refused(kinds, "argument 1");
  ProgramSpec constant = doubling(planned(0), unplanned());
  TensorSpec c = unplanned();
  c.data_buffer_idx = 1;
  constant.values[1] = tensor(c);
  constant.segments = {{0, 16}};
  constant.segment_bytes.resize(16);
  constant.constant_segment = SubsegmentSpec{0, {0, 0}};
  refused(constant, "constant");
  ProgramSpec move = branching();
  move.values[3] = tensor(typed(unplanned(), pte::ScalarType::Int));
  refused(move, "moves value 1");
  ProgramSpec condition = branching();
  condition.instructions[2] = jump(4, 6);
  refused(condition, "condition");
}

TEST(Method, NotFoundListsTheMethods) {
  const ProgramSpec p = doubling(planned(0), planned(16));
  const auto bytes = p.build();
  auto file = ProgramFile::parse(bytes, "test.pte");
  ASSERT_TRUE(file);
  auto source = std::make_shared<const ProgramSource>(ProgramSource{*std::move(file), {}});
  const auto l = LoadedMethod::load(source, "backward", Cpu(), 1);
  ASSERT_FALSE(l);
  EXPECT_EQ(l.error().code, ErrorCode::kNotFound);
  EXPECT_NE(l.error().message.find("forward"), std::string::npos) << l.error().message;
}

TEST(Method, SoftmaxMakesNoDenormals) {
  ProgramSpec p;
  p.values = {tensor(planned(0)), tensor(planned(16)), integer(-1), boolean(false)};
  p.inputs = {0};
  p.outputs = {1};
  p.operators = {{"aten::_softmax", "out"}};
  p.instructions = {kernel_call(0, {0, 2, 3, 1, 1})};
  p.buffers = {0, 64};
  for (const Cpu& cpu : {Cpu(), *Cpu::detect()}) {
    auto l = load(p, cpu);
    ASSERT_OK(l);
    Floats in = {0, -95, -88};  // exp(-95) = 5.5e-42
    const Value inputs[] = {view(in)};
    Value outputs[1];
    ASSERT_OK(l->method->run(inputs, outputs));
    EXPECT_EQ(floats(outputs[0]), (Floats{1, 0, 0}));
  }
}

TEST(Method, DenormalsAreTheCallersOwnAffairAfterwards) {
  auto l = load(doubling(planned(0), planned(16)));
  ASSERT_OK(l);
  Floats in = {0x1p-140f, 1, 2}, wrong = {1};
  Value outputs[1];
  for (const bool before : {false, true}) {
    const FlushDenormals flush(before);
    const Value inputs[] = {view(in)}, short_inputs[] = {view(wrong)};
    ASSERT_OK(l->method->run(inputs, outputs));
    EXPECT_EQ(FlushDenormals::active(), before);
    EXPECT_EQ(floats(outputs[0]), (Floats{0, 2, 4}));
    EXPECT_FALSE(l->method->run(short_inputs, outputs));
    EXPECT_EQ(FlushDenormals::active(), before);
  }
}

TEST(Method, DenormalsOfHalfPrecisionSurvive) {
  const auto half = [](uint64_t offset) { return typed(planned(offset), pte::ScalarType::Half); };
  for (const Cpu& cpu : {Cpu(), *Cpu::detect()}) {
    auto l = load(doubling(half(0), half(16)), cpu);
    ASSERT_OK(l);
    Half in[] = {Half(0x1p-24f), Half(-0x3p-24f), Half(0x1p-15f)};
    TensorView x;
    x.data = in;
    x.bytes = sizeof in;
    x.dtype = DType::kF16;
    x.shape = {3};
    const Value inputs[] = {x};
    Value outputs[1];
    ASSERT_OK(l->method->run(inputs, outputs));
    const Half* out = outputs[0].tensor()->as<Half>();
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(float(out[i]), 2 * float(in[i])) << i;
  }
}

}  // namespace
}  // namespace smelt::program
