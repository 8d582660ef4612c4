// Every GEMM kernel of kernels.inc through the driver on one thread.
//
// "of_peak" compares with what this machine can do at that moment: the larger of the times that the
// yardsticks would take for the same multiplications and for reading the packed weights, by the
// time that the product took. From some rows on that is a share of the peak of fused multiply-adds
// or dot products; of one row, of the bandwidth of the cache (or memory) that the weights fit.
//
// Where rows are quantised while running, "with_quantizing" is the same for the product and the
// quantisation of its float32 rows together.
#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include <benchmark/benchmark.h>

#include "kernels/gemm/driver.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/variant.h"
#include "kernels/pack/pack.h"
#include "kernels/vector/vector_kernels.h"
#include "machine_peak.h"
#include "platform/memory.h"

namespace smelt {
namespace {

const Cpu& cpu() {
  static const Cpu detected = Cpu::detect().value();
  return detected;
}

// Bytes that are small positive numbers in every type.
AlignedBuffer operand(size_t bytes) {
  AlignedBuffer buffer = AlignedBuffer::allocate(bytes, true).value();
  std::memset(buffer.data(), 0x3c, bytes);
  return buffer;
}

// The yardstick that bounds a product: its multiplications or its weights, whichever takes longer.
Yardstick roof(const GemmKernel& kernel, double operations, std::span<const std::byte> weights) {
  const GemmSignature& s = signature(kernel.variant);
  const Yardstick compute = s.is_integer()          ? int8_peak(kernel.isa)
                            : s.lhs == DType::kBF16 ? bf16_peak(kernel.isa)
                                                    : f32_peak(kernel.isa);
  const Yardstick read = read_peak(weights);
  if (!compute.run) return {};
  const auto cost = [](const Yardstick& y, double work) {
    double best = 1;
    for (int i = 0; i < 5; ++i) best = std::min(best, seconds_of(y.run));
    return best * work / y.work;
  };
  const double bytes = double(weights.size());
  // Both in units of products.
  if (cost(read, bytes) > cost(compute, operations)) return {read.work / bytes, read.run};
  return {compute.work / operations, compute.run};
}

void run(benchmark::State& state, const GemmKernel& kernel) {
  const GemmSignature& s = signature(kernel.variant);
  const bool blocks = s.scale == WeightScale::kPerBlock;
  const GemmShape shape{.m = size_t(state.range(0)),
                        .n = size_t(state.range(1)),
                        .kc = size_t(state.range(2)),
                        .block = blocks ? size_t(state.range(3)) : 0};
  const size_t lhs_row = shape.kc * layout_bits(s.lhs) / 8,
               out_row = shape.n * layout_bits(s.out) / 8;
  AlignedBuffer floats = operand(s.dynamic_rows ? shape.m * shape.kc * sizeof(float) : 0);
  AlignedBuffer lhs = operand(shape.m * lhs_row);
  AlignedBuffer rhs = operand(packed_bytes(kernel.rhs, rhs_shape(shape), cpu().sme_vl32).value());
  AlignedBuffer out = operand(shape.m * out_row);
  std::vector<RowQuant> row_quant(shape.m, RowQuant{3, 0.01f});
  const GemmPlan plan =
      plan_gemm(kernel, shape, MatrixRows{lhs_row, out_row}, {GemmItem{}}, 1, cpu(), 1).value();
  AlignedBuffer scratch = AlignedBuffer::allocate(plan.scratch_bytes).value();
  const auto pool = ThreadPool::create(1);
  const OutputStage stage = s.out == DType::kS8
                                ? OutputStage{-128, 127, 0}
                                : OutputStage{-std::numeric_limits<float>::infinity(),
                                              std::numeric_limits<float>::infinity(), 0};
  const GemmOperands operands{.lhs = lhs.data(),
                              .row_quant = row_quant.data(),
                              .rhs = rhs.data(),
                              .out = out.data(),
                              .stage = stage};
  const auto product = [&] {
    run_gemm(plan, operands, *pool, scratch.bytes());
    benchmark::ClobberMemory();
  };
  const QuantizeRowsFn quantize = vector_kernels(cpu()).quantize_rows.f32;
  const auto quantize_rows = [&] {
    quantize(floats.data(), reinterpret_cast<int8_t*>(lhs.data()), shape.m, shape.kc,
             row_quant.data());
  };
  for (auto _ : state) product();

  using benchmark::Counter;
  const double work = 2.0 * double(plan.macs());
  const Yardstick peak = roof(kernel, work, rhs.bytes());
  state.counters["op/s"] = Counter(work, Counter::kIsIterationInvariantRate);
  state.counters["weight_B/s"] = Counter(double(rhs.size()), Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = share_of(peak, 1, product);
  if (s.dynamic_rows) {
    state.counters["with_quantizing"] = share_of(peak, 1, [&] {
      quantize_rows();
      product();
    });
  }
}

// m, n, k: one row, few rows, and shapes that show the peak; even ones, long and wide ones, odd
// ones.
constexpr int64_t kShapes[][3] = {
    {1, 256, 256},   {1, 1024, 1024},  {1, 4096, 4096},  {2, 1024, 1024},
    {3, 1024, 1024}, {4, 1024, 1024},  {8, 1024, 1024},  {33, 256, 256},
    {256, 256, 256}, {256, 1024, 256}, {256, 256, 1024}, {384, 320, 512},
    {257, 263, 301}, {300, 1000, 333}, {512, 2048, 512}, {1024, 1024, 1024}};

void register_all() {
  for (const GemmKernel* kernel : gemm_kernels()) {
    if (!cpu().isa.has(kernel->isa)) continue;
    auto* bench = benchmark::RegisterBenchmark(
        kernel->name, [kernel](benchmark::State& state) { run(state, *kernel); });
    for (const auto& [m, n, k] : kShapes) {
      if (size_t(m) > kernel->max_m) continue;
      if (signature(kernel->variant).scale != WeightScale::kPerBlock) {
        bench->Args({m, n, k});
        continue;
      }
      for (int64_t block : {32, 64, 128})
        bench->Args({m, n, (k + block - 1) / block * block, block});
    }
  }
}

}  // namespace
}  // namespace smelt

int main(int argc, char** argv) {
  smelt::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
