// Plain loops over elements of any type, which the compiler makes vectors of. Included by the ISA
// files only.
#pragma once

#include "kernels/vector/elements.h"
#include "kernels/vector/lanes.inl"

namespace smelt {
namespace {

struct Boolean {
  uint8_t value;
};

template <class A, class B>
constexpr bool kSame = false;
template <class A>
constexpr bool kSame<A, A> = true;

template <class T>
constexpr bool kReal = kSame<T, float> || kSame<T, double>;

template <class To, class From>
HWY_INLINE To convert_element(From v) {
  if constexpr (kSame<From, Boolean>) {
    return convert_element<To>(int64_t(v.value != 0));
  } else if constexpr (kSame<To, Boolean>) {
    return Boolean{uint8_t(v != From(0))};
  } else if constexpr (kReal<From> && !kReal<To>) {
    // What x86 answers for what does not fit; C++ leaves it undefined.
    const double d = double(v);
    return To(d >= -0x1p63 && d < 0x1p63 ? int64_t(d) : INT64_MIN);
  } else {
    return To(v);
  }
}

template <class From, class To>
void convert_elements(const void* in, void* out, size_t n) {
  const From* __restrict src = static_cast<const From*>(in);
  To* __restrict dst = static_cast<To*>(out);
  for (size_t i = 0; i < n; ++i) dst[i] = convert_element<To>(src[i]);
}

template <class T>
void choose(const uint8_t* __restrict flags, const void* yes, const void* no, void* out, size_t n) {
  const T *a = static_cast<const T*>(yes), *b = static_cast<const T*>(no);
  T* dst = static_cast<T*>(out);
  // Both are read whatever the flag is, so that there is no branch.
  for (size_t i = 0; i < n; ++i) {
    const T x = a[i], y = b[i];
    dst[i] = flags[i] != 0 ? x : y;
  }
}

template <class S>
constexpr void add_stored(ElementKernels& t, Stored type) {
  t.load[size_t(type)][size_t(Wide::kF32)] = convert_elements<S, float>;
  t.load[size_t(type)][size_t(Wide::kF64)] = convert_elements<S, double>;
  t.load[size_t(type)][size_t(Wide::kS64)] = convert_elements<S, int64_t>;
  t.store[size_t(Wide::kF32)][size_t(type)] = convert_elements<float, S>;
  t.store[size_t(Wide::kF64)][size_t(type)] = convert_elements<double, S>;
  t.store[size_t(Wide::kS64)][size_t(type)] = convert_elements<int64_t, S>;
}

constexpr ElementKernels make_element_table() {
  ElementKernels t = {};
  add_stored<float>(t, Stored::kF32);
  add_stored<double>(t, Stored::kF64);
  add_stored<int8_t>(t, Stored::kS8);
  add_stored<uint8_t>(t, Stored::kU8);
  add_stored<int16_t>(t, Stored::kS16);
  add_stored<int32_t>(t, Stored::kS32);
  add_stored<int64_t>(t, Stored::kS64);
  add_stored<Boolean>(t, Stored::kBool);
  t.choose[0] = choose<uint8_t>;
  t.choose[1] = choose<uint16_t>;
  t.choose[2] = choose<uint32_t>;
  t.choose[3] = choose<uint64_t>;
  return t;
}

}  // namespace
}  // namespace smelt
