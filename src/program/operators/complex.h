// Complex tensors: their parts as tensors of reals, and the operators that compute with them.
#pragma once

#include "program/operators/common.h"

namespace smelt::program {

// What the operators of these names run where a tensor is complex.
Status complex_abs(Call&);        ///< (self, out): out is real
Status complex_add(Call&);        ///< (self, other, alpha, out)
Status complex_angle(Call&);      ///< (self, out): out is real
Status complex_bmm(Call&);        ///< (self, mat2, out)
Status complex_conjugate(Call&);  ///< (self, out)
Status complex_div(Call&);        ///< (self, other, out)
Status complex_exp(Call&);        ///< (self, out)
Status complex_mul(Call&);        ///< (self, other, out)
Status complex_neg(Call&);        ///< (self, out)
Status complex_sub(Call&);        ///< (self, other, alpha, out)
Status complex_sum(Call&);        ///< (self, dims?, keepdim, dtype?, out)
Status complex_as_reals(Call&);   ///< (self, out [.., 2])

// What makes them of reals.
Status complex_of_pairs(Call&);  ///< (self [.., 2], out)
Status complex_of_parts(Call&);  ///< (real, imaginary, out)
Status complex_polar(Call&);     ///< (absolute value, angle, out)

}  // namespace smelt::program
