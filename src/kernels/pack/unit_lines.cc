#include "kernels/pack/unit_lines.h"

#include <cstring>

#include "kernels/pack/elements.h"
#include "kernels/pack/zip.h"

namespace smelt {

namespace {

// Elements `count` of a line in the panel's type, which is that of a Unit: where they are, or
// converted into a buffer.

struct Copy {
  template <class Unit>
  static const std::byte* run(const std::byte* in, size_t, std::byte*) {
    return in;
  }
};

template <class From, class To>
struct Convert {
  template <class Unit>
  static const std::byte* run(const std::byte* in, size_t count, std::byte* buffer) {
    for (size_t i = 0; i < count; ++i) To::put(buffer, i, 1, From::at(in, i));
    return buffer;
  }
};

// kKr lines of k side by side: out[r][x] = line[x][r].
template <class Unit, size_t kKr>
void interleave_lines(const std::byte* const (&line)[kKr], size_t columns, std::byte* out) {
  constexpr size_t kN = 16 / sizeof(Unit);
  size_t r = 0;
  for (; r + kN <= columns; r += kN) {
    Vector16<Unit> v[kKr];
#pragma clang loop unroll(full)
    for (size_t x = 0; x < kKr; ++x)
      v[x] = load_unaligned<Vector16<Unit>>(line[x] + r * sizeof(Unit));
    zip_all(v);
#pragma clang loop unroll(full)
    for (size_t x = 0; x < kKr; ++x) store_unaligned(out + r * kKr * sizeof(Unit) + x * 16, v[x]);
  }
  for (; r < columns; ++r)
    for (size_t x = 0; x < kKr; ++x)
      store_unaligned(out + (r * kKr + x) * sizeof(Unit),
                      load_unaligned<Unit>(line[x] + r * sizeof(Unit)));
}

// sums[r] += the int8 of lines at r.
template <size_t kKr>
void add_lines(const std::byte* const (&line)[kKr], size_t columns, int32_t* sums) {
  using Words [[gnu::vector_size(32)]] = int16_t;
  using Sums [[gnu::vector_size(64)]] = uint32_t;
  using Ints [[gnu::vector_size(64)]] = int32_t;
  size_t r = 0;
  for (; r + 16 <= columns; r += 16) {
    Words sum = {};
#pragma clang loop unroll(full)
    for (size_t x = 0; x < kKr; ++x)
      sum += __builtin_convertvector(load_unaligned<Vector16<int8_t>>(line[x] + r), Words);
    Sums total;
    std::memcpy(&total, sums + r, sizeof total);
    total += Sums(__builtin_convertvector(sum, Ints));
    std::memcpy(sums + r, &total, sizeof total);
  }
  for (; r < columns; ++r) {
    int32_t sum = 0;
    for (size_t x = 0; x < kKr; ++x) sum += load_unaligned<int8_t>(line[x] + r);
    sums[r] = int32_t(uint32_t(sums[r]) + uint32_t(sum));
  }
}

template <class Change, class Unit, size_t kKr>
void move_lines(const UnitLines& u) {
  static constexpr std::byte kZeros[kMovedColumns * sizeof(Unit)] = {};
  std::byte buffer[kKr][kMovedColumns * sizeof(Unit)];
  std::byte* out = u.out;
  for (size_t k = 0; k < u.lines; k += kKr, out += u.out_stride) {
    const std::byte* line[kKr];
    for (size_t x = 0; x < kKr; ++x)
      line[x] = k + x < u.lines
                    ? Change::template run<Unit>(u.in + (k + x) * u.in_stride, u.columns, buffer[x])
                    : kZeros;
    interleave_lines<Unit, kKr>(line, u.columns, out);
    if constexpr (sizeof(Unit) == 1) add_lines<kKr>(line, u.columns, u.sums);
  }
}

template <class Change, class Unit>
MoveLines* with_kr(size_t kr) {
  switch (kr) {
    case 1:
      return move_lines<Change, Unit, 1>;
    case 2:
      return move_lines<Change, Unit, 2>;
    case 4:
      return move_lines<Change, Unit, 4>;
    case 8:
      return move_lines<Change, Unit, 8>;
    default:
      return nullptr;
  }
}

template <class To, class Unit>
MoveLines* mover_to(const PackLayout& layout, DType source) {
  if (source == layout.elem) return with_kr<Copy, Unit>(layout.kr);
  switch (source) {
    case DType::kF32:
      return with_kr<Convert<FromF32, To>, Unit>(layout.kr);
    case DType::kF16:
      return with_kr<Convert<FromF16, To>, Unit>(layout.kr);
    case DType::kBF16:
      return with_kr<Convert<FromBF16, To>, Unit>(layout.kr);
    default:
      return nullptr;
  }
}

}  // namespace

MoveLines* line_mover(const PackLayout& layout, DType source) {
#if defined(__aarch64__)
  if (MoveLines* const neon = line_mover_neon(layout, source); neon != nullptr) return neon;
#endif
  switch (layout.elem) {
    case DType::kF32:
      return mover_to<ToF32, uint32_t>(layout, source);
    case DType::kF16:
      return mover_to<ToF16, uint16_t>(layout, source);
    case DType::kBF16:
      return mover_to<ToBF16, uint16_t>(layout, source);
    case DType::kS8:
      return source == DType::kS8 ? with_kr<Copy, uint8_t>(layout.kr) : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace smelt
