// Maps of two operands, one of which may be a single element.
#pragma once

#include "kernels/vector/quantize.inl"

namespace smelt {
namespace {

/// The larger (or smaller) operand; NaN if either is.
HWY_INLINE V max_nan(V a, V b) { return hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b); }
HWY_INLINE V min_nan(V a, V b) { return hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(a)), a, b); }

template <BinaryOp kOp>
HWY_INLINE V apply(V a, V b) {
  if constexpr (kOp == BinaryOp::kAdd) return hn::Add(a, b);
  if constexpr (kOp == BinaryOp::kSubtract) return hn::Sub(a, b);
  if constexpr (kOp == BinaryOp::kMultiply) return hn::Mul(a, b);
  if constexpr (kOp == BinaryOp::kDivide) return hn::Div(a, b);
  if constexpr (kOp == BinaryOp::kMinimum) return min_nan(a, b);
  if constexpr (kOp == BinaryOp::kMaximum) return max_nan(a, b);
  if constexpr (kOp == BinaryOp::kPRelu) return select_negative(a, hn::Mul(a, b), a);
}

template <BinaryOp kOp>
HWY_INLINE VI apply(VI a, VI b) {
  if constexpr (kOp == BinaryOp::kAdd) return hn::Add(a, b);
  if constexpr (kOp == BinaryOp::kSubtract) return hn::Sub(a, b);
  if constexpr (kOp == BinaryOp::kMultiply) return hn::Mul(a, b);
  if constexpr (kOp == BinaryOp::kMinimum) return hn::Min(a, b);
  if constexpr (kOp == BinaryOp::kMaximum) return hn::Max(a, b);
}

/// out = f(lhs, rhs), element by element, whichever of them is a single element. There is one loop:
/// a single element is read again and again from a vector full of it, and the rest of the run goes
/// by way of buffers.
template <class Io, class F>
HWY_INLINE void map2(const void* lhs, const void* rhs, void* out, size_t n, Broadcast broadcast,
                     F f) {
  using T = typename Io::T;
  const size_t step_a = broadcast != Broadcast::kLhs, step_b = broadcast != Broadcast::kRhs;
  const auto run = [&f, step_a, step_b](const T* a, const T* b, T* dst,
                                        size_t count) __attribute__((noinline)) {
    const F local = f;
    const size_t stride_a = step_a, stride_b = step_b;
    for (size_t i = 0; i < count; i += kLanes)
      Io::store(local(Io::load(a + i * stride_a), Io::load(b + i * stride_b)), dst + i);
  };
  if (n == 0) return;
  const size_t rest = n % kLanes, whole = n - rest;
  T a_buffer[kLanes] = {}, b_buffer[kLanes] = {}, out_buffer[kLanes];
  const auto repeat = [](const T* one, T* buffer) SMELT_BODY {
    for (size_t i = 0; i < kLanes; ++i) buffer[i] = *one;
    return buffer;
  };
  const auto* a = static_cast<const T*>(lhs);
  const auto* b = static_cast<const T*>(rhs);
  auto* dst = static_cast<T*>(out);
  if (step_a == 0) a = repeat(a, a_buffer);
  if (step_b == 0) b = repeat(b, b_buffer);
  run(a, b, dst, whole);
  if (rest != 0) {
    if (step_a != 0) __builtin_memcpy(a_buffer, a + whole, rest * sizeof(T));
    if (step_b != 0) __builtin_memcpy(b_buffer, b + whole, rest * sizeof(T));
    run(a_buffer, b_buffer, out_buffer, kLanes);
    __builtin_memcpy(dst + whole, out_buffer, rest * sizeof(T));
  }
}

template <class Io, BinaryOp kOp>
void binary(const void* lhs, const void* rhs, void* out, size_t n, Broadcast broadcast,
            const FloatRange& range) {
  const V lo = set(range.min);
  const V hi = set(range.max);
  map2<Io>(lhs, rhs, out, n, broadcast,
           [=](V a, V b) SMELT_BODY { return clamp(apply<kOp>(a, b), lo, hi); });
}

template <BinaryOp kOp>
void binary_s32(const int32_t* lhs, const int32_t* rhs, int32_t* out, size_t n,
                Broadcast broadcast) {
  map2<S32>(lhs, rhs, out, n, broadcast, [](VI a, VI b) SMELT_BODY { return apply<kOp>(a, b); });
}

template <class Io, BinaryOp kOp>
void binary_quantized(const void* lhs, const void* rhs, void* out, size_t n, Broadcast broadcast,
                      const QuantBinaryParams& params) {
  const Dequantizer da(params.lhs), db(params.rhs);
  const Quantizer q(params.out);
  map2<Io>(lhs, rhs, out, n, broadcast,
           [=](VI a, VI b) SMELT_BODY { return q(apply<kOp>(da(a), db(b))); });
}

}  // namespace
}  // namespace smelt
