// Every GEMM kernel of kernels.inc through the driver on one thread: products that show its peak,
// and matrix times vector.
//
// "of_peak" compares with what this machine can do at that moment: fused multiply-adds for floating
// kernels, dot products of bytes for integer ones, and for one row the packed weights' bytes with
// plain reading of as many bytes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "kernels/gemm/driver.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/variant.h"
#include "kernels/pack/pack.h"
#include "machine_peak.h"
#include "platform/memory.h"

namespace smelt {
namespace {

const Cpu& cpu() {
  static const Cpu detected = Cpu::detect().value();
  return detected;
}

void run(benchmark::State& state, const GemmKernel& kernel) {
  const GemmSignature& s = signature(kernel.variant);
  const GemmShape shape{.m = size_t(state.range(0)),
                        .n = size_t(state.range(1)),
                        .kc = size_t(state.range(2)),
                        .block = s.scale == WeightScale::kPerBlock ? size_t(32) : 0};
  const size_t lhs_row = shape.kc * layout_bits(s.lhs) / 8,
               out_row = shape.n * layout_bits(s.out) / 8;
  const size_t rhs_bytes = packed_bytes(kernel.rhs, rhs_shape(shape), cpu().sme_vl32).value();
  AlignedBuffer lhs = AlignedBuffer::allocate(shape.m * lhs_row, true).value();
  AlignedBuffer rhs = AlignedBuffer::allocate(rhs_bytes, true).value();
  AlignedBuffer out = AlignedBuffer::allocate(shape.m * out_row).value();
  const std::vector<RowQuant> row_quant(shape.m, RowQuant{3, 0.01f});
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
  for (auto _ : state) {
    run_gemm(plan, operands, *pool, scratch.bytes());
    benchmark::ClobberMemory();
  }
  const bool one_row = shape.m == 1;
  const double work = one_row ? double(rhs_bytes) : 2.0 * double(plan.macs());
  const double peak = one_row          ? peak_bytes_per_second(rhs.bytes())
                      : s.is_integer() ? peak_int8_ops_per_second()
                                       : peak_f32_flops_per_second();
  using benchmark::Counter;
  state.counters[one_row ? "B/s" : "op/s"] = Counter(work, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = Counter(work / peak, Counter::kIsIterationInvariantRate);
}

void register_all() {
  for (const GemmKernel* kernel : gemm_kernels()) {
    if (!cpu().isa.has(kernel->isa)) continue;
    auto* bench = benchmark::RegisterBenchmark(
        kernel->name, [kernel](benchmark::State& state) { run(state, *kernel); });
    for (int64_t m : {1, 4, 33, 256})
      if (size_t(m) <= kernel->max_m) bench->Args({m, 256, 256});
    bench->Args({1, 1024, 1024});
    if (kernel->max_m >= 512) bench->Args({512, 512, 512});
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
