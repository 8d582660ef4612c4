// What an instruction costs besides its work: programs of many small ones.
#include <benchmark/benchmark.h>

#include "program/method.h"
#include "support/program_builder.h"

namespace smelt {
namespace {

using namespace smelt::testing;

constexpr int kInstructions = 1000;

/// Time per instruction of a program of `kInstructions` equal ones.
void run(benchmark::State& state, ProgramSpec spec, const TableMaker& instruction) {
  for (int i = 0; i < kInstructions; ++i) spec.instructions.push_back(instruction);
  const std::vector<std::byte> bytes = spec.build();
  auto file = ProgramFile::parse(bytes, "bench.pte");
  auto source =
      std::make_shared<const program::ProgramSource>(program::ProgramSource{*std::move(file), {}});
  auto method = program::LoadedMethod::load(std::move(source), "forward", *Cpu::detect(), 1);
  if (!method) return state.SkipWithError(method.error().message.c_str());
  std::vector<Value> outputs(spec.outputs.size());
  for (auto _ : state) benchmark::DoNotOptimize((*method)->run({}, outputs));
  state.counters["per_instruction"] = benchmark::Counter(
      kInstructions, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// Four floats at an offset of the arena.
TensorSpec small(uint64_t offset) {
  return {
      .sizes = std::vector<int32_t>{4}, .dim_order = {0}, .allocation = AllocationSpec{1, offset}};
}

void move(benchmark::State& state) {
  ProgramSpec p;
  p.values = {integer(1), integer(2)};
  p.outputs = {1};
  run(state, p, move_call(0, 1));
}
BENCHMARK(move);

void add_numbers(benchmark::State& state) {
  ProgramSpec p;
  p.values = {integer(1), integer(2), integer(0)};
  p.outputs = {2};
  p.operators = {{"executorch_prim::add", "Scalar"}};
  run(state, p, kernel_call(0, {0, 1, 2}));
}
BENCHMARK(add_numbers);

void add_tensors(benchmark::State& state) {
  ProgramSpec p;
  p.values = {tensor(small(0)), tensor(small(16)), integer(1), tensor(small(32))};
  p.outputs = {3};
  p.operators = {{"aten::add", "out"}};
  p.buffers = {0, 64};
  run(state, p, kernel_call(0, {0, 1, 2, 3, 3}));
}
BENCHMARK(add_tensors);

void view(benchmark::State& state) {
  ProgramSpec p;
  TensorSpec square{.sizes = std::vector<int32_t>{2, 2}};
  p.values = {tensor(small(0)), integer(2), int_list({1, 1}), tensor(square)};
  p.outputs = {0};
  p.operators = {{"executorch_prim::et_view", "default"}};
  p.buffers = {0, 64};
  run(state, p, kernel_call(0, {0, 2, 3, 3}));
}
BENCHMARK(view);

void copy(benchmark::State& state) {
  ProgramSpec p;
  TensorSpec row = small(32);
  row.sizes = std::vector<int32_t>{1, 4};
  row.dim_order = {0, 1};
  p.values = {tensor(small(0)), integer(0), tensor(row)};
  p.outputs = {2};
  p.operators = {{"aten::unsqueeze_copy", "out"}};
  p.buffers = {0, 64};
  run(state, p, kernel_call(0, {0, 1, 2, 2}));
}
BENCHMARK(copy);

}  // namespace
}  // namespace smelt

BENCHMARK_MAIN();
