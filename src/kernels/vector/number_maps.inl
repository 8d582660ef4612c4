// Maps of one operand with numbers that the call brings: whole powers, a x + b.
#pragma once

#include "kernels/vector/lanes.inl"

namespace smelt {
namespace {

/// By squaring, of the square root where there is an odd number of halves. Of a negative exponent
/// the reciprocal is taken first: squares of large elements would be infinite before their
/// reciprocal is small.
template <class Io>
void power(const void* in, void* out, size_t n, int halves) {
  const bool root = halves % 2 != 0, inverse = halves < 0;
  const unsigned count = unsigned(inverse ? -halves : halves) / (root ? 1 : 2);
  map1<Io, Io>(in, out, n, [root, inverse, count](V x) SMELT_BODY {
    if (root) {
      // C's pow has no negative zero nor a NaN for minus infinity there; the root has.
      const V infinity = set(__builtin_inff());
      x = hn::IfThenElse(hn::Eq(x, hn::Neg(infinity)), infinity, hn::Add(hn::Sqrt(x), set(0)));
    }
    if (inverse) x = hn::Div(set(1), x);
    V product = (count & 1) != 0 ? x : set(1);
    for (unsigned k = count >> 1; k != 0; k >>= 1) {
      x = hn::Mul(x, x);
      if ((k & 1) != 0) product = hn::Mul(product, x);
    }
    return product;
  });
}

template <class Io>
void affine(const void* in, void* out, size_t n, float scale, float shift) {
  map1<Io, Io>(in, out, n, [a = set(scale), b = set(shift)](V x) SMELT_BODY {
    return hn::Add(hn::Mul(x, a), b);
  });
}

}  // namespace
}  // namespace smelt
