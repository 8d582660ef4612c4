#include "kernels/vector/vector_kernels.h"

#include "kernels/vector/tables.h"
#include "platform/cpu.h"

namespace smelt {

namespace {

constexpr VectorTable kTables[] = {
    {Isa::kScalar, &kVectorScalar},
#if defined(__x86_64__)
    {Isa::kAvx2, &kVectorAvx2},
    {Isa::kAvx512, &kVectorAvx512},
#endif
};

}  // namespace

std::span<const VectorTable> vector_tables() noexcept { return kTables; }

const VectorKernels& vector_kernels(const Cpu& cpu) noexcept {
  const VectorKernels* best = &kVectorScalar;
  if (cpu.described) return *best;  // runs everywhere, and planning computes tables
  for (const VectorTable& table : kTables) {
    if (cpu.isa.has(table.isa)) best = table.kernels;
  }
  return *best;
}

}  // namespace smelt
