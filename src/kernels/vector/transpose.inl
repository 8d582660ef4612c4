// 2-D transpose: square blocks in registers, in tiles that stay in the first-level cache.
#pragma once

#include "kernels/vector/lanes.inl"

namespace smelt {
namespace {

#if HWY_TARGET != HWY_SCALAR
/// Transposes the n x n block whose rows are v, n a power of two: log2(n) perfect shuffles of the rows.
template <class DT, size_t kN>
HWY_INLINE void transpose_block(DT d, hn::Vec<DT> (&v)[kN]) {
  for (size_t step = 1; step < kN; step *= 2) {
    hn::Vec<DT> w[kN];
    for (size_t i = 0; i < kN / 2; ++i) {
      w[2 * i] = hn::InterleaveLower(d, v[i], v[i + kN / 2]);
      w[2 * i + 1] = hn::InterleaveUpper(d, v[i], v[i + kN / 2]);
    }
    for (size_t i = 0; i < kN; ++i) v[i] = w[i];
  }
}
#endif

template <class T>
void transpose(const void* in, size_t in_stride, void* out, size_t out_stride, size_t rows, size_t cols) {
  constexpr size_t kN = 16 / sizeof(T);
  constexpr size_t kTileRows = 8 * 16;  // 128 cache lines of input
  const auto* src = static_cast<const char*>(in);
  auto* dst = static_cast<char*>(out);
  // Bytes, not T: an element may be a pair of smaller ones, and aligned only as those are.
  const auto at_in = [&](size_t r, size_t c) SMELT_BODY { return src + r * in_stride + c * sizeof(T); };
  const auto at_out = [&](size_t c, size_t r) SMELT_BODY { return dst + c * out_stride + r * sizeof(T); };
  const auto scalar = [&](size_t r0, size_t r1, size_t c0, size_t c1) SMELT_BODY {
    for (size_t c = c0; c < c1; ++c) {
      for (size_t r = r0; r < r1; ++r) __builtin_memcpy(at_out(c, r), at_in(r, c), sizeof(T));
    }
  };
  for (size_t r0 = 0; r0 < rows; r0 += kTileRows) {
    const size_t r1 = r0 + kTileRows < rows ? r0 + kTileRows : rows;
    size_t c = 0;
    for (; c + kN <= cols; c += kN) {
      size_t r = r0;
#if HWY_TARGET != HWY_SCALAR
      const hn::FixedTag<T, kN> d;
      for (; r + kN <= r1; r += kN) {
        hn::Vec<decltype(d)> v[kN];
        for (size_t i = 0; i < kN; ++i) v[i] = hn::LoadU(d, reinterpret_cast<const T*>(at_in(r + i, c)));
        transpose_block(d, v);
        for (size_t i = 0; i < kN; ++i) hn::StoreU(v[i], d, reinterpret_cast<T*>(at_out(c + i, r)));
      }
#endif
      scalar(r, r1, c, c + kN);
    }
    scalar(r0, r1, c, cols);
  }
}

}  // namespace
}  // namespace smelt
