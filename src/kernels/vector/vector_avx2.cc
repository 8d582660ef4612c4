#include "kernels/vector/table.inl"
#include "kernels/vector/tables.h"

namespace smelt {

const VectorKernels kVectorAvx2 = make_table("vector_avx2");

}  // namespace smelt
