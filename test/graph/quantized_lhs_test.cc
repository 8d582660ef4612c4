// Rows that are quantised while running, in the form that their readers multiply.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "author/graph_builder.h"
#include "graph/explain.h"
#include "graph/session.h"
#include "support/random.h"

namespace smelt {
namespace {

struct Layer {
  bool blocks;  ///< 4-bit weights with a scale per 32 of k, else int8 with one per channel
  size_t n;
};

/// Layers that multiply the same rows.
struct Problem {
  size_t m, k;
  DType real = DType::kF32;
  std::vector<Layer> layers = {{false, 70}, {true, 33}, {false, 5}};
  bool other_reader = false;  ///< a reshape, and a layer behind it
};

float stored_value(DType dtype, const std::byte* p) {
  if (dtype == DType::kF32) {
    float v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
  Half h;
  std::memcpy(&h, p, sizeof h);
  return float(h);
}

std::vector<std::byte> store(DType dtype, const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * bits(dtype) / 8);
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::kF32) {
      std::memcpy(bytes.data() + i * 4, &values[i], 4);
    } else {
      const Half h(values[i]);
      std::memcpy(bytes.data() + i * 2, &h, 2);
    }
  }
  return bytes;
}

/// The graph, its input, and what should come out, from the definitions.
struct Case {
  Graph graph;
  std::vector<std::byte> input;
  std::vector<std::vector<double>> expected, magnitudes;  ///< of each layer, [m][n]
  std::vector<size_t> columns;
};

Case make_case(const Problem& p) {
  Case c;
  Random random(p.m * 1000 + p.k);
  std::vector<float> x(p.m * p.k);
  for (size_t i = 0; i < p.m; ++i) {
    // Rows of all kinds: positive, of both signs, and zeros.
    const float low = i % 3 == 0 ? 0.5f : -2, high = i % 3 == 2 ? 0 : 3;
    for (size_t j = 0; j < p.k; ++j) {
      const float v = i % 5 == 4 ? 0 : random.real(low, high);
      x[i * p.k + j] = p.real == DType::kF16 ? float(Half(v)) : v;
    }
  }
  c.input = store(p.real, x);
  std::vector<int32_t> q(x.size());
  std::vector<RowQuant> found(p.m);
  for (size_t i = 0; i < p.m; ++i) {
    float low = 0, high = 0;
    for (size_t j = 0; j < p.k; ++j) {
      low = std::min(low, x[i * p.k + j]);
      high = std::max(high, x[i * p.k + j]);
    }
    const float inverse = low == high ? 1 : 255 / (high - low);
    const float below = -128 + low * inverse, above = 127 + high * inverse;
    const float zero = below + above > 0 ? -128 - low * inverse : 127 - high * inverse;
    found[i] = {int32_t(std::nearbyint(std::clamp(zero, -128.0f, 127.0f))), 1 / inverse};
    for (size_t j = 0; j < p.k; ++j)
      q[i * p.k + j] = int32_t(std::clamp(
          std::nearbyint(x[i * p.k + j] * inverse) + float(found[i].zero), -128.0f, 127.0f));
  }

  GraphBuilder b;
  const Shape shape{int64_t(p.m), int64_t(p.k)};
  const ValueId in = b.input(p.real, shape);
  const ValueId rows = b.value(DType::kS8, shape, GraphBuilder::per_token(1));
  b.node(OpKind::kConvert, {in}, {rows});
  const auto add_layer = [&](ValueId lhs, const Layer& layer) {
    std::vector<float> weights(layer.n * p.k), bias(layer.n);
    for (float& w : weights) w = random.real(-1, 1);
    for (float& v : bias) v = float(Half(random.real(-1, 1)));
    std::vector<double> real(weights.size());
    ValueId w;
    const Shape weights_shape{int64_t(layer.n), int64_t(p.k)};
    if (layer.blocks) {
      const BlockInt4 stored = quantize_blocks_int4(weights, layer.n, 32);
      w = b.constant(DType::kU4, weights_shape, stored.packed, b.per_block(stored.scales, 32));
      for (size_t i = 0; i < real.size(); ++i)
        real[i] =
            ((stored.packed[i / 2] >> (i % 2 * 4) & 15) - 8) * double(float(stored.scales[i / 32]));
    } else {
      const ChannelInt8 stored = quantize_channels_int8(weights, layer.n);
      w = b.constant(DType::kS8, weights_shape, stored.values, b.per_channel(stored.scales));
      for (size_t i = 0; i < real.size(); ++i)
        real[i] = stored.values[i] * double(stored.scales[i / p.k]);
    }
    const ValueId bias_id = b.constant(p.real, {int64_t(layer.n)}, store(p.real, bias));
    const ValueId out = b.value(p.real, {int64_t(p.m), int64_t(layer.n)});
    b.node(OpKind::kFullyConnected, {lhs, w, bias_id}, {out}, FullyConnectedAttrs{});
    b.output(out);

    std::vector<double>&expected = c.expected.emplace_back(),
    &magnitudes = c.magnitudes.emplace_back();
    c.columns.push_back(layer.n);
    for (size_t i = 0; i < p.m; ++i) {
      for (size_t j = 0; j < layer.n; ++j) {
        double sum = bias[j], magnitude = std::abs(sum);
        for (size_t k = 0; k < p.k; ++k) {
          const double product =
              (q[i * p.k + k] - found[i].zero) * double(found[i].scale) * real[j * p.k + k];
          sum += product;
          magnitude += std::abs(product);
        }
        expected.push_back(sum);
        magnitudes.push_back(magnitude);
      }
    }
  };
  for (const Layer& layer : p.layers) add_layer(rows, layer);
  if (p.other_reader) {
    const ValueId same = b.value(DType::kS8, shape, GraphBuilder::per_token(1));
    b.node(OpKind::kReshape, {rows}, {same}, ReshapeAttrs{shape});
    add_layer(same, {false, 3});
  }
  c.graph = std::move(b).finish();
  return c;
}

struct Ran {
  std::vector<std::vector<std::byte>> outputs;
  const GemmKernel* form_of = nullptr;  ///< whose form the rows had; null: row-major
  std::vector<StepInfo> steps;
};

Ran run(const Problem& p, const Cpu& cpu, unsigned workers) {
  Case c = make_case(p);
  const auto pool = ThreadPool::create(workers);
  PlanOptions options;
  options.workers = workers;
  auto compiled = CompiledGraph::build(std::move(c.graph), cpu, options);
  EXPECT_TRUE(compiled) << compiled.error().message;
  auto session = Session::create(*compiled, *pool);
  EXPECT_TRUE(session) << session.error().message;
  Ran ran;
  std::vector<std::byte*> out;
  for (size_t n : c.columns) ran.outputs.emplace_back(p.m * n * bits(p.real) / 8);
  for (auto& bytes : ran.outputs) out.push_back(bytes.data());
  const std::byte* in[] = {c.input.data()};
  (*session)->run(in, out);

  const ValueId rows = (*compiled)->graph().nodes[0].outputs[0];
  if (const QuantizedLhs* form = (*session)->plan().descs[rows].form) ran.form_of = form->kernel;
  ran.steps = explain(**session, cpu);

  const double unit = p.real == DType::kF32 ? 0x1p-18 : 0x1p-10;
  for (size_t layer = 0; layer < c.expected.size(); ++layer)
    for (size_t i = 0; i < c.expected[layer].size(); ++i)
      EXPECT_NEAR(stored_value(p.real, ran.outputs[layer].data() + i * bits(p.real) / 8),
                  c.expected[layer][i], unit * c.magnitudes[layer][i])
          << "layer " << layer << ", " << i << " of " << p.m << " x " << c.columns[layer];
  return ran;
}

/// The machine, with all its tiers and with fewer.
std::vector<Cpu> tiers() {
  std::vector<Cpu> cpus;
  for (const char* mask : {"", "sme", "neon,neondot,neoni8mm", "neon,neondot", "neon", "scalar"})
    if (auto cpu = Cpu::detect(mask)) cpus.push_back(*std::move(cpu));
  return cpus;
}

TEST(QuantizedLhs, ReadersOfOneKindShareTheirForm) {
  for (const Cpu& cpu : tiers()) {
    for (size_t m : {1, 4, 33, 70}) {
      for (DType real : {DType::kF32, DType::kF16}) {
        const Problem problem{.m = m, .k = 96, .real = real};
        const Ran one = run(problem, cpu, 1), three = run(problem, cpu, 3);
        EXPECT_EQ(one.outputs, three.outputs);
        EXPECT_EQ(one.form_of != nullptr, cpu.isa.has(Isa::kNeon) || cpu.isa.has(Isa::kSme));
        EXPECT_EQ(one.steps[0].removed, false);
        if (one.form_of == nullptr) continue;
        // The report names the kernel and all who read.
        EXPECT_THAT(one.steps[0].reason, testing::HasSubstr(one.form_of->name));
        for (size_t n = 1; n < one.steps.size(); ++n)
          EXPECT_THAT(one.steps[0].reason, testing::HasSubstr(one.steps[n].name));
        EXPECT_THAT(one.steps[0].kernel, testing::StartsWith("quantize_lhs_"));
        EXPECT_EQ(one.steps[0].isa, name(cpu.isa.has(Isa::kSme2)  ? Isa::kSme2
                                         : cpu.isa.has(Isa::kSme) ? Isa::kSme
                                                                  : Isa::kNeon));
      }
    }
  }
}

TEST(QuantizedLhs, OddLengths) {
  for (const Cpu& cpu : tiers())
    for (size_t k : {1, 37, 130})
      run({.m = 19, .k = k, .layers = {{false, 70}, {false, 6}}}, cpu, 1);
}

// The same integers, and the same results to the last bit, whichever way they are computed.
TEST(QuantizedLhs, RowsThatAnotherReadsStayAsTheyAre) {
  for (const Cpu& cpu : tiers()) {
    for (size_t m : {1, 19}) {
      const Ran shared = run({.m = m, .k = 64}, cpu, 1);
      const Ran plain = run({.m = m, .k = 64, .other_reader = true}, cpu, 1);
      EXPECT_EQ(plain.form_of, nullptr);
      for (size_t layer = 0; layer < shared.outputs.size(); ++layer)
        EXPECT_EQ(shared.outputs[layer], plain.outputs[layer]) << layer;
    }
  }
}

}  // namespace
}  // namespace smelt
