// Elementary functions on f32 lanes, for all inputs: infinities, NaN and signed zeros give what
// libm gives. Errors are a few units in the last place; test/kernels/vector_test.cc holds them to
// 1e-6 relative.
#pragma once

#include <hwy/contrib/math/math-inl.h>

#include "kernels/vector/lanes.inl"

namespace smelt {
namespace {

HWY_INLINE V polynomial(V, float c) { return set(c); }
/// c + x * (next + x * (...))
template <class... C>
HWY_INLINE V polynomial(V x, float c, C... higher) {
  return hn::MulAdd(polynomial(x, higher...), x, set(c));
}

HWY_INLINE V select_negative(V x, V if_negative, V otherwise) {
  return hn::IfThenElse(hn::Lt(x, set(0)), if_negative, otherwise);
}

// Highway's functions convert to integers on the way, which is not defined for NaN and what does
// not fit.
HWY_INLINE V without_nan(V x) { return hn::IfThenElseZero(hn::Eq(x, x), x); }
HWY_INLINE V keep_nan(V x, V result) { return hn::IfThenElse(hn::Eq(x, x), result, x); }

HWY_INLINE V exp(V x) {
  // Beyond these the result is infinite or 0 anyway.
  const V c = clamp(x, set(-104), set(89));
  const V q = hn::Round(hn::Mul(c, set(1.44269504f)));
  // x - q ln 2 in two steps: q times the upper part is exact.
  V r = hn::NegMulAdd(q, set(0x1.62e4p-1f), c);
  r = hn::NegMulAdd(q, set(1.42860682e-6f), r);
  const V tail =
      polynomial(r, 0.5f, 0.166665733819f, 0.0416665501103f, 0.0083637738745f, 0.00139269266191f);
  const V p = hn::Add(hn::MulAdd(hn::Mul(r, r), tail, r), set(1));
  // 2^q in two factors, because q may be beyond the exponents of one.
  const VI e = hn::ConvertTo(DI(), without_nan(q));
  const VI half = hn::ShiftRight<1>(e);
  const auto power = [](VI k) SMELT_BODY {
    return hn::BitCast(D(), hn::ShiftLeft<23>(hn::Add(k, hn::Set(DI(), 127))));
  };
  return hn::Mul(hn::Mul(p, power(half)), power(hn::Sub(e, half)));
}

/// exp(x) - 1 for x <= 0.
HWY_INLINE V expm1_negative(V x) {
  return keep_nan(x, hn::Expm1(D(), clamp(without_nan(x), set(-104), set(0))));
}

HWY_INLINE V log(V x) {
  const V infinity = set(__builtin_inff());
  V r = hn::Log(D(), x);
  r = hn::IfThenElse(hn::Eq(x, infinity), infinity, r);
  r = hn::IfThenElse(hn::Eq(x, set(0)), set(-__builtin_inff()), r);
  // Negative or NaN.
  return hn::IfThenElse(hn::Ge(x, set(0)), r, set(__builtin_nanf("")));
}

HWY_INLINE V sigmoid(V x) {
  // exp of a negative number only: nothing overflows, and small results keep their precision.
  const V e = exp(hn::Neg(hn::Abs(x)));
  const V denominator = hn::Add(e, set(1));
  return hn::Div(select_negative(x, e, set(1)), denominator);
}

/// 1 - tanh(10) is far below the last place of 1.
HWY_INLINE V tanh(V x) {
  return keep_nan(x, hn::Tanh(D(), clamp(without_nan(x), set(-10), set(10))));
}

/// The probability that a normal variable is between 0 and x, negative for negative x: x P(x^2) /
/// Q(x^2) for |x| < 5.7 (fitted there; the largest relative error is 3e-8), and 1/2 in float32
/// beyond.
HWY_INLINE V normal_from_0(V x) {
  const V u = hn::Mul(x, x);
  const V p = polynomial(u, 0.39894226f, 0.034439232f, 0.0047066254f, 0.00017376867f, 6.2893673e-6f,
                         2.1695838e-8f);
  const V q =
      polynomial(u, 1.0f, 0.2529926f, 0.028964292f, 0.0019132276f, 7.4712341e-5f, 1.161977366e-6f);
  const V inner = hn::Mul(x, hn::Div(p, q));
  return hn::IfThenElse(hn::Lt(hn::Abs(x), set(5.7f)), inner, hn::CopySign(set(0.5f), x));
}

HWY_INLINE V erf(V x) {
  const V half = normal_from_0(hn::Mul(x, set(1.41421356f)));
  return keep_nan(x, hn::Add(half, half));
}

/// x times the probability that a normal variable is below x. As in PyTorch's formula, errors are
/// relative to x, not to the tail of negative x.
HWY_INLINE V gelu(V x) {
  // Minus infinity times 0 would be NaN.
  return hn::Mul(at_least(set(-100), x), hn::Add(normal_from_0(x), set(0.5f)));
}

HWY_INLINE V gelu_tanh(V x) {
  const V cube = hn::Mul(hn::Mul(x, x), x);
  const V inner = hn::Mul(hn::MulAdd(cube, set(0.044715f), x), set(0.797884561f));
  // (1 + tanh(z)) / 2 is sigmoid(2 z).
  return hn::Mul(at_least(set(-100), x), sigmoid(hn::Add(inner, inner)));
}

}  // namespace
}  // namespace smelt
