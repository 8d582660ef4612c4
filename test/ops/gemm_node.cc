#include "gemm_node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "platform/memory.h"
#include "support/random.h"

namespace smelt {

namespace {

template <class T>
void put(TestOperand& t, size_t i, T value) {
  std::memcpy(t.bytes->data() + i * sizeof(T), &value, sizeof value);
}

OperandPtr shaped(DType dtype, Shape shape) {
  auto t = std::make_unique<TestOperand>();
  t->dtype = dtype;
  t->shape = shape;
  return t;
}

void allocate(TestOperand& t) { t.bytes = std::make_shared<Guarded<std::byte>>(t.desc().bytes()); }

void set_quant(TestOperand& t, QuantGranularity granularity, int32_t zero) {
  t.quantized = true;
  t.quant.granularity = granularity;
  t.quant.zero = zero;
}

double stored(const TestOperand& t, size_t i) {
  const std::byte* p = t.bytes->data();
  switch (t.dtype) {
    case DType::kF32: {
      float v;
      std::memcpy(&v, p + i * 4, 4);
      return v;
    }
    case DType::kF16:
    case DType::kBF16: {
      uint16_t v;
      std::memcpy(&v, p + i * 2, 2);
      return t.dtype == DType::kF16 ? float(Half::from_bits(v)) : float(BFloat16::from_bits(v));
    }
    default:
      return int8_t(p[i]);
  }
}

}  // namespace

OperandPtr float_operand(DType dtype, Shape shape, uint64_t seed) {
  OperandPtr t = shaped(dtype, shape);
  allocate(*t);
  Random random(seed);
  for (size_t i = 0; i < shape.numel(); ++i) {
    const float f = random.real(-1, 1);
    if (dtype == DType::kF32) put(*t, i, f);
    if (dtype == DType::kF16) put(*t, i, Half(f).bits);
    if (dtype == DType::kBF16) put(*t, i, BFloat16(f).bits);
    t->values.push_back(stored(*t, i));
  }
  return t;
}

OperandPtr int8_operand(Shape shape, float scale, int32_t zero, uint64_t seed) {
  OperandPtr t = shaped(DType::kS8, shape);
  set_quant(*t, QuantGranularity::kPerTensor, zero);
  t->quant.scale = scale;
  allocate(*t);
  Random random(seed);
  for (size_t i = 0; i < shape.numel(); ++i) {
    put(*t, i, int8_t(random.integer(-128, 127)));
    t->values.push_back((stored(*t, i) - zero) * scale);
  }
  return t;
}

OperandPtr int8_channels(Shape shape, size_t axis, uint64_t seed) {
  OperandPtr t = shaped(DType::kS8, shape);
  set_quant(*t, QuantGranularity::kPerChannel, 0);
  t->quant.axis = uint8_t(axis);
  allocate(*t);
  Random random(seed);
  for (int64_t c = 0; c < shape[axis]; ++c) t->channel_scale.push_back(random.real(0.001f, 0.02f));
  t->quant.channel_scale = t->channel_scale;
  const size_t inner = shape.numel(axis + 1, shape.rank());
  for (size_t i = 0; i < shape.numel(); ++i) {
    put(*t, i, int8_t(random.integer(-127, 127)));
    t->values.push_back(stored(*t, i) * double(t->channel_scale[i / inner % size_t(shape[axis])]));
  }
  return t;
}

namespace {

// Values of nibbles [n, k], with the scale that scale_of(row, k) says.
void fill_nibbles(TestOperand& t, Random& random,
                  const std::function<double(size_t, size_t)>& scale_of) {
  const size_t n = size_t(t.shape[0]), k = size_t(t.shape[1]), line = (k + 1) / 2;
  for (std::byte& b : *t.bytes) b = std::byte(random.next());
  for (size_t r = 0; r < n; ++r) {
    for (size_t x = 0; x < k; ++x) {
      const uint8_t byte = uint8_t((*t.bytes)[r * line + x / 2]);
      t.values.push_back(((x % 2 == 0 ? byte & 15 : byte >> 4) - 8) * scale_of(r, x));
    }
  }
}

}  // namespace

OperandPtr nibble_channels(Shape shape, uint64_t seed) {
  OperandPtr t = shaped(DType::kU4, shape);
  set_quant(*t, QuantGranularity::kPerChannel, 8);
  allocate(*t);
  Random random(seed);
  for (int64_t c = 0; c < shape[0]; ++c) t->channel_scale.push_back(random.real(0.01f, 0.2f));
  t->quant.channel_scale = t->channel_scale;
  fill_nibbles(*t, random, [&](size_t r, size_t) { return double(t->channel_scale[r]); });
  return t;
}

OperandPtr nibble_blocks(Shape shape, uint32_t block, uint64_t seed) {
  OperandPtr t = shaped(DType::kU4, shape);
  set_quant(*t, QuantGranularity::kPerBlock, 8);
  t->quant.block = block;
  allocate(*t);
  Random random(seed);
  const size_t blocks = size_t(shape[1]) / block;
  for (size_t i = 0; i < size_t(shape[0]) * blocks; ++i)
    t->block_scale.push_back(BFloat16(random.real(0.01f, 0.2f)));
  t->quant.block_scale = t->block_scale;
  fill_nibbles(*t, random, [&](size_t r, size_t x) {
    return double(float(t->block_scale[r * blocks + x / block]));
  });
  return t;
}

OperandPtr dynamic_operand(Shape shape, uint8_t nonbatch_dims, uint64_t seed) {
  OperandPtr t = shaped(DType::kS8, shape);
  set_quant(*t, QuantGranularity::kPerToken, 0);
  t->quant.nonbatch_dims = nonbatch_dims;
  allocate(*t);
  t->constant = false;
  Random random(seed);
  const size_t row = t->desc().row_elements();
  for (size_t r = 0; r < t->desc().rows(); ++r) {
    const RowQuant quant{random.integer(-128, 127), random.real(0.005f, 0.05f)};
    std::memcpy(t->bytes->data() + t->desc().row_quant_offset() + r * sizeof quant, &quant,
                sizeof quant);
    for (size_t i = 0; i < row; ++i) {
      put(*t, r * row + i, int8_t(random.integer(-128, 127)));
      t->values.push_back((stored(*t, r * row + i) - quant.zero) * double(quant.scale));
    }
  }
  return t;
}

OperandPtr int32_bias(const TestOperand& lhs, const TestOperand& weights, size_t channels,
                      uint64_t seed) {
  OperandPtr t = shaped(DType::kS32, {int64_t(channels)});
  allocate(*t);
  Random random(seed);
  for (size_t c = 0; c < channels; ++c) {
    const int32_t v = random.integer(-2000, 2000);
    put(*t, c, v);
    const float scale =
        weights.channel_scale.empty() ? weights.quant.scale : weights.channel_scale[c];
    t->values.push_back(v * double(lhs.quant.scale) * scale);
  }
  return t;
}

OperandPtr output_of(DType dtype, float scale, int32_t zero) {
  OperandPtr t = shaped(dtype, {});
  if (scale > 0) {
    set_quant(*t, QuantGranularity::kPerTensor, zero);
    t->quant.scale = scale;
  }
  return t;
}

OperandPtr computed(OperandPtr t) {
  t->constant = false;
  return t;
}

NodeSpec GemmNode::spec() const {
  NodeSpec spec{
      .kind = OpKind::kFullyConnected, .attrs = attrs, .range = range, .inputs = {}, .outputs = {}};
  for (const TestOperand* in : inputs)
    spec.inputs.push_back(in == nullptr ? Operand{{}, nullptr, false} : in->operand());
  spec.outputs.push_back({output->desc(), nullptr, true});
  return spec;
}

const Cpu& gemm_cpu() {
  static const Cpu cpu = [] {
    const char* mask = std::getenv("SMELT_ISA");
    return *Cpu::detect(mask == nullptr ? "" : mask);
  }();
  return cpu;
}

void run_node(const GemmNode& node) {
  const auto op = node.make(node.spec(), gemm_cpu());
  ASSERT_TRUE(op) << op.error().message;
  std::vector<Shape> shapes;
  std::vector<TensorDesc> in;
  std::vector<const std::byte*> from;
  for (const TestOperand* t : node.inputs) {
    shapes.push_back(t == nullptr ? Shape{} : t->shape);
    in.push_back(t == nullptr ? TensorDesc{} : t->desc());
    from.push_back(t == nullptr ? nullptr : t->bytes->data());
  }
  const auto inferred = (*op)->infer(shapes);
  ASSERT_TRUE(inferred) << inferred.error().message;
  TestOperand& out = *node.output;
  out.shape = (*inferred)[0];
  const TensorDesc desc = out.desc();
  std::shared_ptr<Guarded<std::byte>> first;
  for (unsigned workers : {1u, 3u}) {
    const auto bound = (*op)->bind(in, std::span(&desc, 1), workers);
    ASSERT_TRUE(bound) << bound.error().message;
    EXPECT_FALSE((*bound)->kernel().empty());
    const auto pool = ThreadPool::create(workers);
    auto scratch = AlignedBuffer::allocate((*bound)->scratch_bytes());
    ASSERT_TRUE(scratch);
    RunContext context{*pool, scratch->bytes()};
    out.bytes = std::make_shared<Guarded<std::byte>>(desc.bytes());
    std::byte* to = out.bytes->data();
    std::memset(to, 0x5a, desc.bytes());
    (*bound)->run(from, std::span(&to, 1), context);
    if (first == nullptr) first = out.bytes;
    EXPECT_TRUE(std::equal(out.bytes->begin(), out.bytes->end(), first->begin()))
        << workers << " workers";
  }
  out.values.clear();
  for (size_t i = 0; i < out.shape.numel(); ++i)
    out.values.push_back(out.quantized ? (stored(out, i) - out.quant.zero) * double(out.quant.scale)
                                       : stored(out, i));
}

std::optional<Error> make_error(const GemmNode& node) {
  const auto op = node.make(node.spec(), gemm_cpu());
  if (op) return std::nullopt;
  return op.error();
}

void expect_values(const TestOperand& actual, const Expected& expected, const OutputRange& range,
                   size_t terms) {
  ASSERT_EQ(actual.shape, expected.shape)
      << to_string(actual.shape) << " instead of " << to_string(expected.shape);
  for (size_t i = 0; i < expected.values.size(); ++i) {
    double want = std::min(std::max(expected.values[i], double(range.min)), double(range.max));
    // Every multiplication and addition rounds once.
    double slack = double(terms + 8) * 0x1p-23 * expected.magnitudes[i];
    if (actual.quantized) {
      const double scale = actual.quant.scale, zero = actual.quant.zero;
      want = (std::clamp(want / scale + zero, -128.0, 127.0) - zero) * scale;
      slack += scale * 0.5001;
    }
    if (actual.dtype == DType::kF16) slack += std::abs(want) * 0x1.01p-11 + 0x1p-25;
    if (actual.dtype == DType::kBF16) slack += std::abs(want) * 0x1.01p-8;
    ASSERT_NEAR(actual.values[i], want, slack)
        << "element " << i << " of " << to_string(actual.shape);
  }
}

}  // namespace smelt
