// Elements and slices that meet others where indices send them, and bags of rows.
#include <algorithm>

#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

constexpr const char* kReductions[] = {"sum", "prod", "mean", "amax", "amin"};

/// What becomes of the elements that meet: `first` apart from those that arrive.
double joined(std::string_view r, const double* first, const Values& v, DType t) {
  Values all = v;
  if (first != nullptr) all.insert(all.begin(), *first);
  double x = all[0];
  for (size_t i = 1; i < all.size(); ++i) {
    const double y = all[i];
    x = r == "prod" || r == "multiply" ? x * y
        : r == "amax" || r == "amin"   ? (std::isnan(x) || std::isnan(y) ? kNan
                                          : r == "amax"                  ? std::max(x, y)
                                                                         : std::min(x, y))
                                       : x + y;
  }
  if (r != "mean") return x;
  return real_type(t) ? x / double(all.size()) : std::floor(x / double(all.size()));
}

/// place(index in source) says where an element goes.
template <class Place>
Array met(const Array& self, const Array& source, const Shape& sent, std::string_view r,
          bool include_self, Place place) {
  std::vector<Values> arrived(self.v.size());
  for_each_index(sent,
                 [&](const Index& i) { arrived[self.offset(place(i))].push_back(source(i)); });
  Array y = self;
  for (size_t i = 0; i < y.v.size(); ++i) {
    if (arrived[i].empty()) continue;
    y.v[i] =
        stored(self.type, joined(r, include_self ? &self.v[i] : nullptr, arrived[i], self.type));
  }
  return y;
}

struct Scattered {
  Array self, index, source;
  int64_t dim;
};
std::vector<Scattered> scattered(DType t) {
  const auto index = [](const Shape& shape, int64_t n) {
    return Array::make(DType::kS64, shape,
                       [&](size_t i) { return double(int64_t(i * 5 + i / 3) % n); });
  };
  // Small numbers, so that products stay in range.
  const auto few = [&](const Shape& shape, size_t seed) {
    return Array::make(t, shape, [&](size_t i) {
      const double v = double((i * 7 + seed) % 3) + 1;
      return real_type(t) && (i + seed) % 4 == 0 ? -v / 2 : v;
    });
  };
  std::vector<Scattered> all;
  all.push_back({few({2, 3}, 0), index({2, 4}, 3), few({2, 4}, 1), 1});
  all.push_back({few({2, 3}, 0), index({2, 4}, 3), few({3, 5}, 1), -1});
  all.push_back({few({4, 3}, 2), index({3, 2}, 4), few({3, 3}, 0), 0});
  all.push_back({few({5}, 2), index({7}, 5), few({7}, 0), 0});
  all.push_back({few({}, 2), index({}, 1), few({}, 0), 0});
  all.push_back({few({3}, 2), index({0}, 1), few({0}, 0), 0});
  return all;
}

/// `Old`: the names "add" and "multiply", and nothing left out.
template <bool Old, bool Number>
void scatter(Subject& s) {
  for (const DType t : kReals) {
    std::vector<Scattered> all = scattered(t);
    for (Scattered& x : all) {
      for (const char* r : kReductions) {
        if (Old && r != kReductions[0] && r != kReductions[1]) continue;
        for (const bool include_self : {true, false}) {
          if (Old && !include_self) continue;
          if (Number) std::fill(x.source.v.begin(), x.source.v.end(), 3);
          OperatorProgram call = s.call();
          call.tensor(x.self).integer(x.dim).tensor(x.index);
          Number ? call.integer(3) : call.tensor(x.source);
          call.string(!Old ? r : r == kReductions[0] ? "add" : "multiply");
          if (!Old) call.boolean(include_self);
          call.out(t);
          const auto place = [&](Index i) {
            const size_t rank = i.size();
            if (rank != 0)
              i[size_t(x.dim < 0 ? x.dim + int64_t(rank) : x.dim)] = int64_t(x.index(i));
            return i;
          };
          s.expect(call, met(x.self, x.source, x.index.shape, r, include_self, place), 2);
        }
      }
    }
  }
  const auto refuse = [&](double index, const char* name) {
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kF32, {3})).integer(0).tensor(Array(DType::kS64, {1}, {index}));
    Number ? call.integer(3) : call.tensor(sample(DType::kF32, {1}));
    call.string(name);
    if (!Old) call.boolean(true);
    s.refuse(call.out(DType::kF32));
  };
  refuse(3, Old ? "add" : "sum");
  refuse(-4, Old ? "add" : "sum");
  refuse(0, "median");
  refuse(0, "");
  if (Old) return;
  for (const char* r : kReductions) {
    OperatorProgram nan = s.call();
    nan.tensor(Array(DType::kF32, {2}, {1, 2})).integer(0).tensor(Array(DType::kS64, {2}, {0, 0}));
    nan.tensor(Array(DType::kF32, {2}, {kNan, 3})).string(r).boolean(false).out(DType::kF32);
    s.expect(nan, Array(DType::kF32, {2}, {kNan, 2}));
  }
  // Rounded down.
  OperatorProgram mean = s.call();
  mean.tensor(Array(DType::kS32, {1}, {-2})).integer(0).tensor(Array(DType::kS64, {2}, {0, 0}));
  mean.tensor(Array(DType::kS32, {2}, {-4, -1})).string("mean").boolean(true).out(DType::kS32);
  s.expect(mean, Array(DType::kS32, {1}, {-3}));
}

enum class Slices { kAdd, kReduce, kCopy, kFill, kFillTensor };
template <Slices K>
void slices(Subject& s) {
  for (const DType t : kReals) {
    for (const int64_t dim : {0, 1, -1}) {
      for (const auto type : {DType::kS64, DType::kS32}) {
        const Array self = Array::make(t, {3, 4, 2}, [](size_t i) { return double(i % 5) + 1; });
        const size_t d = size_t(dim < 0 ? 2 : dim);
        const Index places = K == Slices::kCopy ? Index{1, 0} : Index{1, 0, 1};
        Shape shape = self.shape;
        shape[d] = int64_t(places.size());
        Array source = Array::make(t, shape, [](size_t i) { return double(i % 3) + 1; });
        if (K == Slices::kFill || K == Slices::kFillTensor) {
          std::fill(source.v.begin(), source.v.end(), 7);
        }
        for (const char* r : kReductions) {
          if (K == Slices::kReduce ? r == kReductions[0] : r != kReductions[0]) continue;
          for (const bool include_self : {true, false}) {
            if (K != Slices::kReduce && !include_self) continue;
            OperatorProgram call = s.call();
            call.tensor(self).integer(dim);
            call.tensor(
                Array(type, {int64_t(places.size())}, Values(places.begin(), places.end())));
            if (K == Slices::kFill) {
              call.integer(7);
            } else {
              call.tensor(K == Slices::kFillTensor ? Array(t, {}, {7}) : source);
            }
            if (K == Slices::kAdd) call.integer(2);
            if (K == Slices::kReduce) call.string(r).boolean(include_self);
            call.out(t);
            Array scaled = source;
            if (K == Slices::kAdd) {
              for (double& v : scaled.v) v *= 2;
            }
            const auto place = [&](Index i) {
              i[d] = places[size_t(i[d])];
              return i;
            };
            const bool replaces =
                K == Slices::kCopy || K == Slices::kFill || K == Slices::kFillTensor;
            s.expect(
                call,
                met(self, scaled, shape, replaces ? "amax" : r, include_self && !replaces, place),
                2);
          }
        }
      }
    }
  }
  const auto refuse = [&](const Array& index, const Shape& source) {
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kF32, {3, 2})).integer(0).tensor(index);
    K == Slices::kFill ? call.integer(1) : call.tensor(sample(DType::kF32, source));
    if (K == Slices::kAdd) call.integer(1);
    if (K == Slices::kReduce) call.string("prod").boolean(true);
    s.refuse(call.out(DType::kF32));
  };
  const bool fills = K == Slices::kFill || K == Slices::kFillTensor;
  refuse(Array(DType::kS64, {1}, {3}), fills ? Shape{} : Shape{1, 2});
  refuse(Array(DType::kS64, {1, 1}, {0}), fills ? Shape{} : Shape{1, 2});
  if (K != Slices::kFill) refuse(Array(DType::kS64, {1}, {0}), {2, 2});
}

// ---- bags

void bags(Subject& s) {
  enum Mode { kSum, kMean, kMax };
  const Array offsets(DType::kS64, {4}, {0, 0, 2, 5}),
      indices(DType::kS64, {6}, {0, 1, 2, 3, 3, 1});
  for (const DType t : kFloats) {
    for (const int64_t mode : {kSum, kMean, kMax}) {
      for (const bool last : {false, true}) {
        for (const int64_t padding : {-1, 3}) {
          for (const bool weighted : {false, true}) {
            if (weighted && mode != kSum) continue;
            const Array table = sample(t, {4, 3}), factors = Array(t, {6}, {1, -2, 0.5, 3, 1, 2});
            OperatorProgram call = s.call();
            call.tensor(table).tensor(indices).tensor(offsets).boolean(false).integer(mode);
            call.boolean(false);
            weighted ? call.tensor(factors) : call.none();
            call.boolean(last).integer(padding).out(t).out(DType::kS64).out(DType::kS64);
            call.out(DType::kS64);
            const int64_t bags = last ? 3 : 4;
            Array wanted(t, {bags, 3}, Values(size_t(bags) * 3));
            Array sizes(DType::kS64, {bags}, Values(size_t(bags)));
            Array sources(DType::kS64, {bags, 3}, Values(size_t(bags) * 3));
            for (int64_t b = 0; b < bags; ++b) {
              const auto end = size_t(b + 1 < 4 ? offsets.v[size_t(b + 1)] : 6);
              for (int64_t d = 0; d < 3; ++d) {
                Values v;
                for (auto i = size_t(offsets.v[size_t(b)]); i < end; ++i) {
                  const auto row = int64_t(indices.v[i]);
                  if (row == padding) continue;
                  const double x = table({row, d}) * (weighted ? factors.v[i] : 1);
                  if (mode == kMax && (v.empty() || x > *std::max_element(v.begin(), v.end()))) {
                    sources({b, d}) = double(row);
                  }
                  v.push_back(x);
                }
                if (v.empty()) continue;
                wanted({b, d}) =
                    stored(t, mode == kMax ? *std::max_element(v.begin(), v.end())
                                           : joined(mode == kMean ? "mean" : "sum", nullptr, v, t));
                if (mode != kSum) sizes.v[size_t(b)] = double(v.size());
              }
            }
            s.expect(call, wanted, 2);
            s.expect(call.result(2), sizes);
            s.expect(call.result(3), mode == kMax ? sources : sizes);
          }
        }
      }
    }
  }
  const auto refuse = [&](const Values& rows, const Values& starts, int64_t mode) {
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kF32, {4, 3}));
    call.tensor(Array(DType::kS64, {int64_t(rows.size())}, rows));
    call.tensor(Array(DType::kS64, {int64_t(starts.size())}, starts)).boolean(false).integer(mode);
    call.boolean(false).none().boolean(false).integer(-1);
    for (const DType t : {DType::kF32, DType::kS64, DType::kS64, DType::kS64}) call.out(t);
    s.refuse(call);
  };
  refuse({0, 4}, {0}, 0);
  refuse({0, 1}, {1}, 0);
  refuse({0, 1}, {0, 3}, 0);
  refuse({0, 1}, {0, 2, 1}, 0);
  refuse({0, 1}, {0}, 3);
}

void embedding_backward(Subject& s) {
  for (const DType t : kFloats) {
    for (const DType index : {DType::kS64, DType::kS32}) {
      const Array grad = sample(t, {2, 3, 5}), at(index, {2, 3}, {1, 3, 1, 0, 2, 1});
      for (const bool by_count : {false, true}) {
        Array wanted(t, {4, 5}, Values(20));
        for (int64_t i = 0; i < 6; ++i) {
          const auto row = int64_t(at.v[size_t(i)]);
          if (row == 2) continue;  // the padding
          const double n = by_count && row == 1 ? 3 : 1;
          for (int64_t k = 0; k < 5; ++k) wanted({row, k}) += grad({i / 3, i % 3, k}) / n;
        }
        OperatorProgram call = s.call();
        call.tensor(grad).tensor(at).integer(4).integer(2).boolean(by_count);
        s.expect(call.out(t), Array(t, wanted.shape, wanted.v), 4);
      }
    }
  }
  for (const double bad : {-1.0, 4.0}) {
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kF32, {1, 5})).tensor(Array(DType::kS64, {1}, {bad})).integer(4);
    s.refuse(call.integer(-1).boolean(false).out(DType::kF32));
  }
  OperatorProgram shapes = s.call();
  shapes.tensor(sample(DType::kF32, {2, 5})).tensor(Array(DType::kS64, {1}, {0})).integer(4);
  s.refuse(shapes.integer(-1).boolean(false).out(DType::kF32));
}

constexpr OperatorCase kCases[] = {
    {"aten::embedding_dense_backward.out", embedding_backward},
    {"aten::_embedding_bag.out", bags},
    {"aten::_embedding_bag_forward_only.out", bags},
    {"aten::index_add.out", slices<Slices::kAdd>},
    {"aten::index_copy.out", slices<Slices::kCopy>},
    {"aten::index_fill.int_Scalar_out", slices<Slices::kFill>},
    {"aten::index_fill.int_Tensor_out", slices<Slices::kFillTensor>},
    {"aten::index_reduce.out", slices<Slices::kReduce>},
    {"aten::scatter.reduce_out", scatter<true, false>},
    {"aten::scatter.value_reduce_out", scatter<true, true>},
    {"aten::scatter_reduce.two_out", scatter<false, false>},
};

}  // namespace

std::span<const OperatorCase> scatter_cases() { return kCases; }

}  // namespace smelt::program::testing
