// Rows, images and volumes at other sizes: one dimension after the other, each element a weighted
// sum of its neighbours, or the nearest of them.
#include <algorithm>
#include <cmath>

#include "program/operators/common.h"

namespace smelt::program {
namespace {

enum class Mode { kNearest, kNearestExact, kLinear };
constexpr bool nearest(Mode m) { return m != Mode::kLinear; }
constexpr size_t kDims = 3;  ///< fewer are three with extents of 1

/// One dimension: extents, and how many elements a step from result to result passes.
struct Axis {
  int64_t in = 1, out = 1;
  double step = 1;
};

/// Which elements make up each result, and with what weights.
struct Taps {
  static constexpr int64_t kCount = 2;  ///< for each result
  int64_t* index;
  double* weight;
};

int64_t nearest_index(const Axis& a, int64_t i, bool exact) {
  if (!exact && a.in == a.out) return i;
  if (!exact && a.out == 2 * a.in) return i / 2;
  // In single precision, as PyTorch has it: it decides which of two neighbours is nearer.
  const float at = (float(i) + (exact ? 0.5f : 0.0f)) * float(a.step);
  return std::min(int64_t(std::floor(at)), a.in - 1);
}

Result<Taps> taps_of(Call& call, const Axis& a, bool align_corners) {
  Taps t;
  SMELT_ASSIGN(t.index, call.scratch().take<int64_t>(size_t(a.out * t.kCount)));
  SMELT_ASSIGN(t.weight, call.scratch().take<double>(size_t(a.out * t.kCount)));
  for (int64_t i = 0; i < a.out; ++i) {
    const double at =
        std::max(align_corners ? double(i) * a.step : (double(i) + 0.5) * a.step - 0.5, 0.0);
    const double below = std::floor(at), rest = at - below;
    for (int64_t k = 0; k < t.kCount; ++k) {
      t.index[i * t.kCount + k] = std::clamp<int64_t>(int64_t(below) + k, 0, a.in - 1);
      t.weight[i * t.kCount + k] = k == 0 ? 1 - rest : rest;
    }
  }
  return t;
}

/// Along one dimension of [outer, in, inner].
template <class C>
void resample(Call& call, const C* x, C* y, size_t outer, size_t inner, const Axis& a,
              const Taps& t) {
  const auto row = [&](size_t r) {
    const size_t o = r / size_t(a.out), i = r % size_t(a.out);
    C* to = y + r * inner;
    std::fill_n(to, inner, C(0));
    for (int64_t k = 0; k < t.kCount; ++k) {
      const int64_t tap = int64_t(i) * t.kCount + k;
      const C w = C(t.weight[tap]);
      const C* from = x + (o * size_t(a.in) + size_t(t.index[tap])) * inner;
      for (size_t e = 0; e < inner; ++e) to[e] += w * from[e];
    }
  };
  call.pool().parallel_for(outer * size_t(a.out), std::max<size_t>(1, 4096 / inner),
                           [&](size_t begin, size_t end, unsigned) {
                             for (size_t r = begin; r < end; ++r) row(r);
                           });
}

/// Sizes from a list, or factors that give them. (self, sizes?, …)
struct Request {
  std::span<const int64_t> sizes;
  double factors[kDims] = {};  ///< 0: none
  bool align_corners = false;
};

Status axes_of(const Tensor& self, size_t dims, const Request& r, Axis (&axes)[kDims],
               Shape& shape) {
  if (self.rank() != dims + 2) {
    return invalid("{} resized in {} dimensions", to_string(self.shape), dims);
  }
  if (!r.sizes.empty() && r.sizes.size() != dims) return invalid("{} sizes", r.sizes.size());
  shape = self.shape;
  for (size_t i = 0; i < dims; ++i) {
    Axis& a = axes[kDims - dims + i];
    const double factor = r.factors[i];
    a.in = self.shape[2 + i];
    const double wanted = r.sizes.empty() ? std::floor(double(a.in) * factor) : double(r.sizes[i]);
    if (a.in <= 0 || !(wanted > 0 && wanted <= INT32_MAX)) {
      return invalid("{} resized to {}", a.in, wanted);
    }
    a.out = shape[2 + i] = int64_t(wanted);
    if (r.align_corners) {
      a.step = a.out > 1 ? double(a.in - 1) / double(a.out - 1) : 0;
    } else {
      a.step = factor > 0 ? 1 / factor : double(a.in) / double(a.out);
    }
  }
  if (!checked_numel(shape)) return invalid("an impossible shape {}", to_string(shape));
  return {};
}

Status move_nearest(Call& call, const Axis (&axes)[kDims], bool exact, const Tensor& out) {
  const Tensor& self = call.tensor(0);
  int64_t* places[kDims];
  for (size_t d = 0; d < kDims; ++d) {
    SMELT_ASSIGN(places[d], call.scratch().take<int64_t>(size_t(axes[d].out)));
    for (int64_t i = 0; i < axes[d].out; ++i) places[d][i] = nearest_index(axes[d], i, exact);
  }
  with_bytes_of(element_size(self.dtype), [&]<class T>(T) {
    const T* x = self.as<T>();
    T* y = out.as<T>();
    const int64_t volume = axes[0].in * axes[1].in * axes[2].in;
    for (size_t n = self.shape.numel(0, 2); n > 0; --n, x += volume) {
      for (int64_t i = 0; i < axes[0].out; ++i) {
        for (int64_t j = 0; j < axes[1].out; ++j) {
          const T* row = x + (places[0][i] * axes[1].in + places[1][j]) * axes[2].in;
          for (int64_t k = 0; k < axes[2].out; ++k) *y++ = row[places[2][k]];
        }
      }
    }
  });
  return {};
}

template <Mode M>
Status resize(Call& call, size_t dims, const Request& r, Tensor& out) {
  const Tensor& self = call.tensor(0);
  if (out.dtype != self.dtype) {
    return invalid("{} resized as {}", smelt::name(self.dtype), smelt::name(out.dtype));
  }
  Axis axes[kDims];
  Shape shape;
  SMELT_TRY(axes_of(self, dims, r, axes, shape));
  SMELT_TRY(out.resize(shape));
  if constexpr (nearest(M)) {
    return move_nearest(call, axes, M == Mode::kNearestExact, out);
  } else {
    const bool bytes = self.dtype == DType::kU8;
    if (!is_float(self.dtype) && !bytes) return invalid("means of {}", smelt::name(self.dtype));
    return with_float(self.dtype, [&]<class C>(C) -> Status {
      SMELT_ASSIGN(const C* x, elements<C>(call, self));
      SMELT_ASSIGN(C * y, result_elements<C>(call, out));
      size_t outer = self.numel() / size_t(axes[2].in), inner = 1;
      for (size_t d = kDims; d-- > kDims - dims;) {
        const bool last = d == kDims - dims;
        SMELT_ASSIGN(const Taps taps, taps_of(call, axes[d], r.align_corners));
        C* to = y;
        if (!last) {
          SMELT_ASSIGN(to, call.scratch().take<C>(outer * size_t(axes[d].out) * inner));
        }
        resample(call, x, to, outer, inner, axes[d], taps);
        const size_t n = outer * size_t(axes[d].out) * inner;
        for (size_t i = 0; bytes && last && i < n; ++i) {
          to[i] = std::clamp<C>(std::nearbyint(to[i]), 0, 255);
        }
        x = to;
        inner *= size_t(axes[d].out);
        if (!last) outer /= size_t(axes[d - 1].in);
      }
      store(out, y);
      return {};
    });
  }
}

/// (self, sizes, [align_corners], factor? per dimension, out)
template <Mode M, size_t Dims>
Status resize_to(Call& call) {
  Request r{call.ints(1)};
  if (r.sizes.empty()) return invalid("no sizes");
  constexpr size_t kFirst = nearest(M) ? 2 : 3;
  if (!nearest(M)) r.align_corners = call.boolean(2);
  for (size_t i = 0; i < Dims; ++i) r.factors[i] = call.real_or(kFirst + i, 0);
  return resize<M>(call, Dims, r, call.tensor(kFirst + Dims));
}

/// (self, sizes?, [align_corners], factors?, out)
template <Mode M, size_t Dims>
Status resize_by(Call& call) {
  Request r{call.ints(1)};
  constexpr size_t kFactors = nearest(M) ? 2 : 3;
  if (!nearest(M)) r.align_corners = call.boolean(2);
  const auto factors = call.doubles(kFactors);
  if (r.sizes.empty() == factors.empty() || factors.size() > Dims) {
    return invalid("{} sizes and {} factors", r.sizes.size(), factors.size());
  }
  std::copy(factors.begin(), factors.end(), r.factors);
  return resize<M>(call, Dims, r, call.tensor(kFactors + 1));
}

#define SMELT_RESIZE(name, signature, vec_signature, mode, dims)         \
  {"aten::" name ".out", signature, resize_to<Mode::mode, dims>}, {      \
    "aten::" name ".vec_out", vec_signature, resize_by<Mode::mode, dims> \
  }

constexpr Operator kOperators[] = {
    SMELT_RESIZE("_upsample_nearest_exact1d", "TLdW", "TlfW", kNearestExact, 1),
    SMELT_RESIZE("_upsample_nearest_exact2d", "TLddW", "TlfW", kNearestExact, 2),
    SMELT_RESIZE("_upsample_nearest_exact3d", "TLdddW", "TlfW", kNearestExact, 3),
    SMELT_RESIZE("upsample_linear1d", "TLBdW", "TlBfW", kLinear, 1),
    SMELT_RESIZE("upsample_nearest1d", "TLdW", "TlfW", kNearest, 1),
    {"aten::upsample_nearest2d.out", "TLddW", resize_to<Mode::kNearest, 2>},
    SMELT_RESIZE("upsample_nearest3d", "TLdddW", "TlfW", kNearest, 3),
    SMELT_RESIZE("upsample_trilinear3d", "TLBdddW", "TlBfW", kLinear, 3),
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> resize_operators() { return kTable; }

}  // namespace smelt::program
