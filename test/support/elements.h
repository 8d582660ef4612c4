// Elements of any type written as doubles: encoded and decoded here, independently of the code
// under test.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "base/float16.h"
#include "smelt/types.hpp"
#include "tensor/shape.h"

namespace smelt::testing {

using Values = std::vector<double>;

inline bool complex_type(DType t) {
  return t == DType::kC32 || t == DType::kC64 || t == DType::kC128;
}
inline bool real_type(DType t) {
  return t == DType::kF32 || t == DType::kF16 || t == DType::kBF16 || t == DType::kF64;
}

/// Calls f with a value of the type that stores the elements (or, of complex ones, the parts).
template <class F>
auto with_stored_type(DType t, F&& f) {
  switch (t) {
    case DType::kF32:
    case DType::kC64:
      return f(float());
    case DType::kF16:
    case DType::kC32:
      return f(Half());
    case DType::kBF16:
      return f(BFloat16());
    case DType::kF64:
    case DType::kC128:
      return f(double());
    case DType::kS8:
      return f(int8_t());
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
    case DType::kU8:
    case DType::kBool:
    case DType::kU4:
      break;
  }
  return f(uint8_t());
}

/// A whole number as memory of the type holds it: wrapped, as from 64 bits. What those do not hold
/// is the least of them.
template <class T>
T wrapped(double v) {
  if (v >= 0x1p63 && v < 0x1p64) return T(uint64_t(v));
  return v >= -0x1p63 && v < 0x1p63 ? T(int64_t(v)) : T(std::numeric_limits<int64_t>::min());
}

/// A number as memory of the type holds it: rounded to a float, wrapped to an integer, true or
/// false.
inline double stored(DType type, double v) {
  if (type == DType::kBool) return v != 0;
  return with_stored_type(type, [&]<class T>(T) {
    if constexpr (std::is_integral_v<T>) {
      return double(wrapped<T>(v));
    } else if constexpr (std::is_same_v<T, double>) {
      return v;
    } else {
      return double(float(T(float(v))));
    }
  });
}

/// A complex element is two values.
inline std::vector<std::byte> encode(DType type, const Values& values) {
  return with_stored_type(type, [&]<class T>(T) {
    std::vector<std::byte> bytes(values.size() * sizeof(T));
    for (size_t i = 0; i < values.size(); ++i) {
      const double v = stored(type, values[i]);
      T element;
      if constexpr (std::is_integral_v<T>) {
        element = wrapped<T>(v);
      } else if constexpr (std::is_same_v<T, double>) {
        element = v;
      } else {
        element = T(float(v));
      }
      std::memcpy(bytes.data() + i * sizeof(T), &element, sizeof(T));
    }
    return bytes;
  });
}

inline Values decode(DType type, const void* data, size_t count) {
  return with_stored_type(type, [&]<class T>(T) {
    Values values(complex_type(type) ? 2 * count : count);
    for (size_t i = 0; i < values.size(); ++i) {
      T element;
      std::memcpy(&element, static_cast<const std::byte*>(data) + i * sizeof(T), sizeof(T));
      if constexpr (std::is_integral_v<T> || std::is_same_v<T, double>) {
        values[i] = double(element);
      } else {
        values[i] = double(float(element));
      }
    }
    return values;
  });
}

/// A tensor of a test: row-major elements that its type holds exactly.
struct Array {
  DType type = DType::kF32;
  Shape shape;
  Values v;

  Array() = default;
  Array(DType t, const Shape& s, const Values& values) : type(t), shape(s), v(values) {
    for (double& x : v) x = stored(t, x);
  }
  /// Elements from their index.
  static Array make(DType t, const Shape& s, const std::function<double(size_t)>& f) {
    Values values(s.numel());
    for (size_t i = 0; i < values.size(); ++i) values[i] = f(i);
    return Array(t, s, values);
  }
  size_t offset(const std::vector<int64_t>& index) const {
    size_t at = 0;
    for (size_t d = 0; d < shape.rank(); ++d) at = at * size_t(shape[d]) + size_t(index[d]);
    return at;
  }
  double& operator()(const std::vector<int64_t>& index) { return v[offset(index)]; }
  double operator()(const std::vector<int64_t>& index) const { return v[offset(index)]; }
};

/// Calls f(index) for all indices of a shape, the last dimension fastest.
template <class F>
void for_each_index(const Shape& shape, F f) {
  std::vector<int64_t> index(shape.rank(), 0);
  for (size_t i = 0, n = shape.numel(); i < n; ++i) {
    f(std::as_const(index));
    for (size_t d = shape.rank(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
}

}  // namespace smelt::testing
