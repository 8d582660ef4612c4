// Rows of the left side on their way into the multiply-accumulate loop: converted, a stretch of k
// at a time, or as they are.
//
// Lhs: Elem (of the rows), Staged (what the loop reads), stage(Staged* to, const Elem* from, size_t
// count), which may write up to 64 bytes beyond `count` elements and leaves zeros in the first 16
// of them. If there is no Staged, the loop reads Elem.
#include "kernels/compiler.h"
#include "kernels/gemm/gemm_kernel.h"

namespace smelt {
namespace {

/// Elements of k that are converted at a time: the buffers of a tile's rows fit the nearest cache
/// beside a rhs panel.
inline constexpr size_t kStretch = 256;

/// Rows converted on the way: calls multiply(rows, units) for one stretch after the other: rows[i]
/// is row i's converted elements, in units of kUnit, which a rhs group multiplies. Every tap ends
/// with zeros up to a whole unit, as in the packed rhs. Short taps share a stretch.
template <class Lhs>
struct StagedRows {
  template <size_t kUnit, int kM, class Multiply>
  static SMELT_INLINE void for_each_stretch(const GemmBlock& g, size_t m0, Multiply multiply) {
    using Staged = typename Lhs::Staged;
    static_assert(kUnit <= 16 && kStretch % kUnit == 0);
    alignas(64) Staged buffer[kM][kStretch + 64 / sizeof(Staged)];
    const Staged* staged[kM];
    SMELT_UNROLL for (int i = 0; i < kM; ++i) staged[i] = buffer[i];
    const void* const* row = g.rows + m0 * g.taps;
    size_t used = 0;
    for (size_t t = 0; t < g.taps; ++t, ++row) {
      for (size_t k = 0; k < g.kc;) {
        const size_t count = g.kc - k < kStretch - used ? g.kc - k : kStretch - used;
        SMELT_UNROLL for (int i = 0; i < kM; ++i)
            Lhs::stage(buffer[i] + used,
                       static_cast<const typename Lhs::Elem*>(row[size_t(i) * g.taps]) + k, count);
        k += count;
        used += (count + kUnit - 1) / kUnit * kUnit;
        const bool last = t + 1 == g.taps && k == g.kc;
        if (used == kStretch || last) {
          multiply(staged, used / kUnit);
          used = 0;
        }
      }
    }
  }
};

/// Rows that were converted before, see PreparedForm: a stretch is a tap. What follows a tap is
/// multiplied by zeros.
template <class Lhs>
struct PreparedRows {
  template <size_t kUnit, int kM, class Multiply>
  static SMELT_INLINE void for_each_stretch(const GemmBlock& g, size_t m0, Multiply multiply) {
    using Staged = typename Lhs::Staged;
    const void* const* row = g.rows + m0 * g.taps;
    for (size_t t = 0; t < g.taps; ++t, ++row) {
      const Staged* prepared[kM];
      SMELT_UNROLL for (int i = 0; i < kM; ++i) prepared[i] =
          static_cast<const Staged*>(row[size_t(i) * g.taps]);
      multiply(prepared, (g.kc + kUnit - 1) / kUnit);
    }
  }
};

/// GemmKernel::prepared, where `run` reads PreparedRows<Lhs>.
template <class Lhs>
constexpr PreparedForm prepared_form(void (*run)(const GemmBlock&)) {
  using Staged = typename Lhs::Staged;
  return {.bytes = sizeof(Staged),
          .convert =
              [](const std::byte* from, std::byte* to, size_t count) {
                Lhs::stage(reinterpret_cast<Staged*>(to),
                           reinterpret_cast<const typename Lhs::Elem*>(from), count);
              },
          .run = run};
}

/// An unsigned integer of so many bytes.
template <size_t kBytes>
using Unit = decltype([] {
  if constexpr (kBytes == 1) return uint8_t{};
  if constexpr (kBytes == 2) return uint16_t{};
  if constexpr (kBytes == 4) return uint32_t{};
  if constexpr (kBytes == 8) return uint64_t{};
}());

/// Rows as they are, for an Lhs without Staged: a stretch for each tap, and one more for its last
/// unit if that is not whole.
template <class Lhs>
struct RowsInPlace {
  template <size_t kUnit, int kM, class Multiply>
  static SMELT_INLINE void for_each_stretch(const GemmBlock& g, size_t m0, Multiply multiply) {
    using Elem = typename Lhs::Elem;
    const void* const* row = g.rows + m0 * g.taps;
    for (size_t t = 0; t < g.taps; ++t, ++row) {
      const Elem* a[kM];
      SMELT_UNROLL for (int i = 0; i < kM; ++i) a[i] =
          static_cast<const Elem*>(row[size_t(i) * g.taps]);
      const size_t units = g.kc / kUnit, rest = g.kc % kUnit;
      multiply(a, units);
      if (kUnit == 1 || rest == 0) continue;
      Unit<sizeof(Elem) * kUnit> last[kM];
      SMELT_UNROLL for (int i = 0; i < kM; ++i) {
        last[i] = 0;
        SMELT_KEEP_LOOP for (size_t k = 0; k < rest; ++k) last[i] |=
            Unit<sizeof(Elem) * kUnit>(
                __builtin_bit_cast(Unit<sizeof(Elem)>, a[i][units * kUnit + k]))
            << (8 * sizeof(Elem) * k);
        a[i] = reinterpret_cast<const Elem*>(&last[i]);
      }
      asm("" : "+m"(last));  // in memory, not in registers, which the sums need
      multiply(a, 1);
    }
  }
};

template <class Lhs>
struct UsualRows : RowsInPlace<Lhs> {};
template <class Lhs>
  requires requires { typename Lhs::Staged; }
struct UsualRows<Lhs> : StagedRows<Lhs> {};

}  // namespace
}  // namespace smelt
