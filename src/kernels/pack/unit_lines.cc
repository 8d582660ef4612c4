#include "kernels/pack/unit_lines.h"

#include <cstring>

#include "kernels/pack/elements.h"

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
  for (size_t r = 0; r < columns; ++r)
    for (size_t x = 0; x < kKr; ++x)
      store_unaligned(out + (r * kKr + x) * sizeof(Unit),
                      load_unaligned<Unit>(line[x] + r * sizeof(Unit)));
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
    if constexpr (kKr == 1)
      std::memcpy(out, line[0], u.columns * sizeof(Unit));
    else
      interleave_lines<Unit, kKr>(line, u.columns, out);
    if constexpr (sizeof(Unit) == 1) {
      for (size_t r = 0; r < u.columns; ++r) {
        int16_t sum = 0;
        for (size_t x = 0; x < kKr; ++x) sum = int16_t(sum + load_unaligned<int8_t>(line[x] + r));
        u.sums[r] = int32_t(uint32_t(u.sums[r]) + uint32_t(int32_t(sum)));
      }
    }
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
