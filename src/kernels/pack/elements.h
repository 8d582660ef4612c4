// Elements of sources and of panels: how number i is read and written.
#pragma once

#include <cstring>

#include "base/float16.h"
#include "kernels/pack/layout.h"

namespace smelt {

template <class T>
inline T load_unaligned(const std::byte* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
inline void store_unaligned(std::byte* p, T v) {
  std::memcpy(p, &v, sizeof v);
}

inline constexpr int32_t kU4Zero = 8;

// ---- of sources: element i as the type it is computed with
// --------------------------------------------------------------

struct FromF32 {
  static constexpr DType kType = DType::kF32;
  static float at(const std::byte* p, size_t i) { return load_unaligned<float>(p + i * 4); }
};
struct FromF16 {
  static constexpr DType kType = DType::kF16;
  static float at(const std::byte* p, size_t i) {
    return float(Half::from_bits(load_unaligned<uint16_t>(p + i * 2)));
  }
};
struct FromBF16 {
  static constexpr DType kType = DType::kBF16;
  static float at(const std::byte* p, size_t i) {
    return float(BFloat16::from_bits(load_unaligned<uint16_t>(p + i * 2)));
  }
};
struct FromS8 {
  static constexpr DType kType = DType::kS8;
  static int32_t at(const std::byte* p, size_t i) { return load_unaligned<int8_t>(p + i); }
};
struct FromU4 {
  static constexpr DType kType = DType::kU4;
  static int32_t at(const std::byte* p, size_t i) {
    const uint8_t byte = load_unaligned<uint8_t>(p + i / 2);
    return (i % 2 == 0 ? byte & 15 : byte >> 4) - kU4Zero;
  }
};

template <class F>
auto with_source(DType dtype, F f) {
  switch (dtype) {
    case DType::kF32:
      return f(FromF32{});
    case DType::kF16:
      return f(FromF16{});
    case DType::kBF16:
      return f(FromBF16{});
    case DType::kU4:
      return f(FromU4{});
    default:
      return f(FromS8{});
  }
}

// ---- of panels: number x of a row's kr elements
// --------------------------------------------------------------------------

struct ToF32 {
  static constexpr size_t kBytes = 4;
  static void put(std::byte* row, size_t x, size_t, float v) { store_unaligned(row + x * 4, v); }
  static float get(const std::byte* row, size_t x, size_t) { return FromF32::at(row, x); }
};
struct ToF16 {
  static constexpr size_t kBytes = 2;
  static void put(std::byte* row, size_t x, size_t, float v) {
    store_unaligned(row + x * 2, Half(v).bits);
  }
  static float get(const std::byte* row, size_t x, size_t) { return FromF16::at(row, x); }
};
struct ToBF16 {
  static constexpr size_t kBytes = 2;
  static void put(std::byte* row, size_t x, size_t, float v) {
    store_unaligned(row + x * 2, BFloat16(v).bits);
  }
  static float get(const std::byte* row, size_t x, size_t) { return FromBF16::at(row, x); }
};
struct ToS8 {
  static void put(std::byte* row, size_t x, size_t, int32_t v) {
    store_unaligned(row + x, int8_t(v));
  }
  static float get(const std::byte* row, size_t x, size_t) { return float(FromS8::at(row, x)); }
};
// A nibble as a panel holds it, and back.
struct UnsignedNibble {
  static uint8_t of(int32_t v) { return uint8_t(v + kU4Zero); }
  static int32_t value(int nibble) { return nibble - kU4Zero; }
};
struct SignedNibble {
  static uint8_t of(int32_t v) { return uint8_t(v & 15); }
  static int32_t value(int nibble) { return (nibble ^ 8) - 8; }
};

template <class Nibble>
struct ToU4 {
  static void put(std::byte* row, size_t x, size_t kr, int32_t v) {
    const size_t half = kr / 2;
    std::byte& byte = row[x % half];
    byte = x < half ? (byte & std::byte{0xf0}) | std::byte(Nibble::of(v))
                    : (byte & std::byte{0x0f}) | std::byte(Nibble::of(v)) << 4;
  }
  static float get(const std::byte* row, size_t x, size_t kr) {
    const size_t half = kr / 2;
    const uint8_t byte = uint8_t(row[x % half]);
    return float(Nibble::value(x < half ? byte & 15 : byte >> 4));
  }
};
struct ToU4Pairs {
  static void put(std::byte* row, size_t x, size_t, int32_t v) {
    std::byte& byte = row[x / 2];
    byte = x % 2 == 0 ? (byte & std::byte{0xf0}) | std::byte(v + kU4Zero)
                      : (byte & std::byte{0x0f}) | std::byte((v + kU4Zero) << 4);
  }
  static float get(const std::byte* row, size_t x, size_t) { return float(FromU4::at(row, x)); }
};

}  // namespace smelt
