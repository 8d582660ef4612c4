// Shapes: a short list of extents, held by value.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace smelt {

/// ExecuTorch's own limit on the rank of a tensor.
inline constexpr size_t kMaxRank = 16;

/// Up to kMaxRank extents, outermost first. Rank 0 is a scalar: one element.
class Shape {
 public:
  constexpr Shape() = default;
  constexpr Shape(std::initializer_list<int64_t> d)
      : Shape(std::span<const int64_t>(d.begin(), d.size())) {}
  /// `d.size()` is at most kMaxRank: readers of files check that first.
  constexpr explicit Shape(std::span<const int64_t> d) : rank_(uint8_t(d.size())) {
    std::copy(d.begin(), d.end(), dims_.begin());
  }

  constexpr size_t rank() const { return rank_; }
  constexpr int64_t operator[](size_t i) const { return dims_[i]; }
  constexpr int64_t& operator[](size_t i) { return dims_[i]; }
  /// Extent counted from the end: back(0) is the innermost.
  constexpr int64_t back(size_t i = 0) const { return dims_[rank_ - 1 - i]; }
  constexpr std::span<const int64_t> dims() const { return {dims_.data(), rank_}; }
  constexpr const int64_t* begin() const { return dims_.data(); }
  constexpr const int64_t* end() const { return dims_.data() + rank_; }
  constexpr void push_back(int64_t d) { dims_[rank_++] = d; }
  constexpr void resize(size_t rank, int64_t fill = 1) {
    for (size_t i = rank_; i < rank; ++i) dims_[i] = fill;
    rank_ = uint8_t(rank);
  }

  /// Number of elements. Shapes that come from a file are checked with checked_numel first.
  constexpr size_t numel() const {
    size_t n = 1;
    for (int64_t d : *this) n *= size_t(d);
    return n;
  }
  /// Product of the extents [first, last).
  constexpr size_t numel(size_t first, size_t last) const {
    size_t n = 1;
    for (size_t i = first; i < last; ++i) n *= size_t(dims_[i]);
    return n;
  }
  friend constexpr bool operator==(const Shape& a, const Shape& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  uint8_t rank_ = 0;
  std::array<int64_t, kMaxRank> dims_{};
};

}  // namespace smelt
