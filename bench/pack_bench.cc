// Packing of weights: every kernel's layout, from the types that programs hold them in, row by row
// ([n, k]) and, for matrices that are packed while running, line by line ([k, n]).
//
// "of_memcpy" compares with copying as many bytes as are read.
#include <cstring>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

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

AlignedBuffer operand(size_t bytes) {
  AlignedBuffer buffer = AlignedBuffer::allocate(bytes, true).value();
  std::memset(buffer.data(), 0x3c, bytes);
  return buffer;
}

void run(benchmark::State& state, const GemmKernel& kernel, bool lines) {
  const size_t n = size_t(state.range(0)), k = size_t(state.range(1));
  const GemmSignature& s = signature(kernel.variant);
  const size_t block = s.scale == WeightScale::kPerBlock ? 32 : 0;
  const PackShape shape{.rows = n, .kc = k, .block = block};
  AlignedBuffer weights = operand(n * k * layout_bits(s.rhs) / 8), copy = operand(weights.size());
  const std::vector<float> scale(n, 0.01f);
  const std::vector<BFloat16> block_scale(block == 0 ? 0 : n * k / block, BFloat16(0.01f));
  const PackSource source{.data = weights.data(),
                          .dtype = s.rhs,
                          .row_stride = lines ? 1 : k,
                          .k_stride = lines ? n : 1,
                          .scale = scale.data(),
                          .block_scale = block == 0 ? nullptr : block_scale.data()};
  AlignedBuffer packed = operand(packed_bytes(kernel.rhs, shape, cpu().sme_vl32).value());
  const auto once = [&] {
    kernel.pack_rhs(kernel.rhs, shape, cpu().sme_vl32, source, 0,
                    panel_count(kernel.rhs, shape, cpu().sme_vl32), packed.data());
    benchmark::ClobberMemory();
  };
  for (auto _ : state) once();
  const double bytes = double(weights.size());
  const Yardstick copying = {bytes * double((size_t(4) << 20) / weights.size() + 1), [&] {
                               for (size_t i = 0; i <= (size_t(4) << 20) / weights.size(); ++i) {
                                 std::memcpy(copy.data(), weights.data(), weights.size());
                                 benchmark::ClobberMemory();
                               }
                             }};
  using benchmark::Counter;
  state.counters["B/s"] = Counter(bytes, Counter::kIsIterationInvariantRate);
  state.counters["of_memcpy"] = share_of(copying, bytes, once);
}

void register_all() {
  for (const GemmKernel* kernel : gemm_kernels()) {
    if (!cpu().isa.has(kernel->isa)) continue;
    for (bool lines : {false, true}) {
      if (lines && signature(kernel->variant).rhs == DType::kU4) continue;
      auto* bench = benchmark::RegisterBenchmark(
          (std::string(kernel->name) + (lines ? "/lines" : "/rows")).c_str(),
          [kernel, lines](benchmark::State& state) { run(state, *kernel, lines); });
      bench->Args({256, 256})->Args({1024, 1024})->Args({4096, 4096});
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
