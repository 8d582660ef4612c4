// Conversions between element types.
#pragma once

#include "kernels/vector/math.inl"

namespace smelt {
namespace {

/// Stored integers to real lanes.
struct Dequantizer {
  explicit HWY_INLINE Dequantizer(const AffineQuant& q)
      : zero(hn::Set(DI(), q.zero)), scale(set(q.scale)) {}
  HWY_INLINE V operator()(VI stored) const {
    return hn::Mul(hn::ConvertTo(D(), hn::Sub(stored, zero)), scale);
  }
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
    // Clamped as a float: small enough for an addition of 1.5 x 2^23 to round it, half to even,
    // into the lowest bits.
    const V bounded =
        hn::IfThenElseZero(hn::Eq(scaled, scaled), hn::Min(highest, hn::Max(lowest, scaled)));
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

/// The smallest and the largest element of a row, and 0; NaN for one of them if the row has one.
///
/// Found among the bits of floats: as signed integers those of at least 0 are in order, as unsigned
/// ones those of at most -0 are, by magnitude, and either order has all of the others below them.
/// NaN is beyond the infinity of its sign in both. The float instructions of some processors lose
/// NaN, and a test for it would double the work of the loop.
template <class From>
HWY_INLINE void measure_row(const typename From::T* src, size_t n, float& low, float& high) {
  // The range holds 0, so the zeros of the last vector's unused lanes do no harm.
  const VU zero_below = hn::Set(DU(), 0x80000000);
  VU below[2] = {zero_below, zero_below};
  VI above[2] = {hn::Zero(DI()), hn::Zero(DI())};
  const auto include = [&](V x, size_t v) SMELT_BODY {
    below[v] = hn::Max(below[v], hn::BitCast(DU(), x));
    above[v] = hn::Max(above[v], hn::BitCast(DI(), x));
  };
  const size_t whole = n / (2 * kLanes) * (2 * kLanes);
  for (size_t i = 0; i < whole; i += 2 * kLanes)
    for (size_t v = 0; v < 2; ++v) include(From::load(src + i + v * kLanes), v);
  for_each_vector(n - whole, [&](auto at) SMELT_BODY { include(at.load(From(), src + whole), 0); });
  const VU least = hn::MaxOfLanes(DU(), hn::Max(below[0], below[1]));
  const VI most = hn::MaxOfLanes(DI(), hn::Max(above[0], above[1]));
  low = hn::GetLane(hn::BitCast(D(), least));
  high = hn::GetLane(hn::BitCast(D(), most));
}

/// How to quantise rows, a lane each, from their smallest and largest elements.
template <class Tag>
HWY_INLINE void find_scales(Tag d, const float* low, const float* high, float* inverse,
                            float* scale, int32_t* zero) {
  const hn::RebindToSigned<Tag> di;
  const auto c = [d](float x) SMELT_BODY { return hn::Set(d, x); };
  const auto lo = hn::LoadU(d, low), hi = hn::LoadU(d, high);
  const auto steps = hn::IfThenElse(hn::Eq(lo, hi), c(1), hn::Div(c(255), hn::Sub(hi, lo)));
  const auto scaled_lo = hn::Mul(lo, steps), scaled_hi = hn::Mul(hi, steps);
  const auto errors = hn::Add(hn::Add(c(-128), scaled_lo), hn::Add(c(127), scaled_hi));
  const auto exact =
      hn::IfThenElse(hn::Gt(errors, c(0)), hn::Sub(c(-128), scaled_lo), hn::Sub(c(127), scaled_hi));
  // NaN, from inputs that are not finite, becomes 0. Rounding is that of Quantizer.
  const auto real = hn::IfThenElseZero(hn::Eq(exact, exact), exact);
  const auto bounded = hn::Min(c(127), hn::Max(c(-128), real));
  const auto rounded = hn::BitCast(di, hn::Add(bounded, c(0x1.8p23f)));
  hn::StoreU(steps, d, inverse);
  // A range that no step divides: the row has an infinity, or the range overflows.
  const auto no_step = hn::Eq(steps, c(0));
  hn::StoreU(hn::IfThenElse(no_step, c(__builtin_nanf("")), hn::Div(c(1), steps)), d, scale);
  hn::StoreU(hn::Sub(rounded, hn::Set(di, Quantizer::kMagicBits)), di, zero);
}

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
/// Four vectors as bytes, saturated. Packing works in parts of 128 bits: each gets its quarter of
/// every vector, and the last instruction puts them in order.
HWY_INLINE void store_saturated(const VI (&v)[4], int8_t* out) {
#if HWY_TARGET <= HWY_AVX3
  const __m512i bytes = _mm512_packs_epi16(_mm512_packs_epi32(v[0].raw, v[1].raw),
                                           _mm512_packs_epi32(v[2].raw, v[3].raw));
  const VI packed{bytes};
  static constexpr int32_t kOrder[] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
#else
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(v[0].raw, v[1].raw),
                                           _mm256_packs_epi32(v[2].raw, v[3].raw));
  const VI packed{bytes};
  static constexpr int32_t kOrder[] = {0, 4, 1, 5, 2, 6, 3, 7};
#endif
  const hn::Repartition<int8_t, D> d8;
  hn::StoreU(hn::BitCast(d8, hn::TableLookupLanes(packed, hn::SetTableIndices(DI(), kOrder))), d8,
             out);
}
#endif

/// A row by the scale that was found for it: what is no NaN is at most some 255
/// steps from `zero`, or infinite, and saturation clamps it for less than Quantizer does.
template <class From>
HWY_INLINE void quantize_measured(const typename From::T* src, int8_t* out, size_t n,
                                  float inverse_scale, int32_t zero_point) {
  size_t done = 0;
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  const V inverse = set(inverse_scale), magic = set(0x1.8p23f);
  const VI zero = hn::Set(DI(), zero_point - Quantizer::kMagicBits);
  for (; done + 4 * kLanes <= n; done += 4 * kLanes) {
    VI steps[4];
    for (size_t v = 0; v < 4; ++v) {
      const V scaled = hn::Mul(From::load(src + done + v * kLanes), inverse);
      const V rounded = hn::IfThenElse(hn::Eq(scaled, scaled), hn::Add(scaled, magic), magic);
      steps[v] = hn::Add(hn::BitCast(DI(), rounded), zero);
    }
    store_saturated(steps, out + done);
  }
#endif
  if (done < n)
    quantize<From, S8>(src + done, out + done, n - done, {inverse_scale, zero_point, -128, 127});
}

/// Rows that are measured before the first of them is quantised: then no row waits for the
/// divisions of the last, and a vector of scales is found at a time.
inline constexpr size_t kRowsTogether = 16;

/// One row, in registers all the way.
template <class From>
HWY_NOINLINE void quantize_row(const typename From::T* src, int8_t* out, size_t n,
                               RowQuant* found) {
  float low, high, inverse, scale;
  int32_t zero;
  measure_row<From>(src, n, low, high);
  find_scales(hn::CappedTag<float, 1>(), &low, &high, &inverse, &scale, &zero);
  quantize_measured<From>(src, out, n, inverse, zero);
  *found = {zero, scale};
}

template <class From>
void quantize_rows(const void* in, int8_t* out, size_t rows, size_t n, RowQuant* found) {
  static_assert(kRowsTogether % kLanes == 0);
  const auto* src = static_cast<const typename From::T*>(in);
  if (rows == 1) return quantize_row<From>(src, out, n, found);
  for (size_t first = 0; first < rows; first += kRowsTogether) {
    const size_t count = rows - first < kRowsTogether ? rows - first : kRowsTogether;
    float low[kRowsTogether] = {}, high[kRowsTogether] = {}, inverse[kRowsTogether],
          scale[kRowsTogether];
    int32_t zero[kRowsTogether];
    for (size_t r = 0; r < count; ++r) measure_row<From>(src + (first + r) * n, n, low[r], high[r]);
    for (size_t r = 0; r < kRowsTogether; r += kLanes)
      find_scales(D(), low + r, high + r, inverse + r, scale + r, zero + r);
    for (size_t r = 0; r < count; ++r) {
      const size_t row = first + r;
      quantize_measured<From>(src + row * n, out + row * n, n, inverse[r], zero[r]);
      found[row] = {zero[r], scale[r]};
    }
  }
}

}  // namespace
}  // namespace smelt
