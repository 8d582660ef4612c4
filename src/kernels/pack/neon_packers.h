// Left sides for kernels of Advanced SIMD.
#pragma once

#include "kernels/pack/packers.h"

namespace smelt {

/// Panels of two rows, 8 bytes of each together, taps joined: kr = 8 of int8, 4 of 16-bit types.
PackLhs pack_pairs_neon;

/// Floats to such panels of int8, or to plain rows.
QuantizeLhs quantize_pairs_neon, quantize_rows_neon;

}  // namespace smelt
