// Arithmetic on sizes that come from untrusted files: overflow is an answer, not undefined.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace smelt {

template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checked_add(T a, T b) noexcept {
  T r;
  if (__builtin_add_overflow(a, b, &r)) return std::nullopt;
  return r;
}

template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checked_mul(T a, T b) noexcept {
  T r;
  if (__builtin_mul_overflow(a, b, &r)) return std::nullopt;
  return r;
}

/// True if [offset, offset + size) lies inside [0, limit).
[[nodiscard]] constexpr bool range_fits(uint64_t offset, uint64_t size, uint64_t limit) noexcept {
  return offset <= limit && size <= limit - offset;
}

template <std::integral T>
[[nodiscard]] constexpr T div_up(T a, T b) noexcept {
  return a / b + (a % b != 0);
}

/// The next multiple of `multiple` that is not below `a`. The caller knows that it does not
/// overflow.
template <std::integral T>
[[nodiscard]] constexpr T round_up(T a, T multiple) noexcept {
  return div_up(a, multiple) * multiple;
}

}  // namespace smelt
