#include "kernels/vector/table.inl"
#include "kernels/vector/tables.h"

namespace smelt {

const VectorKernels kVectorAvx512 = make_table("vector_avx512");

}  // namespace smelt
