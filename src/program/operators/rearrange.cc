// Elements in other places: mirrored, rolled, repeated, shuffled.
#include <algorithm>
#include <cstring>

#include "program/operators/copy.h"
#include "program/operators/window.h"

namespace smelt::program {
namespace {

Status flip(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const auto set, dimension_set(call.ints(1), self.rank(), false));
  Strided from(self);
  for (size_t d = 0; d < self.rank(); ++d) {
    if (!set[d]) continue;
    if (from.shape[d] > 0) {
      from.data += (from.shape[d] - 1) * from.strides[d] * ptrdiff_t(element_size(self.dtype));
    }
    from.strides[d] = -from.strides[d];
  }
  return copy_all(call, call.tensor(2), from);
}

/// Without dimensions, rolls the tensor as one row.
Status roll(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto shifts = call.ints(1), dims = call.ints(2);
  Tensor& out = call.tensor(3);
  const bool flat = dims.empty();
  if (flat ? shifts.size() != 1 : shifts.size() != dims.size()) {
    return invalid("{} shifts for {} dimensions", shifts.size(), dims.size());
  }
  SMELT_TRY(out.resize(self.shape));
  const size_t n = self.numel();
  if (n == 0) return {};
  int64_t shift[kMaxRank] = {};
  Shape shape = self.shape;
  if (flat) shape = Shape{int64_t(n)};
  for (size_t i = 0; i < shifts.size(); ++i) {
    SMELT_ASSIGN(const size_t d, flat ? Result<size_t>(0) : real_dim(dims[i], self));
    const int64_t extent = shape[d];
    shift[d] = (shift[d] + shifts[i] % extent + extent) % extent;
  }
  const Strided from(self.data, self.dtype, shape, row_major_strides(shape));
  const Strided to(out.data, out.dtype, shape, row_major_strides(shape));
  // Each dimension falls into two parts; all combinations of parts are blocks that move as a whole.
  for (size_t parts = 0; parts < size_t(1) << shape.rank(); ++parts) {
    Strided source = from, target = to;
    bool any = true;
    for (size_t d = 0; any && d < shape.rank(); ++d) {
      const int64_t s = shift[d], head = shape[d] - s;
      const bool tail = (parts >> d & 1) != 0;
      any = (tail ? s : head) > 0;
      if (!any) break;
      source.narrow(d, tail ? head : 0, tail ? s : head);
      target.narrow(d, tail ? 0 : s, tail ? s : head);
    }
    if (any) copy(call, target, source);
  }
  return {};
}

Status repeat(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto repeats = call.ints(1);
  Tensor& out = call.tensor(2);
  if (repeats.size() < self.rank() || repeats.size() > kMaxRank) {
    return invalid("{} repeated by {} numbers", to_string(self.shape), repeats.size());
  }
  const size_t lead = repeats.size() - self.rank();
  Shape shape, wide;
  for (size_t d = 0; d < repeats.size(); ++d) {
    wide.push_back(d < lead ? 1 : self.shape[d - lead]);
    const auto extent = checked_mul(wide[d], repeats[d]);
    if (repeats[d] < 0 || !extent) return invalid("repeated {} times", repeats[d]);
    shape.push_back(*extent);
  }
  if (!checked_numel(shape)) return invalid("an impossible shape {}", to_string(shape));
  SMELT_TRY(out.resize(shape));
  if (shape.numel() == 0) return {};
  // One copy, then ever larger parts of the result onto themselves, dimension by dimension from the
  // inside.
  Strided part(out);
  part.shape = wide;
  copy(call, part, broadcast(Strided(self), wide));
  for (size_t d = repeats.size(); d-- > 0;) {
    for (int64_t r = 1; r < repeats[d]; ++r) {
      Strided target = part;
      target.data += r * wide[d] * part.strides[d] * ptrdiff_t(element_size(out.dtype));
      copy(call, target, part);
    }
    part.shape[d] = shape[d];
  }
  return {};
}

/// repeats [n] → the index i repeats[i] times.
Status repeat_interleave(Call& call) {
  const Tensor& repeats = call.tensor(0);
  Tensor& out = call.tensor(2);
  if (repeats.rank() != 1 || !is_integer(repeats.dtype)) {
    return invalid("repeats of shape {} and type {}", to_string(repeats.shape),
                   smelt::name(repeats.dtype));
  }
  int64_t total = 0;
  for (size_t i = 0, n = repeats.numel(); i < n; ++i) {
    const int64_t r = load_element<int64_t>(repeats.dtype, repeats.data, ptrdiff_t(i));
    const auto sum = checked_add(total, r);
    if (r < 0 || !sum) return invalid("repeated {} times", r);
    total = *sum;
  }
  SMELT_TRY(out.resize(Shape{total}));
  ptrdiff_t at = 0;
  for (size_t i = 0, n = repeats.numel(); i < n; ++i) {
    const int64_t r = load_element<int64_t>(repeats.dtype, repeats.data, ptrdiff_t(i));
    for (int64_t k = 0; k < r; ++k) store_element(out.dtype, out.data, at++, int64_t(i));
  }
  return {};
}

/// [.., C r², H, W] → [.., C, H r, W r].
Status pixel_shuffle(Call& call) {
  const Tensor& self = call.tensor(0);
  const int64_t r = call.integer(1);
  Tensor& out = call.tensor(2);
  if (self.rank() < 3 || r <= 0 || r > (int64_t(1) << 20) || self.shape.back(2) % (r * r) != 0) {
    return invalid("{} shuffled by {}", to_string(self.shape), r);
  }
  const int64_t h = self.shape.back(1), w = self.shape.back(0), c = self.shape.back(2) / (r * r);
  const int64_t lead = int64_t(self.shape.numel(0, self.rank() - 3));
  Shape shape = self.shape;
  shape[self.rank() - 3] = c;
  shape[self.rank() - 2] = h * r;
  shape[self.rank() - 1] = w * r;
  SMELT_TRY(out.resize(shape));
  const Shape from{lead * c, r, r, h, w}, to{lead * c, h, r, w, r};
  constexpr size_t kPerm[] = {0, 3, 1, 4, 2};
  copy(call, Strided(out.data, out.dtype, to, row_major_strides(to)),
       permuted(Strided(self.data, self.dtype, from, row_major_strides(from)), kPerm));
  return {};
}

/// [.., C, H r, W r] → [.., C r², H, W].
Status pixel_unshuffle(Call& call) {
  const Tensor& self = call.tensor(0);
  const int64_t r = call.integer(1);
  Tensor& out = call.tensor(2);
  if (self.rank() < 3 || r <= 0 || r > (int64_t(1) << 20) || self.shape.back(0) % r != 0 ||
      self.shape.back(1) % r != 0) {
    return invalid("{} unshuffled by {}", to_string(self.shape), r);
  }
  const int64_t h = self.shape.back(1) / r, w = self.shape.back(0) / r, c = self.shape.back(2);
  const int64_t lead = int64_t(self.shape.numel(0, self.rank() - 3));
  Shape shape = self.shape;
  shape[self.rank() - 3] = c * r * r;
  shape[self.rank() - 2] = h;
  shape[self.rank() - 1] = w;
  SMELT_TRY(out.resize(shape));
  const Shape from{lead * c, h, r, w, r}, to{lead * c, r, r, h, w};
  constexpr size_t kPerm[] = {0, 2, 4, 1, 3};
  copy(call, Strided(out.data, out.dtype, to, row_major_strides(to)),
       permuted(Strided(self.data, self.dtype, from, row_major_strides(from)), kPerm));
  return {};
}

template <bool Upper>
Status triangle(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(2);
  if (self.rank() < 2) return invalid("a triangle of {}", to_string(self.shape));
  SMELT_TRY(copy_all(call, out, Strided(self)));
  const int64_t rows = self.shape.back(1), cols = self.shape.back(0);
  const int64_t diagonal = std::clamp(call.integer(1), -rows, cols);
  const size_t matrices = self.shape.numel(0, self.rank() - 2), size = element_size(out.dtype);
  for (size_t m = 0; m < matrices; ++m) {
    for (int64_t r = 0; r < rows; ++r) {
      const auto split = size_t(std::clamp<int64_t>(r + diagonal + (Upper ? 0 : 1), 0, cols));
      std::byte* row = out.data + (m * size_t(rows) + size_t(r)) * size_t(cols) * size;
      if (Upper) {
        std::memset(row, 0, split * size);
      } else {
        std::memset(row + split * size, 0, (size_t(cols) - split) * size);
      }
    }
  }
  return {};
}

/// [c, h, w] in squares of `size`: [rows × columns of squares, c, size, size].
Status tile_crop(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(2);
  const int64_t size = call.integer(1);
  if (self.rank() != 3 || size <= 0 || self.shape[1] % size != 0 || self.shape[2] % size != 0 ||
      out.dtype != self.dtype) {
    return invalid("{} cut into squares of {}", to_string(self.shape), size);
  }
  const int64_t c = self.shape[0], w = self.shape[2];
  const int64_t rows = self.shape[1] / size, columns = w / size;
  SMELT_TRY(out.resize(Shape{rows * columns, c, size, size}));
  const Shape squares{rows, columns, c, size, size};
  copy(call, Strided(out.data, out.dtype, squares, row_major_strides(squares)),
       Strided(self.data, self.dtype, squares, Shape{size * w, size, self.shape[1] * w, w, 1}));
  return {};
}

/// Windows of an image as columns of a matrix: [n?, c, h, w] and [n?, c × kernel, positions].
struct Columns {
  Window h, w;
  size_t images;  ///< planes: batch × channels

  int64_t taps() const { return h.kernel * w.kernel; }
  int64_t positions() const { return h.out * w.out; }

  /// Calls f(element of the planes, element of the columns) for all that lie inside.
  template <class F>
  void for_each(F f) const {
    for (size_t p = 0; p < images; ++p) {
      for (int64_t tap = 0; tap < taps(); ++tap) {
        const size_t row = (p * size_t(taps()) + size_t(tap)) * size_t(positions());
        const int64_t a = tap / w.kernel, b = tap % w.kernel;
        for (int64_t i = h.first(a); i < h.last(a); ++i) {
          const size_t from = (p * size_t(h.in) + size_t(h.in_at(i, a))) * size_t(w.in);
          for (int64_t j = w.first(b); j < w.last(b); ++j) {
            f(from + size_t(w.in_at(j, b)), row + size_t(i * w.out + j));
          }
        }
      }
    }
  }
};

/// Arguments (…, kernel, dilation, padding, stride) from `at` on.
Result<Columns> columns_of(Call& call, size_t at, int64_t height, int64_t width) {
  Columns c;
  for (size_t i = 0; i < 2; ++i) {
    Window& w = i == 0 ? c.h : c.w;
    w.in = i == 0 ? height : width;
    SMELT_ASSIGN(w.kernel, window_attribute(call.ints(at), i, 2, 0, 1, "kernel"));
    SMELT_ASSIGN(w.dilation, window_attribute(call.ints(at + 1), i, 2, 1, 1, "dilation"));
    SMELT_ASSIGN(w.padding, window_attribute(call.ints(at + 2), i, 2, 0, 0, "padding"));
    SMELT_ASSIGN(w.stride, window_attribute(call.ints(at + 3), i, 2, 1, 1, "stride"));
    const int64_t room = w.in + 2 * w.padding - w.dilation * (w.kernel - 1) - 1;
    if (w.in <= 0 || w.in > INT32_MAX || room < 0) {
      return invalid("windows of {} with dilation {} over {} elements padded by {}", w.kernel,
                     w.dilation, w.in, w.padding);
    }
    w.out = room / w.stride + 1;
  }
  return c;
}

/// (self [n?, c, h, w], kernel, dilation, padding, stride, out [n?, c × kernel, positions])
Status im2col(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(5);
  if ((self.rank() != 3 && self.rank() != 4) || out.dtype != self.dtype) {
    return invalid("windows of {} {} as {}", smelt::name(self.dtype), to_string(self.shape),
                   smelt::name(out.dtype));
  }
  SMELT_ASSIGN(Columns c, columns_of(call, 1, self.shape.back(1), self.shape.back(0)));
  c.images = self.shape.numel(0, self.rank() - 2);
  Shape wanted = self.shape;
  wanted.resize(self.rank() - 1);
  const auto rows = checked_mul(self.shape.back(2), c.taps());
  if (!rows) return invalid("windows of {} elements of {}", c.taps(), to_string(self.shape));
  wanted[wanted.rank() - 2] = *rows;
  wanted[wanted.rank() - 1] = c.positions();
  SMELT_ASSIGN(const Shape shape, to_shape(std::span(wanted.begin(), wanted.rank())));
  SMELT_TRY(out.resize(shape));
  if (out.bytes() != 0) std::memset(out.data, 0, out.bytes());
  with_bytes_of(element_size(self.dtype), [&]<class T>(T) {
    c.for_each([&](size_t from, size_t to) { out.as<T>()[to] = self.as<T>()[from]; });
  });
  return {};
}

/// The sums of overlapping windows: (self [n?, c × kernel, positions], sizes [h, w], kernel,
/// dilation, padding, stride, out [n?, c, h, w])
Status col2im(Call& call) {
  const Tensor& self = call.tensor(0);
  const auto sizes = call.ints(1);
  Tensor& out = call.tensor(6);
  if ((self.rank() != 2 && self.rank() != 3) || sizes.size() != 2 || out.dtype != self.dtype) {
    return invalid("windows {} of {} as an image of {} sizes and {}", to_string(self.shape),
                   smelt::name(self.dtype), sizes.size(), smelt::name(out.dtype));
  }
  SMELT_ASSIGN(Columns c, columns_of(call, 2, sizes[0], sizes[1]));
  const int64_t rows = self.shape.back(1);
  if (rows % c.taps() != 0 || self.shape.back(0) != c.positions()) {
    return invalid("windows {} as an image of {} x {}, whose {} windows have {} elements",
                   to_string(self.shape), sizes[0], sizes[1], c.positions(), c.taps());
  }
  Shape wanted = self.shape;
  wanted[wanted.rank() - 2] = rows / c.taps();
  wanted[wanted.rank() - 1] = sizes[0];
  wanted.push_back(sizes[1]);
  c.images = wanted.numel(0, wanted.rank() - 2);
  SMELT_ASSIGN(const Shape shape, to_shape(std::span(wanted.begin(), wanted.rank())));
  SMELT_TRY(out.resize(shape));
  return with_compute(compute_of(out.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, self));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    std::fill_n(y, out.numel(), C(0));
    c.for_each([&](size_t to, size_t from) { y[to] = add(y[to], x[from]); });
    store(out, y);
    return {};
  });
}

constexpr Operator kOperators[] = {
    in_category(Category::kElementwise, {"aten::col2im.out", "TLLLLLW", col2im}),
    moving({"aten::flip.out", "TLW", flip, true}),
    moving({"aten::im2col.out", "TLLLLW", im2col}),
    moving({"aten::pixel_shuffle.out", "TIW", pixel_shuffle}),
    moving({"aten::pixel_unshuffle.out", "TIW", pixel_unshuffle}),
    moving({"aten::repeat.out", "TLW", repeat, true}),
    {"aten::repeat_interleave.Tensor_out", "TiW", repeat_interleave},
    {"aten::roll.out", "TLLW", roll},
    {"aten::tril.out", "TIW", triangle<false>},
    {"aten::triu.out", "TIW", triangle<true>},
    moving({"preprocess::tile_crop.out", "TIW", tile_crop}),
};
constexpr auto kTable = of_category(Category::kDataMovement, kOperators);

}  // namespace

std::span<const Operator> rearrange_operators() { return kTable; }

}  // namespace smelt::program
