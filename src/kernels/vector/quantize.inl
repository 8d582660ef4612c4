// Conversions between element types.
#pragma once

#include "kernels/vector/math.inl"

namespace smelt {
namespace {

/// Stored integers to real lanes.
struct Dequantizer {
  explicit HWY_INLINE Dequantizer(const AffineQuant& q) : zero(hn::Set(DI(), q.zero)), scale(set(q.scale)) {}
  HWY_INLINE V operator()(VI stored) const { return hn::Mul(hn::ConvertTo(D(), hn::Sub(stored, zero)), scale); }
  VI zero;
  V scale;
};

/// Real lanes to stored integers, within the given limits.
struct Quantizer {
  explicit HWY_INLINE Quantizer(const QuantizeParams& q)
      : scale(set(q.inverse_scale)),
        lowest(set(float(q.min - q.zero))),
        highest(set(float(q.max - q.zero))),
        zero(hn::Set(DI(), q.zero - kMagicBits)) {}
  HWY_INLINE VI operator()(V real) const {
    const V scaled = hn::Mul(real, scale);
    // Clamped as a float: small enough for an addition of 1.5 x 2^23 to round it, half to even, into the lowest bits.
    const V bounded = hn::Min(highest, hn::Max(lowest, hn::IfThenElseZero(hn::Eq(scaled, scaled), scaled)));
    return hn::Add(hn::BitCast(DI(), hn::Add(bounded, set(0x1.8p23f))), zero);
  }
  static constexpr int32_t kMagicBits = 0x4b400000;  ///< of 1.5 x 2^23
  V scale, lowest, highest;
  VI zero;  ///< less kMagicBits
};

template <class From, class To>
void convert(const void* in, void* out, size_t n) {
  map1<From, To>(in, out, n, [](V x) SMELT_BODY { return x; });
}

template <class From, class To>
void quantize(const void* in, void* out, size_t n, const QuantizeParams& params) {
  map1<From, To>(in, out, n, Quantizer(params));
}

template <class From, class To>
void dequantize(const void* in, void* out, size_t n, const AffineQuant& quant) {
  map1<From, To>(in, out, n, Dequantizer(quant));
}

template <class From>
void quantize_row(const void* in, int8_t* out, size_t n, RowQuant* found) {
  const auto* src = static_cast<const typename From::T*>(in);
  // Both start at 0: the range holds it. So the zeros of the last vector's unused lanes do no harm.
  V min = set(0), max = set(0);
  for_each_vector(n, [&](auto at) SMELT_BODY {
    const V x = at.load(From(), src);
    min = hn::Min(x, min);
    max = hn::Max(x, max);
  });
  const float lo = hn::GetLane(hn::MinOfLanes(D(), min));
  const float hi = hn::GetLane(hn::MaxOfLanes(D(), max));

  const float inverse = lo == hi ? 1.0f : 255.0f / (hi - lo);
  const float scaled_lo = lo * inverse, scaled_hi = hi * inverse;
  float zero = -128.0f + scaled_lo + (127.0f + scaled_hi) > 0 ? -128.0f - scaled_lo : 127.0f - scaled_hi;
  zero = zero < -128.0f ? -128.0f : zero > 127.0f ? 127.0f : zero;
  if (zero != zero) zero = 0;  // infinite inputs
  const QuantizeParams params = {inverse, int32_t(__builtin_rintf(zero)), -128, 127};
  quantize<From, S8>(in, out, n, params);
  *found = {params.zero, 1.0f / inverse};
}

}  // namespace
}  // namespace smelt
