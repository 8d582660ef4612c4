// Little-endian numbers into bytes at any address; format/bytes.h has the inverse.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <span>

namespace smelt {

static_assert(std::endian::native == std::endian::little);

/// The caller knows that the bytes are there.
template <class T>
void store(std::span<std::byte> bytes, size_t at, T value) noexcept {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace smelt
