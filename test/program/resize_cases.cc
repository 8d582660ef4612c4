// Rows, images and volumes at other sizes.
#include <algorithm>
#include <map>

#include "byte_filter.h"
#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

enum class Mode { kNearest, kNearestExact, kLinear, kCubic, kCubicSmoothed };

/// A cubic kernel by its pieces.
double cubic(double d, double a) {
  d = std::abs(d);
  return d <= 1  ? (a + 2) * d * d * d - (a + 3) * d * d + 1
         : d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a
                 : 0;
}

/// Which elements a result is made of.
using Weights = std::map<int64_t, double>;
Weights weights(Mode mode, int64_t i, int64_t in, int64_t out, double factor, bool align) {
  const double step = align        ? (out > 1 ? double(in - 1) / double(out - 1) : 0)
                      : factor > 0 ? 1 / factor
                                   : double(in) / double(out);
  const auto inside = [&](double k) { return std::clamp<int64_t>(int64_t(k), 0, in - 1); };
  Weights w;
  switch (mode) {
    case Mode::kNearest:
      w[inside(std::floor(double(i) * step))] = 1;
      break;
    case Mode::kNearestExact:
      w[inside(std::floor((double(i) + 0.5) * step))] = 1;
      break;
    case Mode::kLinear: {
      const double at = std::max(align ? double(i) * step : (double(i) + 0.5) * step - 0.5, 0.0);
      w[inside(at)] += 1 - (at - std::floor(at));
      w[inside(at + 1)] += at - std::floor(at);
      break;
    }
    case Mode::kCubic: {
      const double at = align ? double(i) * step : (double(i) + 0.5) * step - 0.5;
      for (double k = std::floor(at) - 1; k <= std::floor(at) + 2; ++k) {
        w[inside(k)] += cubic(at - k, -0.75);
      }
      break;
    }
    case Mode::kCubicSmoothed: {
      const double width = std::max(step, 1.0), centre = (double(i) + 0.5) * step;
      double sum = 0;
      for (int64_t k = 0; k < in; ++k) {
        const double v = cubic((double(k) + 0.5 - centre) / width, -0.5);
        if (v != 0) w[k] = v;
        sum += v;
      }
      for (auto& [k, v] : w) v /= sum;
    }
  }
  return w;
}

/// One dimension after the other, the last one first.
Array resized(const Array& x, Mode mode, const Index& sizes, const Values& factors, bool align) {
  Array y = x;
  y.type = DType::kF64;
  for (size_t d = x.shape.rank(); d-- > 2;) {
    Array next(DType::kF64, y.shape, {});
    next.shape[d] = sizes[d - 2];
    next.v.resize(next.shape.numel());
    for_each_index(next.shape, [&](const Index& i) {
      Index from = i;
      for (const auto& [k, w] : weights(mode, i[d], x.shape[d], sizes[d - 2],
                                        factors.empty() ? 0 : factors[d - 2], align)) {
        from[d] = k;
        next(i) += w * y(from);
      }
    });
    y = next;
  }
  return Array(x.type, y.shape, y.v);
}

/// The same of bytes, which are rounded between the dimensions.
Array resized_bytes(const Array& x, Mode mode, const Index& sizes, bool align) {
  Array y = x;
  for (size_t d = x.shape.rank(); d-- > 2;) {
    if (sizes[d - 2] == x.shape[d]) continue;
    std::vector<Weighted> outputs;
    for (int64_t i = 0; i < sizes[d - 2]; ++i) {
      const Weights w = weights(mode, i, x.shape[d], sizes[d - 2], 0, align);
      Weighted& o = outputs.emplace_back(Weighted{w.begin()->first, {}});
      o.weights.resize(size_t(w.rbegin()->first - o.first + 1));
      for (const auto& [k, v] : w) o.weights[size_t(k - o.first)] = v;
    }
    y = filter_bytes(y, d, outputs);
  }
  return y;
}

/// `Vec`: sizes or factors in lists; else sizes, and perhaps a factor per dimension besides.
template <Mode M, size_t Dims, bool Vec>
void resize(Subject& s) {
  constexpr bool kNearest = M == Mode::kNearest || M == Mode::kNearestExact;
  const auto check = [&](const Array& x, const Index& sizes, const Values& factors, bool align,
                         const OperatorProgram::Order& order = {}) {
    OperatorProgram call = s.call();
    call.tensor(x, order);
    Vec && !factors.empty() ? call.none() : call.ints(sizes);
    if (!kNearest) call.boolean(align);
    if (Vec) {
      factors.empty() ? call.none() : call.reals(factors);
    } else {
      for (size_t d = 0; d < Dims; ++d) factors.empty() ? call.none() : call.real(factors[d]);
    }
    call.out(x.type, order);
    s.expect(call, resized(x, M, sizes, factors, align), 2);
  };
  const auto cut = [](const auto& list) {
    return std::decay_t<decltype(list)>(list.begin(), list.begin() + Dims);
  };
  const std::vector<DType> types =
      kNearest ? std::vector<DType>{DType::kF32, DType::kF16, DType::kU8, DType::kS64}
               : std::vector<DType>(std::begin(kFloats), std::end(kFloats));
  for (const DType t : types) {
    SCOPED_TRACE(smelt::name(t));
    Shape shape{2, 3};
    for (size_t d = 0; d < Dims; ++d) shape.push_back(Index{5, 4, 6}[d]);
    const Array x = sample(t, shape);
    for (const bool align : {false, true}) {
      if (align && kNearest) continue;
      for (const Index& sizes :
           {Index{5, 4, 6}, Index{10, 8, 12}, Index{3, 3, 2}, Index{1, 1, 1}, Index{7, 2, 13}}) {
        check(x, cut(sizes), {}, align);
      }
      check(x, cut(Index{12, 9, 9}), cut(Values{2.5, 2.25, 1.5}), align);
      check(x, cut(Index{2, 3, 3}), cut(Values{0.5, 0.75, 0.5}), align);
    }
    if (Dims == 2) check(x, {7, 3}, {}, false, {0, 2, 3, 1});
  }
  const auto refuse = [&](const Shape& shape, const Index& sizes) {
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kF32, shape)).ints(sizes);
    if (!kNearest) call.boolean(false);
    for (size_t d = 0; d < (Vec ? 1 : Dims); ++d) call.none();
    s.refuse(call.out(DType::kF32));
  };
  Shape shape{1, 1};
  for (size_t d = 0; d < Dims; ++d) shape.push_back(3);
  refuse(shape, Index(Dims, 0));
  refuse(shape, Index(Dims + 1, 2));
  shape.push_back(3);
  refuse(shape, Index(Dims, 2));
  if (kNearest) return;
  if (Dims == 2) {
    const Array image =
        Array::make(DType::kU8, {2, 3, 7, 5}, [](size_t i) { return double(i * i * 37 % 256); });
    for (const Index& sizes : {Index{4, 9}, Index{1, 2}, Index{7, 8}, Index{13, 5}, Index{7, 5}}) {
      for (const bool align : {false, true}) {
        if (align && M == Mode::kCubicSmoothed) continue;
        OperatorProgram call = s.call();
        call.tensor(image).ints(sizes).boolean(align);
        for (size_t d = 0; d < (Vec ? 1 : Dims); ++d) call.none();
        s.expect(call.out(DType::kU8), resized_bytes(image, M, sizes, align), 0);
      }
    }
    return;
  }
  // Bytes are rounded, and what overshoots is cut.
  const Shape row = Dims == 1 ? Shape{1, 1, 4} : Shape{1, 1, 1, 1, 4};
  Index wide(Dims, 1);
  wide.back() = 9;
  const Array x(DType::kU8, row, {0, 255, 255, 3});
  OperatorProgram bytes = s.call();
  bytes.tensor(x).ints(wide).boolean(false);
  for (size_t d = 0; d < (Vec ? 1 : Dims); ++d) bytes.none();
  Array wanted = resized(Array(DType::kF64, row, x.v), M, wide, {}, false);
  wanted.type = DType::kU8;
  for (double& v : wanted.v) v = std::clamp(std::nearbyint(v), 0.0, 255.0);
  s.expect(bytes.out(DType::kU8), wanted);
}

#define SMELT_RESIZE(name, mode, dims)                       \
  {"aten::" name ".out", resize<Mode::mode, dims, false>}, { \
    "aten::" name ".vec_out", resize<Mode::mode, dims, true> \
  }

constexpr OperatorCase kCases[] = {
    {"aten::_upsample_bicubic2d_aa.out", resize<Mode::kCubicSmoothed, 2, false>},
    SMELT_RESIZE("_upsample_nearest_exact1d", kNearestExact, 1),
    SMELT_RESIZE("_upsample_nearest_exact2d", kNearestExact, 2),
    SMELT_RESIZE("_upsample_nearest_exact3d", kNearestExact, 3),
    SMELT_RESIZE("upsample_bicubic2d", kCubic, 2),
    {"aten::upsample_bilinear2d.out", resize<Mode::kLinear, 2, false>},
    SMELT_RESIZE("upsample_linear1d", kLinear, 1),
    SMELT_RESIZE("upsample_nearest1d", kNearest, 1),
    {"aten::upsample_nearest2d.out", resize<Mode::kNearest, 2, false>},
    SMELT_RESIZE("upsample_nearest3d", kNearest, 3),
    SMELT_RESIZE("upsample_trilinear3d", kLinear, 3),
};

}  // namespace

std::span<const OperatorCase> resize_cases() { return kCases; }

}  // namespace smelt::program::testing
