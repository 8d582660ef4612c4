// NaN in, NaN out: rows and images that are quantised while running, for all kinds of products and
// on all tiers of this machine.
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "author/graph_builder.h"
#include "author/quantizer.h"
#include "graph/session.h"
#include "support/elements.h"
#include "support/random.h"

namespace smelt {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Appends a product of `rows`, of which each is quantised by itself; returns its result.
using AddProduct = std::function<ValueId(GraphBuilder&, ValueId rows, DType real, OutputRange)>;

struct Product {
  const char* name;
  Shape in;
  uint8_t nonbatch_dims;
  AddProduct add;
};

std::vector<float> weights(size_t n) {
  Random random(n);
  std::vector<float> w(n);
  for (float& v : w) v = random.real(-1, 1);
  return w;
}

ValueId add_linear(GraphBuilder& b, ValueId rows, DType real, OutputRange range,
                   const ValueId filter, int64_t m, int64_t n) {
  const ValueId out = b.value(real, {m, n});
  b.node(OpKind::kFullyConnected, {rows, filter, kNoValue}, {out}, FullyConnectedAttrs{}, range);
  return out;
}

std::vector<Product> products() {
  const size_t n = 37, k = 64;
  const Shape linear_filter{int64_t(n), int64_t(k)};
  const auto int8 = [=](GraphBuilder& b, ValueId rows, DType real, OutputRange range, int64_t m) {
    const ChannelInt8 w = quantize_channels_int8(weights(n * k), n);
    const ValueId filter = b.constant(DType::kS8, linear_filter, w.values, b.per_channel(w.scales));
    return add_linear(b, rows, real, range, filter, m, int64_t(n));
  };
  const auto int4 = [=](GraphBuilder& b, ValueId rows, DType real, OutputRange range) {
    const ChannelInt4 w = quantize_channels_int4(weights(n * k), n);
    const ValueId filter =
        b.constant(DType::kU4, linear_filter, w.packed, b.per_channel(w.scales, 0, 8));
    return add_linear(b, rows, real, range, filter, 3, int64_t(n));
  };
  const auto blocks = [=](GraphBuilder& b, ValueId rows, DType real, OutputRange range) {
    const BlockInt4 w = quantize_blocks_int4(weights(n * k), n, 32);
    const ValueId filter =
        b.constant(DType::kU4, linear_filter, w.packed, b.per_block(w.scales, 32));
    return add_linear(b, rows, real, range, filter, 3, int64_t(n));
  };
  // 3 x 3, with padding: what windows see beside the image must not hide that it has NaN.
  const auto convolution = [](OpKind kind) {
    return [kind](GraphBuilder& b, ValueId rows, DType real, OutputRange range) {
      ConvAttrs a;
      a.kernel_h = a.kernel_w = 3;
      a.pad_top = a.pad_right = a.pad_bottom = a.pad_left = 1;
      a.in_per_group = 4;
      a.out_per_group = 6;
      const ChannelInt8 w = quantize_channels_int8(weights(size_t(6) * 3 * 3 * 4), 6);
      const ValueId filter =
          b.constant(DType::kS8, {6, 3, 3, 4}, w.values, b.per_channel(w.scales));
      const ValueId out = b.value(real, {3, 5, 7, 6});
      b.node(kind, {rows, filter, kNoValue}, {out}, a, range);
      return out;
    };
  };
  std::vector<Product> all;
  for (int64_t m : {3, 40}) {
    all.push_back({"int8",
                   {m, int64_t(k)},
                   1,
                   [=](GraphBuilder& b, ValueId rows, DType real, OutputRange range) {
                     return int8(b, rows, real, range, m);
                   }});
  }
  all.push_back({"int4", {3, int64_t(k)}, 1, int4});
  all.push_back({"int4 blocks", {3, int64_t(k)}, 1, blocks});
  all.push_back({"convolution", {3, 5, 7, 4}, 3, convolution(OpKind::kConv2d)});
  all.push_back({"transposed convolution", {3, 5, 7, 4}, 3, convolution(OpKind::kConvTranspose2d)});
  return all;
}

std::vector<double> run(const Product& p, DType real, OutputRange range,
                        const std::vector<std::byte>& input, const Cpu& cpu) {
  GraphBuilder b;
  const ValueId in = b.input(real, p.in);
  const ValueId rows = b.value(DType::kS8, p.in, GraphBuilder::per_token(p.nonbatch_dims));
  b.node(OpKind::kConvert, {in}, {rows});
  const ValueId out = p.add(b, rows, real, range);
  b.output(out);
  Graph graph = std::move(b).finish();
  const size_t count = graph.values[out].shape.numel();
  auto compiled = CompiledGraph::build(std::move(graph), cpu, {});
  EXPECT_TRUE(compiled) << compiled.error().message;
  const auto pool = ThreadPool::create(1);
  auto session = Session::create(*compiled, *pool);
  EXPECT_TRUE(session) << session.error().message;
  std::vector<std::byte> output(count * bits(real) / 8);
  const std::byte* ins[] = {input.data()};
  std::byte* outs[] = {output.data()};
  (*session)->run(ins, outs);
  return testing::decode(real, output.data(), count);
}

std::vector<Cpu> tiers() {
  std::vector<Cpu> cpus;
  for (const char* mask : {"", "sme", "neon,neondot,neoni8mm", "neon,neondot", "neon", "scalar",
                           "avx2", "avx2,avx512,avx512vnni"})
    if (auto cpu = Cpu::detect(mask)) cpus.push_back(*std::move(cpu));
  return cpus;
}

TEST(NotFinite, RowsThatAreQuantisedWhileRunning) {
  const OutputRange none, relu{0, kInfinity};
  for (const Cpu& cpu : tiers()) {
    for (const Product& p : products()) {
      for (DType real : {DType::kF32, DType::kF16}) {
        const size_t rows = size_t(p.in[0]), length = p.in.numel() / rows;
        const std::vector<float> random = weights(rows * length);
        const testing::Values x(random.begin(), random.end());
        for (const OutputRange& range : {none, relu}) {
          const std::vector<double> want = run(p, real, range, testing::encode(real, x), cpu);
          for (float bad : {kNan, -kNan, kInfinity, -kInfinity}) {
            for (size_t at : {size_t(0), length / 2 + 1, length - 1}) {
              SCOPED_TRACE(::testing::Message() << p.name << ", " << name(real) << ", " << bad
                                                << " at " << at << " of " << length);
              testing::Values y = x;
              y[length + at] = bad;
              const std::vector<double> got = run(p, real, range, testing::encode(real, y), cpu);
              const size_t results = got.size() / rows;
              for (size_t i = 0; i < got.size(); ++i) {
                if (i / results == 1)
                  ASSERT_TRUE(std::isnan(got[i])) << got[i] << " for " << i;
                else
                  ASSERT_EQ(got[i], want[i]) << i;
              }
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace smelt
