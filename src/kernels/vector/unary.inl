// Maps of one operand.
#pragma once

#include "kernels/vector/math.inl"

namespace smelt {
namespace {

template <UnaryOp kOp>
HWY_INLINE V apply(V x, const UnaryParams& p) {
  if constexpr (kOp == UnaryOp::kAbs) return hn::Abs(x);
  if constexpr (kOp == UnaryOp::kCeiling) return hn::Ceil(x);
  if constexpr (kOp == UnaryOp::kClamp) return clamp(x, set(p.a), set(p.b));
  if constexpr (kOp == UnaryOp::kCos) return hn::Cos(D(), x);
  if constexpr (kOp == UnaryOp::kElu) {
    return hn::IfThenElse(hn::Gt(x, set(0)), x, hn::Mul(set(p.a), expm1_negative(x)));
  }
  if constexpr (kOp == UnaryOp::kErf) return erf(x);
  if constexpr (kOp == UnaryOp::kExp) return exp(x);
  if constexpr (kOp == UnaryOp::kFloor) return hn::Floor(x);
  if constexpr (kOp == UnaryOp::kGelu) return gelu(x);
  if constexpr (kOp == UnaryOp::kGeluTanh) return gelu_tanh(x);
  if constexpr (kOp == UnaryOp::kHardsigmoid || kOp == UnaryOp::kHardswish) {
    const V gate = hn::Div(clamp(hn::Add(x, set(3)), set(0), set(6)), set(6));
    return kOp == UnaryOp::kHardsigmoid ? gate : hn::Mul(x, gate);
  }
  if constexpr (kOp == UnaryOp::kLeakyRelu) return select_negative(x, hn::Mul(x, set(p.a)), x);
  if constexpr (kOp == UnaryOp::kLog) return log(x);
  if constexpr (kOp == UnaryOp::kNegate) return hn::Neg(x);
  if constexpr (kOp == UnaryOp::kReciprocal) return hn::Div(set(1), x);
  if constexpr (kOp == UnaryOp::kReciprocalSquareRoot) return hn::Div(set(1), hn::Sqrt(x));
  if constexpr (kOp == UnaryOp::kRound) return hn::Round(x);
  if constexpr (kOp == UnaryOp::kSigmoid) return sigmoid(x);
  if constexpr (kOp == UnaryOp::kSilu) return hn::Mul(x, sigmoid(x));
  if constexpr (kOp == UnaryOp::kSin) return hn::Sin(D(), x);
  if constexpr (kOp == UnaryOp::kSquare) return hn::Mul(x, x);
  if constexpr (kOp == UnaryOp::kSquareRoot) return hn::Sqrt(x);
  if constexpr (kOp == UnaryOp::kTanh) return tanh(x);
  if constexpr (kOp == UnaryOp::kTruncate) return hn::Trunc(x);
}

/// Sine and cosine beyond the range of the vector form, which reduces its argument by three
/// multiples of pi. libm takes over for the vector: such arguments are rare.
template <UnaryOp kOp>
HWY_INLINE V apply_any(V x, const UnaryParams& p) {
  if constexpr (kOp == UnaryOp::kSin || kOp == UnaryOp::kCos) {
    if (!hn::AllTrue(D(), hn::Le(hn::Abs(x), set(30000)))) {
      float lanes[kLanes];
      F32::store(x, lanes);
      for (float& lane : lanes)
        lane = kOp == UnaryOp::kSin ? __builtin_sinf(lane) : __builtin_cosf(lane);
      return F32::load(lanes);
    }
  }
  return apply<kOp>(x, p);
}

template <class Io, UnaryOp kOp>
void unary(const void* in, void* out, size_t n, const UnaryParams& params) {
  map1<Io, Io>(in, out, n, [p = params](V x) SMELT_BODY { return apply_any<kOp>(x, p); });
}

template <class Io>
void clamp_byte(const void* in, void* out, size_t n, int32_t min, int32_t max) {
  using T = typename Io::T;
  const hn::ScalableTag<T> d;
  const auto* src = static_cast<const T*>(in);
  auto* dst = static_cast<T*>(out);
  const auto lo = hn::Set(d, T(min));
  const auto hi = hn::Set(d, T(max));
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(hn::Min(hn::Max(hn::LoadU(d, src + i), lo), hi), d, dst + i);
  }
  for (; i < n; ++i) dst[i] = src[i] < T(min) ? T(min) : src[i] > T(max) ? T(max) : src[i];
}

inline void map_byte(const uint8_t* in, uint8_t* out, size_t n, const uint8_t table[256]) {
  for (size_t i = 0; i < n; ++i) out[i] = table[in[i]];
}

}  // namespace
}  // namespace smelt
