// What make_op says about nodes that make no sense.
#include <cmath>

#include "op_runner.h"
#include "support/random.h"

namespace smelt {

namespace {

TEST(MakeOp, NumbersOfOperandsAreChecked) {
  const TestTensor t(kF32, {2});
  for (size_t k = 0; k < kOpKindCount; ++k) {
    const OpKind kind = OpKind(k);
    const auto none = error_of({kind, NoAttrs{}, {}, {}, {kF32}});
    ASSERT_TRUE(none) << name(kind);
    EXPECT_EQ(none->code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(none->message.rfind(std::string(name(kind)) + ": ", 0), 0u) << none->message;
    EXPECT_TRUE(error_of({kind, NoAttrs{}, {}, {t, t, t, t, t, t}, {kF32}})) << name(kind);
    EXPECT_TRUE(error_of({kind, NoAttrs{}, {}, {t, t}, {}})) << name(kind);
  }
}

TEST(MakeOp, AbsentOperandsAreOnlyAllowedWhereTheyAreOptional) {
  NodeSpec spec = {OpKind::kAdd, NoAttrs{}, {}, {}, {}};
  const TensorDesc desc = {DType::kF32, {2}, nullptr};
  spec.inputs = {{desc, nullptr, true}, {desc, nullptr, false}};
  spec.outputs = {{desc, nullptr, true}};
  const auto op = make_op(spec, Cpu());
  ASSERT_FALSE(op);
  EXPECT_EQ(op.error().message, "Add: input 1 is absent");
}

TEST(MakeOp, ScalesAndZeroPointsAreChecked) {
  for (const auto& [scale, zero] : {std::pair<float, int32_t>{0.0f, 0},
                                    {-1.0f, 0},
                                    {NAN, 0},
                                    {INFINITY, 0},
                                    {1.0f, 128},
                                    {1.0f, -129},
                                    {1.0f, INT32_MIN},
                                    {1.0f, INT32_MAX}}) {
    Quant quant;
    quant.granularity = QuantGranularity::kPerTensor;
    quant.scale = scale;
    quant.zero = zero;
    const TensorDesc desc = {DType::kS8, {2}, &quant};
    const auto op = make_op({OpKind::kSigmoid, NoAttrs{}, {}, {{desc}}, {{desc}}}, Cpu());
    ASSERT_FALSE(op) << scale << " " << zero;
    EXPECT_EQ(op.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(MakeOp, RangesAreChecked) {
  const TestTensor t(kF32, {2});
  for (const OutputRange& range : {OutputRange{1, 0}, OutputRange{NAN, 0}, OutputRange{0, NAN}}) {
    EXPECT_TRUE(error_of({OpKind::kClamp, NoAttrs{}, range, {t}, {kF32}}));
  }
}

TEST(MakeOp, UnknownKindsAreErrors) {
  const auto error = error_of({OpKind(200), NoAttrs{}, {}, {TestTensor(kF32, {2})}, {kF32}});
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kUnsupported);
}

/// Attributes of a random kind with random, often absurd, numbers.
Attrs random_attrs(Random& random) {
  const auto number = [&]() -> int64_t {
    constexpr int64_t kOdd[] = {0, 1, 2, 3, -1, 4, 7, INT64_MAX, INT64_MIN, int64_t(1) << 32};
    return kOdd[random.integer(0, 9)];
  };
  const auto shape = [&] {
    Shape s;
    for (int i = random.integer(0, 5); i > 0; --i) s.push_back(number());
    return s;
  };
  switch (random.integer(0, 7)) {
    case 0:
      return NoAttrs{};
    case 1: {
      PoolAttrs a;
      for (uint32_t* field : {&a.pad_top, &a.pad_right, &a.pad_bottom, &a.pad_left, &a.pool_h,
                              &a.pool_w, &a.stride_h, &a.stride_w, &a.dilation_h, &a.dilation_w}) {
        *field = random.integer(0, 4) == 0 ? uint32_t(number()) : 1;
      }
      return a;
    }
    case 2:
      return TransposeAttrs{shape()};
    case 3:
      return ReshapeAttrs{shape()};
    case 4:
      return SliceAttrs{shape(), shape()};
    case 5:
      return PadAttrs{shape(), shape(), NAN};
    case 6:
      return ConcatAttrs{int32_t(number())};
    default:
      return AlphaAttrs{NAN};
  }
}

TEST(MakeOp, RandomNodesAreMadeOrRefusedAndNeverCrash) {
  Random random(99);
  const Encoding encodings[] = {kF32,
                                kF32,
                                kF32,
                                kF16,
                                kBF16,
                                {DType::kS8, 0.1f, 3},
                                {DType::kU8, 0.1f, 3},
                                {DType::kS8},
                                {DType::kS32},
                                {DType::kS64}};
  size_t ran = 0;
  for (int round = 0; round < 20000; ++round) {
    TestNode node = {
        OpKind(random.integer(int(OpKind::kScaledDotProductAttention), int(kOpKindCount) - 1)),
        random_attrs(random),
        {},
        {},
        {}};
    const Encoding encoding = encodings[random.integer(0, 9)];
    const int inputs = random.integer(0, 3);
    for (int i = 0; i < inputs; ++i) {
      Shape shape;
      for (int d = random.integer(0, 5); d > 0; --d) shape.push_back(random.integer(0, 4));
      node.inputs.emplace_back(
          random.integer(0, 9) == 0 ? encodings[random.integer(0, 9)] : encoding, shape);
    }
    node.outputs = {random.integer(0, 9) == 0 ? encodings[random.integer(0, 9)] : encoding};
    if (const auto error = error_of(node)) {
      EXPECT_FALSE(error->message.empty());
      continue;
    }
    // A padding of 2^32 elements can be described, but not afforded here.
    const auto op_out = [&] {
      const auto* pad = std::get_if<PadAttrs>(&node.attrs);
      const auto* pool = std::get_if<PoolAttrs>(&node.attrs);
      const auto large = [](int64_t n) { return n > 1000; };
      return (node.kind == OpKind::kPad && pad != nullptr &&
              (std::any_of(pad->pre.begin(), pad->pre.end(), large) ||
               std::any_of(pad->post.begin(), pad->post.end(), large))) ||
             (pool != nullptr && (pool->pad_top > 1000 || pool->pad_bottom > 1000 ||
                                  pool->pad_left > 1000 || pool->pad_right > 1000));
    }();
    if (op_out) continue;
    EXPECT_TRUE(run(node)) << name(node.kind);
    ++ran;
  }
  EXPECT_GT(ran, 1000u);
}

}  // namespace

}  // namespace smelt
