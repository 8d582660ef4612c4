#include "kernels/vector/table.inl"

namespace smelt {

const VectorKernels kVectorAvx2 = make_table("vector_avx2");

}  // namespace smelt
