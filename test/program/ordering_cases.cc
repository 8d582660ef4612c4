// Elements in order, and places among sorted ones.
#include <algorithm>
#include <map>
#include <numeric>

#include "row_reference.h"

namespace smelt::program::testing {
namespace {

const Shape kShapes[] = {{2, 3, 4}, {}, {5}, {0, 3}, {3, 0}, {4, 70}};

/// NaN after everything.
bool before(double a, double b) { return a < b || (!std::isnan(a) && std::isnan(b)); }

/// Where the elements of a row come from once it is sorted; equal ones keep their order.
Values sorted_places(const Values& row, bool descending = false) {
  Values places(row.size());
  std::iota(places.begin(), places.end(), 0);
  std::sort(places.begin(), places.end(), [&](double i, double k) {
    const double a = row[size_t(i)], b = row[size_t(k)];
    if (before(a, b) || before(b, a)) return descending ? before(b, a) : before(a, b);
    return i < k;
  });
  return places;
}
Values taken(const Values& row, const Values& places) {
  Values r;
  for (const double p : places) r.push_back(row[size_t(p)]);
  return r;
}

/// Arrays with many equal elements and, of reals, with NaN, infinities and zeros of both signs.
std::vector<Array> arrays(DType t) {
  std::vector<Array> all;
  for (const Shape& shape : kShapes) all.push_back(sample(t, shape));
  if (!real_type(t)) return all;
  all.push_back(Array(t, {2, 5}, {1, kNan, -kInf, kNan, 0, kInf, -0.0, 0, -0.0, kNan}));
  return all;
}

enum class Sort { kPlain, kStable, kPlacesOnly };
template <Sort S>
void sort(Subject& s) {
  const auto check = [&](const Array& x, int64_t dim, bool descending,
                         const OperatorProgram::Order& order = {}) {
    OperatorProgram call = s.call();
    call.tensor(x, order);
    if (S == Sort::kStable) call.none();
    if (S == Sort::kPlacesOnly) call.boolean(true);
    call.integer(dim).boolean(descending);
    if (S != Sort::kPlacesOnly) call.out(x.type, order);
    call.out(DType::kS64, order);
    const Array places = map_rows(
        x, dim, DType::kS64, [&](const Values& row) { return sorted_places(row, descending); });
    if (S == Sort::kPlacesOnly) return s.expect(call, places);
    s.expect(call, map_rows(x, dim, x.type, [&](const Values& row) {
               return taken(row, sorted_places(row, descending));
             }));
    s.expect(call.result(1), places);
  };
  for (const DType t : kAllTypes) {
    SCOPED_TRACE(smelt::name(t));
    for (const Array& x : arrays(t)) {
      for (const int64_t dim : {0, -1}) {
        for (const bool descending : {false, true}) check(x, dim, descending);
      }
    }
    check(sample(t, {2, 3, 2, 4}), 1, true, {0, 2, 3, 1});
  }
  // Rows long enough to be spread over threads and to be sorted in other ways than short ones.
  check(Array::make(DType::kF32, {3, 20000}, [](size_t i) { return double(i * 7919 % 997); }), 1,
        false);
  if (S != Sort::kPlain) return;
  // Numbers that a double does not tell apart, and those above the signed ones.
  OperatorProgram large = s.call();
  large.tensor(Array(DType::kU64, {3}, {1e19, 5, 9e18})).integer(0).boolean(false);
  large.out(DType::kU64).out(DType::kS64);
  s.expect(large, Array(DType::kU64, {3}, {5, 9e18, 1e19}));
  s.expect(large.result(1), Array(DType::kS64, {3}, {1, 2, 0}));
  OperatorProgram nowhere = s.call();
  nowhere.tensor(sample(DType::kF32, {2, 2})).integer(2).boolean(false);
  s.refuse(nowhere.out(DType::kF32).out(DType::kS64));
}

/// The lower middle one of those that count.
template <bool IgnoreNan>
void median(Subject& s) {
  for (const DType t : kReals) {
    SCOPED_TRACE(smelt::name(t));
    for (const Array& x : arrays(t)) {
      Values v = x.v;
      std::sort(v.begin(), v.end(), before);
      const auto nans = size_t(std::count_if(v.begin(), v.end(), [](double d) { return d != d; }));
      OperatorProgram call = s.call();
      call.tensor(x).out(t);
      if (v.empty() && !real_type(t)) {
        s.refuse(call);
        continue;
      }
      const bool none = v.empty() || nans == v.size() || (nans > 0 && !IgnoreNan);
      s.expect(call, Array(t, {}, {none ? kNan : v[(v.size() - nans - 1) / 2]}));
    }
  }
}

/// Compares values, keeps an eye on indices: elements there are the values.
void expect_chosen(Subject& s, OperatorProgram& call, const Array& x, int64_t dim, bool keep,
                   const std::function<double(const Values&)>& f) {
  const Rows rows = rows_of(x, {dim}, keep);
  if (std::any_of(rows.rows.begin(), rows.rows.end(), [](const Values& v) { return v.empty(); }) ||
      (x.shape.rank() != 0 &&
       x.shape[size_t(dim < 0 ? dim + int64_t(x.shape.rank()) : dim)] == 0)) {
    return s.refuse(call);
  }
  s.expect(call, Array::make(x.type, rows.shape, [&](size_t i) { return f(rows.rows[i]); }));
  const Array& places = call.result(1);
  s.expect(Array::make(x.type, rows.shape,
                       [&](size_t i) { return rows.rows[i].at(size_t(places.v.at(i))); }),
           call.result(0));
}

template <bool IgnoreNan>
void median_dim(Subject& s) {
  for (const DType t : kReals) {
    SCOPED_TRACE(smelt::name(t));
    for (const Array& x : arrays(t)) {
      for (const int64_t dim : {0, -1}) {
        for (const bool keep : {false, true}) {
          OperatorProgram call = s.call();
          call.tensor(x).integer(dim).boolean(keep).out(t).out(DType::kS64);
          expect_chosen(s, call, x, dim, keep, [](const Values& row) {
            const Values v = taken(row, sorted_places(row));
            const auto nans =
                size_t(std::count_if(v.begin(), v.end(), [](double d) { return d != d; }));
            return nans == v.size() || (nans > 0 && !IgnoreNan) ? kNan
                                                                : v[(v.size() - nans - 1) / 2];
          });
        }
      }
    }
  }
}

void kthvalue(Subject& s) {
  for (const DType t : kReals) {
    for (const Array& x : arrays(t)) {
      for (const int64_t dim : {0, -1}) {
        const Rows rows = rows_of(x, {dim}, true);
        const int64_t n = x.shape.rank() == 0 ? 1
                          : rows.rows.empty() ? 3
                                              : int64_t(rows.rows[0].size());
        for (const int64_t k : {int64_t(1), n}) {
          OperatorProgram call = s.call();
          call.tensor(x).integer(k).integer(dim).boolean(false).out(t).out(DType::kS64);
          expect_chosen(s, call, x, dim, false, [&](const Values& row) {
            return taken(row, sorted_places(row))[size_t(k - 1)];
          });
        }
      }
    }
  }
  for (const int64_t k : {0, 4}) {
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kF32, {3})).integer(k).integer(0).boolean(false);
    s.refuse(call.out(DType::kF32).out(DType::kS64));
  }
}

void mode(Subject& s) {
  for (const DType t : kRealsAndBool) {
    for (const Shape& shape : kShapes) {
      const Array x = sample(t, shape);
      for (const int64_t dim : {0, -1}) {
        OperatorProgram call = s.call();
        call.tensor(x).integer(dim).boolean(true).out(t).out(DType::kS64);
        expect_chosen(s, call, x, dim, true, [](const Values& row) {
          std::map<double, int> count;
          for (const double v : row) ++count[v];
          double best = row[0];
          for (const auto& [v, n] : count) {
            if (n > count[best] || (n == count[best] && v < best)) best = v;
          }
          return best;
        });
      }
    }
  }
}

// ---- different elements

template <bool Consecutive>
void unique(Subject& s) {
  const auto check = [&](const Array& x, bool inverse, bool counts, const Values& values,
                         const Values& which, const Values& times) {
    OperatorProgram call = s.call();
    call.tensor(x);
    if (!Consecutive) call.boolean(true);
    call.boolean(inverse).boolean(counts);
    if (Consecutive) call.none();
    call.out(x.type).out(DType::kS64).out(DType::kS64);
    s.expect(call, Array(x.type, {int64_t(values.size())}, values));
    s.expect(call.result(1),
             inverse ? Array(DType::kS64, x.shape, which) : Array(DType::kS64, {0}, {}));
    s.expect(call.result(2), counts ? Array(DType::kS64, {int64_t(times.size())}, times)
                                    : Array(DType::kS64, {0}, {}));
  };
  for (const DType t : kReals) {
    const Array x(t, {2, 4}, {3, 1, 1, 2, 3, 3, 2, 2});
    for (const bool inverse : {false, true}) {
      for (const bool counts : {false, true}) {
        if (Consecutive) {
          check(x, inverse, counts, {3, 1, 2, 3, 2}, {0, 1, 1, 2, 3, 3, 4, 4}, {1, 2, 1, 2, 2});
        } else {
          check(x, inverse, counts, {1, 2, 3}, {2, 0, 0, 1, 2, 2, 1, 1}, {2, 3, 3});
        }
      }
    }
    check(Array(t, {0}, {}), true, true, {}, {}, {});
    if (!real_type(t)) continue;
    // No NaN is like another.
    check(Array(t, {3}, {1, kNan, kNan}), true, true, {1, kNan, kNan}, {0, 1, 2}, {1, 1, 1});
  }
}

// ---- places among sorted elements, and counts

/// Elements that are smaller, or also those that are equal; for a NaN all.
double place(double v, const Values& sorted, bool behind) {
  if (std::isnan(v)) return double(sorted.size());
  return double(std::count_if(sorted.begin(), sorted.end(),
                              [&](double x) { return x < v || (behind && x == v); }));
}

void bucketize(Subject& s) {
  for (const DType t : kReals) {
    for (const bool behind : {false, true}) {
      for (const bool small : {false, true}) {
        for (const Shape& shape : kShapes) {
          const Array x = sample(t, shape), edges(t, {5}, {0, 1, 1, 3, 7});
          const DType out = small ? DType::kS32 : DType::kS64;
          OperatorProgram call = s.call();
          call.tensor(x).tensor(edges).boolean(small).boolean(behind).out(out);
          s.expect(call, Array::make(out, shape,
                                     [&](size_t i) { return place(x.v[i], edges.v, behind); }));
        }
      }
    }
    OperatorProgram none = s.call();
    none.tensor(sample(t, {3})).tensor(Array(t, {0}, {})).boolean(false).boolean(false);
    s.expect(none.out(DType::kS64), Array(DType::kS64, {3}, {0, 0, 0}));
  }
  const Array values(DType::kF32, {4}, {kNan, -kInf, kInf, 2}), edges(DType::kF32, {2}, {1, 2});
  for (const bool behind : {false, true}) {
    OperatorProgram call = s.call();
    call.tensor(values).tensor(edges).boolean(false).boolean(behind).out(DType::kS64);
    s.expect(call, Array(DType::kS64, {4}, {2, 0, 2, behind ? 2.0 : 1.0}));
  }
  // Among reals an integer is one of them.
  OperatorProgram mixed = s.call();
  mixed.tensor(Array(DType::kS64, {2}, {1, 2})).tensor(Array(DType::kF32, {2}, {0.5, 1.5}));
  s.expect(mixed.boolean(false).boolean(false).out(DType::kS64), Array(DType::kS64, {2}, {1, 2}));
  OperatorProgram plane = s.call();
  plane.tensor(sample(DType::kF32, {2})).tensor(sample(DType::kF32, {2, 2}));
  s.refuse(plane.boolean(false).boolean(false).out(DType::kS64));
}

void bucketize_number(Subject& s) {
  for (const bool behind : {false, true}) {
    OperatorProgram call = s.call();
    call.real(1.5).tensor(Array(DType::kF32, {3}, {1, 1.5, 2})).boolean(true).boolean(behind);
    s.expect(call.out(DType::kS32), Array(DType::kS32, {}, {behind ? 2.0 : 1.0}));
    OperatorProgram whole = s.call();
    whole.integer(2).tensor(Array(DType::kS8, {3}, {1, 2, 2})).boolean(false).boolean(behind);
    s.expect(whole.out(DType::kS64), Array(DType::kS64, {}, {behind ? 3.0 : 1.0}));
  }
}

void searchsorted(Subject& s) {
  for (const DType t : kReals) {
    const Array rows(t, {2, 3}, {1, 3, 5, 2, 4, 4}), x(t, {2, 4}, {0, 3, 4, 9, 2, 3, 4, 5});
    for (const bool behind : {false, true}) {
      for (const bool named : {false, true}) {
        OperatorProgram call = s.call();
        call.tensor(rows).tensor(x).boolean(false).boolean(behind && !named);
        named ? call.string(behind ? "right" : "left") : call.none();
        s.expect(call.none().out(DType::kS64), Array::make(DType::kS64, {2, 4}, [&](size_t i) {
                   const auto first = rows.v.begin() + ptrdiff_t(i / 4 * 3);
                   return place(x.v[i], Values(first, first + 3), behind);
                 }));
      }
    }
    // One row for all; an order where the row has none.
    OperatorProgram shared = s.call();
    shared.tensor(Array(t, {3}, {5, 1, 3})).tensor(x).boolean(true).boolean(false).none();
    shared.tensor(Array(DType::kS64, {3}, {1, 2, 0})).out(DType::kS32);
    s.expect(shared, Array::make(DType::kS32, {2, 4}, [&](size_t i) {
               return place(x.v[i], {1, 3, 5}, false);
             }));
    OperatorProgram empty = s.call();
    empty.tensor(Array(t, {2, 0}, {})).tensor(x).boolean(false).boolean(false).none().none();
    s.expect(empty.out(DType::kS64), Array(DType::kS64, {2, 4}, Values(8)));
  }
  const auto refuse = [&](const Shape& rows, const Shape& values, const char* side, double order) {
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kF32, rows)).tensor(sample(DType::kF32, values));
    call.boolean(false).boolean(true);
    side == nullptr ? call.none() : call.string(side);
    call.tensor(Array::make(DType::kS64, rows, [&](size_t) { return order; }));
    s.refuse(call.out(DType::kS64));
  };
  refuse({2, 3}, {3, 3}, nullptr, 0);
  refuse({2, 3}, {2, 2}, nullptr, 3);
  refuse({2, 3}, {2, 2}, nullptr, -1);
  refuse({2, 3}, {2, 2}, "middle", 0);
  refuse({2, 3}, {2, 2}, "left", 0);
  refuse({}, {}, nullptr, 0);
}

void searchsorted_number(Subject& s) {
  for (const DType t : kFloats) {
    OperatorProgram call = s.call();
    call.tensor(Array(t, {3}, {1, 2, 2})).real(2).boolean(false).boolean(true).none().none();
    s.expect(call.out(DType::kS64), Array(DType::kS64, {}, {3}));
  }
}

void histc(Subject& s) {
  for (const DType t : kFloats) {
    const auto check = [&](const Values& v, int64_t bins, double low, double high,
                           const Values& wanted) {
      OperatorProgram call = s.call();
      call.tensor(Array(t, {int64_t(v.size())}, v)).integer(bins).real(low).real(high).out(t);
      s.expect(call, Array(t, {bins}, wanted));
    };
    check({1, 2, 3, 4, 2, kNan, 9, -1}, 4, 0, 4, {0, 1, 2, 2});
    check({1, 2, 4, 5}, 4, 0, 0, {1, 1, 0, 2});  // the bounds of the elements
    check({1, 1}, 3, 0, 0, {0, 2, 0});           // which may be equal
    check({}, 3, 0, 0, {0, 0, 0});
    const auto refuse = [&](const Values& v, int64_t bins, double low, double high) {
      OperatorProgram call = s.call();
      call.tensor(Array(t, {int64_t(v.size())}, v)).integer(bins).real(low).real(high);
      s.refuse(call.out(t));
    };
    refuse({1, kInf}, 3, 0, 0);
    refuse({1, kNan}, 3, 0, 0);
    refuse({1}, 0, 0, 1);
    refuse({1}, 2, 1, 0);
  }
}

void bincount(Subject& s) {
  for (const DType t : kIntegers) {
    OperatorProgram call = s.call();
    call.tensor(Array(t, {4}, {1, 3, 1, 0})).none().integer(0).out(DType::kS64);
    s.expect(call, Array(DType::kS64, {4}, {1, 2, 0, 1}));
    OperatorProgram weighted = s.call();
    weighted.tensor(Array(t, {3}, {1, 2, 1})).tensor(Array(DType::kF32, {3}, {0.5, 2, 1}));
    s.expect(weighted.integer(5).out(DType::kF32), Array(DType::kF32, {5}, {0, 1.5, 2, 0, 0}));
    OperatorProgram nothing = s.call();
    nothing.tensor(Array(t, {0}, {})).none().integer(2).out(DType::kS64);
    s.expect(nothing, Array(DType::kS64, {2}, {0, 0}));
  }
  for (const double bad : {-1.0, 1e15}) {
    OperatorProgram call = s.call();
    call.tensor(Array(DType::kS64, {1}, {bad})).none().integer(0).out(DType::kS64);
    s.refuse(call);
  }
}

constexpr OperatorCase kCases[] = {
    {"aten::_unique2.out", unique<false>},
    {"aten::argsort.stable_out", sort<Sort::kPlacesOnly>},
    {"aten::bincount.out", bincount},
    {"aten::bucketize.Scalar_out", bucketize_number},
    {"aten::bucketize.Tensor_out", bucketize},
    {"aten::histc.out", histc},
    {"aten::kthvalue.values", kthvalue},
    {"aten::median.dim_values", median_dim<false>},
    {"aten::median.out", median<false>},
    {"aten::mode.values", mode},
    {"aten::nanmedian.dim_values", median_dim<true>},
    {"aten::nanmedian.out", median<true>},
    {"aten::searchsorted.Scalar_out", searchsorted_number},
    {"aten::searchsorted.Tensor_out", searchsorted},
    {"aten::sort.values", sort<Sort::kPlain>},
    {"aten::sort.values_stable", sort<Sort::kStable>},
    {"aten::unique_consecutive.out", unique<true>},
};

}  // namespace

std::span<const OperatorCase> ordering_cases() { return kCases; }

}  // namespace smelt::program::testing
