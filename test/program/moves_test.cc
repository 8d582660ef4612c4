// Moves give a value what another holds at that moment, wherever the file's plan puts both.
#include "loaded.h"
#include "support/allocations.h"

namespace smelt::program {
namespace {

constexpr int32_t kAdd = 0, kMul = 1, kView = 2, kIncrease = 3, kEqual = 4;

ProgramSpec with_operators() {
  ProgramSpec p;
  p.operators = {{"aten::add", "out"},
                 {"aten::mul", "out"},
                 {"executorch_prim::et_view", "default"},
                 {"executorch_prim::add", "Scalar"},
                 {"executorch_prim::eq", "Scalar"}};
  p.buffers = {0, 256};
  return p;
}

TensorSpec flag() {
  return {.type = pte::ScalarType::Bool,
          .sizes = std::vector<int32_t>{},
          .dim_order = {},
          .allocation = std::nullopt};
}

/// Two conditions in a row: a = p ? x + x : x · x, b = p ? a + x : a · x; both are results. The
/// branches of both have the same memory.
ProgramSpec two_conditions(const TensorSpec& a, const TensorSpec& b) {
  ProgramSpec p = with_operators();
  p.values = {tensor(planned(0)), tensor(flag()),      tensor(planned(16)), tensor(planned(16)),
              tensor(a),          tensor(planned(16)), tensor(planned(16)), tensor(b),
              integer(1),         boolean(false)};
  p.inputs = {0, 1};
  p.outputs = {7, 4};
  p.instructions = {jump(1, 4),  kernel_call(kAdd, {0, 0, 8, 2, 2}), move_call(2, 4),
                    jump(9, 6),  kernel_call(kMul, {0, 0, 3, 3}),    move_call(3, 4),
                    jump(1, 10), kernel_call(kAdd, {4, 0, 8, 5, 5}), move_call(5, 7),
                    jump(9, 12), kernel_call(kMul, {4, 0, 6, 6}),    move_call(6, 7)};
  return p;
}

TEST(Moves, ResultsOfABranchOutliveItsMemory) {
  const auto bounded = [](TensorSpec s) {
    return dynamic(s, pte::TensorShapeDynamism::DynamicBound);
  };
  const std::pair<TensorSpec, TensorSpec> places[] = {{planned(32), planned(48)},
                                                      {unplanned(), unplanned()},
                                                      {bounded(planned(32)), planned(48)},
                                                      {planned(32), bounded(unplanned())}};
  for (const auto& [a, b] : places) {
    auto l = load(two_conditions(a, b));
    ASSERT_OK(l);
    Floats x = {1, 2, 3}, given_a(3), given_b(3);
    for (const bool own : {true, false}) {
      for (uint8_t taken : {1, 0, 1}) {
        TensorView p;
        p.data = &taken;
        p.bytes = 1;
        p.dtype = DType::kBool;
        const Value inputs[] = {view(x), Value(p)};
        Value outputs[2];
        if (!own) outputs[0] = view(given_b), outputs[1] = view(given_a);
        ASSERT_OK(l->method->run(inputs, outputs));
        EXPECT_EQ(floats(outputs[1]), taken != 0 ? (Floats{2, 4, 6}) : (Floats{1, 4, 9}));
        EXPECT_EQ(floats(outputs[0]), taken != 0 ? (Floats{3, 6, 9}) : (Floats{1, 8, 27}));
        const size_t before = test::allocations();
        const bool ran = l->method->run(inputs, outputs).has_value();
        const size_t after = test::allocations();
        EXPECT_TRUE(ran);
        EXPECT_EQ(before, after);
      }
    }
  }
}

TEST(Moves, ABranchMayGiveAnInputOrAConstant) {
  // y = p ? x : c; then y += y in place of what was moved.
  ProgramSpec p = with_operators();
  TensorSpec constant = {.sizes = std::vector<int32_t>{3}, .dim_order = {0}, .data_buffer_idx = 1};
  p.values = {tensor(planned(0)),  tensor(flag()), tensor(constant),
              tensor(planned(16)), integer(1),     boolean(false)};
  p.inputs = {0, 1};
  p.outputs = {3};
  p.instructions = {jump(1, 3), move_call(0, 3), jump(5, 4), move_call(2, 3),
                    kernel_call(kAdd, {3, 3, 4, 3, 3})};
  const float ten[] = {10, 20, 30};
  std::vector<uint8_t> bytes(sizeof ten);
  std::memcpy(bytes.data(), ten, sizeof ten);
  p.constant_buffer = {{}, bytes};
  auto l = load(p);
  ASSERT_OK(l);
  for (uint8_t taken : {1, 0, 1, 0}) {
    Floats x = {1, 2, 3};
    TensorView flag_view;
    flag_view.data = &taken;
    flag_view.bytes = 1;
    flag_view.dtype = DType::kBool;
    const Value inputs[] = {view(x), Value(flag_view)};
    Value outputs[1];
    ASSERT_OK(l->method->run(inputs, outputs));
    EXPECT_EQ(floats(outputs[0]), taken != 0 ? (Floats{2, 4, 6}) : (Floats{20, 40, 60}));
    EXPECT_EQ(x, (Floats{1, 2, 3}));
  }
}

TEST(Moves, InARowTheyTakeWhatWasThereBeforeTheFirst) {
  // do { a, b = a + x, view(a); i += 1 } while (i != 3)
  ProgramSpec p = with_operators();
  TensorSpec viewed = unplanned();
  p.values = {tensor(planned(0)), tensor(planned(16)), tensor(planned(32)), tensor(planned(48)),
              tensor(viewed),     integer(1),          integer(0),          integer(3),
              boolean(false),     int_list({7})};
  p.inputs = {0};
  p.outputs = {1, 2};
  p.instructions = {move_call(0, 1),
                    kernel_call(kAdd, {1, 0, 5, 3, 3}),
                    kernel_call(kView, {1, 9, 4}),
                    move_call(3, 1),
                    move_call(4, 2),
                    kernel_call(kIncrease, {6, 5, 6}),
                    kernel_call(kEqual, {6, 7, 8}),
                    jump(8, 1)};
  auto l = load(p);
  ASSERT_OK(l);
  Floats x = {1, 2, 3};
  const Value inputs[] = {view(x)};
  Value outputs[2];
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK(l->method->run(inputs, outputs));
    EXPECT_EQ(floats(outputs[0]), (Floats{4, 8, 12}));
    EXPECT_EQ(floats(outputs[1]), (Floats{3, 6, 9}));
  }
  const size_t before = test::allocations();
  const bool ran = l->method->run(inputs, outputs).has_value();
  const size_t after = test::allocations();
  EXPECT_TRUE(ran);
  EXPECT_EQ(before, after);
}

TEST(Moves, GoThroughOthers) {
  // spare = a; a = b; b = spare, over and over; numbers as well.
  ProgramSpec p = with_operators();
  p.values = {tensor(planned(0)),  tensor(planned(16)), tensor(planned(32)), tensor(planned(48)),
              tensor(planned(64)), integer(5),          integer(6),          integer(0)};
  p.inputs = {0, 1};
  p.outputs = {2, 3, 5, 6};
  p.instructions = {move_call(0, 2), move_call(1, 3), free_call(0),
                    move_call(2, 4), move_call(3, 2), move_call(4, 3),
                    move_call(5, 7), move_call(6, 5), move_call(7, 6)};
  auto l = load(p);
  ASSERT_OK(l);
  Floats x = {1, 2, 3}, y = {4, 5, 6};
  const Value inputs[] = {view(x), view(y)};
  Value outputs[4];
  for (int round = 0; round < 2; ++round) {
    ASSERT_OK(l->method->run(inputs, outputs));
    EXPECT_EQ(floats(outputs[0]), y);
    EXPECT_EQ(floats(outputs[1]), x);
    EXPECT_EQ(*outputs[2].integer(), 6);
    EXPECT_EQ(*outputs[3].integer(), 5);
  }
}

TEST(Moves, OtherOrdersAreRearranged) {
  ProgramSpec p = with_operators();
  TensorSpec from = {.sizes = std::vector<int32_t>{2, 3}, .dim_order = {1, 0}};
  TensorSpec to = {.sizes = std::vector<int32_t>{2, 3}, .dim_order = {0, 1}};
  p.values = {tensor(from), tensor(to)};
  p.inputs = {0};
  p.outputs = {1};
  p.instructions = {move_call(0, 1)};
  auto l = load(p);
  ASSERT_OK(l);
  Floats x = {1, 4, 2, 5, 3, 6};
  TensorView t = TensorView::of(std::span<float>(x), {2, 3});
  t.dim_order = {1, 0};
  const Value inputs[] = {t};
  Value outputs[1];
  ASSERT_OK(l->method->run(inputs, outputs));
  EXPECT_EQ(floats(outputs[0]), (Floats{1, 2, 3, 4, 5, 6}));
}

TEST(Moves, ResultsThatAreReadUnderAnotherShapeStayInPlace) {
  // The exporter leaves out a view of static shape: value 2 is value 1 as [3, 1], without an
  // instruction that says so.
  ProgramSpec p = with_operators();
  TensorSpec column = planned(16);
  column.sizes = {3, 1};
  column.dim_order = {0, 1};
  TensorSpec square = column;
  square.allocation = AllocationSpec{1, 32};
  p.values = {tensor(planned(0)), tensor(planned(16)), tensor(column), tensor(square), integer(1)};
  p.inputs = {0};
  p.outputs = {1, 3};
  p.instructions = {kernel_call(kAdd, {0, 0, 4, 1, 1}), kernel_call(kMul, {2, 2, 3, 3})};
  auto l = load(p);
  ASSERT_OK(l);
  Floats x = {1, 2, 3}, sum(3);
  const Value inputs[] = {view(x)};
  Value outputs[2] = {view(sum), Value()};
  ASSERT_OK(l->method->run(inputs, outputs));
  EXPECT_EQ(sum, (Floats{2, 4, 6}));
  EXPECT_EQ(floats(outputs[1]), (Floats{4, 16, 36}));
}

}  // namespace
}  // namespace smelt::program
