// 2-D transpose: square blocks in registers, in tiles that stay in the first-level cache.
#pragma once

#include "kernels/vector/lanes.inl"

namespace smelt {
namespace {

#if HWY_TARGET != HWY_SCALAR
/// Transposes the n x n block whose rows are v, n a power of two: log2(n) perfect shuffles of the
/// rows.
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

#if HWY_TARGET != HWY_SCALAR
/// Few rows, densely interleaved in the output: images from planes to pixels. Returns how many
/// columns it did.
template <size_t kRows, class T>
HWY_INLINE size_t interleave(const char* in, size_t in_stride, char* out, size_t cols) {
  const hn::FixedTag<T, 16 / sizeof(T)> d;
  size_t c = 0;
  const auto row = [&](size_t r) SMELT_BODY {
    return hn::LoadU(d, reinterpret_cast<const T*>(in + r * in_stride) + c);
  };
  auto* dst = reinterpret_cast<T*>(out);
  for (; c + hn::Lanes(d) <= cols; c += hn::Lanes(d), dst += kRows * hn::Lanes(d)) {
    if constexpr (kRows == 2) hn::StoreInterleaved2(row(0), row(1), d, dst);
    if constexpr (kRows == 3) hn::StoreInterleaved3(row(0), row(1), row(2), d, dst);
    if constexpr (kRows == 4) hn::StoreInterleaved4(row(0), row(1), row(2), row(3), d, dst);
  }
  return c;
}

/// Few columns, dense in the input: images from pixels to planes. Returns how many rows it did.
template <size_t kCols, class T>
HWY_INLINE size_t deinterleave(const char* in, char* out, size_t out_stride, size_t rows) {
  const hn::FixedTag<T, 16 / sizeof(T)> d;
  size_t r = 0;
  const auto put = [&](size_t c, auto v) SMELT_BODY {
    hn::StoreU(v, d, reinterpret_cast<T*>(out + c * out_stride) + r);
  };
  const auto* src = reinterpret_cast<const T*>(in);
  for (; r + hn::Lanes(d) <= rows; r += hn::Lanes(d), src += kCols * hn::Lanes(d)) {
    hn::Vec<decltype(d)> v0, v1, v2, v3;
    if constexpr (kCols == 2) hn::LoadInterleaved2(d, src, v0, v1);
    if constexpr (kCols == 3) hn::LoadInterleaved3(d, src, v0, v1, v2);
    if constexpr (kCols == 4) hn::LoadInterleaved4(d, src, v0, v1, v2, v3);
    put(0, v0);
    put(1, v1);
    if constexpr (kCols > 2) put(2, v2);
    if constexpr (kCols > 3) put(3, v3);
  }
  return r;
}

/// kN columns of kBlocks x kN rows: each 128-bit lane of a vector transposes a square of its own,
/// and what they store lies side by side.
template <size_t kBlocks, class T>
HWY_INLINE void transpose_squares(const char* in, size_t in_stride, char* out, size_t out_stride) {
  constexpr size_t kN = 16 / sizeof(T);
  const hn::FixedTag<T, kN> d1;
  const hn::FixedTag<T, kBlocks * kN> d;
  hn::Vec<decltype(d)> v[kN];
  const auto row = [&](size_t r) SMELT_BODY {
    return hn::LoadU(d1, reinterpret_cast<const T*>(in + r * in_stride));
  };
  for (size_t i = 0; i < kN; ++i) {
    if constexpr (kBlocks == 1)
      v[i] = row(i);
    else
      v[i] = hn::Combine(d, row(i + kN), row(i));
  }
  transpose_block(d, v);
  for (size_t i = 0; i < kN; ++i) hn::StoreU(v[i], d, reinterpret_cast<T*>(out + i * out_stride));
}
#endif

template <class T>
void transpose(const void* in, size_t in_stride, void* out, size_t out_stride, size_t rows,
               size_t cols) {
  constexpr size_t kN = 16 / sizeof(T);
  constexpr size_t kTileRows = 8 * 16;  // 128 cache lines of input
  const auto* src = static_cast<const char*>(in);
  auto* dst = static_cast<char*>(out);
  // Bytes, not T: an element may be a pair of smaller ones, and aligned only as those are.
  const auto at_in = [&](size_t r, size_t c)
                         SMELT_BODY { return src + r * in_stride + c * sizeof(T); };
  const auto at_out = [&](size_t c, size_t r)
                          SMELT_BODY { return dst + c * out_stride + r * sizeof(T); };
  const auto scalar = [&](size_t r0, size_t r1, size_t c0, size_t c1) SMELT_BODY {
    for (size_t c = c0; c < c1; ++c) {
      for (size_t r = r0; r < r1; ++r) __builtin_memcpy(at_out(c, r), at_in(r, c), sizeof(T));
    }
  };
#if HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(T) <= 4) {
    if (rows <= 4 && out_stride == rows * sizeof(T)) {
      const size_t done = rows == 2   ? interleave<2, T>(src, in_stride, dst, cols)
                          : rows == 3 ? interleave<3, T>(src, in_stride, dst, cols)
                          : rows == 4 ? interleave<4, T>(src, in_stride, dst, cols)
                                      : 0;
      return scalar(0, rows, done, cols);
    }
    if (cols <= 4 && in_stride == cols * sizeof(T)) {
      const size_t done = cols == 2   ? deinterleave<2, T>(src, dst, out_stride, rows)
                          : cols == 3 ? deinterleave<3, T>(src, dst, out_stride, rows)
                          : cols == 4 ? deinterleave<4, T>(src, dst, out_stride, rows)
                                      : 0;
      return scalar(done, rows, 0, cols);
    }
  }
#endif
  for (size_t r0 = 0; r0 < rows; r0 += kTileRows) {
    const size_t r1 = r0 + kTileRows < rows ? r0 + kTileRows : rows;
    size_t c = 0;
    for (; c + kN <= cols; c += kN) {
      size_t r = r0;
#if HWY_TARGET != HWY_SCALAR
      if constexpr (hn::MaxLanes(hn::ScalableTag<uint8_t>()) >= 32)
        for (; r + 2 * kN <= r1; r += 2 * kN)
          transpose_squares<2, T>(at_in(r, c), in_stride, at_out(c, r), out_stride);
      for (; r + kN <= r1; r += kN)
        transpose_squares<1, T>(at_in(r, c), in_stride, at_out(c, r), out_stride);
#endif
      scalar(r, r1, c, c + kN);
    }
    scalar(r0, r1, c, cols);
  }
}

}  // namespace
}  // namespace smelt
