// The same products by Smelt's kernels, OpenBLAS and oneDNN, each on one thread: which is faster
// here.
//
// Weights are prepared beforehand, as a model's are: packed for Smelt, reordered into the form that
// oneDNN prefers. OpenBLAS has no such form and packs as it goes. Types that a library does not
// have on this machine are left out, with a line that says so.
#include <cblas.h>
#include <cstdio>
#include <dlfcn.h>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "kernels/gemm/driver.h"
#include "kernels/gemm/variant.h"
#include "kernels/pack/pack.h"
#include "platform/memory.h"

namespace smelt {
namespace {

struct Shape {
  size_t m, n, k;
};
constexpr Shape kShapes[] = {{1, 1024, 1024}, {4, 256, 256},   {33, 384, 128}, {196, 512, 512},
                             {256, 256, 256}, {512, 512, 512}, {784, 64, 24},  {3136, 24, 144}};

std::string title(GemmVariant variant, Shape s, std::string_view by) {
  return std::string(signature(variant).name) + "/" + std::to_string(s.m) + "x" +
         std::to_string(s.n) + "x" + std::to_string(s.k) + "/" + std::string(by);
}

void report(benchmark::State& state, Shape s) {
  using benchmark::Counter;
  state.counters["op/s"] =
      Counter(2.0 * double(s.m * s.n * s.k), Counter::kIsIterationInvariantRate);
}

// ---- Smelt ------------------------------------------------------------------------------------

void run_smelt(benchmark::State& state, const GemmKernel& kernel, Shape s, const Cpu& cpu) {
  const GemmSignature& types = signature(kernel.variant);
  const GemmShape shape{.m = s.m, .n = s.n, .kc = s.k};
  const size_t lhs_row = s.k * layout_bits(types.lhs) / 8,
               out_row = s.n * layout_bits(types.out) / 8;
  const size_t rhs_bytes = packed_bytes(kernel.rhs, rhs_shape(shape), cpu.sme_vl32).value();
  AlignedBuffer lhs = AlignedBuffer::allocate(s.m * lhs_row, true).value();
  AlignedBuffer rhs = AlignedBuffer::allocate(rhs_bytes, true).value();
  AlignedBuffer out = AlignedBuffer::allocate(s.m * out_row).value();
  const GemmPlan plan =
      plan_gemm(kernel, shape, MatrixRows{lhs_row, out_row}, {GemmItem{}}, 1, cpu, 1).value();
  AlignedBuffer scratch = AlignedBuffer::allocate(plan.scratch_bytes).value();
  const auto pool = ThreadPool::create(1);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const GemmOperands operands{.lhs = lhs.data(),
                              .rhs = rhs.data(),
                              .out = out.data(),
                              .stage = types.out == DType::kS8
                                           ? OutputStage{-128, 127, 0}
                                           : OutputStage{-kInfinity, kInfinity, 0}};
  for (auto _ : state) {
    run_gemm(plan, operands, *pool, scratch.bytes());
    benchmark::ClobberMemory();
  }
  report(state, s);
}

// ---- OpenBLAS -----------------------------------------------------------------------------------

void run_openblas(benchmark::State& state, Shape s) {
  const std::vector<float> lhs(s.m * s.k), rhs(s.n * s.k);
  std::vector<float> out(s.m * s.n);
  const auto m = blasint(s.m), n = blasint(s.n), k = blasint(s.k);
  for (auto _ : state) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, lhs.data(), k, rhs.data(), k,
                0, out.data(), n);
    benchmark::ClobberMemory();
  }
  report(state, s);
}

// ---- oneDNN -------------------------------------------------------------------------------------

using dnnl::memory;

memory::data_type type_of(DType t) {
  switch (t) {
    case DType::kF16:
      return memory::data_type::f16;
    case DType::kBF16:
      return memory::data_type::bf16;
    case DType::kS8:
      return memory::data_type::s8;
    default:
      return memory::data_type::f32;
  }
}

/// A product that oneDNN has prepared; nothing where it has no implementation that is more than its
/// reference.
std::optional<dnnl::matmul::primitive_desc> prepare_onednn(const dnnl::engine& engine,
                                                           GemmVariant variant, Shape s) {
  const GemmSignature& types = signature(variant);
  const auto m = memory::dim(s.m), n = memory::dim(s.n), k = memory::dim(s.k);
  dnnl::primitive_attr attributes;
  // One factor per column, as requantisation has.
  if (types.out == DType::kS8) attributes.set_output_scales(1 << 1, std::vector<float>(s.n, 0.01f));
  dnnl::matmul::primitive_desc product(
      dnnl::matmul::desc({{m, k}, type_of(types.lhs), memory::format_tag::ab},
                         {{k, n}, type_of(types.rhs), memory::format_tag::any},
                         {{m, n}, type_of(types.out), memory::format_tag::ab}),
      attributes, engine, /*allow_empty=*/true);
  if (!product || std::string_view(product.impl_info_str()).starts_with("ref")) return {};
  return product;
}

void run_onednn(benchmark::State& state, const dnnl::engine& engine, GemmVariant variant, Shape s) {
  const auto product = *prepare_onednn(engine, variant, s);
  dnnl::stream stream(engine);
  memory lhs(product.src_desc(), engine), rhs(product.weights_desc(), engine);
  memory out(product.dst_desc(), engine);
  for (memory* operand : {&lhs, &rhs, &out})
    std::memset(operand->get_data_handle(), 0, operand->get_desc().get_size());
  const dnnl::matmul matmul(product);
  for (auto _ : state)
    matmul.execute(stream, {{DNNL_ARG_SRC, lhs}, {DNNL_ARG_WEIGHTS, rhs}, {DNNL_ARG_DST, out}});
  report(state, s);
}

void register_all() {
  static const Cpu cpu = Cpu::detect().value();
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  for (GemmVariant variant :
       {GemmVariant::kPf32, GemmVariant::kPf16, GemmVariant::kPbf16, GemmVariant::kPqs8Qc8w}) {
    for (Shape s : kShapes) {
      const GemmKernel& kernel = **select_gemm(variant, {.m = s.m, .n = s.n, .kc = s.k}, cpu);
      benchmark::RegisterBenchmark(title(variant, s, kernel.name).c_str(),
                                   [&kernel, s](auto& state) { run_smelt(state, kernel, s, cpu); });
      if (variant == GemmVariant::kPf32)
        benchmark::RegisterBenchmark(title(variant, s, "openblas").c_str(),
                                     [s](auto& state) { run_openblas(state, s); });
      if (prepare_onednn(engine, variant, s))
        benchmark::RegisterBenchmark(
            title(variant, s, "onednn").c_str(),
            [variant, s](auto& state) { run_onednn(state, engine, variant, s); });
      else
        std::printf("%s: not on this machine\n", title(variant, s, "onednn").c_str());
    }
  }
}

/// Both libraries take as many threads as there are, unless told otherwise. oneDNN's are OpenMP's,
/// whose header this compiler does not have.
void use_one_thread() {
  openblas_set_num_threads(1);
  if (void* f = dlsym(RTLD_DEFAULT, "omp_set_num_threads")) reinterpret_cast<void (*)(int)>(f)(1);
}

}  // namespace
}  // namespace smelt

int main(int argc, char** argv) {
  smelt::use_one_thread();
  smelt::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
