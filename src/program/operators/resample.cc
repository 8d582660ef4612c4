// Images at other sizes or positions.
#include <algorithm>
#include <cmath>

#include "program/operators/selected_runs.h"

namespace smelt::program {
namespace {

/// One dimension of a resized image.
struct Axis {
  int64_t in, out;
  double scale;  ///< input steps per output step

  /// Real-valued source of an output position; never negative.
  double source(int64_t i, bool align_corners) const {
    return align_corners ? double(i) * scale : std::max((double(i) + 0.5) * scale - 0.5, 0.0);
  }
};

/// Sizes from a list, or from factors. (input, sizes?, …, factors?)
Status resize(const Tensor& self, std::span<const int64_t> sizes, std::span<const double> factors,
              bool align_corners, Tensor& out, Axis (&axes)[2]) {
  if (self.rank() != 4 || (sizes.empty() ? factors.size() : sizes.size()) != 2 ||
      (!sizes.empty() && !factors.empty())) {
    return invalid("{} resized by {} sizes and {} factors", to_string(self.shape), sizes.size(),
                   factors.size());
  }
  if (out.dtype != self.dtype)
    return invalid("{} resized as {}", smelt::name(self.dtype), smelt::name(out.dtype));
  Shape shape = self.shape;
  for (size_t i = 0; i < 2; ++i) {
    Axis& a = axes[i];
    a.in = self.shape[2 + i];
    const double wanted = sizes.empty() ? std::floor(double(a.in) * factors[i]) : double(sizes[i]);
    if (a.in <= 0 || !(wanted > 0 && wanted <= INT32_MAX)) {
      return invalid("{} resized to {}", a.in, wanted);
    }
    a.out = shape[2 + i] = int64_t(wanted);
    if (align_corners) {
      a.scale = a.out > 1 ? double(a.in - 1) / double(a.out - 1) : 0;
    } else {
      a.scale = factors.empty() ? double(a.in) / double(a.out) : 1 / factors[i];
    }
  }
  if (!checked_numel(shape)) return invalid("an impossible shape {}", to_string(shape));
  return out.resize(shape);
}

Status upsample_nearest2d(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(3);
  Axis axes[2];
  SMELT_TRY(resize(self, call.ints(1), call.doubles(2), false, out, axes));
  const auto [h, w] = axes;
  const auto source = [](const Axis& a, int64_t i) {
    return std::min(int64_t(float(i) * float(a.scale)), a.in - 1);
  };
  SelectedRuns r;
  r.lead = self.shape.numel(0, 2);
  r.block = size_t(h.in * w.in);
  r.tail = 1;
  r.count = size_t(h.out * w.out);
  r.width = size_t(w.out);
  SMELT_ASSIGN(int64_t * offsets, call.scratch().take<int64_t>(r.count));
  r.offsets = offsets;
  for (int64_t j = 0; j < w.out; ++j) offsets[j] = source(w, j);
  for (int64_t i = h.out; i-- > 0;) {  // the first row last: the others are made from it
    const int64_t row = source(h, i) * w.in;
    for (int64_t j = 0; j < w.out; ++j) offsets[i * w.out + j] = row + offsets[j];
  }
  return gather_runs(call, r, element_size(self.dtype), self.data, out.data);
}

/// Weights of the cubic convolution of Keys (1981) with a = -0.75, at distance t behind the second
/// of four points.
template <class C>
void cubic_weights(C t, C (&w)[4]) {
  constexpr C a = C(-0.75);
  const auto near = [](C d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [](C d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  w[0] = far(t + 1), w[1] = near(t), w[2] = near(1 - t), w[3] = far(2 - t);
}

/// Memory for a x b elements of at most 8 bytes.
template <class T>
Result<T*> take(Call& call, int64_t a, int64_t b) {
  const auto bytes = checked_mul(size_t(a), size_t(b) * sizeof(double));
  if (!bytes) return invalid("resizing by way of {} x {} numbers", a, b);
  return call.scratch().take<T>(size_t(a) * size_t(b));
}

/// What a resized dimension is made of: output i is the sum of `count[i]` inputs from `first[i]`
/// on, times weights[i * width …].
template <class W>
struct Filter {
  Axis axis;
  size_t width;  ///< the largest count
  int64_t *first, *count;
  W* weights;

  static Result<Filter> make(Call& call, const Axis& axis, size_t width) {
    SMELT_ASSIGN(W * weights, take<W>(call, axis.out, int64_t(width)));
    SMELT_ASSIGN(int64_t * first, take<int64_t>(call, axis.out, 1));
    SMELT_ASSIGN(int64_t * count, take<int64_t>(call, axis.out, 1));
    return Filter{axis, width, first, count, weights};
  }
  const W* of(int64_t i) const { return weights + size_t(i) * width; }
};

/// The two neighbours of a position; one of them beyond the last.
Result<Filter<double>> bilinear_filter(Call& call, const Axis& a, bool align_corners) {
  SMELT_ASSIGN(const Filter<double> f, Filter<double>::make(call, a, 2));
  for (int64_t i = 0; i < a.out; ++i) {
    const double at = a.source(i, align_corners);
    f.first[i] = std::min(int64_t(at), a.in - 1);
    f.count[i] = f.first[i] + 1 < a.in ? 2 : 1;
    double* w = f.weights + 2 * i;
    w[1] = f.count[i] == 2 ? std::clamp(at - double(f.first[i]), 0.0, 1.0) : 0;
    w[0] = 1 - w[1];
  }
  return f;
}

/// Four neighbours of a position. Those beyond an edge are the edge.
Result<Filter<double>> bicubic_filter(Call& call, const Axis& a, bool align_corners) {
  SMELT_ASSIGN(const Filter<double> f, Filter<double>::make(call, a, 4));
  for (int64_t i = 0; i < a.out; ++i) {
    const double at = align_corners ? double(i) * a.scale : (double(i) + 0.5) * a.scale - 0.5;
    const double below = std::min(std::floor(at), double(a.in - 1));
    double taps[4];
    cubic_weights(std::clamp(at - below, 0.0, 1.0), taps);
    const auto place = [&](int64_t k) {
      return std::clamp<int64_t>(int64_t(below) - 1 + k, 0, a.in - 1);
    };
    f.first[i] = place(0);
    f.count[i] = place(3) - place(0) + 1;
    double* w = f.weights + 4 * i;
    std::fill_n(w, 4, 0.0);
    for (int64_t k = 0; k < 4; ++k) w[place(k) - place(0)] += taps[k];
  }
  return f;
}

/// A triangle or a cubic kernel (Keys's, with a = -0.5) around the position, which widens when the
/// image shrinks; weights sum to 1.
Result<Filter<double>> antialiasing_filter(Call& call, const Axis& a, bool cubic) {
  const double widening = std::max(a.scale, 1.0), support = (cubic ? 2 : 1) * widening;
  if (!(support <= double(INT32_MAX))) return invalid("images reduced by a factor of {}", support);
  const auto kernel = [&](double d) {
    if (!cubic) return std::max(1 - d, 0.0);
    return d < 1 ? (1.5 * d - 2.5) * d * d + 1 : d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0.0;
  };
  const size_t width = std::min(size_t(a.in), 2 * size_t(std::ceil(support)) + 1);
  SMELT_ASSIGN(const Filter<double> f, Filter<double>::make(call, a, width));
  for (int64_t i = 0; i < a.out; ++i) {
    const double centre = a.scale * (double(i) + 0.5);
    const auto first = std::clamp<int64_t>(int64_t(centre - support + 0.5), 0, a.in - 1);
    const auto end = std::clamp<int64_t>(int64_t(centre + support + 0.5), first + 1,
                                         std::min(a.in, first + int64_t(width)));
    double* w = f.weights + size_t(i) * width;
    double sum = 0;
    for (int64_t k = 0; k < end - first; ++k) {
      sum += w[k] = kernel(std::abs((double(first + k) - centre + 0.5) / widening));
    }
    for (int64_t k = 0; k < end - first; ++k)
      w[k] = sum > 0 ? w[k] / sum : 1.0 / double(end - first);
    f.first[i] = first;
    f.count[i] = end - first;
  }
  return f;
}

/// out = finish(sum of weights × x), for each row of an image.
template <class T, class W, class Finish>
void filter_columns(const T* x, int64_t rows, const Filter<W>& f, T* out, Finish finish) {
  for (int64_t r = 0; r < rows; ++r, x += f.axis.in) {
    for (int64_t j = 0; j < f.axis.out; ++j) {
      const T* from = x + f.first[j];
      const W* w = f.of(j);
      W sum = W(from[0]) * w[0];
      for (int64_t k = 1; k < f.count[j]; ++k) sum += W(from[k]) * w[k];
      *out++ = finish(sum);
    }
  }
}

/// The same down each column; `sums` holds a row of them.
template <class T, class W, class Finish>
void filter_rows(const T* x, int64_t cols, const Filter<W>& f, W* sums, T* out, Finish finish) {
  for (int64_t i = 0; i < f.axis.out; ++i, out += cols) {
    const T* from = x + f.first[i] * cols;
    const W* w = f.of(i);
    for (int64_t j = 0; j < cols; ++j) sums[j] = W(from[j]) * w[0];
    for (int64_t k = 1; k < f.count[i]; ++k) {
      from += cols;
      for (int64_t j = 0; j < cols; ++j) sums[j] += W(from[j]) * w[k];
    }
    for (int64_t j = 0; j < cols; ++j) out[j] = finish(sums[j]);
  }
}

/// Resizes images of floats.
template <class C>
Status resample(Call& call, const Tensor& self, const Filter<double>& rows,
                const Filter<double>& cols, Tensor& out) {
  const auto narrow = [&](const Filter<double>& f) -> Result<Filter<C>> {
    SMELT_ASSIGN(C * weights, take<C>(call, f.axis.out, int64_t(f.width)));
    std::copy_n(f.weights, size_t(f.axis.out) * f.width, weights);
    return Filter<C>{f.axis, f.width, f.first, f.count, weights};
  };
  SMELT_ASSIGN(const Filter<C> down, narrow(rows));
  SMELT_ASSIGN(const Filter<C> right, narrow(cols));
  const int64_t h = rows.axis.in, w = cols.axis.out;
  SMELT_ASSIGN(const C* x, elements<C>(call, self));
  SMELT_ASSIGN(C * result, result_elements<C>(call, out));
  SMELT_ASSIGN(C * narrowed, take<C>(call, h, w));
  SMELT_ASSIGN(C * sums, take<C>(call, w, 1));
  const auto keep = [](C sum) { return sum; };
  C* y = result;
  for (size_t p = 0, n = self.shape.numel(0, 2); p < n; ++p) {
    filter_columns(x, h, right, narrowed, keep);
    filter_rows(narrowed, w, down, sums, y, keep);
    x += h * cols.axis.in;
    y += rows.axis.out * w;
  }
  store(out, result);
  return {};
}

/// Resizes images of bytes, to the bit as eager PyTorch does: first along rows, then along columns,
/// each time rounded to bytes, a dimension that keeps its size not at all; weights are integers of
/// 16 bits with as many binary places as the largest of them leaves.
Status resample_bytes(Call& call, const Tensor& self, const Filter<double>& rows,
                      const Filter<double>& cols, Tensor& out) {
  struct Fixed {
    Filter<int32_t> filter;
    int places;
    uint8_t operator()(int32_t sum) const {
      return uint8_t(std::clamp((sum + (1 << (places - 1))) >> places, 0, 255));
    }
  };
  const auto fixed = [&](const Filter<double>& f) -> Result<Fixed> {
    double largest = 0;
    for (int64_t i = 0; i < f.axis.out; ++i)
      largest = std::max(largest, *std::max_element(f.of(i), f.of(i) + f.count[i]));
    int places = 0;
    while (places < 22 && largest * double(1 << (places + 1)) + 0.5 < double(1 << 15)) ++places;
    SMELT_ASSIGN(int32_t * weights, take<int32_t>(call, f.axis.out, int64_t(f.width)));
    for (int64_t i = 0; i < f.axis.out; ++i) {
      for (int64_t k = 0; k < f.count[i]; ++k) {
        const double scaled = f.of(i)[k] * double(1 << places);
        weights[size_t(i) * f.width + size_t(k)] =
            int32_t(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
      }
    }
    return Fixed{{f.axis, f.width, f.first, f.count, weights}, places};
  };
  SMELT_ASSIGN(const Fixed down, fixed(rows));
  SMELT_ASSIGN(const Fixed right, fixed(cols));
  const bool keeps_rows = rows.axis.in == rows.axis.out, keeps_cols = cols.axis.in == cols.axis.out;
  const int64_t h = rows.axis.in, w = cols.axis.out;
  SMELT_ASSIGN(uint8_t * narrowed, take<uint8_t>(call, h, w));
  SMELT_ASSIGN(int32_t * sums, take<int32_t>(call, w, 1));
  const uint8_t* x = self.as<uint8_t>();
  uint8_t* y = out.as<uint8_t>();
  for (size_t p = 0, n = self.shape.numel(0, 2); p < n; ++p) {
    const uint8_t* middle = x;
    if (!keeps_cols) {
      uint8_t* to = keeps_rows ? y : narrowed;
      filter_columns(x, h, right.filter, to, right);
      middle = to;
    }
    if (!keeps_rows) filter_rows(middle, w, down.filter, sums, y, down);
    if (keeps_rows && keeps_cols) std::copy_n(x, h * w, y);
    x += h * cols.axis.in;
    y += rows.axis.out * w;
  }
  return {};
}

Status resample(Call& call, const Tensor& self, const Filter<double>& rows,
                const Filter<double>& cols, Tensor& out) {
  if (self.dtype == DType::kU8) return resample_bytes(call, self, rows, cols, out);
  return with_float(self.dtype,
                    [&]<class C>(C) { return resample<C>(call, self, rows, cols, out); });
}

/// How many neighbours an element is made of; antialiasing ones widen when the image shrinks.
enum class Kernel { kLinear, kCubic, kLinearAntialiased, kCubicAntialiased };

template <Kernel K>
Status resample(Call& call, const Axis (&axes)[2], bool align_corners, Tensor& out) {
  const auto filter = [&](const Axis& a) {
    if constexpr (K == Kernel::kLinear) {
      return bilinear_filter(call, a, align_corners);
    } else if constexpr (K == Kernel::kCubic) {
      return bicubic_filter(call, a, align_corners);
    } else {
      return antialiasing_filter(call, a, K == Kernel::kCubicAntialiased);
    }
  };
  SMELT_ASSIGN(const Filter<double> rows, filter(axes[0]));
  SMELT_ASSIGN(const Filter<double> cols, filter(axes[1]));
  return resample(call, call.tensor(0), rows, cols, out);
}

/// (input, sizes?, align_corners, factors?, out)
template <Kernel K>
Status upsample_by(Call& call) {
  const bool align_corners = call.boolean(2);
  Tensor& out = call.tensor(4);
  Axis axes[2];
  SMELT_TRY(resize(call.tensor(0), call.ints(1), call.doubles(3), align_corners, out, axes));
  return resample<K>(call, axes, align_corners, out);
}

/// (input, sizes, align_corners, scale_h?, scale_w?, out)
template <Kernel K>
Status upsample_to(Call& call) {
  const Tensor& self = call.tensor(0);
  const bool align_corners = call.boolean(2);
  Tensor& out = call.tensor(5);
  Axis axes[2];
  SMELT_TRY(resize(self, call.ints(1), {}, align_corners, out, axes));
  for (size_t i = 0; i < 2; ++i) {
    if (!align_corners && call.has(3 + i) && call.real(3 + i) > 0)
      axes[i].scale = 1 / call.real(3 + i);
  }
  return resample<K>(call, axes, align_corners, out);
}

/// Beyond the edges: nothing, the edge itself, or the mirror image.
enum class Border { kZeros, kEdge, kReflection };

/// Folds a coordinate into [low / 2, high / 2] by reflection at both ends.
template <class C>
C reflect(C x, int64_t twice_low, int64_t twice_high) {
  if (twice_low == twice_high) return 0;
  const C low = C(twice_low) / 2, span = C(twice_high - twice_low) / 2;
  x = std::abs(x - low);
  const C flips = std::floor(x / span), rest = x - flips * span;
  return std::fmod(flips, C(2)) == 0 ? rest + low : span - rest + low;
}

/// From [-1, 1] to elements.
template <class C>
C grid_position(C x, int64_t n, bool align_corners) {
  return align_corners ? (x + 1) / 2 * C(n - 1) : ((x + 1) * C(n) - 1) / 2;
}

/// Folds a position into [0, n - 1], if there is something at the border.
template <class C>
C fold(C at, int64_t n, Border border, bool align_corners) {
  if (border == Border::kReflection) {
    at = align_corners ? reflect(at, 0, 2 * (n - 1)) : reflect(at, -1, 2 * n - 1);
  }
  return border == Border::kZeros ? at : std::clamp<C>(at, 0, C(n - 1));
}

/// (input [n, c, h, w], grid [n, oh, ow, 2], interpolation, border, align_corners, out)
Status grid_sampler_2d(Call& call) {
  const Tensor &self = call.tensor(0), &grid = call.tensor(1);
  const int64_t mode = call.integer(2), border_mode = call.integer(3);
  const bool align_corners = call.boolean(4);
  Tensor& out = call.tensor(5);
  if (self.rank() != 4 || grid.rank() != 4 || grid.shape[3] != 2 ||
      grid.shape[0] != self.shape[0] || grid.dtype != self.dtype || out.dtype != self.dtype ||
      self.numel() == 0) {
    return invalid("{} sampled at {}", to_string(self.shape), to_string(grid.shape));
  }
  if (mode < 0 || mode > 2) return invalid("interpolation mode {}", mode);
  if (border_mode < 0 || border_mode > 2) return invalid("padding mode {}", border_mode);
  const auto border = Border(border_mode);
  const int64_t batch = self.shape[0], channels = self.shape[1], h = self.shape[2],
                w = self.shape[3];
  const int64_t oh = grid.shape[1], ow = grid.shape[2];
  SMELT_TRY(out.resize(Shape{batch, channels, oh, ow}));
  return with_float(self.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, self));
    SMELT_ASSIGN(const C* places, elements<C>(call, grid));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    for (int64_t n = 0; n < batch; ++n) {
      for (int64_t at = 0; at < oh * ow; ++at) {
        const C* place = places + (n * oh * ow + at) * 2;
        // Cubic sampling applies the border to each of its points instead of to the place.
        const auto position = [&](C x, int64_t size) -> C {
          C p = grid_position(x, size, align_corners);
          if (mode != 2) p = fold(p, size, border, align_corners);
          // What is no number is nowhere, and so is what is far from a tensor without a border;
          // elsewhere the bound only keeps the index an integer.
          const C far = mode == 2 && border != Border::kZeros ? C(1 << 22) : C(2);
          return p >= -far && p < C(size) + far ? p : p > 0 ? C(size) + far - 1 : -far;
        };
        const C px = position(place[0], w), py = position(place[1], h);
        const auto left = int64_t(std::floor(px)), top = int64_t(std::floor(py));
        const C fx = px - C(left), fy = py - C(top);
        for (int64_t c = 0; c < channels; ++c) {
          const C* plane = x + (n * channels + c) * h * w;
          const auto pixel = [&](int64_t row, int64_t col) -> C {
            if (mode == 2 && border != Border::kZeros) {
              row = int64_t(fold(C(row), h, border, align_corners));
              col = int64_t(fold(C(col), w, border, align_corners));
            }
            return row >= 0 && row < h && col >= 0 && col < w ? plane[row * w + col] : C(0);
          };
          C result = 0;
          if (mode == 1) {
            result = pixel(int64_t(std::nearbyint(py)), int64_t(std::nearbyint(px)));
          } else if (mode == 0) {
            result = pixel(top, left) * (1 - fx) * (1 - fy) + pixel(top, left + 1) * fx * (1 - fy) +
                     pixel(top + 1, left) * (1 - fx) * fy + pixel(top + 1, left + 1) * fx * fy;
          } else {
            C wx[4], wy[4];
            cubic_weights(fx, wx);
            cubic_weights(fy, wy);
            for (int64_t a = 0; a < 4; ++a) {
              for (int64_t b = 0; b < 4; ++b) {
                result += pixel(top - 1 + a, left - 1 + b) * wy[a] * wx[b];
              }
            }
          }
          y[(n * channels + c) * oh * ow + at] = result;
        }
      }
    }
    store(out, y);
    return {};
  });
}

constexpr Operator kOperators[] = {
    {"aten::_upsample_bicubic2d_aa.out", "TLBddW", upsample_to<Kernel::kCubicAntialiased>},
    {"aten::_upsample_bilinear2d_aa.out", "TLBddW", upsample_to<Kernel::kLinearAntialiased>},
    {"aten::grid_sampler_2d.out", "TTIIBW", grid_sampler_2d},
    {"aten::upsample_bicubic2d.out", "TLBddW", upsample_to<Kernel::kCubic>},
    {"aten::upsample_bicubic2d.vec_out", "TlBfW", upsample_by<Kernel::kCubic>},
    {"aten::upsample_bilinear2d.out", "TLBddW", upsample_to<Kernel::kLinear>},
    {"aten::upsample_bilinear2d.vec_out", "TlBfW", upsample_by<Kernel::kLinear>},
    {"aten::upsample_nearest2d.vec_out", "TlfW", upsample_nearest2d},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> resample_operators() { return kTable; }

}  // namespace smelt::program
