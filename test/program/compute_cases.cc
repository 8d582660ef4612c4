// Products, convolutions, norms, pooling, resampling, distances, quantisation, attention: each
// against its definition.
#include <algorithm>
#include <array>

#include "byte_filter.h"
#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

// ---- products

/// [.., m, k] × [.., k, n] of plain matrices at offsets.
double dot(const Array& a, size_t row, size_t k, const Array& b, size_t start, size_t step) {
  double sum = 0;
  for (size_t p = 0; p < k; ++p) sum += a.v[row + p] * b.v[start + p * step];
  return sum;
}

struct Sizes {
  int64_t m, k, n;
};
constexpr Sizes kSizes[] = {{2, 3, 4}, {1, 5, 1}, {0, 3, 2}, {2, 3, 0}, {2, 0, 3}, {5, 40, 33}};

void mm(Subject& s) {
  for (const DType t : kReals) {
    SCOPED_TRACE(smelt::name(t));
    for (const auto& [m, k, n] : kSizes) {
      const Array a = sample(t, {m, k}), b = sample(t, {k, n}, 3);
      OperatorProgram call = s.call();
      call.tensor(a).tensor(b).out(t);
      s.expect(call,
               Array::make(t, {m, n},
                           [&](size_t i) {
                             return dot(a, i / size_t(n) * size_t(k), size_t(k), b, i % size_t(n),
                                        size_t(n));
                           }),
               8);
    }
  }
  OperatorProgram nan = s.call();
  nan.tensor(Array(DType::kF32, {1, 2}, {kNan, 1})).tensor(Array(DType::kF32, {2, 1}, {0, 1}));
  nan.out(DType::kF32);
  s.expect(nan, Array(DType::kF32, {1, 1}, {kNan}));
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {2, 3})).tensor(sample(DType::kF32, {2, 3})).out(DType::kF32);
  s.refuse(wrong);
}

void bmm(Subject& s) {
  for (const DType t : kReals) {
    SCOPED_TRACE(smelt::name(t));
    for (const auto& [m, k, n] : kSizes) {
      const Array a = sample(t, {3, m, k}), b = sample(t, {3, k, n}, 3);
      OperatorProgram call = s.call();
      call.tensor(a).tensor(b).out(t);
      s.expect(call,
               Array::make(t, {3, m, n},
                           [&](size_t i) {
                             const size_t batch = i / size_t(m * n);
                             return dot(a, i / size_t(n) * size_t(k), size_t(k), b,
                                        batch * size_t(k * n) + i % size_t(n), size_t(n));
                           }),
               8);
    }
  }
  for (const DType t : {DType::kC32, DType::kC64, DType::kC128}) {
    // (1 + 2i)(i) + (3)(1 - i) = 1 - 2i
    OperatorProgram call = s.call();
    call.tensor(Array(t, {1, 1, 2}, {1, 2, 3, 0})).tensor(Array(t, {1, 2, 1}, {0, 1, 1, -1}));
    call.out(t);
    s.expect(call, Array(t, {1, 1, 1}, {1, -2}));
  }
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {2, 2, 3})).tensor(sample(DType::kF32, {1, 3, 2}));
  wrong.out(DType::kF32);
  s.refuse(wrong);
}

void addmm(Subject& s) {
  for (const DType t : kReals) {
    SCOPED_TRACE(smelt::name(t));
    for (const auto& [m, k, n] : kSizes) {
      for (const Shape& shape : {Shape{n}, Shape{m, 1}, Shape{}}) {
        for (const auto& [beta, alpha] : {std::pair{1, 1}, {2, 3}, {0, 1}}) {
          const Array a = sample(t, {m, k}), b = sample(t, {k, n}, 3), c = sample(t, shape, 7);
          OperatorProgram call = s.call();
          call.tensor(c).tensor(a).tensor(b).integer(beta).integer(alpha).out(t);
          s.expect(call,
                   Array::make(t, {m, n},
                               [&](size_t i) {
                                 const size_t row = i / size_t(n), column = i % size_t(n);
                                 const double addend = shape.rank() == 2   ? c.v[row]
                                                       : shape.rank() == 1 ? c.v[column]
                                                                           : c.v[0];
                                 return beta * addend + alpha * dot(a, row * size_t(k), size_t(k),
                                                                    b, column, size_t(n));
                               }),
                   8);
        }
      }
    }
  }
}

void linear(Subject& s) {
  for (const DType t : kFloats) {
    SCOPED_TRACE(smelt::name(t));
    for (const auto& [m, k, n] : kSizes) {
      for (const bool bias : {false, true}) {
        const Array a = sample(t, {2, m, k}), b = sample(t, {n, k}, 3), c = sample(t, {n}, 7);
        OperatorProgram call = s.call();
        call.tensor(a).tensor(b);
        bias ? call.tensor(c) : call.none();
        call.out(t);
        s.expect(call,
                 Array::make(t, {2, m, n},
                             [&](size_t i) {
                               const size_t column = i % size_t(n);
                               return (bias ? c.v[column] : 0) + dot(a, i / size_t(n) * size_t(k),
                                                                     size_t(k), b,
                                                                     column * size_t(k), 1);
                             }),
                 8);
      }
    }
  }
}

// ---- convolution

struct Convolution {
  Shape input, weight;
  std::vector<int64_t> stride, padding, dilation, output_padding;
  bool transposed = false;
  int64_t groups = 1;

  size_t spatial() const { return weight.rank() - 2; }
  Shape output() const {
    Shape r{input[0], transposed ? weight[1] * groups : weight[0]};
    for (size_t d = 0; d < spatial(); ++d) {
      const int64_t reach = dilation[d] * (weight[2 + d] - 1) + 1, in = input[2 + d];
      r.push_back(transposed ? (in - 1) * stride[d] - 2 * padding[d] + reach + output_padding[d]
                             : (in + 2 * padding[d] - reach) / stride[d] + 1);
    }
    return r;
  }
  void arguments(OperatorProgram& call) const {
    call.ints(stride).ints(padding).ints(dilation).boolean(transposed).ints(output_padding);
    call.integer(groups);
  }
  /// Calls f(input index, weight index, output index) for each product.
  template <class F>
  void products(F f) const {
    // A transposed convolution is a plain one with input and output exchanged.
    const Shape& big = transposed ? output() : input;
    const Shape& small = transposed ? input : output();
    const int64_t big_group = big[1] / groups, small_group = small[1] / groups;
    for_each_index(small, [&](const Index& o) {
      for_each_index(weight, [&](const Index& w) {
        // Plain: weight [small, big / groups]; transposed: [small, big / groups] as well.
        if (w[0] != o[1]) return;
        Index i = o;
        i[1] = o[1] / small_group * big_group + w[1];
        for (size_t d = 0; d < spatial(); ++d) {
          i[2 + d] = o[2 + d] * stride[d] - padding[d] + w[2 + d] * dilation[d];
          if (i[2 + d] < 0 || i[2 + d] >= big[2 + d]) return;
        }
        transposed ? f(o, w, i) : f(i, w, o);
      });
    });
  }
};

const Convolution kConvolutions[] = {
    {{2, 4, 5, 6}, {6, 4, 3, 3}, {1, 1}, {1, 1}, {1, 1}, {0, 0}},
    {{1, 4, 7, 6}, {6, 2, 3, 2}, {2, 1}, {1, 0}, {1, 2}, {0, 0}, false, 2},
    {{1, 4, 5, 5}, {4, 1, 3, 3}, {1, 2}, {1, 1}, {1, 1}, {0, 0}, false, 4},
    {{2, 3, 9}, {5, 3, 3}, {2}, {1}, {1}, {0}},
    {{1, 2, 3, 4, 3}, {3, 2, 2, 2, 2}, {1, 1, 1}, {0, 1, 0}, {1, 1, 1}, {0, 0, 0}},
    {{1, 4, 3, 4}, {4, 3, 3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 0}, true},
    {{1, 4, 3, 4}, {4, 2, 2, 2}, {1, 2}, {0, 0}, {1, 1}, {0, 0}, true, 2},
    {{2, 3, 5}, {3, 4, 3}, {2}, {1}, {1}, {1}, true},
};

void convolution(Subject& s) {
  for (const DType t : kReals) {
    SCOPED_TRACE(smelt::name(t));
    for (const Convolution& c : kConvolutions) {
      SCOPED_TRACE(fmt::format("{} * {}", to_string(c.input), to_string(c.weight)));
      for (const bool bias : {false, true}) {
        const Array x = sample(t, c.input), w = sample(t, c.weight, 3);
        const Shape out = c.output();
        const Array b = sample(t, {out[1]}, 8);
        OperatorProgram call = s.call();
        call.tensor(x).tensor(w);
        bias ? call.tensor(b) : call.none();
        c.arguments(call);
        call.out(t);
        Values sums(out.numel());
        Array wanted(DType::kF64, out, sums);
        c.products(
            [&](const Index& i, const Index& k, const Index& o) { wanted(o) += x(i) * w(k); });
        for_each_index(out, [&](const Index& o) {
          if (bias) wanted(o) += b.v[size_t(o[1])];
        });
        s.expect(call, Array(t, out, wanted.v), 8);
      }
    }
  }
  const Convolution& c = kConvolutions[0];
  const Array x = sample(DType::kF32, c.input), w = sample(DType::kF32, c.weight, 3);
  OperatorProgram last = s.call();
  last.tensor(x, {0, 2, 3, 1}).tensor(w, {0, 2, 3, 1}).none();
  c.arguments(last);
  last.out(DType::kF32, {0, 2, 3, 1});
  Array wanted(DType::kF32, c.output(), Values(c.output().numel()));
  c.products([&](const Index& i, const Index& k, const Index& o) { wanted(o) += x(i) * w(k); });
  s.expect(last, wanted, 8);
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {1, 3, 4, 4})).tensor(w).none();
  c.arguments(wrong);
  wrong.out(DType::kF32);
  s.refuse(wrong);
}

void convolution_backward(Subject& s) {
  for (const DType t : kFloats) {
    SCOPED_TRACE(smelt::name(t));
    for (const Convolution& c : kConvolutions) {
      SCOPED_TRACE(fmt::format("{} * {}", to_string(c.input), to_string(c.weight)));
      const Shape out = c.output();
      // Whole numbers: their sums are exact in all types but the short ones.
      const auto whole = [&](const Shape& shape, size_t seed) {
        return Array::make(t, shape, [&](size_t i) { return double((i * 5 + seed) % 5) - 2; });
      };
      const Array x = whole(c.input, 0), w = whole(c.weight, 1), dy = whole(out, 2);
      OperatorProgram call = s.call();
      call.tensor(dy).tensor(x).tensor(w).ints({out[1]});
      c.arguments(call);
      call.bools({1, 1, 1}).out(t).out(t).out(t);
      Array dx(DType::kF64, c.input, Values(c.input.numel()));
      Array dw(DType::kF64, c.weight, Values(c.weight.numel()));
      Array db(DType::kF64, {out[1]}, Values(size_t(out[1])));
      c.products([&](const Index& i, const Index& k, const Index& o) {
        dx(i) += dy(o) * w(k);
        dw(k) += dy(o) * x(i);
      });
      for_each_index(out, [&](const Index& o) { db.v[size_t(o[1])] += dy(o); });
      s.expect(call, Array(t, dx.shape, dx.v), 8);
      s.expect(call.result(1), Array(t, dw.shape, dw.v), 8);
      s.expect(call.result(2), Array(t, db.shape, db.v), 8);
    }
  }
}

// ---- norms

struct Moments {
  double mean = 0, variance = 0;
};
Moments moments(const Values& v) {
  Moments m;
  for (const double x : v) m.mean += x / double(v.size());
  for (const double x : v) m.variance += (x - m.mean) * (x - m.mean) / double(v.size());
  return m;
}

void layer_norm(Subject& s) {
  for (const DType t : kFloats) {
    SCOPED_TRACE(smelt::name(t));
    for (const auto& [shape, axes] : {std::pair<Shape, size_t>{{3, 4}, 1},
                                      {{2, 3, 4}, 2},
                                      {{2, 70}, 1},
                                      {{5}, 1},
                                      {{0, 4}, 1}}) {
      for (const bool affine : {false, true}) {
        const Array x = sample(t, shape);
        Shape normalized, outer = shape;
        for (size_t d = shape.rank() - axes; d < shape.rank(); ++d) {
          normalized.push_back(shape[d]);
          outer[d] = 1;
        }
        const Array w = sample(t, normalized, 2), b = sample(t, normalized, 6);
        OperatorProgram call = s.call();
        call.tensor(x).ints({normalized.begin(), normalized.end()});
        affine ? call.tensor(w) : call.none();
        affine ? call.tensor(b) : call.none();
        call.real(1e-3).out(t).out(t).out(t);
        const size_t n = normalized.numel();
        Array y(t, shape, Values(shape.numel())), mean(t, outer, Values(outer.numel()));
        Array rstd = mean;
        for (size_t r = 0; r < outer.numel(); ++r) {
          const Moments m =
              moments(Values(x.v.begin() + ptrdiff_t(r * n), x.v.begin() + ptrdiff_t(r * n + n)));
          const double scale = 1 / std::sqrt(m.variance + 1e-3);
          mean.v[r] = stored(t, m.mean), rstd.v[r] = stored(t, scale);
          for (size_t i = 0; i < n; ++i) {
            y.v[r * n + i] = stored(t, (x.v[r * n + i] - m.mean) * scale * (affine ? w.v[i] : 1) +
                                           (affine ? b.v[i] : 0));
          }
        }
        s.expect(call, y, 4);
        s.expect(call.result(1), mean, 4);
        s.expect(call.result(2), rstd, 4);
      }
    }
  }
  OperatorProgram nan = s.call();
  nan.tensor(Array(DType::kF32, {2, 2}, {kNan, 1, 1, 1})).ints({2}).none().none().real(1);
  nan.out(DType::kF32).out(DType::kF32).out(DType::kF32);
  s.expect(nan, Array(DType::kF32, {2, 2}, {kNan, kNan, 0, 0}));
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {2, 3})).ints({2}).none().none().real(1);
  wrong.out(DType::kF32).out(DType::kF32).out(DType::kF32);
  s.refuse(wrong);
}

void group_norm(Subject& s) {
  for (const DType t : kFloats) {
    SCOPED_TRACE(smelt::name(t));
    for (const Shape& shape : {Shape{2, 6, 3, 5}, Shape{3, 4}, Shape{1, 2, 70}}) {
      for (const bool affine : {false, true}) {
        const Array x = sample(t, shape);
        const int64_t groups = 2, channels = shape[1];
        const size_t hw = shape.numel(2, shape.rank()), n = size_t(channels / groups) * hw;
        const Array w = sample(t, {channels}, 2), b = sample(t, {channels}, 6);
        OperatorProgram call = s.call();
        call.tensor(x);
        affine ? call.tensor(w) : call.none();
        affine ? call.tensor(b) : call.none();
        call.integer(shape[0]).integer(channels).integer(int64_t(hw)).integer(groups).real(1e-3);
        call.out(t).out(t).out(t);
        Array y(t, shape, Values(shape.numel()));
        Array mean(t, {shape[0], groups}, Values(size_t(shape[0] * groups))), rstd = mean;
        for (size_t r = 0; r < mean.v.size(); ++r) {
          const Moments m =
              moments(Values(x.v.begin() + ptrdiff_t(r * n), x.v.begin() + ptrdiff_t(r * n + n)));
          const double scale = 1 / std::sqrt(m.variance + 1e-3);
          mean.v[r] = stored(t, m.mean), rstd.v[r] = stored(t, scale);
          for (size_t i = r * n; i < r * n + n; ++i) {
            const size_t c = i / hw % size_t(channels);
            y.v[i] = stored(
                t, (x.v[i] - m.mean) * scale * (affine ? w.v[c] : 1) + (affine ? b.v[c] : 0));
          }
        }
        s.expect(call, y, 4);
        s.expect(call.result(1), mean, 4);
        s.expect(call.result(2), rstd, 4);
      }
    }
  }
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {1, 3, 2})).none().none().integer(1).integer(3).integer(2);
  wrong.integer(2).real(1).out(DType::kF32).out(DType::kF32).out(DType::kF32);
  s.refuse(wrong);
}

enum class Statistics { kRunning, kBatch, kTraining };
template <Statistics S, bool Legit>
void batch_norm(Subject& s) {
  for (const DType t : kFloats) {
    SCOPED_TRACE(smelt::name(t));
    for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{4, 3}, Shape{2, 3, 40}}) {
      for (const bool affine : {false, true}) {
        const Array x = sample(t, shape);
        const int64_t channels = shape[1];
        const size_t hw = shape.numel(2, shape.rank());
        const Array w = sample(t, {channels}, 2), b = sample(t, {channels}, 6);
        const Array running_mean = sample(t, {channels}, 3);
        const Array running_var(t, {channels}, {0.5, 1, 4});
        OperatorProgram call = s.call();
        call.tensor(x);
        affine ? call.tensor(w) : call.none();
        affine ? call.tensor(b) : call.none();
        const bool updates = S == Statistics::kTraining;
        if (S != Statistics::kBatch) {
          updates ? call.updated(running_mean) : call.tensor(running_mean);
          updates ? call.updated(running_var) : call.tensor(running_var);
        }
        if (Legit) call.boolean(S != Statistics::kRunning);
        call.real(0.25).real(1e-3).out(t).out(t).out(t);
        Array y(t, shape, Values(shape.numel()));
        Array mean(t, {channels}, Values(size_t(channels))), rstd = mean;
        Array new_mean = mean, new_var = mean;
        const double n = double(x.v.size()) / double(channels);
        for (int64_t c = 0; c < channels; ++c) {
          Values of_channel;
          for (size_t i = 0; i < x.v.size(); ++i) {
            if (int64_t(i / hw) % channels == c) of_channel.push_back(x.v[i]);
          }
          Moments m = moments(of_channel);
          const size_t k = size_t(c);
          new_mean.v[k] = stored(t, 0.75 * running_mean.v[k] + 0.25 * m.mean);
          new_var.v[k] = stored(t, 0.75 * running_var.v[k] + 0.25 * m.variance * n / (n - 1));
          if (S == Statistics::kRunning) m = {running_mean.v[k], running_var.v[k]};
          const double scale = 1 / std::sqrt(m.variance + 1e-3);
          mean.v[k] = stored(t, m.mean), rstd.v[k] = stored(t, scale);
          for (size_t i = 0; i < x.v.size(); ++i) {
            if (int64_t(i / hw) % channels != c) continue;
            y.v[i] = stored(
                t, (x.v[i] - m.mean) * scale * (affine ? w.v[k] : 1) + (affine ? b.v[k] : 0));
          }
        }
        call();
        const size_t first = updates ? 2 : 0;
        s.expect(call.result(first), y, 8);
        if (S == Statistics::kRunning) {
          s.expect(call.result(1), Array(t, {0}, {}));
          s.expect(call.result(2), Array(t, {0}, {}));
        } else {
          s.expect(call.result(first + 1), mean, 4);
          s.expect(call.result(first + 2), rstd, 4);
        }
        if (updates) {
          s.expect(call.result(0), new_mean, 4);
          s.expect(call.result(1), new_var, 4);
        }
      }
    }
  }
}
void batch_norm_legit(Subject& s) {
  batch_norm<Statistics::kRunning, true>(s);
  batch_norm<Statistics::kTraining, true>(s);
}

// ---- pooling

struct Pool {
  Shape input;
  std::vector<int64_t> kernel, stride, padding, dilation;
  bool ceil = false;

  int64_t step(size_t d) const { return stride.empty() ? kernel[d] : stride[d]; }
  Shape output() const {
    Shape r = input;
    for (size_t d = 0; d < 2; ++d) {
      const size_t at = input.rank() - 2 + d;
      const int64_t room = input[at] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1;
      r[at] = (room + (ceil ? step(d) - 1 : 0)) / step(d) + 1;
      if (ceil && (r[at] - 1) * step(d) >= input[at] + padding[d]) --r[at];
    }
    return r;
  }
  /// Calls f(index of the input, whether it is inside) for each place that a window covers.
  template <class F>
  void window(const Index& o, F f) const {
    for (int64_t a = 0; a < kernel[0]; ++a) {
      for (int64_t b = 0; b < kernel[1]; ++b) {
        Index i = o;
        const size_t h = o.size() - 2, w = o.size() - 1;
        i[h] = o[h] * step(0) - padding[0] + a * dilation[0];
        i[w] = o[w] * step(1) - padding[1] + b * dilation[1];
        // The padding ends somewhere too: beyond it ceil mode counts nothing.
        if (i[h] >= input[h] + padding[0] || i[w] >= input[w] + padding[1]) continue;
        f(i, i[h] >= 0 && i[w] >= 0 && i[h] < input[h] && i[w] < input[w]);
      }
    }
  }
};

const Pool kPools[] = {
    {{2, 3, 5, 6}, {2, 3}, {1, 2}, {1, 1}, {1, 1}},
    {{3, 7, 7}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, true},
    {{1, 2, 6, 5}, {2, 2}, {}, {0, 0}, {1, 1}},
    {{1, 20, 4, 40}, {4, 40}, {4, 40}, {0, 0}, {1, 1}},
    {{0, 3, 4, 4}, {2, 2}, {2, 2}, {0, 0}, {1, 1}},
};

void avg_pool(Subject& s) {
  for (const DType t : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kS64}) {
    SCOPED_TRACE(smelt::name(t));
    for (const Pool& p : kPools) {
      for (const bool include : {false, true}) {
        for (const int64_t divisor : {0, 3}) {
          const Array x = sample(t, p.input);
          OperatorProgram call = s.call();
          call.tensor(x).ints(p.kernel).ints(p.stride).ints(p.padding).boolean(p.ceil);
          call.boolean(include);
          divisor ? call.integer(divisor) : call.none();
          call.out(t);
          Array wanted(t, p.output(), Values(p.output().numel()));
          for_each_index(wanted.shape, [&](const Index& o) {
            double sum = 0, n = 0;
            p.window(o, [&](const Index& i, bool inside) {
              sum += inside ? x(i) : 0;
              n += inside || include;
            });
            const double mean = sum / (divisor ? double(divisor) : n);
            wanted(o) = stored(t, mean);
          });
          s.expect(call, wanted, 4);
        }
      }
    }
  }
  OperatorProgram last = s.call();
  const Pool& p = kPools[0];
  const Array x = sample(DType::kF32, p.input);
  last.tensor(x, {0, 2, 3, 1}).ints(p.kernel).ints(p.stride).ints(p.padding).boolean(false);
  last.boolean(true).none().out(DType::kF32, {0, 2, 3, 1});
  Array wanted(DType::kF32, p.output(), Values(p.output().numel()));
  for_each_index(wanted.shape, [&](const Index& o) {
    p.window(o, [&](const Index& i, bool inside) { wanted(o) += inside ? x(i) / 6 : 0; });
  });
  s.expect(last, wanted, 4);
  OperatorProgram large = s.call();
  large.tensor(sample(DType::kF32, {1, 2, 2})).ints({3, 3}).ints({}).ints({0, 0}).boolean(false);
  large.boolean(true).none().out(DType::kF32);
  s.refuse(large);
}

void max_pool(Subject& s) {
  for (const DType t : kReals) {
    SCOPED_TRACE(smelt::name(t));
    for (Pool p : kPools) {
      for (const int64_t dilation : {1, 2}) {
        if (p.kernel[0] > 3 && dilation == 2) continue;
        p.dilation = {dilation, dilation};
        const Array x = sample(t, p.input);
        OperatorProgram call = s.call();
        call.tensor(x).ints(p.kernel).ints(p.stride).ints(p.padding).ints(p.dilation);
        call.boolean(p.ceil).out(t).out(DType::kS64);
        Array wanted(t, p.output(), Values(p.output().numel()));
        Array places(DType::kS64, p.output(), Values(p.output().numel()));
        const int64_t width = p.input[p.input.rank() - 1];
        for_each_index(wanted.shape, [&](const Index& o) {
          double best = -kInf;
          int64_t at = -1;
          p.window(o, [&](const Index& i, bool inside) {
            if (!inside || (at >= 0 && x(i) <= best)) return;
            best = x(i);
            at = i[i.size() - 2] * width + i[i.size() - 1];
          });
          wanted(o) = best;
          places(o) = double(at);
        });
        s.expect(call, wanted);
        s.expect(call.result(1), places);
      }
    }
  }
  OperatorProgram nan = s.call();
  nan.tensor(Array(DType::kF32, {1, 2, 2}, {1, kNan, 3, 2})).ints({2, 2}).ints({}).ints({0, 0});
  nan.ints({1, 1}).boolean(false).out(DType::kF32).out(DType::kS64);
  s.expect(nan, Array(DType::kF32, {1, 1, 1}, {kNan}));
  s.expect(nan.result(1), Array(DType::kS64, {1, 1, 1}, {1}));
}

void max_pool_backward(Subject& s) {
  for (const DType t : kFloats) {
    // Two windows have their maximum in the same place: the gradients add up.
    OperatorProgram call = s.call();
    call.tensor(Array(t, {2, 1, 2}, {1, 2, 3, 4})).tensor(sample(t, {2, 1, 3})).ints({1, 2});
    call.ints({1, 1}).ints({0, 0}).ints({1, 1}).boolean(false);
    call.tensor(Array(DType::kS64, {2, 1, 2}, {1, 1, 0, 2})).out(t);
    s.expect(call, Array(t, {2, 1, 3}, {0, 3, 0, 3, 0, 4}));
  }
  OperatorProgram beyond = s.call();
  beyond.tensor(Array(DType::kF32, {1, 1, 1}, {1})).tensor(sample(DType::kF32, {1, 1, 3}));
  beyond.ints({1, 2}).ints({1, 1}).ints({0, 0}).ints({1, 1}).boolean(false);
  beyond.tensor(Array(DType::kS64, {1, 1, 1}, {3})).out(DType::kF32);
  s.refuse(beyond);
}

void adaptive_avg_pool(Subject& s) {
  for (const DType t : kFloats) {
    SCOPED_TRACE(smelt::name(t));
    for (const auto& [shape, h, w] : {std::tuple<Shape, int64_t, int64_t>{{2, 3, 7, 5}, 3, 2},
                                      {{3, 4, 6}, 1, 1},
                                      {{1, 2, 3, 3}, 5, 4},
                                      {{0, 2, 3, 3}, 1, 1}}) {
      const Array x = sample(t, shape);
      OperatorProgram call = s.call();
      call.tensor(x).ints({h, w}).out(t);
      Shape out = shape;
      const size_t d = shape.rank() - 2;
      out[d] = h, out[d + 1] = w;
      Array wanted(t, out, Values(out.numel()));
      for_each_index(out, [&](const Index& o) {
        const auto begin = [&](size_t k) { return o[k] * shape[k] / out[k]; };
        const auto end = [&](size_t k) { return ((o[k] + 1) * shape[k] + out[k] - 1) / out[k]; };
        double sum = 0, n = 0;
        for (int64_t a = begin(d); a < end(d); ++a) {
          for (int64_t b = begin(d + 1); b < end(d + 1); ++b, ++n) {
            Index i = o;
            i[d] = a, i[d + 1] = b;
            sum += x(i);
          }
        }
        wanted(o) = stored(t, sum / n);
      });
      s.expect(call, wanted, 4);
    }
  }
}

// ---- resampling

/// Sizes or factors of a resized image.
struct Resize {
  std::vector<int64_t> sizes;
  std::vector<double> factors;
  std::array<int64_t, 2> out(const Shape& in) const {
    if (!sizes.empty()) return {sizes[0], sizes[1]};
    return {int64_t(double(in[2]) * factors[0]), int64_t(double(in[3]) * factors[1])};
  }
  double step(const Shape& in, size_t d) const {
    return sizes.empty() ? 1 / factors[d] : double(in[2 + d]) / double(sizes[d]);
  }
  void arguments(OperatorProgram& call) const { sizes.empty() ? call.none() : call.ints(sizes); }
};
const Resize kResizes[] = {{{4, 9}, {}}, {{1, 2}, {}}, {{}, {2, 2}}, {{}, {0.5, 1.5}}};

void nearest(Subject& s) {
  for (const DType t : kReals) {
    for (const Resize& r : kResizes) {
      const Shape in{2, 3, 3, 4};
      const auto [h, w] = r.out(in);
      const Array x = sample(t, in);
      OperatorProgram call = s.call();
      call.tensor(x);
      r.arguments(call);
      r.sizes.empty() ? call.reals(r.factors) : call.none();
      call.out(t);
      Array wanted(t, {2, 3, h, w}, Values(size_t(6 * h * w)));
      for_each_index(wanted.shape, [&](const Index& o) {
        wanted(o) = x({o[0], o[1], std::min(int64_t(double(o[2]) * r.step(in, 0)), in[2] - 1),
                       std::min(int64_t(double(o[3]) * r.step(in, 1)), in[3] - 1)});
      });
      s.expect(call, wanted);
    }
  }
}

void bilinear_bytes(Subject& s) {
  const Shape in{2, 3, 7, 5};
  const Array x = Array::make(DType::kU8, in, [](size_t i) { return double(i * i * 37 % 256); });
  for (const Resize& r : {Resize{{4, 9}, {}}, Resize{{1, 2}, {}}, Resize{{7, 8}, {}},
                          Resize{{13, 5}, {}}, Resize{{}, {2, 2}}, Resize{{}, {0.5, 1.7}}}) {
    for (const bool corners : {false, true}) {
      const auto out = r.out(in);
      OperatorProgram call = s.call();
      call.tensor(x);
      r.arguments(call);
      call.boolean(corners);
      r.sizes.empty() ? call.reals(r.factors) : call.none();
      call.out(DType::kU8);
      Array wanted = x;
      for (size_t d : {1, 0}) {  // rows first
        const int64_t n = in[2 + d];
        if (out[d] == n) continue;
        std::vector<Weighted> outputs;
        for (int64_t i = 0; i < out[d]; ++i) {
          const double at = corners ? out[d] > 1 ? double(i * (n - 1)) / double(out[d] - 1) : 0
                                    : std::max((double(i) + 0.5) * r.step(in, d) - 0.5, 0.0);
          const int64_t first = std::min(int64_t(at), n - 1);
          const double share = std::min(at - double(first), 1.0);
          outputs.push_back(first == n - 1 ? Weighted{first, {1}}
                                           : Weighted{first, {1 - share, share}});
        }
        wanted = filter_bytes(wanted, 2 + d, outputs);
      }
      s.expect(call, wanted, 0);
    }
  }
}

void bilinear(Subject& s) {
  bilinear_bytes(s);
  for (const DType t : kFloats) {
    for (const Resize& r : kResizes) {
      for (const bool corners : {false, true}) {
        const Shape in{2, 3, 3, 4};
        const auto [h, w] = r.out(in);
        const Array x = sample(t, in);
        OperatorProgram call = s.call();
        call.tensor(x);
        r.arguments(call);
        call.boolean(corners);
        r.sizes.empty() ? call.reals(r.factors) : call.none();
        call.out(t);
        Array wanted(t, {2, 3, h, w}, Values(size_t(6 * h * w)));
        for_each_index(wanted.shape, [&](const Index& o) {
          double at[2];
          for (size_t d = 0; d < 2; ++d) {
            const int64_t n = wanted.shape[2 + d];
            at[d] = corners ? n > 1 ? double(o[2 + d] * (in[2 + d] - 1)) / double(n - 1) : 0
                            : std::max((double(o[2 + d]) + 0.5) * r.step(in, d) - 0.5, 0.0);
          }
          double sum = 0;
          for (int64_t a = 0; a < in[2]; ++a) {
            for (int64_t b = 0; b < in[3]; ++b) {
              // A tent of width 1 around each element; beyond the last one it is flat.
              const double down = 1 - std::abs(std::min(at[0], double(in[2] - 1)) - double(a));
              const double right = 1 - std::abs(std::min(at[1], double(in[3] - 1)) - double(b));
              if (down > 0 && right > 0) sum += down * right * x({o[0], o[1], a, b});
            }
          }
          wanted(o) = stored(t, sum);
        });
        s.expect(call, wanted, 8);
      }
    }
  }
}

/// Half the size is the mean with a tent of twice the width; twice the size is plain bilinear.
void bilinear_antialiased(Subject& s) {
  // Bytes are rounded twice; 2.5 and 7.5 upwards.
  OperatorProgram bytes = s.call();
  bytes.tensor(Array(DType::kU8, {1, 1, 2, 4}, {1, 2, 4, 8, 0, 0, 0, 0})).ints({1, 4});
  bytes.boolean(false).none().none().out(DType::kU8);
  s.expect(bytes, Array(DType::kU8, {1, 1, 1, 4}, {1, 1, 2, 4}), 0);
  for (const DType t : kFloats) {
    const Array x(t, {1, 1, 1, 4}, {1, 2, 4, 8});
    OperatorProgram half = s.call();
    half.tensor(x).ints({1, 2}).boolean(false).none().none().out(t);
    // Weights 3, 3, 1 (and 1 outside) of the distances 0.25, 0.25, 0.75 from the centre.
    s.expect(half, Array(t, {1, 1, 1, 2}, {(3 * 1 + 3 * 2 + 4) / 7.0, (2 + 3 * 4 + 3 * 8) / 7.0}),
             4);
    OperatorProgram twice = s.call();
    twice.tensor(x).ints({1, 8}).boolean(false).none().none().out(t);
    s.expect(twice, Array(t, {1, 1, 1, 8}, {1, 1.25, 1.75, 2.5, 3.5, 5, 7, 8}), 4);
    OperatorProgram same = s.call();
    same.tensor(sample(t, {2, 3, 4, 5})).ints({4, 5}).boolean(false).none().none().out(t);
    s.expect(same, sample(t, {2, 3, 4, 5}), 4);
  }
}

void grid_sampler(Subject& s) {
  for (const DType t : kFloats) {
    SCOPED_TRACE(smelt::name(t));
    const Array x(t, {1, 1, 2, 2}, {1, 2, 4, 8});
    // The corners, the middle, half a pixel outside, far outside; positions as (x, y).
    const Array grid(t, {1, 1, 6, 2}, {-1, -1, 1, -1, 0, 0, -2, -1, 1, 3, 0.5, -1});
    const auto run = [&](int64_t mode, int64_t border, bool corners, const Values& wanted) {
      OperatorProgram call = s.call();
      call.tensor(x).tensor(grid).integer(mode).integer(border).boolean(corners).out(t);
      s.expect(call, Array(t, {1, 1, 1, 6}, wanted), 8);
    };
    // With aligned corners ±1 are the centres of the outermost pixels.
    run(0, 0, true, {1, 2, 3.75, 0.5, 0, 1.75});
    run(0, 1, true, {1, 2, 3.75, 1, 8, 1.75});
    run(0, 2, true, {1, 2, 3.75, 1.5, 2, 1.75});
    // Without, they are the edges: the corner pixel counts a quarter.
    run(0, 0, false, {0.25, 0.5, 3.75, 0, 0, 1});
    run(0, 1, false, {1, 2, 3.75, 1, 8, 2});
    OperatorProgram nearest_call = s.call();
    nearest_call.tensor(x).tensor(Array(t, {1, 1, 2, 2}, {-0.9, 0.9, 0.7, -0.8})).integer(1);
    nearest_call.integer(0).boolean(true).out(t);
    s.expect(nearest_call, Array(t, {1, 1, 1, 2}, {4, 2}));
    // Cubic sampling goes through the points.
    const Array image = sample(t, {1, 1, 5, 5});
    OperatorProgram cubic = s.call();
    cubic.tensor(image).tensor(Array(t, {1, 1, 2, 2}, {0, 0, 0.5, -0.5})).integer(2).integer(0);
    cubic.boolean(true).out(t);
    s.expect(cubic, Array(t, {1, 1, 1, 2}, {image({0, 0, 2, 2}), image({0, 0, 1, 3})}), 8);
  }
}

// ---- distances

double norm(const Values& d, double p) {
  double sum = 0, top = 0;
  for (const double x : d) {
    sum += p == 0 ? double(x != 0) : std::pow(std::abs(x), p);
    top = std::max(top, std::abs(x));
  }
  return std::isinf(p) ? top : p == 0 ? sum : std::pow(sum, 1 / p);
}

void cdist(Subject& s) {
  for (const DType t : kFloats) {
    for (const double p : {0.0, 1.0, 2.0, 3.0, kInf}) {
      const Array a = sample(t, {2, 1, 3, 4}), b = sample(t, {3, 5, 4}, 6);
      OperatorProgram call = s.call();
      call.tensor(a).tensor(b).real(p).none().out(t);
      Array wanted(t, {2, 3, 3, 5}, Values(90));
      for_each_index(wanted.shape, [&](const Index& o) {
        Values d;
        for (int64_t k = 0; k < 4; ++k) d.push_back(a({o[0], 0, o[2], k}) - b({o[1], o[3], k}));
        wanted(o) = stored(t, norm(d, p));
      });
      s.expect(call, wanted, 8);
    }
    OperatorProgram none = s.call();
    none.tensor(sample(t, {0, 4})).tensor(sample(t, {2, 4})).real(2).none().out(t);
    s.expect(none, Array(t, {0, 2}, {}));
  }
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {2, 3})).tensor(sample(DType::kF32, {2, 4})).real(2).none();
  wrong.out(DType::kF32);
  s.refuse(wrong);
}

void pdist(Subject& s) {
  for (const DType t : kFloats) {
    for (const double p : {0.0, 1.0, 2.0, 3.0, kInf}) {
      const Array x = sample(t, {4, 3});
      OperatorProgram call = s.call();
      call.tensor(x).real(p).out(t);
      Values wanted;
      for (int64_t i = 0; i < 4; ++i) {
        for (int64_t j = i + 1; j < 4; ++j) {
          Values d;
          for (int64_t k = 0; k < 3; ++k) d.push_back(x({i, k}) - x({j, k}));
          wanted.push_back(norm(d, p));
        }
      }
      s.expect(call, Array(t, {6}, wanted), 8);
    }
    OperatorProgram one = s.call();
    one.tensor(sample(t, {1, 3})).real(2).out(t);
    s.expect(one, Array(t, {0}, {}));
  }
  OperatorProgram negative = s.call();
  negative.tensor(sample(DType::kF32, {2, 3})).real(-1).out(DType::kF32);
  s.refuse(negative);
}

// ---- quantisation

const DType kQuantized[] = {DType::kS8, DType::kU8, DType::kS16, DType::kU16, DType::kS32};

/// What a quantiser gives its groups: one for all, one per channel of dimension 1, one per row.
enum class Grain { kNumbers, kTensors, kChannels, kTokens };
struct Groups {
  Values scales, zeros;
  size_t of(Grain g, const Index& i) const {
    return g == Grain::kChannels ? size_t(i[1]) : g == Grain::kTokens ? size_t(i[0]) : 0;
  }
};
Groups groups_of(Grain g) {
  if (g == Grain::kChannels) return {{0.5, 0.25, 1}, {0, 3, 1}};
  if (g == Grain::kTokens) return {{0.5, 2}, {1, 0}};
  return {{0.25}, {2}};
}
void push_parameters(OperatorProgram& call, Grain g, const Groups& q, bool tokens_wide) {
  if (g == Grain::kNumbers) {
    call.real(q.scales[0]).integer(int64_t(q.zeros[0]));
    return;
  }
  const auto n = int64_t(q.scales.size());
  const Shape shape = g == Grain::kTokens ? Shape{n, 1} : Shape{n};
  call.tensor(Array(tokens_wide ? DType::kF32 : DType::kF64, shape, q.scales));
  call.tensor(Array(DType::kS64, shape, q.zeros));
  if (g == Grain::kChannels) call.integer(-2);
}
std::pair<int64_t, int64_t> range_of(DType t) {
  switch (t) {
    case DType::kS8:
      return {-128, 127};
    case DType::kU8:
      return {0, 255};
    case DType::kS16:
      return {-32768, 32767};
    case DType::kU16:
      return {0, 65535};
    default:
      return {INT32_MIN, INT32_MAX};
  }
}

template <Grain G>
void quantize(Subject& s) {
  const Groups q = groups_of(G);
  for (const DType t : kFloats) {
    for (const DType to : kQuantized) {
      SCOPED_TRACE(fmt::format("{} to {}", smelt::name(t), smelt::name(to)));
      const auto [low, high] = range_of(to);
      // Ties included; and far outside.
      const Array x = Array::make(t, {2, 3, 4}, [](size_t i) {
        return i == 5 ? 1e4 : i == 6 ? -1e4 : (double(i) - 12) * 0.375;
      });
      OperatorProgram call = s.call();
      call.tensor(x);
      push_parameters(call, G, q, false);
      call.integer(low).integer(high).integer(1).out(to);
      Array wanted(to, x.shape, Values(24));
      for_each_index(x.shape, [&](const Index& i) {
        size_t group = q.of(G, i);
        if (G == Grain::kTokens) group = size_t(i[0]);
        const double r = std::nearbyint(x(i) / q.scales[group]) + q.zeros[group];
        wanted(i) = std::clamp(r, double(low), double(high));
      });
      if (G == Grain::kTokens) {  // rows are those of the last dimension: one group per row
        OperatorProgram rows = s.call();
        const Array y(t, {2, 12}, x.v);
        rows.tensor(y);
        push_parameters(rows, G, q, false);
        rows.integer(low).integer(high).integer(1).out(to);
        s.expect(rows, Array(to, {2, 12}, wanted.v));
      } else {
        s.expect(call, wanted);
      }
    }
  }
  OperatorProgram empty = s.call();
  empty.tensor(Array(DType::kF32, G == Grain::kTokens ? Shape{2, 0} : Shape{0, 3, 2}, {}));
  push_parameters(empty, G, q, false);
  empty.integer(-128).integer(127).integer(1).out(DType::kS8);
  s.expect(empty, Array(DType::kS8, G == Grain::kTokens ? Shape{2, 0} : Shape{0, 3, 2}, {}));
}

template <Grain G>
void dequantize(Subject& s) {
  const Groups q = groups_of(G);
  for (const DType from : kQuantized) {
    for (const DType t : kFloats) {
      SCOPED_TRACE(fmt::format("{} to {}", smelt::name(from), smelt::name(t)));
      const auto [low, high] = range_of(from);
      const Shape shape = G == Grain::kTokens ? Shape{2, 12} : Shape{2, 3, 4};
      const Array x = Array::make(from, shape, [](size_t i) { return double(i * 5); });
      OperatorProgram call = s.call();
      call.tensor(x);
      push_parameters(call, G, q, false);
      call.integer(low).integer(high).integer(1);
      G == Grain::kTokens ? call.integer(6) : call.none();
      call.out(t);
      Array wanted(t, shape, Values(24));
      for_each_index(shape, [&](const Index& i) {
        const size_t group = q.of(G, i);
        wanted(i) = stored(t, (x(i) - q.zeros[group]) * q.scales[group]);
      });
      s.expect(call, wanted);
    }
  }
  if (G != Grain::kChannels) return;
  OperatorProgram symmetric = s.call();
  symmetric.tensor(Array(DType::kS8, {1, 2}, {4, -6})).tensor(Array(DType::kF32, {2}, {0.5, 2}));
  symmetric.none().integer(1).integer(-128).integer(127).integer(1).none().out(DType::kF32);
  s.expect(symmetric, Array(DType::kF32, {1, 2}, {2, -12}));
}

void quantized_add(Subject& s) {
  for (const DType t : {DType::kS8, DType::kU8}) {
    const auto [low, high] = range_of(t);
    const Array a(t, {4}, {10, 20, 0, 120}), b(t, {4}, {4, 0, 1, 120});
    OperatorProgram call = s.call();
    call.tensor(a).real(0.5).integer(2).integer(low).integer(high);
    call.tensor(b).real(0.25).integer(0).integer(low).integer(high);
    call.real(0.25).integer(1).integer(low).integer(high).out(t);
    s.expect(call, Array::make(t, {4}, [&](size_t i) {
               const double sum = (a.v[i] - 2) * 0.5 + b.v[i] * 0.25;
               return std::clamp(std::nearbyint(sum / 0.25) + 1, double(low), double(high));
             }));
  }
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kU8, {2})).real(1).integer(0).integer(0).integer(255);
  wrong.tensor(sample(DType::kU8, {3})).real(1).integer(0).integer(0).integer(255);
  wrong.real(1).integer(0).integer(0).integer(255).out(DType::kU8);
  s.refuse(wrong);
}

void choose_qparams(Subject& s) {
  OperatorProgram call = s.call();
  call.tensor(Array(DType::kF32, {4}, {-1, 0.5, 4.1, 2})).integer(0).integer(255).real(1e-7);
  call.integer(0).out(DType::kF64).out(DType::kS64);
  s.expect(Array(DType::kF32, {1}, call().v), Array(DType::kF32, {1}, {5.1 / 255}));
  s.expect(call.result(1), Array(DType::kS64, {1}, {50}));
  // Zero is always inside.
  OperatorProgram positive = s.call();
  positive.tensor(Array(DType::kF32, {2}, {2, 12.75})).integer(0).integer(255).real(1e-7);
  positive.integer(0).out(DType::kF64).out(DType::kS64);
  s.expect(Array(DType::kF32, {1}, positive().v), Array(DType::kF32, {1}, {0.05}));
  s.expect(positive.result(1), Array(DType::kS64, {1}, {0}));
  OperatorProgram empty = s.call();
  empty.tensor(Array(DType::kF32, {0}, {})).integer(0).integer(255).real(1e-7).integer(0);
  empty.out(DType::kF64).out(DType::kS64);
  s.refuse(empty);
  // NaN in, NaN out; no zero point follows from it, but there is one.
  for (const auto& [values, scale] : {std::pair(Values{1, kNan, 2}, kNan),
                                      {{kNan, 1, 2}, kNan},
                                      {{1, 2, kNan}, kNan},
                                      {{1, kInf, 2}, kInf},
                                      {{-kInf, 1, kInf}, kInf},
                                      {{-kInf, kNan, kInf}, kNan}}) {
    OperatorProgram special = s.call();
    special.tensor(Array(DType::kF32, {3}, values)).integer(-5).integer(100).real(1e-7).integer(0);
    special.out(DType::kF64).out(DType::kS64);
    s.expect(Array(DType::kF32, {1}, special().v), Array(DType::kF32, {1}, {scale}));
    s.expect(special.result(1), Array(DType::kS64, {1}, {0}));
  }
}

void choose_qparams_per_token(Subject& s) {
  for (const DType t : {DType::kF32, DType::kF16}) {
    OperatorProgram call = s.call();
    call.tensor(Array(t, {2, 3}, {-1, 0, 4.1, 0.5, 2, 12.75})).integer(1);
    call.out(DType::kF32).out(DType::kS32);
    const Array scales = call();
    const double widest = stored(t, 4.1) + 1;
    EXPECT_NEAR(scales.v[0], widest / 255, 1e-6);
    s.expect(scales, Array(DType::kF32, {2, 1}, {widest / 255, 12.75 / 255}), 4);
    s.expect(call.result(1), Array(DType::kS32, {2, 1}, {-78, -128}));
  }
}

template <size_t Bits, bool HasType>
void quantized_embedding(Subject& s) {
  constexpr size_t kPerByte = 8 / Bits;
  for (const DType t : {DType::kF32, DType::kF16}) {
    for (const DType index : {DType::kS64, DType::kS32}) {
      for (const bool zeros : {false, true}) {
        for (const int64_t groups : {1, 2}) {
          // 3 rows of 8 numbers, unsigned when packed.
          const auto q = [](size_t i) {
            return Bits == 8 ? int64_t(i * 37 % 256) - 128
                             : int64_t(i * 7 % (size_t(1) << Bits)) - (int64_t(1) << (Bits - 1));
          };
          Array weight(Bits == 8 ? DType::kS8 : DType::kU8, {3, int64_t(8 / kPerByte)}, {});
          for (size_t i = 0; i < 24; i += kPerByte) {
            int64_t byte = 0;
            for (size_t k = 0; k < kPerByte; ++k) {
              const int64_t raw = q(i + k) + (Bits == 8 ? 0 : int64_t(1) << (Bits - 1));
              // Nibbles: the high one first; pairs of bits: the low one first.
              byte |= Bits == 8 ? raw : Bits == 4 ? raw << (k == 0 ? 4 : 0) : raw << (2 * k);
            }
            weight.v.push_back(double(byte));
          }
          const Shape shape = groups == 1 ? Shape{3} : Shape{3, groups};
          const auto n = size_t(groups);
          const Array scales = Array::make(t, shape, [](size_t i) { return 0.5 + double(i) / 4; });
          const Array zero = Array::make(t, shape, [](size_t i) { return double(i % 3) - 1; });
          OperatorProgram call = s.call();
          call.tensor(weight).tensor(scales);
          zeros ? call.tensor(zero) : call.none();
          call.integer(-128).integer(127).tensor(Array(index, {2, 2}, {2, 0, 1, 2}));
          if (HasType) call.none();
          call.out(t);
          const size_t rows[] = {2, 0, 1, 2};
          s.expect(call, Array::make(t, {2, 2, 8}, [&](size_t i) {
                     const size_t row = rows[i / 8], group = row * n + i % 8 / (8 / n);
                     return (double(q(row * 8 + i % 8)) - (zeros ? zero.v[group] : 0)) *
                            scales.v[group];
                   }));
        }
      }
    }
  }
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(Bits == 8 ? DType::kS8 : DType::kU8, {3, 4}))
      .tensor(sample(DType::kF32, {3}));
  beyond.none().integer(-128).integer(127).tensor(Array(DType::kS64, {1}, {3}));
  if (HasType) beyond.none();
  beyond.out(DType::kF32);
  s.refuse(beyond);
}

template <bool Transposed>
void mixed_product(Subject& s) {
  for (const DType t : {DType::kF32, DType::kF16}) {
    const Array x = sample(t, {2, 4});
    const Array w = sample(DType::kS8, Transposed ? Shape{3, 4} : Shape{4, 3}, 2);
    const int64_t rows = Transposed ? 3 : 4;
    const Array scales = Array::make(t, {rows}, [](size_t i) { return 0.25 + double(i) / 4; });
    OperatorProgram call = s.call();
    call.tensor(x).tensor(w).tensor(scales).none();
    if (Transposed) call.none();
    call.out(t);
    Array wanted(t, {2, 3}, Values(6));
    for_each_index(wanted.shape, [&](const Index& o) {
      double sum = 0;
      for (int64_t k = 0; k < 4; ++k) {
        const Index at = Transposed ? Index{o[1], k} : Index{k, o[1]};
        sum += x({o[0], k}) * w(at) * scales.v[size_t(at[0])];
      }
      wanted(o) = stored(t, sum);
    });
    s.expect(call, wanted, 8);
  }
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {2, 5})).tensor(sample(DType::kS8, {4, 4}));
  wrong.tensor(sample(DType::kF32, {4})).none();
  if (Transposed) wrong.none();
  wrong.out(DType::kF32);
  s.refuse(wrong);
}

// ---- decoders

/// Attention by its definition: query [b, s, h, d] over the first `keys` rows of key and value
/// [b, t, h', d].
Array attention(const Array& q, const Array& k, const Array& v, const Array* mask, int64_t start,
                bool causal, double scale, int64_t keys) {
  Array y = q;
  const int64_t shared = q.shape[2] / k.shape[2], depth = q.shape[3];
  for (int64_t b = 0; b < q.shape[0]; ++b) {
    for (int64_t i = 0; i < q.shape[1]; ++i) {
      for (int64_t h = 0; h < q.shape[2]; ++h) {
        Values weights;
        double total = 0;
        for (int64_t t = 0; t < keys; ++t) {
          double score = 0;
          for (int64_t d = 0; d < depth; ++d) score += q({b, i, h, d}) * k({b, t, h / shared, d});
          score *= scale;
          if (mask) score += (*mask)({i, t});
          if (causal && t > start + i) score = -kInf;
          weights.push_back(std::exp(score));
          total += weights.back();
        }
        for (int64_t d = 0; d < depth; ++d) {
          double sum = 0;
          for (int64_t t = 0; t < keys; ++t) sum += weights[size_t(t)] * v({b, t, h / shared, d});
          y({b, i, h, d}) = stored(q.type, total == 0 ? 0 : sum / total);
        }
      }
    }
  }
  return y;
}

struct Decoder {
  Array query, key, value;
  Array mask;
};
Decoder decoder(DType t) {
  const auto small = [&](const Shape& shape, size_t seed) {
    Array a = sample(t, shape, seed);
    for (double& x : a.v) x = stored(t, x / 2);
    return a;
  };
  Decoder d{small({2, 3, 4, 10}, 0), small({2, 8, 2, 10}, 1), small({2, 8, 2, 10}, 2), {}};
  d.mask = Array::make(DType::kF32, {3, 8},
                       [](size_t i) { return i % 5 == 0 ? -kInf : double(i % 3) / 2; });
  return d;
}

void custom_sdpa(Subject& s) {
  for (const DType t : {DType::kF32, DType::kF16, DType::kBF16}) {
    SCOPED_TRACE(smelt::name(t));
    const Decoder d = decoder(t);
    const double plain = 1 / std::sqrt(10.0);
    OperatorProgram causal = s.call();
    causal.tensor(d.query).tensor(d.key).tensor(d.value).integer(4).none().real(0).boolean(true);
    causal.none().out(t);
    s.expect(causal, attention(d.query, d.key, d.value, nullptr, 4, true, plain, 7), 4);
    OperatorProgram all = s.call();
    all.tensor(d.query).tensor(d.key).tensor(d.value).integer(1).none().real(0).boolean(false);
    all.real(0.5).out(t);
    s.expect(all, attention(d.query, d.key, d.value, nullptr, 1, false, 0.5, 4), 4);
    OperatorProgram masked = s.call();
    masked.tensor(d.query).tensor(d.key).tensor(d.value).integer(0).tensor(d.mask).real(0);
    masked.boolean(false).none().out(t);
    s.expect(masked, attention(d.query, d.key, d.value, &d.mask, 0, false, plain, 8), 4);
    OperatorProgram beyond = s.call();
    beyond.tensor(d.query).tensor(d.key).tensor(d.value).integer(6).none().real(0).boolean(true);
    beyond.none().out(t);
    s.refuse(beyond);
  }
}

/// [b, s, h, d] ↔ [b, h, s, d].
Array swapped(const Array& x) {
  Array y(x.type, {x.shape[0], x.shape[2], x.shape[1], x.shape[3]}, Values(x.v.size()));
  for_each_index(y.shape, [&](const Index& i) { y(i) = x({i[0], i[2], i[1], i[3]}); });
  return y;
}

void custom_quantized_sdpa(Subject& s) {
  for (const DType t : {DType::kF32, DType::kF16}) {
    for (const bool heads_first : {false, true}) {
      Decoder d;
      Array q8[3], zeros[3], scales[3];
      Array* floats[] = {&d.query, &d.key, &d.value};
      for (size_t k = 0; k < 3; ++k) {
        const Shape shape = k == 0 ? Shape{2, 3, 4, 10} : Shape{2, 8, 2, 10};
        Shape rows = shape;
        rows[3] = 1;
        q8[k] = sample(DType::kS8, shape, k);
        zeros[k] = Array::make(DType::kS8, rows, [](size_t i) { return double(i % 5) - 2; });
        scales[k] =
            Array::make(DType::kF32, rows, [](size_t i) { return 0.05 + double(i % 3) / 64; });
        *floats[k] = Array::make(DType::kF64, shape, [&](size_t i) {
          return (q8[k].v[i] - zeros[k].v[i / 10]) * scales[k].v[i / 10];
        });
      }
      Array wanted = attention(d.query, d.key, d.value, nullptr, 4, true, 1 / std::sqrt(10.0), 7);
      wanted = Array(t, wanted.shape, wanted.v);
      OperatorProgram call = s.call();
      const auto push = [&](const Array& a) { call.tensor(heads_first ? swapped(a) : a); };
      for (const Array& a : q8) push(a);
      call.integer(4).none().real(0).boolean(true).none();
      for (size_t k = 0; k < 3; ++k) push(zeros[k]), push(scales[k]);
      call.boolean(heads_first).out(t);
      s.expect(call, heads_first ? swapped(wanted) : wanted, 8);
    }
  }
  // Floats need no scales.
  const Decoder d = decoder(DType::kF32);
  OperatorProgram plain = s.call();
  plain.tensor(d.query).tensor(d.key).tensor(d.value).integer(0).tensor(d.mask).real(0);
  plain.boolean(false).none();
  for (int i = 0; i < 6; ++i) plain.none();
  plain.boolean(false).out(DType::kF32);
  s.expect(plain, attention(d.query, d.key, d.value, &d.mask, 0, false, 1 / std::sqrt(10.0), 8), 4);
  OperatorProgram unscaled = s.call();
  unscaled.tensor(sample(DType::kS8, {1, 1, 1, 4})).tensor(sample(DType::kS8, {1, 2, 1, 4}));
  unscaled.tensor(sample(DType::kS8, {1, 2, 1, 4})).integer(0).none().real(0).boolean(true).none();
  for (int i = 0; i < 6; ++i) unscaled.none();
  unscaled.boolean(false).out(DType::kF32);
  s.refuse(unscaled);
}

/// Rows written from a position on; everything else stays.
Array written(const Array& cache, const Array& value, int64_t start) {
  Array r = cache;
  for_each_index(value.shape, [&](const Index& i) {
    Index to = i;
    to[1] += start;
    r(to) = value(i);
  });
  return r;
}

void sdpa_with_kv_cache(Subject& s) {
  for (const DType t : {DType::kF32, DType::kF16}) {
    SCOPED_TRACE(smelt::name(t));
    const Decoder d = decoder(t);
    const Array k = sample(t, {2, 3, 2, 10}, 4), v = sample(t, {2, 3, 2, 10}, 5);
    OperatorProgram call = s.call();
    call.tensor(d.query).tensor(k).tensor(v).updated(d.key).updated(d.value).integer(4).integer(3);
    call.none().real(0).boolean(true).none().out(t);
    const Array keys = written(d.key, k, 4), values = written(d.value, v, 4);
    call();
    s.expect(call.result(0), keys);
    s.expect(call.result(1), values);
    s.expect(call.result(2),
             attention(d.query, keys, values, nullptr, 4, true, 1 / std::sqrt(10.0), 7), 4);
  }
}

void update_cache(Subject& s) {
  for (const DType t : {DType::kF32, DType::kF16, DType::kS8}) {
    const Array cache = sample(t, {2, 5, 2, 3}), value = sample(t, {2, 2, 2, 3}, 7);
    OperatorProgram call = s.call();
    call.tensor(value).updated(cache).integer(3).out(t);
    s.expect(call, written(cache, value, 3));
  }
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {1, 2, 1, 1})).updated(sample(DType::kF32, {1, 4, 1, 1}));
  beyond.integer(3).out(DType::kF32);
  s.refuse(beyond);
}

void update_cache_with_indices(Subject& s) {
  for (const DType t : {DType::kF32, DType::kF16, DType::kS8}) {
    const Array cache = sample(t, {2, 5, 2, 3}), value = sample(t, {2, 2, 2, 3}, 7);
    const Array indices(DType::kS64, {2, 2}, {4, 0, 1, 3});
    OperatorProgram call = s.call();
    call.tensor(value).updated(cache).integer(0).tensor(indices).out(t);
    Array wanted = cache;
    for_each_index(value.shape, [&](const Index& i) {
      wanted({i[0], int64_t(indices({i[0], i[1]})), i[2], i[3]}) = value(i);
    });
    s.expect(call, wanted);
  }
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {1, 1, 1, 1})).updated(sample(DType::kF32, {1, 4, 1, 1}));
  beyond.integer(0).tensor(Array(DType::kS64, {1, 1}, {4})).out(DType::kF32);
  s.refuse(beyond);
}

/// The matrix has (-1)^(number of bits that row and column share).
void hadamard(Subject& s) {
  for (const DType t : kFloats) {
    for (const Shape& shape : {Shape{3, 8}, Shape{1}, Shape{2, 64}, Shape{0, 4}, Shape{}}) {
      const Array x = sample(t, shape);
      const size_t n = shape.rank() == 0 ? 1 : size_t(shape.back());
      OperatorProgram call = s.call();
      call.tensor(x).out(t);
      if (shape.rank() == 0) {  // upstream leaves it alone: only the shape counts
        call();
        EXPECT_EQ(call.result().shape, shape);
        continue;
      }
      s.expect(call,
               Array::make(t, shape,
                           [&](size_t i) {
                             double sum = 0;
                             for (size_t k = 0; k < n; ++k) {
                               const double sign =
                                   __builtin_popcountll((i % n) & k) % 2 == 0 ? 1 : -1;
                               sum += sign * x.v[i / n * n + k];
                             }
                             return sum / std::sqrt(double(n));
                           }),
               8);
    }
  }
  OperatorProgram odd = s.call();
  odd.tensor(sample(DType::kF32, {6})).out(DType::kF32);
  s.refuse(odd);
}

constexpr OperatorCase kCases[] = {
    {"aten::_adaptive_avg_pool2d.out", adaptive_avg_pool},
    {"aten::_cdist_forward.out", cdist},
    {"aten::_native_batch_norm_legit.no_stats_out", batch_norm<Statistics::kBatch, true>},
    {"aten::_native_batch_norm_legit.out", batch_norm_legit},
    {"aten::_native_batch_norm_legit_no_training.out", batch_norm<Statistics::kRunning, false>},
    {"aten::_pdist_forward.out", pdist},
    {"aten::_upsample_bilinear2d_aa.out", bilinear_antialiased},
    {"aten::addmm.out", addmm},
    {"aten::avg_pool2d.out", avg_pool},
    {"aten::bmm.out", bmm},
    {"aten::convolution.out", convolution},
    {"aten::convolution_backward.out", convolution_backward},
    {"aten::grid_sampler_2d.out", grid_sampler},
    {"aten::linear.out", linear},
    {"aten::max_pool2d_with_indices.out", max_pool},
    {"aten::max_pool2d_with_indices_backward.grad_input", max_pool_backward},
    {"aten::mm.out", mm},
    {"aten::native_group_norm.out", group_norm},
    {"aten::native_layer_norm.out", layer_norm},
    {"aten::upsample_bilinear2d.vec_out", bilinear},
    {"aten::upsample_nearest2d.vec_out", nearest},
    {"llama::custom_quantized_sdpa.out", custom_quantized_sdpa},
    {"llama::custom_sdpa.out", custom_sdpa},
    {"llama::fast_hadamard_transform.out", hadamard},
    {"llama::sdpa_with_kv_cache.out", sdpa_with_kv_cache},
    {"llama::update_cache.out", update_cache},
    {"llama::update_cache_with_indices.out", update_cache_with_indices},
    {"quantized_decomposed::add.out", quantized_add},
    {"quantized_decomposed::choose_qparams.Tensor_out", choose_qparams},
    {"quantized_decomposed::choose_qparams_per_token_asymmetric.out", choose_qparams_per_token},
    {"quantized_decomposed::dequantize_per_channel.out", dequantize<Grain::kChannels>},
    {"quantized_decomposed::dequantize_per_tensor.Tensor_out", dequantize<Grain::kTensors>},
    {"quantized_decomposed::dequantize_per_tensor.out", dequantize<Grain::kNumbers>},
    {"quantized_decomposed::dequantize_per_token.out", dequantize<Grain::kTokens>},
    {"quantized_decomposed::embedding_2bit.dtype_out", quantized_embedding<2, true>},
    {"quantized_decomposed::embedding_2bit.out", quantized_embedding<2, false>},
    {"quantized_decomposed::embedding_4bit.dtype_out", quantized_embedding<4, true>},
    {"quantized_decomposed::embedding_4bit.out", quantized_embedding<4, false>},
    {"quantized_decomposed::embedding_byte.dtype_out", quantized_embedding<8, true>},
    {"quantized_decomposed::embedding_byte.out", quantized_embedding<8, false>},
    {"quantized_decomposed::mixed_linear.out", mixed_product<true>},
    {"quantized_decomposed::mixed_mm.out", mixed_product<false>},
    {"quantized_decomposed::quantize_per_channel.out", quantize<Grain::kChannels>},
    {"quantized_decomposed::quantize_per_tensor.Tensor_out", quantize<Grain::kTensors>},
    {"quantized_decomposed::quantize_per_tensor.out", quantize<Grain::kNumbers>},
    {"quantized_decomposed::quantize_per_token.out", quantize<Grain::kTokens>},
};

}  // namespace

std::span<const OperatorCase> compute_cases() { return kCases; }

}  // namespace smelt::program::testing
