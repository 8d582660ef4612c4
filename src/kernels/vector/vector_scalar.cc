#include "kernels/vector/table.inl"

namespace smelt {

const VectorKernels kVectorScalar = make_table("vector_scalar");

}  // namespace smelt
