// Pooling over one to three dimensions.
#include <functional>

#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

/// The places along one dimension that go into each result; a place outside the input is padding.
using Places = std::vector<std::vector<int64_t>>;

struct Sliding {
  int64_t kernel, stride, padding, dilation;
  bool ceil;
};
Places places_of(int64_t n, const Sliding& s) {
  Places all;
  const int64_t reach = s.dilation * (s.kernel - 1) + 1;
  for (int64_t first = -s.padding;; first += s.stride) {
    // A window that does not fit wholly counts if rounding is upwards and it begins inside.
    const bool fits = first + reach <= n + s.padding;
    if (!fits && !(s.ceil && first < n && first + reach - s.stride < n + s.padding)) break;
    all.emplace_back();
    for (int64_t k = 0; k < s.kernel; ++k) all.back().push_back(first + k * s.dilation);
  }
  return all;
}
Places cells_of(int64_t n, int64_t cells) {
  Places all;
  for (int64_t i = 0; i < cells; ++i) {
    all.emplace_back();
    for (int64_t k = 0; k < n; ++k) {
      // Element k has a part in cell i.
      if ((k + 1) * cells > i * n && k * cells < (i + 1) * n) all.back().push_back(k);
    }
  }
  return all;
}

/// f(values inside, their places in the volume, places with padding) for each result.
using Pool = std::function<double(const Values&, const Values&, int64_t)>;
Array pooled(const Array& x, const std::vector<Places>& dims, DType out, const Pool& f,
             int64_t padding = 0) {
  const size_t lead = x.shape.rank() - dims.size();
  Array y(out, x.shape, {});
  for (size_t d = 0; d < dims.size(); ++d) y.shape[lead + d] = int64_t(dims[d].size());
  y.v.resize(y.shape.numel());
  for_each_index(y.shape, [&](const Index& i) {
    Values inside, where;
    int64_t padded = 0;
    Shape counts;
    for (size_t d = 0; d < dims.size(); ++d) {
      counts.push_back(int64_t(dims[d][size_t(i[lead + d])].size()));
    }
    for_each_index(counts, [&](const Index& k) {
      Index at = i;
      bool in = true, counted = true;
      int64_t linear = 0;
      for (size_t d = 0; d < dims.size(); ++d) {
        const int64_t n = x.shape[lead + d];
        at[lead + d] = dims[d][size_t(i[lead + d])][size_t(k[d])];
        in = in && at[lead + d] >= 0 && at[lead + d] < n;
        linear = linear * n + at[lead + d];
        counted = counted && at[lead + d] < n + padding;
      }
      padded += counted;
      if (!in) return;
      inside.push_back(x(at));
      where.push_back(double(linear));
    });
    y(i) = stored(out, f(inside, where, padded));
  });
  return y;
}

double total(const Values& v) {
  double sum = 0;
  for (const double x : v) sum += x;
  return sum;
}
/// Which element is the largest: the last NaN, or else the first of the largest.
size_t largest(const Values& v) {
  size_t best = 0;
  for (size_t i = 0; i < v.size(); ++i) {
    if (v[i] > v[best] || std::isnan(v[i])) best = i;
  }
  return best;
}
double value_of_largest(const Values& v, const Values&, int64_t) { return v[largest(v)]; }
double place_of_largest(const Values& v, const Values& places, int64_t) {
  return places[largest(v)];
}

Shape shape_for(size_t dims, bool batch, const Index& extents) {
  Shape s;
  if (batch) s.push_back(2);
  s.push_back(3);
  for (size_t d = 0; d < dims; ++d) s.push_back(extents[d]);
  return s;
}

const Sliding kSliding[] = {{2, 2, 0, 1, false}, {3, 2, 1, 1, false}, {3, 2, 1, 1, true},
                            {2, 3, 0, 1, true},  {1, 1, 0, 1, false}, {3, 1, 1, 1, false}};

template <size_t Dims>
void average(Subject& s) {
  for (const DType t : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kS64}) {
    for (const Sliding& w : kSliding) {
      for (const bool with_padding : {true, false}) {
        for (const int64_t divisor : {0, 3}) {
          if (divisor != 0 && Dims == 1) continue;
          const Array x = sample(t, shape_for(Dims, w.stride == 2, {5, 4, 7}));
          std::vector<Places> places;
          for (size_t d = 0; d < Dims; ++d) {
            places.push_back(places_of(x.shape[x.shape.rank() - Dims + d], w));
          }
          OperatorProgram call = s.call();
          call.tensor(x).ints({w.kernel});
          w.stride == w.kernel ? call.ints({}) : call.ints(Index(Dims, w.stride));
          call.ints({w.padding}).boolean(w.ceil).boolean(with_padding);
          if (Dims > 1) divisor != 0 ? call.integer(divisor) : call.none();
          call.out(t);
          s.expect(call,
                   pooled(
                       x, places, t,
                       [&](const Values& v, const Values&, int64_t padded) {
                         const double n = divisor != 0   ? double(divisor)
                                          : with_padding ? double(padded)
                                                         : double(v.size());
                         return real_type(t) ? total(v) / n : std::trunc(total(v) / n);
                       },
                       w.padding),
                   2);
        }
      }
    }
  }
  const auto refuse = [&](const Shape& shape, int64_t kernel, int64_t padding) {
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kF32, shape)).ints({kernel}).ints({}).ints({padding});
    call.boolean(false).boolean(true);
    if (Dims > 1) call.none();
    s.refuse(call.out(DType::kF32));
  };
  refuse(shape_for(Dims, true, {2, 2, 2}), 3, 0);
  refuse(shape_for(Dims, true, {4, 4, 4}), 2, 2);
  refuse(Shape{3}, 2, 0);
}

void max_pool3d(Subject& s) {
  std::vector<Sliding> windows(std::begin(kSliding), std::end(kSliding));
  windows.push_back({2, 1, 0, 2, false});
  windows.push_back({3, 2, 1, 2, true});
  for (const DType t : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kS64}) {
    for (const Sliding& w : windows) {
      Array x = sample(t, shape_for(3, w.stride == 2, {6, 5, 7}));
      if (real_type(t)) x.v[31] = x.v[33] = kNan, x.v[90] = -kInf;
      std::vector<Places> places;
      for (size_t d = 0; d < 3; ++d)
        places.push_back(places_of(x.shape[x.shape.rank() - 3 + d], w));
      OperatorProgram call = s.call();
      call.tensor(x).ints({w.kernel, w.kernel, w.kernel}).ints({w.stride}).ints({w.padding});
      call.ints({w.dilation}).boolean(w.ceil).out(t).out(DType::kS64);
      s.expect(call, pooled(x, places, t, value_of_largest));
      s.expect(call.result(1), pooled(x, places, DType::kS64, place_of_largest));
    }
  }
  // Extents that differ, and memory in another order.
  const Array x = sample(DType::kF32, {2, 3, 4, 5, 6});
  OperatorProgram order = s.call();
  const OperatorProgram::Order last = {0, 2, 3, 4, 1};
  order.tensor(x, last).ints({1, 2, 3}).ints({1, 2, 1}).ints({0, 1, 1}).ints({}).boolean(false);
  order.out(DType::kF32, last).out(DType::kS64, last);
  s.expect(order, pooled(x,
                         {places_of(4, {1, 1, 0, 1, false}), places_of(5, {2, 2, 1, 1, false}),
                          places_of(6, {3, 1, 1, 1, false})},
                         DType::kF32, value_of_largest));
  // Nothing but the smallest number is still a place.
  OperatorProgram low = s.call();
  low.tensor(Array(DType::kF32, {1, 1, 1, 2}, {-kInf, -kInf})).ints({1, 1, 2}).ints({}).ints({0});
  low.ints({1}).boolean(false).out(DType::kF32).out(DType::kS64);
  s.expect(low, Array(DType::kF32, {1, 1, 1, 1}, {-kInf}));
  s.expect(low.result(1), Array(DType::kS64, {1, 1, 1, 1}, {0}));
}

template <size_t Dims, bool Max>
void adaptive(Subject& s) {
  for (const DType t : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64}) {
    for (const Index& sizes : {Index{1, 1, 1}, Index{3, 2, 4}, Index{5, 4, 7}, Index{7, 9, 8}}) {
      Array x = sample(t, shape_for(Dims, sizes[0] != 3, {5, 4, 7}));
      if (Max) x.v[3] = kNan;
      std::vector<Places> places;
      for (size_t d = 0; d < Dims; ++d) {
        places.push_back(cells_of(x.shape[x.shape.rank() - Dims + d], sizes[d]));
      }
      OperatorProgram call = s.call();
      call.tensor(x).ints(Index(sizes.begin(), sizes.begin() + Dims)).out(t);
      if (!Max) {
        s.expect(call,
                 pooled(x, places, t,
                        [](const Values& v, const Values&, int64_t) {
                          return total(v) / double(v.size());
                        }),
                 2);
        continue;
      }
      call.out(DType::kS64);
      s.expect(call, pooled(x, places, t, value_of_largest));
      s.expect(call.result(1), pooled(x, places, DType::kS64, place_of_largest));
    }
  }
  for (const bool empty : {false, true}) {
    OperatorProgram call = s.call();
    call.tensor(
        sample(DType::kF32, shape_for(Dims, true, empty ? Index{0, 0, 0} : Index{2, 2, 2})));
    call.ints(Index(empty ? Dims : Dims + 1, 1)).out(DType::kF32);
    if (Max) call.out(DType::kS64);
    s.refuse(call);
  }
}

/// Gradients by definition: a result's goes to each element of its window, over `count`.
Array spread(const Array& grad, const Shape& shape, const std::vector<Places>& dims,
             const std::function<double(double, double)>& count, int64_t padding = 0) {
  Array wanted(grad.type, shape, Values(shape.numel()));
  const size_t lead = shape.rank() - dims.size();
  for_each_index(grad.shape, [&](const Index& i) {
    double inside = 0, padded = 0;
    for (const bool adding : {false, true}) {
      for (const int64_t a : dims[0][size_t(i[lead])]) {
        for (const int64_t b : dims[1][size_t(i[lead + 1])]) {
          const bool in = a >= 0 && b >= 0 && a < shape[lead] && b < shape[lead + 1];
          Index at = i;
          at[lead] = a, at[lead + 1] = b;
          if (adding && in) wanted(at) += grad(i) / count(inside, padded);
          if (adding) continue;
          inside += in;
          padded += a < shape[lead] + padding && b < shape[lead + 1] + padding;
        }
      }
    }
  });
  return Array(grad.type, shape, wanted.v);
}

void avg_pool_backward(Subject& s) {
  for (const DType t : kFloats) {
    for (const Sliding& w : kSliding) {
      for (const bool with_padding : {true, false}) {
        for (const int64_t divisor : {0, 3}) {
          const Shape shape{2, 3, 5, 7};
          const std::vector<Places> places = {places_of(5, w), places_of(7, w)};
          const Array grad =
              sample(t, {2, 3, int64_t(places[0].size()), int64_t(places[1].size())});
          OperatorProgram call = s.call();
          call.tensor(grad).tensor(sample(t, shape)).ints({w.kernel}).ints({w.stride});
          call.ints({w.padding}).boolean(w.ceil).boolean(with_padding);
          divisor != 0 ? call.integer(divisor) : call.none();
          const auto count = [&](double inside, double padded) {
            return divisor != 0 ? double(divisor) : with_padding ? padded : inside;
          };
          s.expect(call.out(t), spread(grad, shape, places, count, w.padding), 4);
        }
      }
    }
  }
  OperatorProgram other = s.call();
  other.tensor(sample(DType::kF32, {1, 1, 2, 3})).tensor(sample(DType::kF32, {1, 1, 4, 4}));
  other.ints({2}).ints({}).ints({0}).boolean(false).boolean(true).none();
  s.refuse(other.out(DType::kF32));
}

template <size_t Dims>
void adaptive_backward(Subject& s) {
  for (const DType t : kFloats) {
    for (const Index& sizes : {Index{1, 1}, Index{3, 2}, Index{5, 7}, Index{7, 9}}) {
      // Of three dimensions, the first is not pooled.
      Shape shape{3, 5, 7}, out{3, sizes[0], sizes[1]};
      if (Dims == 3) shape = {2, 3, 5, 7}, out = {2, 3, sizes[0], sizes[1]};
      const Array grad = sample(t, out);
      OperatorProgram call = s.call();
      call.tensor(grad).tensor(sample(t, shape));
      const auto count = [](double inside, double) { return inside; };
      s.expect(call.out(t),
               spread(grad, shape, {cells_of(5, sizes[0]), cells_of(7, sizes[1])}, count), 4);
    }
  }
  OperatorProgram other = s.call();
  other.tensor(sample(DType::kF32, {1, 2, 2})).tensor(sample(DType::kF32, {1, 1, 4, 4}));
  s.refuse(other.out(DType::kF32));
}

template <size_t Dims>
void max_unpool(Subject& s) {
  const Shape shape = shape_for(Dims, true, {2, 1, 2}), sizes = shape_for(Dims, true, {3, 4, 2});
  const size_t n = shape.numel() / 6, volume = sizes.numel() / 6;
  for (const DType t : kAllTypes) {
    const Array x = sample(t, shape, 2);
    const Array places =
        Array::make(DType::kS64, shape, [&](size_t i) { return double((i % n * 5 + 1) % volume); });
    Array wanted(t, sizes, Values(sizes.numel()));
    for (size_t i = 0; i < x.v.size(); ++i) {
      wanted.v[i / n * volume + size_t(places.v[i])] = x.v[i];
    }
    OperatorProgram call = s.call();
    call.tensor(x).tensor(places).ints({sizes.end() - Dims, sizes.end()});
    if (Dims == 3) call.ints({1, 1, 1}).ints({0, 0, 0});
    s.expect(call.out(t), wanted);
  }
  for (const double at : {-1.0, double(volume)}) {
    Array places(DType::kS64, shape, Values(shape.numel()));
    places.v.back() = at;
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kF32, shape)).tensor(places).ints({sizes.end() - Dims, sizes.end()});
    if (Dims == 3) call.ints({1, 1, 1}).ints({0, 0, 0});
    s.refuse(call.out(DType::kF32));
  }
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {3})).tensor(Array(DType::kS64, {3}, {0, 1, 2}));
  wrong.ints(Index(Dims, 2));
  if (Dims == 3) wrong.ints({1, 1, 1}).ints({0, 0, 0});
  s.refuse(wrong.out(DType::kF32));
}

constexpr OperatorCase kCases[] = {
    {"aten::_adaptive_avg_pool2d_backward.out", adaptive_backward<2>},
    {"aten::_adaptive_avg_pool3d.out", adaptive<3, false>},
    {"aten::_adaptive_avg_pool3d_backward.out", adaptive_backward<3>},
    {"aten::adaptive_avg_pool1d.out", adaptive<1, false>},
    {"aten::adaptive_avg_pool2d.out", adaptive<2, false>},
    {"aten::adaptive_avg_pool3d.out", adaptive<3, false>},
    {"aten::adaptive_max_pool2d.out", adaptive<2, true>},
    {"aten::adaptive_max_pool3d.out", adaptive<3, true>},
    {"aten::avg_pool1d.out", average<1>},
    {"aten::avg_pool2d_backward.grad_input", avg_pool_backward},
    {"aten::avg_pool3d.out", average<3>},
    {"aten::max_pool3d_with_indices.out", max_pool3d},
    {"aten::max_unpool2d.out", max_unpool<2>},
    {"aten::max_unpool3d.out", max_unpool<3>},
};

}  // namespace

std::span<const OperatorCase> volume_pool_cases() { return kCases; }

}  // namespace smelt::program::testing
