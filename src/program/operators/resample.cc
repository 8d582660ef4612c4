// Images at other sizes or positions.
#include <algorithm>
#include <cmath>

#include "program/operators/common.h"

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
  with_bytes_of(element_size(self.dtype), [&]<class T>(T) {
    const T* x = self.as<T>();
    T* y = out.as<T>();
    for (size_t p = 0, n = self.shape.numel(0, 2); p < n; ++p, x += h.in * w.in) {
      for (int64_t i = 0; i < h.out; ++i) {
        const T* row = x + source(h, i) * w.in;
        for (int64_t j = 0; j < w.out; ++j) *y++ = row[source(w, j)];
      }
    }
  });
  return {};
}

/// The two neighbours of a position and the share of the second.
struct Neighbours {
  int64_t first, second;
  double share;
  Neighbours(double at, int64_t n)
      : first(std::min(int64_t(at), n - 1)),
        second(std::min(first + 1, n - 1)),
        share(std::clamp(at - double(first), 0.0, 1.0)) {}
};

Status upsample_bilinear2d(Call& call) {
  const Tensor& self = call.tensor(0);
  const bool align_corners = call.boolean(2);
  Tensor& out = call.tensor(4);
  Axis axes[2];
  SMELT_TRY(resize(self, call.ints(1), call.doubles(3), align_corners, out, axes));
  const auto [h, w] = axes;
  return with_float(self.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, self));
    SMELT_ASSIGN(C * result, result_elements<C>(call, out));
    C* y = result;
    for (size_t p = 0, n = self.shape.numel(0, 2); p < n; ++p, x += h.in * w.in) {
      for (int64_t i = 0; i < h.out; ++i) {
        const Neighbours rows(h.source(i, align_corners), h.in);
        const C *top = x + rows.first * w.in, *bottom = x + rows.second * w.in;
        const C down = C(rows.share);
        for (int64_t j = 0; j < w.out; ++j) {
          const Neighbours cols(w.source(j, align_corners), w.in);
          const C right = C(cols.share);
          const C a = top[cols.first] * (1 - right) + top[cols.second] * right;
          const C b = bottom[cols.first] * (1 - right) + bottom[cols.second] * right;
          *y++ = a * (1 - down) + b * down;
        }
      }
    }
    store(out, result);
    return {};
  });
}

/// Bilinear with a filter that widens when the image shrinks. (input, sizes, align_corners,
/// scale_h?, scale_w?, out)
Status upsample_bilinear2d_aa(Call& call) {
  const Tensor& self = call.tensor(0);
  const bool align_corners = call.boolean(2);
  Tensor& out = call.tensor(5);
  Axis axes[2];
  SMELT_TRY(resize(self, call.ints(1), {}, align_corners, out, axes));
  for (size_t i = 0; i < 2; ++i) {
    if (!align_corners && call.has(3 + i) && call.real(3 + i) > 0)
      axes[i].scale = 1 / call.real(3 + i);
  }
  const auto [h, w] = axes;
  /// The weights of one output position: a triangle around its centre, summing to 1.
  struct Taps {
    int64_t first = 0, count = 0;
    Taps(const Axis& a, int64_t i, double* weights) {
      const double support = std::max(a.scale, 1.0), centre = a.scale * (double(i) + 0.5);
      first = std::clamp<int64_t>(int64_t(centre - support + 0.5), 0, a.in - 1);
      const int64_t end = std::clamp<int64_t>(int64_t(centre + support + 0.5), first + 1, a.in);
      count = end - first;
      double sum = 0;
      for (int64_t k = 0; k < count; ++k) {
        const double distance = std::abs((double(first + k) - centre + 0.5) / support);
        sum += weights[k] = std::max(1 - distance, 0.0);
      }
      for (int64_t k = 0; k < count; ++k)
        weights[k] = sum > 0 ? weights[k] / sum : 1.0 / double(count);
    }
  };
  SMELT_ASSIGN(double* rows, call.scratch().take<double>(size_t(h.in)));
  SMELT_ASSIGN(double* cols, call.scratch().take<double>(size_t(w.in)));
  return with_float(self.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, self));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    const size_t planes = self.shape.numel(0, 2);
    for (int64_t i = 0; i < h.out; ++i) {
      const Taps down(h, i, rows);
      for (int64_t j = 0; j < w.out; ++j) {
        const Taps right(w, j, cols);
        for (size_t p = 0; p < planes; ++p) {
          const C* plane = x + int64_t(p) * h.in * w.in;
          double sum = 0;
          for (int64_t a = 0; a < down.count; ++a) {
            for (int64_t b = 0; b < right.count; ++b) {
              sum += rows[a] * cols[b] * double(plane[(down.first + a) * w.in + right.first + b]);
            }
          }
          y[(int64_t(p) * h.out + i) * w.out + j] = C(sum);
        }
      }
    }
    store(out, y);
    return {};
  });
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

/// Weights of the cubic convolution of Keys (1981) with a = -0.75, at distance t behind the second
/// of four points.
template <class C>
void cubic_weights(C t, C (&w)[4]) {
  constexpr C a = C(-0.75);
  const auto near = [](C d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [](C d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  w[0] = far(t + 1), w[1] = near(t), w[2] = near(1 - t), w[3] = far(2 - t);
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
    {"aten::_upsample_bilinear2d_aa.out", "TLBddW", upsample_bilinear2d_aa},
    {"aten::grid_sampler_2d.out", "TTIIBW", grid_sampler_2d},
    {"aten::upsample_bilinear2d.vec_out", "TlBfW", upsample_bilinear2d},
    {"aten::upsample_nearest2d.vec_out", "TlfW", upsample_nearest2d},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> resample_operators() { return kTable; }

}  // namespace smelt::program
