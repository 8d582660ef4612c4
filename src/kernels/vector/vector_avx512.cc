#include "kernels/vector/table.inl"

namespace smelt {

const VectorKernels kVectorAvx512 = make_table("vector_avx512");

}  // namespace smelt
