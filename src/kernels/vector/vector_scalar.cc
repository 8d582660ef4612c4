#include "kernels/vector/table.inl"
#include "kernels/vector/tables.h"

namespace smelt {

const VectorKernels kVectorScalar = make_table("vector_scalar");

}  // namespace smelt
