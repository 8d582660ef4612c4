#include "tensor/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

#include "base/checked.h"

namespace smelt {

std::optional<size_t> checked_numel(const Shape& shape) noexcept {
  uint64_t n = 1;
  bool empty = false;
  for (int64_t d : shape) {
    if (d < 0) return std::nullopt;
    if (d == 0) {
      empty = true;
      continue;
    }
    const auto next = checked_mul(n, uint64_t(d));
    if (!next) return std::nullopt;
    n = *next;
  }
  // The widest element has eight bytes.
  if (n > uint64_t(std::numeric_limits<ptrdiff_t>::max()) / 8) return std::nullopt;
  return empty ? 0 : size_t(n);
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

size_t dense_bytes(DType dtype, const Shape& shape) noexcept {
  if (bits(dtype) >= 8) return shape.numel() * (bits(dtype) / 8);
  if (shape.rank() == 0) return 1;
  return shape.numel(0, shape.rank() - 1) * div_up(size_t(shape.back()), size_t(2));
}

}  // namespace smelt
