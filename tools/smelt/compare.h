// Is an output what was expected?
#pragma once

#include <cstddef>
#include <string>

#include "array.h"

namespace smelt::cli {

/// |ours - expected| <= atol + rtol x |expected|, element by element; NaN equals NaN, an infinity
/// equals itself.
struct Tolerance {
  double atol = 0, rtol = 0;
};

struct Comparison {
  size_t elements = 0;  ///< a complex one counts as two
  size_t wrong = 0;
  double max_error = 0;  ///< over elements that are finite on both sides
  /// The element that is furthest from its tolerance.
  size_t worst = 0;
  double ours = 0, expected = 0, error = 0, allowed = 0;
};

/// Both have the same type and shape.
Comparison compare(const Array& ours, const Array& expected, Tolerance);

/// "at [0, 3]: ours 1.5, expected 1.25, error 0.25 > 0.001 allowed (17 of 256 elements are wrong)"
std::string describe(const Comparison&, const Shape&);

}  // namespace smelt::cli
