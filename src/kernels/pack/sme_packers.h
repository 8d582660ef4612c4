// Packers for SME: for the layouts of the kernels that name them, on machines that have what their
// names say.
#pragma once

#include "kernels/pack/packers.h"

namespace smelt {

/// Panels of vl rows, 32 bits of each row together: kr = 1 of float32, 2 of 16-bit types, 4 of
/// int8.
PackLhs pack_lhs_sme, pack_lhs_sme2;

/// Floats to such panels of int8, or to plain rows.
QuantizeLhs quantize_lhs_sme, quantize_lhs_sme2, quantize_row_sme, quantize_row_sme2;

/// Panels of 4 vl rows of weights, likewise. What they are not quick at, they leave to
/// pack_panels().
PackPanels pack_panels_sme;

}  // namespace smelt
