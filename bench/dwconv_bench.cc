// Every depthwise kernel of kernels.inc through the driver on one thread: filters that move by one
// and by two.
//
// "of_peak" compares multiply-accumulates with the fused multiply-adds of float32 that this machine
// can do at that moment, for integers as well: vectors lie along channels, so there is nothing for
// dot products to add up.
#include <cstring>

#include <benchmark/benchmark.h>

#include "kernels/dwconv/driver.h"
#include "kernels/dwconv/kernels.h"
#include "kernels/pack/pack.h"
#include "machine_peak.h"
#include "platform/memory.h"

namespace smelt {
namespace {

const Cpu& cpu() {
  static const Cpu detected = Cpu::detect().value();
  return detected;
}

// One axis of `extent` inputs with half the filter as padding at both ends.
WindowAxis axis(size_t extent, size_t size, size_t stride) {
  WindowAxis a{
      .count = (extent - 1) / stride + 1, .in_extent = extent, .in_step = ptrdiff_t(stride)};
  for (size_t t = 0; t < size; ++t) a.offsets.push_back(ptrdiff_t(t) - ptrdiff_t(size / 2));
  return a;
}

void run(benchmark::State& state, const DwconvKernel& kernel) {
  const size_t extent = size_t(state.range(0)), channels = size_t(state.range(1));
  const size_t size = size_t(state.range(2)), stride = size_t(state.range(3));
  const size_t pixel = channels * layout_bits(kernel.filter.elem) / 8;
  WindowRows rows{.y = axis(extent, size, stride), .x = axis(extent, size, stride)};
  rows.in_line = extent * pixel;
  rows.in_pixel = pixel;
  rows.out_line = rows.x.count * pixel;
  rows.out_pixel = pixel;
  const PackShape shape{.rows = channels, .kc = 1, .taps = size * size};
  const size_t filter_bytes = packed_bytes(kernel.filter, shape, cpu().sme_vl32).value();
  AlignedBuffer in = AlignedBuffer::allocate(extent * rows.in_line, true).value();
  AlignedBuffer filter = AlignedBuffer::allocate(filter_bytes, true).value();
  AlignedBuffer zero = AlignedBuffer::allocate(pixel, true).value();
  AlignedBuffer out = AlignedBuffer::allocate(rows.y.count * rows.out_line).value();
  const DwconvPlan plan = plan_dwconv(kernel, cpu(), channels, rows, 1, 0, 0, 1);
  AlignedBuffer scratch = AlignedBuffer::allocate(plan.scratch_bytes).value();
  const auto pool = ThreadPool::create(1);
  const DwconvOperands operands{.in = in.data(),
                                .filter = filter.data(),
                                .zero = zero.data(),
                                .out = out.data(),
                                .stage = {-100, 100, 0}};
  const auto once = [&] {
    run_dwconv(plan, operands, *pool, scratch.bytes());
    benchmark::ClobberMemory();
  };
  for (auto _ : state) once();
  const double work = 2.0 * double(plan.macs());
  using benchmark::Counter;
  state.counters["op/s"] = Counter(work, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = share_of(f32_peak(kernel.isa), work, once);
}

void register_all() {
  for (const DwconvKernel* kernel : dwconv_kernels()) {
    if (!cpu().isa.has(kernel->isa)) continue;
    auto* bench = benchmark::RegisterBenchmark(
        kernel->name, [kernel](benchmark::State& state) { run(state, *kernel); });
    bench->ArgNames({"extent", "channels", "filter", "stride"});
    for (int64_t filter : {3, 5, 7})
      for (int64_t stride : {1, 2}) bench->Args({16, 32, filter, stride});
    bench->Args({48, 8, 3, 1});
    bench->Args({56, 144, 3, 1});
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
