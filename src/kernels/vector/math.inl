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

/// exp(x + low), where |low| is below the last place of x.
HWY_INLINE V exp_sum(V x, V low) {
  // Beyond these the result is infinite or 0 anyway.
  const V c = clamp(x, set(-104), set(89));
  const V q = hn::Round(hn::Mul(c, set(1.44269504f)));
  // x - q ln 2 in two steps: q times the upper part is exact.
  V r = hn::NegMulAdd(q, set(0x1.62e4p-1f), c);
  r = hn::NegMulAdd(q, set(1.42860682e-6f), r);
  r = hn::Add(r, low);
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

HWY_INLINE V exp(V x) { return exp_sum(x, set(0)); }

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

/// erf(x) / x as a polynomial in u = x^2, for u <= 1.
HWY_INLINE V erf_over_x(V u) {
  return polynomial(u, 1.12837916585f, -0.376126266667f, 0.112835947152f, -0.0268542120106f,
                    0.00518908742343f, -0.000801686428717f, 7.87587506269e-5f);
}

/// The upper tail of the normal distribution, erfc(y / sqrt 2) / 2, for y >= 1: exp(-y^2 / 2) times
/// a polynomial in (y - 4) / (y + 4) fitted on [1, 14.5], where it underflows.
HWY_INLINE V normal_tail(V y) {
  y = at_most(set(14.5f), y);
  const V t = hn::Div(hn::Sub(y, set(4)), hn::Add(y, set(4)));
  const V g = polynomial(t, 0.0944106415143f, -0.170397722546f, 0.124379223912f, -0.0717073642322f,
                         0.0308655538189f, -0.00849256703477f, 0.000501243523943f,
                         0.000640447202793f, -0.000165073003499f, -4.58998080068e-5f);
  // The rounding error of y^2 would be multiplied by it: the exact product is square + low.
  // Splitting y makes it exact without FMA too.
  const V upper = hn::BitCast(D(), hn::And(hn::BitCast(DU(), y), hn::Set(DU(), 0xfffff000u)));
  const V lower = hn::Sub(y, upper);
  const V square = hn::Mul(upper, upper);
  const V low = hn::Mul(hn::Add(y, upper), lower);
  return hn::Mul(exp_sum(hn::Mul(square, set(-0.5f)), hn::Mul(low, set(-0.5f))), g);
}

HWY_INLINE V erf(V x) {
  const V a = hn::Abs(x);
  const V inner = hn::Mul(x, erf_over_x(at_most(set(1), hn::Mul(x, x))));
  // 1 - erfc(a), erfc(a) = 2 tail(a sqrt 2)
  const V outer = hn::NegMulAdd(set(2), normal_tail(hn::Mul(a, set(1.41421356f))), set(1));
  const V r = hn::IfThenElse(hn::Gt(a, set(1)), hn::CopySign(outer, x), inner);
  return keep_nan(x, r);
}

/// x times the probability that a normal variable is below x.
HWY_INLINE V gelu(V x) {
  const V a = hn::Abs(x);
  const V u = at_most(set(1), hn::Mul(hn::Mul(x, x), set(0.5f)));
  const V inner = hn::MulAdd(hn::Mul(x, set(0.353553391f)), erf_over_x(u), set(0.5f));
  const V tail = normal_tail(at_least(set(1), a));
  const V outer = select_negative(x, tail, hn::Sub(set(1), tail));
  const V p = hn::IfThenElse(hn::Gt(a, set(1)), outer, inner);
  // Minus infinity times 0 would be NaN.
  return hn::Mul(at_least(set(-100), x), p);
}

HWY_INLINE V gelu_tanh(V x) {
  const V cube = hn::Mul(hn::Mul(x, x), x);
  const V inner = hn::Mul(hn::MulAdd(cube, set(0.044715f), x), set(0.797884561f));
  // (1 + tanh(z)) / 2 is sigmoid(2 z).
  return hn::Mul(at_least(set(-100), x), sigmoid(hn::Add(inner, inner)));
}

}  // namespace
}  // namespace smelt
