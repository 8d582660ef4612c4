// Borders around tensors.
#include <algorithm>
#include <cstring>

#include "program/operators/common.h"

namespace smelt::program {
namespace {

/// A value around; negative widths cut off.
Status constant_pad(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto pad = call.ints(1);
  const EValue& value = call.scalar(2);
  Tensor& out = call.tensor(3);
  if (pad.size() % 2 != 0 || pad.size() / 2 > self.rank()) {
    return invalid("{} widths for {}", pad.size(), to_string(self.shape));
  }
  Shape shape = self.shape;
  Strided from(self);
  int64_t before[kMaxRank] = {};
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    const size_t d = self.rank() - 1 - i;  // the widths begin with the innermost dimension
    const auto low = checked_add(shape[d], pad[2 * i]);
    const auto extent = low ? checked_add(*low, pad[2 * i + 1]) : std::nullopt;
    if (!extent || *extent < 0)
      return invalid("{} padded by {}, {}", shape[d], pad[2 * i], pad[2 * i + 1]);
    shape[d] = *extent;
    before[d] = std::max<int64_t>(pad[2 * i], 0);
    const int64_t cut_low = std::max<int64_t>(-pad[2 * i], 0);
    const int64_t cut_high = std::max<int64_t>(-pad[2 * i + 1], 0);
    const int64_t kept = self.shape[d] - cut_low - cut_high;
    from.narrow(d, kept > 0 ? cut_low : 0, std::max<int64_t>(kept, 0));
  }
  if (!checked_numel(shape)) return invalid("an impossible shape {}", to_string(shape));
  SMELT_TRY(out.resize(shape));
  fill(out, value);
  if (from.shape.numel() == 0) return {};
  Strided to(out);
  for (size_t d = 0; d < self.rank(); ++d) to.narrow(d, before[d], from.shape[d]);
  copy(call, to, from);
  return {};
}

/// Which element of a row of `n` stands at position i, which may lie outside.
struct Reflect {
  static bool fits(int64_t width, int64_t n) { return width < n; }
  static int64_t source(int64_t i, int64_t n) { return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i; }
};
struct Replicate {
  static bool fits(int64_t, int64_t n) { return n > 0; }
  static int64_t source(int64_t i, int64_t n) { return std::clamp<int64_t>(i, 0, n - 1); }
};

template <class F, size_t Dims>
Status pad(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto widths = call.ints(1);
  Tensor& out = call.tensor(2);
  if (widths.size() != 2 * Dims || (self.rank() != Dims + 1 && self.rank() != Dims + 2)) {
    return invalid("{} widths for {}", widths.size(), to_string(self.shape));
  }
  if (out.dtype != self.dtype)
    return invalid("{} padded as {}", smelt::name(self.dtype), smelt::name(out.dtype));
  Shape shape = self.shape;
  int64_t before[Dims];
  for (size_t i = 0; i < Dims; ++i) {
    const size_t d = self.rank() - 1 - i;
    const int64_t low = widths[2 * i], high = widths[2 * i + 1], n = self.shape[d];
    // Negative widths cut off.
    if (!F::fits(low, n) || !F::fits(high, n) || std::max(low, high) > INT32_MAX || low < -n ||
        high < -n || n + low + high < 1) {
      return invalid("a dimension of {} padded by {}, {}", n, low, high);
    }
    shape[d] = n + low + high;
    before[Dims - 1 - i] = low;
  }
  if (!checked_numel(shape)) return invalid("an impossible shape {}", to_string(shape));
  SMELT_TRY(out.resize(shape));
  // The innermost row's left border, middle and right border; the middle is a copy.
  const size_t lead = self.rank() - Dims, last = self.rank() - 1;
  const int64_t n = self.shape[last], width = shape[last], low = before[Dims - 1];
  const int64_t first = std::clamp<int64_t>(low, 0, width);
  const int64_t end = std::clamp<int64_t>(low + n, first, width);
  const size_t rows = shape.numel(lead, last), planes = shape.numel(0, lead);
  const size_t in_rows = self.shape.numel(lead, last);
  with_bytes_of(element_size(self.dtype), [&]<class T>(T) {
    const auto range = [&](size_t begin, size_t to, unsigned) {
      for (size_t r = begin; r < to; ++r) {
        size_t rest = r % rows, row = r / rows * in_rows, stride = 1;
        for (size_t k = Dims - 1; k-- > 0;) {
          const size_t d = lead + k;
          const int64_t at = int64_t(rest % size_t(shape[d])) - before[k];
          rest /= size_t(shape[d]);
          row += size_t(F::source(at, self.shape[d])) * stride;
          stride *= size_t(self.shape[d]);
        }
        const T* x = self.as<T>() + row * size_t(n);
        T* y = out.as<T>() + r * size_t(width);
        for (int64_t j = 0; j < first; ++j) y[j] = x[F::source(j - low, n)];
        if (end > first) std::memcpy(y + first, x + (first - low), size_t(end - first) * sizeof(T));
        for (int64_t j = end; j < width; ++j) y[j] = x[F::source(j - low, n)];
      }
    };
    const size_t all = planes * rows;
    if (all * size_t(width) < 65536 || call.pool().workers() == 1) {
      range(0, all, 0);
    } else {
      call.pool().parallel_for(all, std::max<size_t>(1, 16384 / size_t(width)), range);
    }
  });
  return {};
}

constexpr Operator kOperators[] = {
    {"aten::constant_pad_nd.out", "TLSW", constant_pad},
    moving({"aten::reflection_pad1d.out", "TLW", pad<Reflect, 1>}),
    moving({"aten::reflection_pad2d.out", "TLW", pad<Reflect, 2>}),
    moving({"aten::reflection_pad3d.out", "TLW", pad<Reflect, 3>}),
    moving({"aten::replication_pad1d.out", "TLW", pad<Replicate, 1>}),
    moving({"aten::replication_pad2d.out", "TLW", pad<Replicate, 2>}),
    moving({"aten::replication_pad3d.out", "TLW", pad<Replicate, 3>}),
};
constexpr auto kTable = of_category(Category::kDataMovement, kOperators);

}  // namespace

std::span<const Operator> pad_operators() { return kTable; }

}  // namespace smelt::program
