// Many elements into one, and running along one dimension.
#include <algorithm>
#include <numeric>

#include "operator_cases.h"
#include "row_reference.h"

namespace smelt::program::testing {
namespace {

const Shape kShapes[] = {{2, 3, 4}, {}, {5}, {0, 3}, {3, 0}, {4, 70}};

using RowFunction = double (*)(const Values&);
template <class F>
Array reduced(DType type, const Rows& r, F f) {
  return Array::make(type, r.shape, [&](size_t i) { return f(r.rows[i]); });
}

double sum(const Values& v) { return std::accumulate(v.begin(), v.end(), 0.0); }
double mean(const Values& v) { return sum(v) / double(v.size()); }
double product(const Values& v) {
  return std::accumulate(v.begin(), v.end(), 1.0, std::multiplies<>());
}
bool any_nan(const Values& v) {
  return std::any_of(v.begin(), v.end(), [](double x) { return std::isnan(x); });
}
double largest(const Values& v) {
  return any_nan(v) ? kNan : *std::max_element(v.begin(), v.end());
}
double smallest(const Values& v) {
  return any_nan(v) ? kNan : *std::min_element(v.begin(), v.end());
}
double first_nan(const Values& v) {
  return double(std::find_if(v.begin(), v.end(), [](double x) { return std::isnan(x); }) -
                v.begin());
}
double where_largest(const Values& v) {
  return any_nan(v) ? first_nan(v) : double(std::max_element(v.begin(), v.end()) - v.begin());
}
double where_smallest(const Values& v) {
  return any_nan(v) ? first_nan(v) : double(std::min_element(v.begin(), v.end()) - v.begin());
}
double any(const Values& v) {
  return std::any_of(v.begin(), v.end(), [](double x) { return x != 0; });
}
double all(const Values& v) {
  return std::all_of(v.begin(), v.end(), [](double x) { return x != 0; });
}
double variance(const Values& v, double correction) {
  const double m = mean(v);
  double s = 0;
  for (const double x : v) s += (x - m) * (x - m);
  return s / std::max(double(v.size()) - correction, 0.0);
}

/// How an operator names its dimensions, and what follows them.
enum class Dims { kList, kOne, kOptionalOne, kNone };
struct Reduction {
  Dims dims;
  bool dtype = false;  ///< an optional type follows
  bool needs_elements = false;
  bool empty_is_all = true;  ///< an empty list of dimensions
  std::span<const DType> types = kRealsAndBool;
  std::function<DType(DType)> result = [](DType t) { return t; };
};

template <class F>
void reduction(Subject& s, F f, const Reduction& r) {
  const auto check = [&](const Array& x, const std::vector<int64_t>& dims, bool keep,
                         const OperatorProgram::Order& order = {}) {
    const Rows rows = rows_of(x, dims, keep, r.empty_is_all);
    OperatorProgram call = s.call();
    call.tensor(x, order);
    switch (r.dims) {
      case Dims::kList:
        call.ints(dims).boolean(keep);
        break;
      case Dims::kOne:
      case Dims::kOptionalOne:
        dims.empty() ? call.none() : call.integer(dims[0]);
        call.boolean(keep);
        break;
      case Dims::kNone:
        break;
    }
    if (r.dtype) call.none();
    const DType out = r.result(x.type);
    call.out(out);
    const bool empty =
        std::any_of(rows.rows.begin(), rows.rows.end(), [](const Values& v) { return v.empty(); });
    if (r.needs_elements && empty) return s.refuse(call);
    s.expect(call, reduced(out, rows, f), 4);
  };
  const auto dims_of = [&](size_t rank) {
    std::vector<std::vector<int64_t>> all;
    if (r.dims != Dims::kOne) all.push_back({});
    if (r.dims == Dims::kNone) return all;
    for (int64_t d = 0; d < int64_t(rank); ++d)
      all.push_back({d}), all.push_back({d - int64_t(rank)});
    if (rank == 0) all.push_back({-1});
    if (r.dims == Dims::kList && rank > 2) all.push_back({0, -1});
    return all;
  };
  for (const DType t : r.types) {
    SCOPED_TRACE(smelt::name(t));
    for (const Shape& shape : kShapes) {
      for (const auto& dims : dims_of(shape.rank())) {
        SCOPED_TRACE(
            fmt::format("{} over {}", to_string(shape), to_string(Shape(std::span(dims)))));
        for (const bool keep : {false, true}) {
          if (keep && r.dims == Dims::kNone) continue;
          check(sample(t, shape), dims, keep);
        }
      }
    }
    check(sample(t, {2, 3, 2, 4}), r.dims == Dims::kNone ? Index{} : Index{1}, false, {0, 2, 3, 1});
    if (!real_type(t)) continue;
    const Index last = r.dims == Dims::kNone ? Index{} : Index{1};
    check(Array(t, {2, 3}, {1, kNan, 2, kInf, 1, -1}), last, false);
  }
  if (r.dims == Dims::kList) {
    OperatorProgram twice = s.call();
    twice.tensor(sample(r.types[0], {2, 3})).ints({0, -2}).boolean(false);
    if (r.dtype) twice.none();
    twice.out(r.result(r.types[0]));
    s.refuse(twice);
  }
  if (r.dims != Dims::kNone) {
    OperatorProgram beyond = s.call();
    beyond.tensor(sample(r.types[0], {2, 3}));
    r.dims == Dims::kList ? beyond.ints({2}) : beyond.integer(2);
    beyond.boolean(false);
    if (r.dtype) beyond.none();
    beyond.out(r.result(r.types[0]));
    s.refuse(beyond);
  }
}

DType to_bool(DType) { return DType::kBool; }
DType to_index(DType) { return DType::kS64; }
/// Sums of integers are 64 bits wide.
DType to_sum(DType t) { return real_type(t) ? t : DType::kS64; }

template <RowFunction F, Dims D>
void predicate(Subject& s) {
  reduction(s, F, {.dims = D, .empty_is_all = D != Dims::kList, .result = to_bool});
}
template <RowFunction F, Dims D>
void extreme(Subject& s) {
  reduction(s, F, {.dims = D, .needs_elements = true});
}
template <RowFunction F>
void place(Subject& s) {
  reduction(
      s, F,
      {.dims = Dims::kOptionalOne, .needs_elements = true, .types = kReals, .result = to_index});
}
template <RowFunction F, Dims D>
void average(Subject& s) {
  reduction(s, F, {.dims = D, .dtype = true, .types = kFloats});
  // Integers, with the type of the result.
  OperatorProgram call = s.call();
  call.tensor(Array(DType::kS32, {2, 2}, {1, 2, 3, 5}));
  if (D == Dims::kList) call.ints({1}).boolean(false);
  call.integer(6).out(DType::kF32);
  s.expect(call,
           D == Dims::kList ? Array(DType::kF32, {2}, {1.5, 4}) : Array(DType::kF32, {}, {2.75}));
}
void sums(Subject& s) {
  reduction(s, sum, {.dims = Dims::kList, .dtype = true, .result = to_sum});
  for (const DType t : {DType::kC32, DType::kC64, DType::kC128}) {
    OperatorProgram call = s.call();
    call.tensor(Array(t, {2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})).ints({0}).boolean(true).none().out(t);
    s.expect(call, Array(t, {1, 2}, {6, 8, 10, 12}));
  }
}
template <Dims D>
void products(Subject& s) {
  // Small numbers: the products of many stay exact.
  const auto one_or_two = [](const Values& v) { return product(v); };
  for (const DType t : kRealsAndBool) {
    const Array x = Array::make(t, {3, 4}, [](size_t i) { return double(1 + i % 2); });
    OperatorProgram call = s.call();
    call.tensor(x);
    if (D == Dims::kOne) call.integer(-1).boolean(true);
    call.none().out(to_sum(t));
    s.expect(call,
             reduced(to_sum(t), D == Dims::kOne ? rows_of(x, {1}, true) : rows_of(x, {}, false),
                     one_or_two));
    OperatorProgram empty = s.call();
    empty.tensor(Array(t, {0, 2}, {}));
    if (D == Dims::kOne) empty.integer(0).boolean(false);
    empty.none().out(to_sum(t));
    s.expect(empty, D == Dims::kOne ? Array(to_sum(t), {2}, {1, 1}) : Array(to_sum(t), {}, {1}));
    OperatorProgram scalar = s.call();
    scalar.tensor(Array(t, {}, {1}));
    if (D == Dims::kOne) scalar.integer(-1).boolean(false);
    scalar.none().out(to_sum(t));
    s.expect(scalar, Array(to_sum(t), {}, {1}));
  }
  OperatorProgram nan = s.call();
  nan.tensor(Array(DType::kF32, {2}, {kNan, 0}));
  if (D == Dims::kOne) nan.integer(0).boolean(false);
  nan.none().out(DType::kF32);
  s.expect(nan, Array(DType::kF32, {}, {kNan}));
}

template <RowFunction Value, RowFunction Place>
void with_place(Subject& s) {
  for (const DType t : kRealsAndBool) {
    SCOPED_TRACE(smelt::name(t));
    const Array nan(t, {2, 2}, real_type(t) ? Values{1, kNan, kNan, 2} : Values{1, 0, 0, 1});
    for (const Array& x : {sample(t, {2, 3, 4}), sample(t, {5}), sample(t, {}), nan}) {
      for (const int64_t dim : {0, -1}) {
        for (const bool keep : {false, true}) {
          const Rows rows = rows_of(x, {dim}, keep);
          OperatorProgram call = s.call();
          call.tensor(x).integer(dim).boolean(keep).out(t).out(DType::kS64);
          s.expect(call, reduced(t, rows, Value));
          s.expect(call.result(1), reduced(DType::kS64, rows, Place));
        }
      }
    }
  }
  OperatorProgram empty = s.call();
  empty.tensor(sample(DType::kF32, {2, 0})).integer(1).boolean(false).out(DType::kF32);
  empty.out(DType::kS64);
  s.refuse(empty);
}

enum class Correction { kUnbiased, kNumber, kWithMean };
template <Correction C>
void variances(Subject& s) {
  for (const DType t : kFloats) {
    SCOPED_TRACE(smelt::name(t));
    for (const Shape& shape : {Shape{2, 3, 4}, Shape{6}, Shape{3, 70}, Shape{0, 2}, Shape{1, 1}}) {
      for (const double correction : {0.0, 1.0, 2.0}) {
        if (C == Correction::kUnbiased && correction == 2) continue;
        for (const auto& dims : {Index{}, Index{-1}, Index{0}}) {
          const Array x = sample(t, shape);
          const Rows rows = rows_of(x, dims, true);
          OperatorProgram call = s.call();
          call.tensor(x).ints(dims);
          C == Correction::kUnbiased ? call.boolean(correction == 1)
                                     : call.integer(int64_t(correction));
          call.boolean(true).out(t);
          if (C == Correction::kWithMean) call.out(t);
          s.expect(call, reduced(t, rows, [&](const Values& v) { return variance(v, correction); }),
                   4);
          if (C == Correction::kWithMean) s.expect(call.result(1), reduced(t, rows, mean), 4);
        }
      }
    }
  }
  // A large mean must not eat the variance.
  OperatorProgram far = s.call();
  far.tensor(Array(DType::kF32, {4}, {100000, 100001, 100002, 100003})).ints({});
  C == Correction::kUnbiased ? far.boolean(false) : far.integer(0);
  far.boolean(false).out(DType::kF32);
  if (C == Correction::kWithMean) far.out(DType::kF32);
  s.expect(far, Array(DType::kF32, {}, {1.25}));
}

// ---- along one dimension

/// f maps a row to one as long.
template <class F>
void along(Subject& s, std::span<const DType> types, std::function<DType(DType)> result,
           const std::function<void(OperatorProgram&)>& after, F f) {
  for (const DType t : types) {
    SCOPED_TRACE(smelt::name(t));
    for (const Shape& shape : kShapes) {
      for (const int64_t dim : {0, 1, -1}) {
        const auto rank = std::max<int64_t>(int64_t(shape.rank()), 1);
        if (dim >= rank) continue;
        SCOPED_TRACE(fmt::format("{} along {}", to_string(shape), dim));
        const Array x = sample(t, shape);
        OperatorProgram call = s.call();
        call.tensor(x).integer(dim);
        after(call);
        const DType out = result(t);
        call.out(out);
        const Array wanted = map_rows(x, dim, out, f);
        s.expect(call, wanted, 4);
      }
    }
  }
}

void cumsum(Subject& s) {
  along(
      s, kRealsAndBool, to_sum, [](auto& c) { c.none(); },
      [](const Values& row) {
        Values r = row;
        std::partial_sum(r.begin(), r.end(), r.begin());
        return r;
      });
  OperatorProgram nan = s.call();
  nan.tensor(Array(DType::kF32, {3}, {1, kNan, 2})).integer(0).none().out(DType::kF32);
  s.expect(nan, Array(DType::kF32, {3}, {1, kNan, kNan}));
}

void cumprod(Subject& s) {
  const auto f = [](const Values& row) {
    Values r = row;
    std::partial_sum(r.begin(), r.end(), r.begin(), std::multiplies<>());
    return r;
  };
  for (const DType t : kRealsAndBool) {
    for (const Shape& shape : kShapes) {
      // Of ones, twos and halves: whatever the length, nothing overflows.
      const Array x = Array::make(t, shape, [&](size_t i) {
        return real_type(t) ? (i % 2 == 0 ? 2 : i % 3 == 0 ? -0.5 : 0.5) : double(i % 7 != 6);
      });
      for (const int64_t dim : {0, -1}) {
        OperatorProgram call = s.call();
        call.tensor(x).integer(dim).none().out(to_sum(t));
        s.expect(call, map_rows(x, dim, to_sum(t), f), 4);
      }
    }
  }
  // Within the range of int64, integers wrap.
  OperatorProgram wrapped = s.call();
  wrapped.tensor(Array(DType::kS8, {2}, {100, 2})).integer(0).none().out(DType::kS8);
  s.expect(wrapped, Array(DType::kS8, {2}, {100, -56}));
  OperatorProgram nan = s.call();
  nan.tensor(Array(DType::kF32, {3}, {2, kNan, 2})).integer(0).none().out(DType::kF32);
  s.expect(nan, Array(DType::kF32, {3}, {2, kNan, kNan}));
}

/// Of equal elements the later one; after a NaN that NaN, or a later one.
template <template <class> class NotWorse>
void running_best(Subject& s) {
  const auto places = [](const Values& row) {
    Values r(row.size());
    size_t best = 0;
    for (size_t k = 0; k < row.size(); ++k) {
      const bool nan = std::isnan(row[k]);
      if (nan || (!std::isnan(row[best]) && NotWorse<double>()(row[k], row[best]))) best = k;
      r[k] = double(best);
    }
    return r;
  };
  for (const DType t : kRealsAndBool) {
    for (const Shape& shape : kShapes) {
      Array x = sample(t, shape);
      if (real_type(t) && x.v.size() > 20) x.v[17] = kNan;
      for (const int64_t dim : {0, -1}) {
        OperatorProgram call = s.call();
        call.tensor(x).integer(dim).out(t).out(DType::kS64);
        s.expect(call, map_rows(x, dim, t, [&](const Values& row) {
                   Values r = places(row);
                   for (double& at : r) at = row[size_t(at)];
                   return r;
                 }));
        s.expect(call.result(1), map_rows(x, dim, DType::kS64, places));
      }
    }
  }
}

void logcumsumexp(Subject& s) {
  const auto f = [](const Values& row) {
    Values r = row;
    for (size_t k = 1; k < r.size(); ++k) r[k] = std::log(std::exp(r[k - 1]) + std::exp(r[k]));
    return r;
  };
  for (const DType t : kFloats) {
    for (const Shape& shape : kShapes) {
      for (const int64_t dim : {0, -1}) {
        const Array x = sample(t, shape);
        OperatorProgram call = s.call();
        call.tensor(x).integer(dim).out(t);
        s.expect(call, map_rows(x, dim, t, f), 4);
      }
    }
    // Nothing overflows; without anything the sum is zero.
    const Array edges(t, {7}, {-kInf, -kInf, 200, 200, kInf, kInf, kNan});
    OperatorProgram call = s.call();
    call.tensor(edges).integer(0).out(t);
    s.expect(call, Array(t, {7}, {-kInf, -kInf, 200, 200 + std::log(2), kInf, kInf, kNan}), 4);
  }
  OperatorProgram integers = s.call();
  integers.tensor(Array(DType::kS32, {2}, {1, 2})).integer(0).out(DType::kS32);
  s.refuse(integers);
}

template <bool Log>
void softmax(Subject& s) {
  const auto f = [](const Values& row) {
    Values r = row;
    const double top = row.empty() ? 0 : *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const double x : row) sum += std::exp(x - top);
    for (double& x : r) x = Log ? x - top - std::log(sum) : std::exp(x - top) / sum;
    return r;
  };
  const auto numbers = [](OperatorProgram& c) { c.boolean(false); };
  const auto same = [](DType t) { return t; };
  along(s, kFloats, same, numbers, f);
  for (const DType t : kFloats) {
    // −∞ gets nothing; large numbers do not overflow; NaN spreads.
    OperatorProgram mask = s.call();
    mask.tensor(Array(t, {2}, {-kInf, 1000})).integer(0).boolean(false).out(t);
    s.expect(mask, Log ? Array(t, {2}, {-kInf, 0}) : Array(t, {2}, {0, 1}));
    OperatorProgram nan = s.call();
    nan.tensor(Array(t, {2}, {kNan, 1})).integer(0).boolean(false).out(t);
    s.expect(nan, Array(t, {2}, {kNan, kNan}));
    OperatorProgram last = s.call();
    const Array x = sample(t, {2, 3, 2, 2});
    last.tensor(x, {0, 2, 3, 1}).integer(1).boolean(false).out(t, {0, 2, 3, 1});
    Array wanted = x;
    for_each_index(x.shape, [&](const Index& i) {
      const Values row =
          f({x({i[0], 0, i[2], i[3]}), x({i[0], 1, i[2], i[3]}), x({i[0], 2, i[2], i[3]})});
      wanted(i) = stored(t, row[size_t(i[1])]);
    });
    s.expect(last, wanted);
  }
  OperatorProgram integers = s.call();
  integers.tensor(sample(DType::kS32, {2})).integer(0).boolean(false).out(DType::kS32);
  s.refuse(integers);
}

void glu(Subject& s) {
  for (const DType t : kFloats) {
    for (const int64_t dim : {1, -1}) {
      const Array x = sample(t, {2, 6, 4});
      OperatorProgram call = s.call();
      call.tensor(x).integer(dim).out(t);
      Array wanted(t, dim == 1 ? Shape{2, 3, 4} : Shape{2, 6, 2}, Values(24));
      for_each_index(wanted.shape, [&](const Index& i) {
        Index gate = i;
        gate[dim == 1 ? 1 : 2] += dim == 1 ? 3 : 2;
        wanted(i) = stored(t, x(i) / (1 + std::exp(-x(gate))));
      });
      s.expect(call, wanted);
    }
    OperatorProgram odd = s.call();
    odd.tensor(sample(t, {3})).integer(0).out(t);
    s.refuse(odd);
  }
}

void topk(Subject& s) {
  for (const DType t : kReals) {
    SCOPED_TRACE(smelt::name(t));
    const Array x(t, {2, 4}, {3, 1, 4, 2, 5, 9, 2, 6});
    OperatorProgram call = s.call();
    call.tensor(x).integer(2).integer(-1).boolean(true).boolean(true).out(t).out(DType::kS64);
    s.expect(call, Array(t, {2, 2}, {4, 3, 9, 6}));
    s.expect(call.result(1), Array(DType::kS64, {2, 2}, {2, 0, 1, 3}));
    OperatorProgram least = s.call();
    least.tensor(x).integer(1).integer(0).boolean(false).boolean(true).out(t).out(DType::kS64);
    s.expect(least, Array(t, {1, 4}, {3, 1, 2, 2}));
    s.expect(least.result(1), Array(DType::kS64, {1, 4}, {0, 0, 1, 0}));
    OperatorProgram none = s.call();
    none.tensor(x).integer(0).integer(1).boolean(true).boolean(true).out(t).out(DType::kS64);
    s.expect(none, Array(t, {2, 0}, {}));
    OperatorProgram scalar = s.call();
    scalar.tensor(Array(t, {}, {3})).integer(1).integer(0).boolean(true).boolean(true);
    scalar.out(t).out(DType::kS64);
    s.expect(scalar, Array(t, {}, {3}));
    if (!real_type(t)) continue;
    OperatorProgram nan = s.call();
    nan.tensor(Array(t, {3}, {1, kNan, kInf})).integer(2).integer(0).boolean(true).boolean(true);
    nan.out(t).out(DType::kS64);
    s.expect(nan, Array(t, {2}, {kNan, kInf}));
  }
  OperatorProgram many = s.call();
  many.tensor(sample(DType::kF32, {2})).integer(3).integer(0).boolean(true).boolean(true);
  many.out(DType::kF32).out(DType::kS64);
  s.refuse(many);
}

void vector_norm(Subject& s) {
  for (const DType t : kFloats) {
    for (const double p : {2.0, 1.0, 0.0, 3.0, 0.5, -1.0, kInf, -kInf}) {
      Array x = sample(t, {3, 4, 5}, 2);
      if (p < 0) {
        for (double& v : x.v) v += v == 0;
      }
      for (const bool keep : {false, true}) {
        for (const Index& dims : {Index{}, Index{-1}, Index{0, 2}}) {
          std::vector<Values> rows(dims.empty() ? 1 : dims.size() == 1 ? 12 : 4);
          for_each_index(x.shape, [&](const Index& i) {
            const int64_t row = dims.empty() ? 0 : dims.size() == 1 ? i[0] * 4 + i[1] : i[1];
            rows[size_t(row)].push_back(std::abs(x(i)));
          });
          Shape shape = dims.empty() ? Shape{} : dims.size() == 1 ? Shape{3, 4} : Shape{4};
          if (keep) {
            shape = dims.empty()       ? Shape{1, 1, 1}
                    : dims.size() == 1 ? Shape{3, 4, 1}
                                       : Shape{1, 4, 1};
          }
          const Array wanted = Array::make(t, shape, [&](size_t r) {
            const Values& v = rows[r];
            if (std::isinf(p)) return p > 0 ? std::ranges::max(v) : std::ranges::min(v);
            double sum = 0;
            for (const double e : v) sum += p == 0 ? double(e != 0) : std::pow(e, p);
            return p == 0 ? sum : std::pow(sum, 1 / p);
          });
          OperatorProgram call = s.call();
          call.tensor(x).real(p);
          dims.empty() ? call.none() : call.ints(dims);
          s.expect(call.boolean(keep).none().out(t), wanted, 4);
        }
      }
    }
    OperatorProgram nan = s.call();
    nan.tensor(Array(t, {3}, {1, kNan, 2})).real(kInf).none().boolean(false).none();
    s.expect(nan.out(t), Array(t, {}, {kNan}));
    OperatorProgram nothing = s.call();
    nothing.tensor(Array(t, {2, 0}, {})).integer(2).ints({1}).boolean(false).none();
    s.expect(nothing.out(t), Array(t, {2}, {0, 0}));
    OperatorProgram none = s.call();
    none.tensor(Array(t, {2, 0}, {})).real(kInf).ints({1}).boolean(false).none();
    s.refuse(none.out(t));
  }
  OperatorProgram integers = s.call();
  integers.tensor(sample(DType::kS32, {3})).integer(2).none().boolean(false).none();
  s.refuse(integers.out(DType::kF32));
}

constexpr OperatorCase kCases[] = {
    {"aten::_log_softmax.out", softmax<true>},
    {"aten::_softmax.out", softmax<false>},
    {"aten::all.all_out", predicate<all, Dims::kNone>},
    {"aten::all.dims_out", predicate<all, Dims::kList>},
    {"aten::all.out", predicate<all, Dims::kOne>},
    {"aten::amax.out", extreme<largest, Dims::kList>},
    {"aten::amin.out", extreme<smallest, Dims::kList>},
    {"aten::any.all_out", predicate<any, Dims::kNone>},
    {"aten::any.dims_out", predicate<any, Dims::kList>},
    {"aten::any.out", predicate<any, Dims::kOne>},
    {"aten::argmax.out", place<where_largest>},
    {"aten::argmin.out", place<where_smallest>},
    {"aten::cummax.out", running_best<std::greater_equal>},
    {"aten::cummin.out", running_best<std::less_equal>},
    {"aten::cumprod.out", cumprod},
    {"aten::cumsum.out", cumsum},
    {"aten::glu.out", glu},
    {"aten::logcumsumexp.out", logcumsumexp},
    {"aten::linalg_vector_norm.out", vector_norm},
    {"aten::max.dim_max", with_place<largest, where_largest>},
    {"aten::max.unary_out", extreme<largest, Dims::kNone>},
    {"aten::mean.dtype_out", average<mean, Dims::kNone>},
    {"aten::mean.out", average<mean, Dims::kList>},
    {"aten::min.dim_min", with_place<smallest, where_smallest>},
    {"aten::min.unary_out", extreme<smallest, Dims::kNone>},
    {"aten::prod.int_out", products<Dims::kOne>},
    {"aten::prod.out", products<Dims::kNone>},
    {"aten::sum.IntList_out", sums},
    {"aten::topk.values", topk},
    {"aten::var.correction_out", variances<Correction::kNumber>},
    {"aten::var.out", variances<Correction::kUnbiased>},
    {"aten::var_mean.correction_out", variances<Correction::kWithMean>},
};

}  // namespace

std::span<const OperatorCase> reduction_cases() { return kCases; }

}  // namespace smelt::program::testing
