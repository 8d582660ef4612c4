#include "program/block.h"

#include <optional>
#include <type_traits>

#include "base/float16.h"
#include "kernels/vector/vector_kernels.h"

namespace smelt::program {
namespace {

struct Boolean {
  uint8_t value;
};

template <class T>
constexpr bool kIsFloat16 = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

int64_t truncate(double v) {
  // What x86 answers for what does not fit; C++ leaves it undefined.
  return v >= -0x1p63 && v < 0x1p63 ? int64_t(v) : INT64_MIN;
}

template <class To, class From>
To convert(From v) {
  if constexpr (std::is_same_v<To, From>) {
    return v;
  } else if constexpr (std::is_same_v<From, Boolean>) {
    return convert<To>(int64_t(v.value != 0));
  } else if constexpr (kIsFloat16<From>) {
    return convert<To>(float(v));
  } else if constexpr (std::is_same_v<To, Boolean>) {
    return Boolean{uint8_t(v != 0)};
  } else if constexpr (kIsFloat16<To>) {
    return To(float(v));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return To(truncate(double(v)));
  } else {
    return To(v);
  }
}

template <class To, class From>
void convert_all(const From* src, ptrdiff_t src_stride, To* dst, ptrdiff_t dst_stride, size_t n) {
  if (src_stride == 1 && dst_stride == 1) {
    for (size_t i = 0; i < n; ++i) dst[i] = convert<To>(src[i]);
  } else if (src_stride == 0 && dst_stride == 1) {
    const To v = convert<To>(*src);
    for (size_t i = 0; i < n; ++i) dst[i] = v;
  } else {
    for (size_t i = 0; i < n; ++i) {
      dst[ptrdiff_t(i) * dst_stride] = convert<To>(src[ptrdiff_t(i) * src_stride]);
    }
  }
}

template <class F>
void with_stored(DType t, F&& f) {
  switch (t) {
    case DType::kF32:
      return f(float());
    case DType::kF16:
      return f(Half());
    case DType::kBF16:
      return f(BFloat16());
    case DType::kF64:
      return f(double());
    case DType::kS8:
      return f(int8_t());
    case DType::kU8:
      return f(uint8_t());
    case DType::kS16:
      return f(int16_t());
    case DType::kU16:
      return f(uint16_t());
    case DType::kS32:
      return f(int32_t());
    case DType::kU32:
      return f(uint32_t());
    case DType::kS64:
      return f(int64_t());
    case DType::kU64:
      return f(uint64_t());
    case DType::kBool:
      return f(Boolean());
    case DType::kU4:
    case DType::kC32:
    case DType::kC64:
    case DType::kC128:
      return;  // no numbers that these blocks are made of; check_types() keeps them out
  }
}

std::optional<Stored> stored_kind(DType t) {
  switch (t) {
    case DType::kF32:
      return Stored::kF32;
    case DType::kF64:
      return Stored::kF64;
    case DType::kS8:
      return Stored::kS8;
    case DType::kU8:
      return Stored::kU8;
    case DType::kS16:
      return Stored::kS16;
    case DType::kS32:
      return Stored::kS32;
    case DType::kS64:
      return Stored::kS64;
    case DType::kBool:
      return Stored::kBool;
    default:
      return std::nullopt;
  }
}

Wide wide_kind(Compute c) {
  return c == Compute::kF32 ? Wide::kF32 : c == Compute::kF64 ? Wide::kF64 : Wide::kS64;
}

}  // namespace

Compute compute_of(DType t) {
  switch (t) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
      return Compute::kF32;
    case DType::kF64:
      return Compute::kF64;
    default:
      return Compute::kS64;
  }
}

void load_block(DType t, const std::byte* src, ptrdiff_t stride, size_t n, Compute c, void* dst) {
  with_stored(t, [&]<class S>(S) {
    with_compute(c, [&]<class C>(C) {
      convert_all(reinterpret_cast<const S*>(src), stride, static_cast<C*>(dst), 1, n);
    });
  });
}

void store_block(DType t, std::byte* dst, ptrdiff_t stride, size_t n, Compute c, const void* src) {
  with_stored(t, [&]<class S>(S) {
    with_compute(c, [&]<class C>(C) {
      convert_all(static_cast<const C*>(src), 1, reinterpret_cast<S*>(dst), stride, n);
    });
  });
}

void load_run(const VectorKernels& kernels, DType t, const std::byte* src, size_t n, Compute c,
              void* dst) {
  if (c == Compute::kF32 && t == DType::kF16) return kernels.convert.f16.f32(src, dst, n);
  if (c == Compute::kF32 && t == DType::kBF16) return kernels.convert.bf16.f32(src, dst, n);
  const auto stored = stored_kind(t);
  if (!stored) return load_block(t, src, 1, n, c, dst);
  kernels.elements.load[size_t(*stored)][size_t(wide_kind(c))](src, dst, n);
}

void store_run(const VectorKernels& kernels, DType t, std::byte* dst, size_t n, Compute c,
               const void* src) {
  if (c == Compute::kF32 && t == DType::kF16) return kernels.convert.f32.f16(src, dst, n);
  if (c == Compute::kF32 && t == DType::kBF16) return kernels.convert.f32.bf16(src, dst, n);
  const auto stored = stored_kind(t);
  if (!stored) return store_block(t, dst, 1, n, c, src);
  kernels.elements.store[size_t(wide_kind(c))][size_t(*stored)](src, dst, n);
}

}  // namespace smelt::program
