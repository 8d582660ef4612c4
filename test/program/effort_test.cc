// What calls of operators outside delegates are said to do: their category, their multiplications,
// the bytes that they move.
#include <gtest/gtest.h>

#include "program/kernel_call.h"
#include "program/operator.h"
#include "program/traffic.h"
#include "support/operator_program.h"

namespace smelt::program {
namespace {

using smelt::testing::Array;
using smelt::testing::OperatorProgram;

Array zeros(DType type, const Shape& shape) {
  return Array::make(type, shape, [](size_t) { return 0.0; });
}

TEST(Effort, EveryOperatorHasACategoryAndEveryProductACount) {
  for (const Operator* op : all_operators()) {
    ASSERT_TRUE(op->category) << op->name;
    EXPECT_EQ(*op->category == Category::kMatrixProduct, op->macs != nullptr) << op->name;
  }
}

StepInfo explained(OperatorProgram& program) {
  program();
  return program.explain();
}

TEST(Effort, PortableProductsCountTheirMultiplications) {
  // float64: no matrix kernel has it.
  constexpr DType t = DType::kF64;
  OperatorProgram mm("aten::mm.out");
  mm.tensor(zeros(t, {2, 3})).tensor(zeros(t, {3, 5})).out(t);
  const StepInfo step = explained(mm);
  EXPECT_EQ(step.macs, 2u * 3 * 5);
  EXPECT_EQ(step.category, Category::kMatrixProduct);
  EXPECT_EQ(step.unit, Unit::kPlain);
  EXPECT_EQ(step.bytes, 8u * (2 * 3 + 3 * 5 + 2 * 5));

  OperatorProgram bmm("aten::bmm.out");
  bmm.tensor(zeros(t, {4, 2, 3})).tensor(zeros(t, {4, 3, 5})).out(t);
  EXPECT_EQ(explained(bmm).macs, 4u * 2 * 3 * 5);

  OperatorProgram addmm("aten::addmm.out");
  addmm.tensor(zeros(t, {5})).tensor(zeros(t, {2, 3})).tensor(zeros(t, {3, 5}));
  addmm.integer(1).integer(1).out(t);
  EXPECT_EQ(explained(addmm).macs, 2u * 3 * 5);

  OperatorProgram linear("aten::linear.out");
  linear.tensor(zeros(t, {2, 7, 3})).tensor(zeros(t, {5, 3})).none().out(t);
  EXPECT_EQ(explained(linear).macs, 2u * 7 * 3 * 5);

  OperatorProgram mixed("quantized_decomposed::mixed_mm.out");
  mixed.tensor(zeros(DType::kF32, {2, 3})).tensor(zeros(DType::kS8, {3, 5}));
  mixed.tensor(Array::make(DType::kF32, {3}, [](size_t) { return 1.0; })).none().out(DType::kF32);
  const StepInfo of_mixed = explained(mixed);
  EXPECT_EQ(of_mixed.macs, 2u * 3 * 5);
  EXPECT_EQ(of_mixed.category, Category::kMatrixProduct);
}

TEST(Effort, PortableConvolutionsCountTheirMultiplications) {
  constexpr DType t = DType::kF64;
  const auto convolution = [&](bool transposed, const Shape& weight, int64_t groups) {
    OperatorProgram p("aten::convolution.out");
    p.tensor(zeros(t, {2, 4, 6, 5})).tensor(zeros(t, weight)).none();
    p.ints({2, 1}).ints({1, 0}).ints({1, 1}).boolean(transposed).ints({0, 0}).integer(groups);
    p.out(t, {0, 1, 2, 3});
    return explained(p).macs;
  };
  // [2, 4, 6, 5] by 3 x 3 with strides 2, 1 and padding 1, 0: 3 x 3 positions.
  EXPECT_EQ(convolution(false, {8, 4, 3, 3}, 1), 2u * 3 * 3 * 8 * 4 * 9);
  EXPECT_EQ(convolution(false, {8, 2, 3, 3}, 2), 2u * 3 * 3 * 8 * 2 * 9);
  // Transposed: each of the 6 x 5 inputs meets every weight of its channel.
  EXPECT_EQ(convolution(true, {4, 8, 3, 3}, 1), 2u * 6 * 5 * 4 * 8 * 9);
}

constexpr int64_t kBatch = 2, kLength = 3, kHeads = 4, kDepth = 10, kRoom = 8, kKvHeads = 2;

OperatorProgram attention(const char* name, int64_t start, bool causal, bool masked) {
  OperatorProgram p(name);
  p.tensor(zeros(DType::kF32, {kBatch, kLength, kHeads, kDepth}));
  const Array cache = zeros(DType::kF32, {kBatch, kRoom, kKvHeads, kDepth});
  p.tensor(cache).tensor(cache).integer(start);
  masked ? p.tensor(zeros(DType::kF32, {kLength, kRoom})) : p.none();
  p.real(0).boolean(causal).none().out(DType::kF32, {0, 1, 2, 3});
  return p;
}

TEST(Effort, AttentionCountsTheKeysThatQueriesSee) {
  constexpr const char* kName = "llama::custom_sdpa.out";
  constexpr uint64_t kPair = 2 * kDepth * kBatch * kHeads;  // a score, a weighted value
  constexpr uint64_t kRow = 4 * kDepth * kBatch;            // bytes, of one head and position
  // Queries at 4, 5 and 6 see 5, 6 and 7 keys.
  OperatorProgram causal = attention(kName, 4, true, false);
  const StepInfo step = explained(causal);
  EXPECT_EQ(step.category, Category::kMatrixProduct);
  EXPECT_EQ(step.macs, kPair * (5 + 6 + 7));
  EXPECT_EQ(step.bytes, kRow * (2 * kLength * kHeads + 2 * 7 * kKvHeads));
  OperatorProgram all = attention(kName, 1, false, false);
  EXPECT_EQ(explained(all).macs, kPair * kLength * 4);
  OperatorProgram masked = attention(kName, 0, false, true);
  EXPECT_EQ(explained(masked).macs, kPair * kLength * kRoom);
}

TEST(Effort, AttentionWithItsCacheCountsAsWell) {
  OperatorProgram p("llama::sdpa_with_kv_cache.out");
  const Array fresh = zeros(DType::kF32, {kBatch, kLength, kKvHeads, kDepth});
  const Array cache = zeros(DType::kF32, {kBatch, kRoom, kKvHeads, kDepth});
  p.tensor(zeros(DType::kF32, {kBatch, kLength, kHeads, kDepth})).tensor(fresh).tensor(fresh);
  p.updated(cache).updated(cache).integer(0).integer(kLength).none().real(0).boolean(true);
  p.none().out(DType::kF32, {0, 1, 2, 3});
  EXPECT_EQ(explained(p).macs, uint64_t(2 * kDepth * kBatch * kHeads * (1 + 2 + 3)));
}

TEST(Effort, AStartThatIsNotYetComputedIsTheLastOneThatFits) {
  const Operator* op = find_operator("llama::custom_sdpa.out");
  ASSERT_NE(op, nullptr);
  Tensor query, cache;
  query.shape = {1, 1, 1, 4}, cache.shape = {1, 16, 1, 4};
  EValue tensors[2], none, start, zero, causal;
  for (EValue& v : tensors) v.kind = Kind::kTensor;
  tensors[0].tensor = &query, tensors[1].tensor = &cache;
  start.set(int64_t(0)), zero.set(0.0), causal.set(true);
  start.computed = true;
  EValue* const args[] = {&tensors[0], &tensors[1], &tensors[1], &start,     &none,
                          &zero,       &causal,     &none,       &tensors[0]};
  EXPECT_EQ(op->macs({args, false}), 2u * 4 * 16);
  EXPECT_EQ(op->macs({args, true}), 2u * 4 * 1);
  start.computed = false;
  EXPECT_EQ(op->macs({args, false}), 2u * 4 * 1);
}

TEST(Effort, DataMovementCountsWhatItMoves) {
  OperatorProgram cache("llama::update_cache.out");
  cache.tensor(zeros(DType::kF32, {1, 1, 2, 8})).updated(zeros(DType::kF32, {1, 512, 2, 8}));
  cache.integer(3).out(DType::kF32);
  EXPECT_EQ(explained(cache).bytes, 2u * 2 * 8 * 4);

  // What is written in place is the rows that are replaced; onto itself, nothing.
  const Operator* copy = find_operator("aten::copy_");
  Tensor state, next;
  std::byte memory[2];
  state.shape = next.shape = {8, 8};
  state.data = next.data = &memory[0];
  EValue values[3];
  values[0].kind = values[1].kind = Kind::kTensor;
  values[0].tensor = &state, values[1].tensor = &next;
  values[2].set(false);
  EValue* const args[] = {&values[0], &values[1], &values[2]};
  EXPECT_EQ(bytes_moved(*copy, {args, true}), 0u);
  next.data = &memory[1];
  EXPECT_EQ(bytes_moved(*copy, {args, true}), 2u * 64 * 4);

  OperatorProgram embedding("aten::embedding.out");
  embedding.tensor(zeros(DType::kF32, {1000, 16})).tensor(zeros(DType::kS64, {3}));
  embedding.integer(-1).boolean(false).boolean(false).out(DType::kF32, {0, 1});
  EXPECT_EQ(explained(embedding).bytes, 3u * 8 + 2 * 3 * 16 * 4);

  OperatorProgram packed("quantized_decomposed::embedding_4bit.out");
  packed.tensor(zeros(DType::kU8, {1000, 16}));
  packed.tensor(Array::make(DType::kF32, {1000, 2}, [](size_t) { return 1.0; })).none();
  packed.integer(-8).integer(7).tensor(zeros(DType::kS64, {3})).out(DType::kF32, {0, 1});
  EXPECT_EQ(explained(packed).bytes, 3u * 8 + 3 * (16 + 2 * 4) + 3 * 32 * 4);

  OperatorProgram slice("aten::slice_copy.Tensor_out");
  slice.tensor(zeros(DType::kF32, {100, 4})).integer(0).integer(2).integer(5).integer(1);
  slice.out(DType::kF32, {0, 1});
  const StepInfo sliced = explained(slice);
  EXPECT_EQ(sliced.category, Category::kDataMovement);

  OperatorProgram cat("aten::cat.out");
  cat.tensors({zeros(DType::kF32, {2, 4}), zeros(DType::kF32, {3, 4})}).integer(0);
  cat.out(DType::kF32, {0, 1});
  const StepInfo joined = explained(cat);
  EXPECT_EQ(joined.bytes, 2u * 5 * 4 * 4);
  EXPECT_EQ(joined.shapes, "[2, 4], [3, 4] -> [5, 4]");
}

}  // namespace
}  // namespace smelt::program
