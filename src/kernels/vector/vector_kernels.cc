#include "kernels/vector/vector_kernels.h"

#include "kernels/vector/tables.h"
#include "platform/cpu.h"

namespace smelt {

const VectorKernels& vector_kernels([[maybe_unused]] const Cpu& cpu) noexcept {
#if defined(__x86_64__)
  if (cpu.isa.has(Isa::kAvx512)) return kVectorAvx512;
  if (cpu.isa.has(Isa::kAvx2)) return kVectorAvx2;
#endif
  return kVectorScalar;
}

}  // namespace smelt
