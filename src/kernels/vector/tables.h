// The tables that this architecture has.
#pragma once

#include "kernels/vector/vector_kernels.h"

namespace smelt {

/// Built for the architecture's baseline: SSE2 on x86-64, Advanced SIMD on Arm.
extern const VectorKernels kVectorScalar;
#if defined(__x86_64__)
extern const VectorKernels kVectorAvx2;
extern const VectorKernels kVectorAvx512;
#endif

}  // namespace smelt
