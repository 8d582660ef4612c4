// Element types as f32 lanes: how to load, store and handle the last, partial vector. Included by
// the ISA files only.
#pragma once

#include <hwy/highway.h>

#include "kernels/vector/vector_kernels.h"

namespace smelt {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using DI = hn::Rebind<int32_t, D>;
using DU = hn::Rebind<uint32_t, D>;
using DU16 = hn::Rebind<uint16_t, D>;
using V = hn::Vec<D>;
using VI = hn::Vec<DI>;
using VU = hn::Vec<DU>;

constexpr size_t kLanes = hn::MaxLanes(D());

HWY_INLINE V set(float x) { return hn::Set(D(), x); }

/// The larger (smaller) of a bound and a value; NaN stays NaN.
HWY_INLINE V at_least(V bound, V x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  return hn::Max(bound, x);  // keeps the second operand if there is a NaN
#else
  return hn::IfThenElse(hn::Lt(x, bound), bound, x);
#endif
}
HWY_INLINE V at_most(V bound, V x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  return hn::Min(bound, x);
#else
  return hn::IfThenElse(hn::Gt(x, bound), bound, x);
#endif
}
HWY_INLINE V clamp(V x, V low, V high) { return at_most(high, at_least(low, x)); }

HWY_INLINE VU load_u16(const uint16_t* p) { return hn::PromoteTo(DU(), hn::LoadU(DU16(), p)); }
/// Each lane is at most 0xffff.
HWY_INLINE void store_u16(VU v, uint16_t* p) {
  hn::StoreU(hn::DemoteTo(DU16(), hn::BitCast(DI(), v)), DU16(), p);
}

struct F32 {
  using T = float;
  static HWY_INLINE V load(const T* p) { return hn::LoadU(D(), p); }
  static HWY_INLINE void store(V v, T* p) { hn::StoreU(v, D(), p); }
};

struct F16 {
  using T = uint16_t;
#if defined(__F16C__) || defined(__aarch64__)
  using DH = hn::Rebind<hwy::float16_t, D>;
  static HWY_INLINE V load(const T* p) {
    V v = hn::PromoteTo(D(), hn::BitCast(DH(), hn::LoadU(DU16(), p)));
    // Or the compiler, seeing what the floats were, compares them as halves: lane by lane, where
    // there are no such vectors.
#if defined(__aarch64__)
    asm("" : "+w"(v.raw));
#else
    asm("" : "+v"(v.raw));
#endif
    return v;
  }
  static HWY_INLINE void store(V v, T* p) {
    hn::StoreU(hn::BitCast(DU16(), hn::DemoteTo(DH(), v)), DU16(), p);
  }
#else
  // As base/float16.h, a vector at a time: Highway's own emulation does not round to nearest even.
  static HWY_INLINE V load(const T* p) {
    const VI h = hn::BitCast(DI(), load_u16(p));
    const VI magnitude = hn::And(h, hn::Set(DI(), 0x7fff));
    const VI sign = hn::ShiftLeft<16>(hn::Xor(h, magnitude));
    const VI shifted = hn::ShiftLeft<13>(magnitude);
    const VI normal = hn::Add(shifted, hn::Set(DI(), 0x38000000));
    const VI special = hn::Or(shifted, hn::Set(DI(), 0x7f800000));
    const VI small = hn::BitCast(DI(), hn::Mul(hn::ConvertTo(D(), magnitude), set(0x1p-24f)));
    VI r = hn::IfThenElse(hn::Lt(magnitude, hn::Set(DI(), 0x400)), small, normal);
    r = hn::IfThenElse(hn::Gt(magnitude, hn::Set(DI(), 0x7bff)), special, r);
    return hn::BitCast(D(), hn::Or(r, sign));
  }
  static HWY_INLINE void store(V v, T* p) {
    const VU u = hn::BitCast(DU(), v);
    const VU a = hn::And(u, hn::Set(DU(), 0x7fffffff));
    const VU sign = hn::ShiftRight<16>(hn::Xor(u, a));
    const VU odd = hn::And(hn::ShiftRight<13>(a), hn::Set(DU(), 1));
    const VU normal = hn::ShiftRight<13>(hn::Add(hn::Add(a, hn::Set(DU(), 0xc8000fffu)), odd));
    const VU small = hn::Sub(hn::BitCast(DU(), hn::Add(hn::BitCast(D(), a), set(0.5f))),
                             hn::Set(DU(), 0x3f000000));
    const VU nan =
        hn::Or(hn::And(hn::ShiftRight<13>(a), hn::Set(DU(), 0x3ff)), hn::Set(DU(), 0x7e00));
    const VI ai = hn::BitCast(DI(), a);
    const auto is = [](auto mask) { return hn::RebindMask(DU(), mask); };
    VU r = hn::IfThenElse(is(hn::Lt(ai, hn::Set(DI(), 0x38800000))), small, normal);
    r = hn::IfThenElse(is(hn::Gt(ai, hn::Set(DI(), 0x477fefff))), hn::Set(DU(), 0x7c00), r);
    r = hn::IfThenElse(is(hn::Gt(ai, hn::Set(DI(), 0x7f800000))), nan, r);
    r = hn::Or(r, sign);
    store_u16(r, p);
  }
#endif
};

struct BF16 {
  using T = uint16_t;
  static HWY_INLINE V load(const T* p) { return hn::BitCast(D(), hn::ShiftLeft<16>(load_u16(p))); }
  static HWY_INLINE void store(V v, T* p) {
    const VU u = hn::BitCast(DU(), v);
    const VU upper = hn::ShiftRight<16>(u);
    const VU odd = hn::And(upper, hn::Set(DU(), 1));
    const VU rounded = hn::ShiftRight<16>(hn::Add(hn::Add(u, hn::Set(DU(), 0x7fff)), odd));
    const VU nan = hn::Or(upper, hn::Set(DU(), 0x40));
    store_u16(hn::IfThenElse(hn::RebindMask(DU(), hn::IsNaN(v)), nan, rounded), p);
  }
};

/// Each lane is in the range of T: its lowest byte is all there is.
template <class T>
HWY_INLINE void store_byte(VI v, T* p) {
  const hn::Rebind<uint8_t, D> d;
  hn::StoreU(hn::BitCast(hn::Rebind<T, D>(), hn::TruncateTo(d, hn::BitCast(DU(), v))),
             hn::Rebind<T, D>(), p);
}

struct S8 {
  using T = int8_t;
  static constexpr int32_t kLowest = -128;
  static HWY_INLINE VI load(const T* p) {
    return hn::PromoteTo(DI(), hn::LoadU(hn::Rebind<T, D>(), p));
  }
  static HWY_INLINE void store(VI v, T* p) { store_byte(v, p); }
};

struct U8 {
  using T = uint8_t;
  static constexpr int32_t kLowest = 0;
  static HWY_INLINE VI load(const T* p) {
    return hn::PromoteTo(DI(), hn::LoadU(hn::Rebind<T, D>(), p));
  }
  static HWY_INLINE void store(VI v, T* p) { store_byte(v, p); }
};

struct S32 {
  using T = int32_t;
  static HWY_INLINE VI load(const T* p) { return hn::LoadU(DI(), p); }
  static HWY_INLINE void store(VI v, T* p) { hn::StoreU(v, DI(), p); }
};

template <class Io>
using Lanes = decltype(Io::load(nullptr));

/// The first n < kLanes elements, and 0 in the other lanes.
template <class Io>
HWY_INLINE Lanes<Io> load_some(const typename Io::T* p, size_t n) {
  typename Io::T buffer[kLanes] = {};
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  // Masked accesses do not touch what the mask leaves out. Copying costs a call, and a load that
  // waits for narrower stores: ten times as long. AVX2 has masks for wide elements only, and its
  // emulators read what they leave out.
  const hn::CappedTag<typename Io::T, kLanes> d;
  hn::StoreU(hn::MaskedLoad(hn::FirstN(d, n), d, p), d, buffer);
#else
  __builtin_memcpy(buffer, p, n * sizeof *p);
#endif
  return Io::load(buffer);
}

template <class Io>
HWY_INLINE void store_some(Lanes<Io> v, typename Io::T* p, size_t n) {
  typename Io::T buffer[kLanes];
  Io::store(v, buffer);
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  const hn::CappedTag<typename Io::T, kLanes> d;
  hn::BlendedStore(hn::LoadU(d, buffer), hn::FirstN(d, n), d, p);
#else
  __builtin_memcpy(p, buffer, n * sizeof *p);
#endif
}

/// One element in all lanes.
template <class Io>
HWY_INLINE Lanes<Io> load_one(const typename Io::T* p) {
  typename Io::T buffer[kLanes];
  for (size_t i = 0; i < kLanes; ++i) buffer[i] = *p;
  return Io::load(buffer);
}

/// A whole vector of a run, at offset i of each of its arrays.
struct Whole {
  size_t i;
  template <class Io>
  HWY_INLINE Lanes<Io> load(Io, const typename Io::T* p) const {
    return Io::load(p + i);
  }
  template <class Io>
  HWY_INLINE void store(Io, Lanes<Io> v, typename Io::T* p) const {
    Io::store(v, p + i);
  }
  /// 0 in the lanes beyond the end of the run.
  HWY_INLINE V keep(V v) const { return v; }
};

/// The last n < kLanes elements of a run. Lanes beyond them read as 0.
struct Rest {
  size_t i, n;
  template <class Io>
  HWY_INLINE Lanes<Io> load(Io, const typename Io::T* p) const {
    return load_some<Io>(p + i, n);
  }
  template <class Io>
  HWY_INLINE void store(Io, Lanes<Io> v, typename Io::T* p) const {
    store_some<Io>(v, p + i, n);
  }
  HWY_INLINE V keep(V v) const { return hn::IfThenElseZero(hn::FirstN(D(), n), v); }
};

// For lambdas that are a loop's body: it is written once, and used for whole vectors and for the
// rest.
#define SMELT_BODY __attribute__((always_inline))

template <class F>
HWY_INLINE void for_each_vector(size_t n, F body) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(Whole{i});
  if (i < n) body(Rest{i, n - i});
}

/// out = f(in), element by element. The rest of the run goes through the same loop, by way of a
/// buffer: one copy of f's code is enough, and in-place use is safe. The loop works on a copy of f,
/// which stores of bytes cannot change: its constants stay in registers.
template <class From, class To, class F>
HWY_INLINE void map1(const void* in, void* out, size_t n, F f) {
  using In = typename From::T;
  using Out = typename To::T;
  const auto run = [&f](const In* src, Out* dst, size_t count) __attribute__((noinline)) {
    const F local = f;
    for (size_t i = 0; i < count; i += kLanes) To::store(local(From::load(src + i)), dst + i);
  };
  const auto* src = static_cast<const In*>(in);
  auto* dst = static_cast<Out*>(out);
  const size_t rest = n % kLanes, whole = n - rest;
  run(src, dst, whole);
  if (rest != 0) {
    In from[kLanes] = {};
    Out to[kLanes];
    __builtin_memcpy(from, src + whole, rest * sizeof(In));
    run(from, to, kLanes);
    __builtin_memcpy(dst + whole, to, rest * sizeof(Out));
  }
}

}  // namespace
}  // namespace smelt
