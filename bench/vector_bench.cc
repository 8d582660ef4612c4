// Vector kernels, on runs of 4096 elements (which the nearest caches hold), for every float type.
//
// "of_f32" is the time of the f32 kernel of the same table by the time of this one: the arithmetic
// is the same, so only the conversions may cost something.
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/float16.h"
#include "kernels/vector/tables.h"
#include "platform/cpu.h"

namespace smelt {
namespace {

constexpr size_t kElements = 4096;

/// An operand of one type: values from -4 to 4, of which half are negative.
template <class T>
std::vector<T> values(float from) {
  std::vector<T> v(kElements);
  for (size_t i = 0; i < v.size(); ++i) v[i] = T(from + float(i * 7 % 512) / 64);
  return v;
}

/// Calls of one kernel, by type: what is timed, and what it is compared with.
struct Subject {
  std::string name;
  std::function<void()> f32, f16, bf16;
};

double seconds(const std::function<void()>& f) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 8; ++i) f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / 8;
}

void run(benchmark::State& state, const std::function<void()>& ours,
         const std::function<void()>& f32) {
  std::vector<double> ratios;
  for (auto _ : state) {
    const double time = seconds(ours);
    ratios.push_back(seconds(f32) / time);
    state.SetIterationTime(time);
  }
  std::nth_element(ratios.begin(), ratios.begin() + long(ratios.size() / 2), ratios.end());
  state.counters["of_f32"] = ratios[ratios.size() / 2];
  state.counters["ns/element"] =
      benchmark::Counter(double(kElements) * 1e-9, benchmark::Counter::kIsIterationInvariantRate |
                                                       benchmark::Counter::kInvert);
}

/// One of each operand and result per type.
template <class T>
struct Operands {
  std::vector<T> a = values<T>(-4), b = values<T>(0.5f), out = values<T>(0);
};

template <class F>
Subject subject(std::string name, const PerFloat<F>& kernels, auto call) {
  const auto of = [&]<class T>(F kernel, T) -> std::function<void()> {
    auto x = std::make_shared<Operands<T>>();
    return [=] {
      call(kernel, *x);
      benchmark::ClobberMemory();
    };
  };
  return {std::move(name), of(kernels.f32, float()), of(kernels.f16, Half()),
          of(kernels.bf16, BFloat16())};
}

std::vector<Subject> subjects(const VectorKernels& k) {
  static constexpr const char* kUnary[] = {"abs",
                                           "ceiling",
                                           "clamp",
                                           "cos",
                                           "elu",
                                           "erf",
                                           "exp",
                                           "floor",
                                           "gelu",
                                           "gelu_tanh",
                                           "hardsigmoid",
                                           "hardswish",
                                           "leaky_relu",
                                           "log",
                                           "negate",
                                           "reciprocal",
                                           "reciprocal_sqrt",
                                           "round",
                                           "sigmoid",
                                           "silu",
                                           "sin",
                                           "square",
                                           "sqrt",
                                           "tanh",
                                           "truncate"};
  static_assert(std::size(kUnary) == kUnaryOpCount);
  static constexpr const char* kBinary[] = {"add",     "subtract", "multiply", "divide",
                                            "minimum", "maximum",  "prelu"};
  static_assert(std::size(kBinary) == kBinaryOpCount);
  std::vector<Subject> all;
  for (size_t i = 0; i < kUnaryOpCount; ++i)
    all.push_back(subject(kUnary[i], k.unary[i], [](auto f, auto& x) {
      f(x.a.data(), x.out.data(), kElements, UnaryParams{0.1f, 0.7f});
    }));
  for (size_t i = 0; i < kBinaryOpCount; ++i) {
    for (bool one : {false, true}) {
      all.push_back(
          subject(kBinary[i] + std::string(one ? "_one" : ""), k.binary[i], [one](auto f, auto& x) {
            f(x.a.data(), x.b.data(), x.out.data(), kElements,
              one ? Broadcast::kRhs : Broadcast::kNone, FloatRange{-100, 100});
          }));
    }
  }
  const auto reduce = [&](const char* name, const PerFloat<RowReduceFn>& kernels) {
    all.push_back(subject(name, kernels, [](auto f, auto& x) {
      benchmark::DoNotOptimize(f(x.a.data(), kElements));
    }));
  };
  reduce("row_sum", k.row_sum);
  reduce("row_max", k.row_max);
  reduce("row_min", k.row_min);
  all.push_back(subject("row_moments", k.row_moments, [](auto f, auto& x) {
    benchmark::DoNotOptimize(f(x.a.data(), kElements));
  }));
  all.push_back(subject("row_normalize", k.row_normalize, [](auto f, auto& x) {
    f(x.a.data(), x.out.data(), kElements, 0.5f, 1.5f, x.b.data(), x.a.data());
  }));
  const auto softmax = [](auto f, auto& x) {
    for (size_t i = 0; i < kElements; i += 512) f(x.a.data() + i, x.out.data() + i, 512);
  };
  all.push_back(subject("row_softmax", k.row_softmax, softmax));
  all.push_back(subject("row_log_softmax", k.row_log_softmax, softmax));
  all.push_back(subject("dot", k.dot, [v = values<float>(-4)](auto f, auto& x) {
    benchmark::DoNotOptimize(f(v.data(), x.a.data(), kElements));
  }));
  all.push_back(subject("axpy", k.axpy,
                        [y = std::make_shared<std::vector<float>>(values<float>(-4))](
                            auto f, auto& x) { f(1e-6f, x.a.data(), y->data(), kElements); }));
  // From each type to f32, and from f32 to each type.
  const PerFloat<ConvertFn> widen = {k.convert.f32.f32, k.convert.f16.f32, k.convert.bf16.f32};
  const auto wide = std::make_shared<std::vector<float>>(values<float>(-4));
  all.push_back(
      subject("widen", widen, [wide](auto f, auto& x) { f(x.a.data(), wide->data(), kElements); }));
  all.push_back(subject("narrow", k.convert.f32,
                        [wide](auto f, auto& x) { f(wide->data(), x.out.data(), kElements); }));
  all.push_back(subject("quantize_rows", k.quantize_rows, [](auto f, auto& x) {
    int8_t out[kElements];
    RowQuant found[4];
    f(x.a.data(), out, 4, kElements / 4, found);
    benchmark::DoNotOptimize(out);
  }));
  all.push_back(subject("window_max", k.window_max, [](auto f, auto& x) {
    constexpr ptrdiff_t element = sizeof x.a[0];
    f(Window{x.a.data(), 3, 3, 512 * element, 64 * element}, x.out.data(), 256);
  }));
  all.push_back(subject("window_sum", k.window_sum, [](auto f, auto& x) {
    constexpr ptrdiff_t element = sizeof x.a[0];
    f(Window{x.a.data(), 3, 3, 512 * element, 64 * element}, x.out.data(), 256, 1.0f / 9,
      FloatRange{-100, 100});
  }));
  return all;
}

void register_all() {
  const Cpu cpu = Cpu::detect().value();
  for (const VectorTable& table : vector_tables()) {
    if (!cpu.isa.has(table.isa)) continue;
    for (const Subject& s : subjects(*table.kernels)) {
      const auto add = [&](const char* type, const std::function<void()>& f) {
        const std::string name = s.name + "/" + type + "/" + std::string(smelt::name(table.isa));
        benchmark::RegisterBenchmark(name.c_str(), run, f, s.f32)->UseManualTime()->MinTime(0.02);
      };
      add("f32", s.f32);
      add("f16", s.f16);
      add("bf16", s.bf16);
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
