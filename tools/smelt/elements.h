// Elements of any type, as the CLI needs them: to print, to compare, to fill. Speed is no concern
// here.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/float16.h"
#include "smelt/types.hpp"

namespace smelt::cli {

/// How many numbers an element is: a complex one is two, of the type that with_element_type()
/// gives.
inline size_t parts(DType type) {
  return type == DType::kC32 || type == DType::kC64 || type == DType::kC128 ? 2 : 1;
}

/// Calls f.operator()<T>() with the C++ type that stores elements of `type`. Booleans are bytes: a
/// byte of a file may hold what a C++ bool must not.
template <class F>
decltype(auto) with_element_type(DType type, F&& f) {
  switch (type) {
    case DType::kF32:
      return f.template operator()<float>();
    case DType::kF16:
      return f.template operator()<Half>();
    case DType::kBF16:
      return f.template operator()<BFloat16>();
    case DType::kF64:
      return f.template operator()<double>();
    case DType::kS8:
      return f.template operator()<int8_t>();
    case DType::kS16:
      return f.template operator()<int16_t>();
    case DType::kU16:
      return f.template operator()<uint16_t>();
    case DType::kS32:
      return f.template operator()<int32_t>();
    case DType::kU32:
      return f.template operator()<uint32_t>();
    case DType::kS64:
      return f.template operator()<int64_t>();
    case DType::kU64:
      return f.template operator()<uint64_t>();
    case DType::kC32:
      return f.template operator()<Half>();
    case DType::kC64:
      return f.template operator()<float>();
    case DType::kC128:
      return f.template operator()<double>();
    case DType::kU8:
    case DType::kBool:
    case DType::kU4:
      break;  // kU4 is a type of packed weights: no input or output has it
  }
  return f.template operator()<uint8_t>();
}

/// Floating-point types become float or double, integers stay what they are.
template <class T>
auto arithmetic(T stored) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return float(stored);
  } else {
    return stored;
  }
}

/// Element i of memory that may be aligned in any way.
template <class T>
auto load_element(const void* data, size_t i) {
  T stored;
  std::memcpy(&stored, static_cast<const std::byte*>(data) + i * sizeof(T), sizeof(T));
  return arithmetic(stored);
}

template <class T, class V>
void store_element(void* data, size_t i, V value) {
  const T stored = T(value);
  std::memcpy(static_cast<std::byte*>(data) + i * sizeof(T), &stored, sizeof(T));
}

}  // namespace smelt::cli
