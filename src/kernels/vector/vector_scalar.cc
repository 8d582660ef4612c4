// The baseline. Highway 1.0.3 has no form for plain SSE2: without SSSE3 it would emulate vectors
// with arrays, which is slower than one lane at a time (compilers vectorise that), and takes
// minutes to compile under sanitizers.
#if !defined(__aarch64__)
#undef HWY_COMPILE_ONLY_STATIC
#define HWY_COMPILE_ONLY_SCALAR
#endif

#include "kernels/vector/table.inl"

namespace smelt {

const VectorKernels kVectorScalar = make_table("vector_scalar");

}  // namespace smelt
