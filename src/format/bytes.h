// Numbers at any address of a file. All formats here are little-endian, and so is every CPU that
// Smelt runs on.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace smelt {

static_assert(std::endian::native == std::endian::little);

/// The caller knows that the file is long enough.
template <class T>
T load(std::span<const std::byte> bytes, size_t at) noexcept {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

inline bool is_aligned(const void* p, size_t alignment) noexcept {
  return reinterpret_cast<uintptr_t>(p) % alignment == 0;
}

}  // namespace smelt
