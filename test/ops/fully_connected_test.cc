#include <gtest/gtest.h>

#include <cmath>

#include "gemm_node.h"

namespace smelt {
namespace {

Expected product(const TestOperand& lhs, const TestOperand& weights, const TestOperand* bias,
                 bool transposed) {
  const size_t a = size_t(weights.shape[0]), b = size_t(weights.shape[1]);
  const size_t n = transposed ? b : a, k = transposed ? a : b, m = lhs.values.size() / k;
  Expected e;
  e.shape = lhs.shape;
  e.shape[e.shape.rank() - 1] = int64_t(n);
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double sum = bias == nullptr ? 0 : bias->values[j], magnitude = std::abs(sum);
      for (size_t x = 0; x < k; ++x) {
        const double w = weights.values[transposed ? x * n + j : j * k + x];
        sum += lhs.values[i * k + x] * w;
        // Dynamic rows: stored values up to 256 away from the zero point, of which kernels may keep
        // both parts.
        magnitude += std::abs(lhs.values[i * k + x] * w) +
                     (lhs.desc().is_per_token() ? 512 * 0.05 * std::abs(w) : 0);
      }
      e.values.push_back(sum);
      e.magnitudes.push_back(magnitude);
    }
  }
  return e;
}

void check(const TestOperand& lhs, const TestOperand& weights, const TestOperand* bias,
           OperandPtr out, bool transposed = false, OutputRange range = {}) {
  run_node({make_fully_connected,
            FullyConnectedAttrs{transposed},
            range,
            {&lhs, &weights, bias},
            out.get()});
  if (testing::Test::HasFatalFailure()) return;
  expect_values(*out, product(lhs, weights, bias, transposed), range, size_t(lhs.shape.back()));
}

const Shape kInputs[] = {{1, 37}, {5, 37}, {2, 3, 37}, {37}, {0, 37}};
const Shape kNk{19, 37}, kKn{37, 19}, kN{19};

TEST(FullyConnected, Float) {
  for (DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const Shape& shape : kInputs) {
      const auto lhs = float_operand(dtype, shape, 1);
      for (bool transposed : {false, true}) {
        const auto weights = float_operand(dtype, transposed ? kKn : kNk, 2);
        const auto bias = float_operand(dtype, kN, 3);
        check(*lhs, *weights, bias.get(), output_of(dtype), transposed);
        check(*lhs, *weights, nullptr, output_of(dtype), transposed, {-0.5f, 1});
      }
    }
  }
}

TEST(FullyConnected, MixedFloat) {
  const auto half = float_operand(DType::kF16, {5, 37}, 1),
             brain = float_operand(DType::kBF16, {5, 37}, 1);
  const auto weights = float_operand(DType::kBF16, kNk, 2),
             bias = float_operand(DType::kF32, kN, 3);
  check(*brain, *weights, bias.get(), output_of(DType::kF32));
  // Values of float32 that float16 holds, too.
  auto wide = float_operand(DType::kF32, kNk, 4);
  for (size_t i = 0; i < wide->values.size(); ++i) {
    const float v = float(Half(float(wide->values[i])));
    std::memcpy(wide->bytes->data() + i * 4, &v, 4);
    wide->values[i] = v;
  }
  check(*half, *wide, bias.get(), output_of(DType::kF16));
}

TEST(FullyConnected, ComputedWeights) {
  for (DType dtype : {DType::kF32, DType::kF16}) {
    for (bool transposed : {false, true}) {
      const auto lhs = float_operand(dtype, {2, 3, 37}, 1);
      const auto weights = computed(float_operand(dtype, transposed ? kKn : kNk, 2));
      const auto bias = computed(float_operand(dtype, kN, 3)),
                 constant_bias = float_operand(dtype, kN, 3);
      check(*lhs, *weights, bias.get(), output_of(dtype), transposed);
      check(*lhs, *weights, constant_bias.get(), output_of(dtype), transposed);
      check(*lhs, *weights, nullptr, output_of(dtype), transposed);
    }
  }
}

TEST(FullyConnected, StaticInt8) {
  for (const Shape& shape : kInputs) {
    const auto lhs = int8_operand(shape, 0.02f, -9, 1);
    for (bool channels : {false, true}) {
      for (bool transposed : {false, true}) {
        const Shape w = transposed ? kKn : kNk;
        const auto weights =
            channels ? int8_channels(w, transposed ? 1 : 0, 2) : int8_operand(w, 0.01f, 0, 2);
        const auto bias = int32_bias(*lhs, *weights, 19, 3);
        check(*lhs, *weights, bias.get(), output_of(DType::kS8, 0.07f, 5), transposed);
        check(*lhs, *weights, nullptr, output_of(DType::kS8, 0.07f, -5), transposed, {0, 6});
      }
    }
  }
}

TEST(FullyConnected, DynamicRows) {
  for (const Shape& shape : {Shape{1, 64}, Shape{5, 64}, Shape{2, 3, 64}}) {
    const auto lhs = dynamic_operand(shape, 1, 1);
    const auto bias = float_operand(DType::kF32, kN, 3);
    OperandPtr weights[] = {int8_channels({19, 64}, 0, 2), int8_operand({19, 64}, 0.01f, 0, 2),
                            nibble_channels({19, 64}, 2), nibble_blocks({19, 64}, 32, 2),
                            nibble_blocks({19, 64}, 64, 2)};
    for (const OperandPtr& w : weights) {
      for (DType out : {DType::kF32, DType::kF16}) {
        check(*lhs, *w, bias.get(), output_of(out));
        check(*lhs, *w, nullptr, output_of(out), false, {-1, 2});
      }
    }
  }
  const auto lhs = dynamic_operand({5, 37}, 1, 1);
  check(*lhs, *int8_channels(kKn, 1, 2), nullptr, output_of(DType::kF32), true);
  check(*lhs, *nibble_channels(kNk, 2), nullptr, output_of(DType::kF32));
}

TEST(FullyConnected, LargeEnoughToSplit) {
  const auto lhs = float_operand(DType::kF32, {130, 200}, 1),
             weights = float_operand(DType::kF32, {150, 200}, 2);
  check(*lhs, *weights, nullptr, output_of(DType::kF32));
  const auto row = float_operand(DType::kF32, {1, 700}, 1),
             wide = float_operand(DType::kF32, {600, 700}, 2);
  check(*row, *wide, nullptr, output_of(DType::kF32));
}

std::string error(const TestOperand& lhs, const TestOperand& weights, const TestOperand* bias,
                  OperandPtr out, OutputRange range = {}) {
  const auto e = make_error(
      {make_fully_connected, FullyConnectedAttrs{}, range, {&lhs, &weights, bias}, out.get()});
  return e ? e->message : "";
}

TEST(FullyConnected, Errors) {
  const auto lhs = float_operand(DType::kF32, {5, 37}, 1);
  const auto weights = float_operand(DType::kF32, kNk, 2);
  EXPECT_NE(
      error(*float_operand(DType::kF32, {5, 36}, 1), *weights, nullptr, output_of(DType::kF32)),
      "");
  EXPECT_NE(error(*float_operand(DType::kF32, {}, 1), *weights, nullptr, output_of(DType::kF32)),
            "");
  EXPECT_NE(
      error(*lhs, *float_operand(DType::kF32, {19, 37, 1}, 2), nullptr, output_of(DType::kF32)),
      "");
  EXPECT_NE(
      error(*lhs, *weights, float_operand(DType::kF32, {18}, 3).get(), output_of(DType::kF32)), "");
  EXPECT_NE(error(*lhs, *weights, nullptr, output_of(DType::kF16)), "");
  EXPECT_NE(error(*lhs, *weights, nullptr, output_of(DType::kS8, 1)), "");
  EXPECT_NE(error(*lhs, *weights, nullptr, output_of(DType::kF32), {1, 0}), "");
  EXPECT_NE(error(*lhs, *weights, nullptr, output_of(DType::kF32), {NAN, NAN}), "");

  const auto int8 = int8_operand({5, 37}, 0.1f, 0, 1), int8_weights = int8_operand(kNk, 0.1f, 0, 2);
  EXPECT_NE(error(*int8, *int8_operand(kNk, 0.1f, 1, 2), nullptr, output_of(DType::kS8, 1)), "");
  EXPECT_NE(error(*int8, *int8_operand(kNk, NAN, 0, 2), nullptr, output_of(DType::kS8, 1)), "");
  EXPECT_NE(error(*int8, *int8_weights, nullptr, output_of(DType::kS8, 1, 1000)), "");
  EXPECT_NE(error(*int8, *int8_weights, float_operand(DType::kF32, kN, 3).get(),
                  output_of(DType::kS8, 1)),
            "");
  auto few = int8_channels(kNk, 0, 2);
  few->quant.channel_scale = std::span(few->channel_scale).first(18);
  EXPECT_NE(error(*int8, *few, nullptr, output_of(DType::kS8, 1)), "");
  EXPECT_NE(error(*int8, *computed(int8_channels(kNk, 0, 2)), nullptr, output_of(DType::kS8, 1)),
            "");

  const auto rows = dynamic_operand({5, 64}, 1, 1);
  auto blocks = nibble_blocks({19, 64}, 32, 2);
  blocks->quant.block_scale = std::span(blocks->block_scale).first(37);
  EXPECT_NE(error(*rows, *blocks, nullptr, output_of(DType::kF32)), "");
  blocks = nibble_blocks({19, 64}, 32, 2);
  blocks->quant.block = 0;
  EXPECT_NE(error(*rows, *blocks, nullptr, output_of(DType::kF32)), "");
  blocks->quant.block = 24;
  EXPECT_NE(error(*rows, *blocks, nullptr, output_of(DType::kF32)), "");
  EXPECT_NE(error(*dynamic_operand({5, 64}, 2, 1), *nibble_channels({19, 64}, 2), nullptr,
                  output_of(DType::kF32)),
            "");

  const auto out = output_of(DType::kF32);
  GemmNode node{make_fully_connected, NoAttrs{}, {}, {lhs.get(), weights.get()}, out.get()};
  EXPECT_TRUE(make_error(node));
  node = {make_fully_connected, FullyConnectedAttrs{}, {}, {lhs.get()}, out.get()};
  EXPECT_TRUE(make_error(node));
}

}  // namespace
}  // namespace smelt
