#include "op_runner.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/float16.h"
#include "platform/memory.h"
#include "support/random.h"

namespace smelt {

namespace {

const Cpu& test_cpu() {
  static const Cpu cpu = [] {
    const char* mask = std::getenv("SMELT_ISA");
    return *Cpu::detect(mask == nullptr ? "" : mask);
  }();
  return cpu;
}

template <class T>
T read(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void write(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

double stored(DType type, const std::byte* p) {
  switch (type) {
    case DType::kF32:
      return read<float>(p);
    case DType::kF16:
      return float(read<Half>(p));
    case DType::kBF16:
      return float(read<BFloat16>(p));
    case DType::kS8:
      return read<int8_t>(p);
    case DType::kU8:
      return read<uint8_t>(p);
    case DType::kS32:
      return read<int32_t>(p);
    case DType::kS64:
      return double(read<int64_t>(p));
    default:
      ADD_FAILURE() << "no values of " << name(type);
      return 0;
  }
}

void store(DType type, double value, std::byte* p) {
  switch (type) {
    case DType::kF32:
      return write(p, float(value));
    case DType::kF16:
      return write(p, Half(float(value)));
    case DType::kBF16:
      return write(p, BFloat16(float(value)));
    case DType::kS8:
      return write(p, int8_t(std::clamp(std::nearbyint(value), -128.0, 127.0)));
    case DType::kU8:
      return write(p, uint8_t(std::clamp(std::nearbyint(value), 0.0, 255.0)));
    case DType::kS32:
      return write(p, int32_t(value));
    case DType::kS64:
      return write(p, int64_t(value));
    default:
      ADD_FAILURE() << "no values of " << name(type);
  }
}

NodeSpec spec_of(const TestNode& node, std::vector<TestTensor>& outputs) {
  NodeSpec spec = {node.kind, node.attrs, node.range, {}, {}};
  for (const TestTensor& in : node.inputs) spec.inputs.push_back({in.desc(), nullptr, true});
  Shape declared;
  declared.resize(node.declared_rank);
  outputs.reserve(node.outputs.size());  // descs point into them
  for (const Encoding& e : node.outputs) outputs.emplace_back(e, declared);
  for (const TestTensor& out : outputs) spec.outputs.push_back({out.desc(), nullptr, true});
  return spec;
}

}  // namespace

TestTensor::TestTensor(Encoding encoding, Shape shape)
    : bytes(dense_bytes(encoding.dtype, shape)), encoding_(encoding), shape_(shape) {
  if (encoding.scale > 0) {
    quant_.granularity = QuantGranularity::kPerTensor;
    quant_.scale = encoding.scale;
    quant_.zero = encoding.zero;
  }
}

TestTensor::TestTensor(Encoding encoding, Shape shape, std::span<const double> values)
    : TestTensor(encoding, shape) {
  const size_t size = bits(encoding.dtype) / 8;
  for (size_t i = 0; i < numel(); ++i) {
    const double x =
        encoding.scale > 0 ? values[i] / double(encoding.scale) + encoding.zero : values[i];
    store(encoding.dtype, x, bytes.data() + i * size);
  }
}

TestTensor TestTensor::random(Encoding encoding, Shape shape, uint64_t seed, float low,
                              float high) {
  Random random(seed);
  std::vector<double> values(shape.numel());
  for (double& v : values) v = random.real(low, high);
  return TestTensor(encoding, shape, values);
}

std::vector<double> TestTensor::values() const {
  const size_t size = bits(encoding_.dtype) / 8;
  std::vector<double> values(numel());
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = stored(encoding_.dtype, bytes.data() + i * size);
    if (encoding_.scale > 0) values[i] = (values[i] - encoding_.zero) * double(encoding_.scale);
  }
  return values;
}

std::optional<Error> error_of(const TestNode& node) {
  std::vector<TestTensor> outputs;
  const auto op = make_op(spec_of(node, outputs), test_cpu());
  if (!op) return op.error();
  std::vector<Shape> shapes;
  for (const TestTensor& in : node.inputs) shapes.push_back(in.shape());
  const auto inferred = (*op)->infer(shapes);
  if (!inferred) return inferred.error();
  return std::nullopt;
}

Result<std::vector<TestTensor>> run(const TestNode& node) {
  std::vector<TestTensor> declared;
  SMELT_ASSIGN(const auto op, make_op(spec_of(node, declared), test_cpu()));
  std::vector<Shape> shapes;
  std::vector<TensorDesc> in, out;
  for (const TestTensor& t : node.inputs) {
    shapes.push_back(t.shape());
    in.push_back(t.desc());
  }
  SMELT_ASSIGN(shapes, op->infer(shapes));
  EXPECT_EQ(shapes.size(), node.outputs.size());
  std::vector<TestTensor> results;
  results.reserve(shapes.size());
  for (size_t i = 0; i < shapes.size(); ++i) results.emplace_back(node.outputs[i], shapes[i]);
  for (const TestTensor& t : results) out.push_back(t.desc());

  std::vector<TestTensor> first;
  for (unsigned workers : {1u, 3u}) {
    SMELT_ASSIGN(const auto bound, op->bind(in, out, workers));
    EXPECT_FALSE(bound->kernel().empty());
    const auto pool = ThreadPool::create(workers);
    SMELT_ASSIGN(AlignedBuffer scratch, AlignedBuffer::allocate(bound->scratch_bytes()));
    RunContext context = {*pool, scratch.bytes()};
    std::vector<const std::byte*> from;
    std::vector<std::byte*> to;
    for (const TestTensor& t : node.inputs) from.push_back(t.bytes.data());
    for (TestTensor& t : results) to.push_back(t.bytes.data());
    for (TestTensor& t : results) std::fill(t.bytes.begin(), t.bytes.end(), std::byte(0xa5));
    bound->run(from, to, context);
    if (first.empty()) first = results;
    for (size_t i = 0; i < results.size(); ++i)
      EXPECT_EQ(results[i].bytes, first[i].bytes) << workers << " workers";

    if (const auto input = bound->in_place()) {
      TestTensor both = node.inputs[*input];
      EXPECT_EQ(both.bytes.size(), results[0].bytes.size());
      from[*input] = to[0] = both.bytes.data();
      bound->run(from, to, context);
      EXPECT_EQ(both.bytes, first[0].bytes) << "in place";
    }
  }
  return results;
}

testing::AssertionResult matches(const TestTensor& actual, std::span<const double> expected,
                                 double relative, double absolute) {
  const TensorDesc desc = actual.desc();
  const std::vector<double> values = actual.values();
  if (values.size() != expected.size()) {
    return testing::AssertionFailure()
           << values.size() << " elements instead of " << expected.size();
  }
  for (size_t i = 0; i < values.size(); ++i) {
    double want = expected[i], slack = absolute;
    if (desc.is_quantized()) {
      const double scale = desc.quant->scale, low = desc.dtype == DType::kS8 ? -128 : 0;
      want =
          (std::clamp(want / scale + desc.quant->zero, low, low + 255) - desc.quant->zero) * scale;
      slack = scale * 0.501;
    } else if (desc.dtype == DType::kF16) {
      slack += std::abs(want) * 0x1.01p-11;
    } else if (desc.dtype == DType::kBF16) {
      slack += std::abs(want) * 0x1.01p-8;
    }
    const double got = values[i];
    const bool ok = std::isnan(want)
                        ? std::isnan(got)
                        : got == want || std::abs(got - want) <= slack + relative * std::abs(want);
    if (!ok) {
      return testing::AssertionFailure()
             << "element " << i << " is " << got << " instead of " << want << " ("
             << name(desc.dtype) << ", shape " << to_string(actual.shape()) << ")";
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace smelt
