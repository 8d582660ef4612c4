// Operators that copy, create, view, cut, join, rearrange and look up elements.
#include <algorithm>
#include <set>

#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

using Order = OperatorProgram::Order;

/// Runs a call of a movement for all types. `build` adds the arguments after the first tensor (but
/// not the output); `source` maps an index of the result to one of the operand.
struct Movement {
  Shape from, to;
  std::function<void(OperatorProgram&)> numbers = [](OperatorProgram&) {};
  std::function<Index(const Index&)> source;
  Order order = {};  ///< of the operand in memory
  Order out_order = {};
};

void movement(Subject& s, const Movement& m, std::span<const DType> types = kAllTypes) {
  for (const DType t : types) {
    SCOPED_TRACE(smelt::name(t));
    const Array x = sample(t, m.from);
    OperatorProgram call = s.call();
    call.tensor(x, m.order);
    m.numbers(call);
    call.out(t, m.out_order);
    Array wanted(t, m.to, Values(m.to.numel()));
    for_each_index(m.to, [&](const Index& i) { wanted(i) = x(m.source(i)); });
    s.expect(call, wanted);
  }
  // Complex elements move as they are.
  if (types.size() != std::size(kAllTypes) || !m.order.empty() || !m.out_order.empty()) return;
  Array x(DType::kC128, m.from, {});
  for (size_t i = 0; i < 2 * m.from.numel(); ++i) x.v.push_back(double(i) + 0.5);
  OperatorProgram call = s.call();
  call.tensor(x);
  m.numbers(call);
  call.out(DType::kC128);
  Array wanted(DType::kC128, m.to, {});
  for_each_index(m.to, [&](const Index& i) {
    const size_t at = x.offset(m.source(i));
    wanted.v.push_back(x.v[2 * at]);
    wanted.v.push_back(x.v[2 * at + 1]);
  });
  s.expect(call, wanted);
}

Index itself(const Index& i) { return i; }
Index from_linear(size_t at, const Shape& shape) {
  Index index(shape.rank());
  for (size_t d = shape.rank(); d-- > 0;) {
    index[d] = int64_t(at % size_t(shape[d]));
    at /= size_t(shape[d]);
  }
  return index;
}
size_t linear(const Index& index, const Shape& shape) {
  size_t at = 0;
  for (size_t d = 0; d < shape.rank(); ++d) at = at * size_t(shape[d]) + size_t(index[d]);
  return at;
}

const Order kChannelsLast = {0, 2, 3, 1};

// ---- copies

/// All types to all types.
void conversions(Subject& s, const std::function<void(OperatorProgram&)>& numbers) {
  for (const DType from : kAllTypes) {
    for (const DType to : kAllTypes) {
      SCOPED_TRACE(fmt::format("{} to {}", smelt::name(from), smelt::name(to)));
      const bool is_unsigned = to == DType::kU8 || to == DType::kU16 || to == DType::kU32 ||
                               to == DType::kU64 || to == DType::kBool;
      Array x = sample(from, {3, 5});
      // A negative real has no unsigned counterpart.
      if (real_type(from) && is_unsigned) {
        for (double& v : x.v) v = std::abs(v);
      }
      OperatorProgram call = s.call();
      call.tensor(x);
      numbers(call);
      call.out(to);
      s.expect(call, Array::make(to, x.shape, [&](size_t i) {
                 const double v = x.v[i];
                 return real_type(to) || to == DType::kBool ? v : std::trunc(v);
               }));
    }
  }
  // Complex from real, and the real part of complex.
  OperatorProgram widen = s.call();
  widen.tensor(Array(DType::kS32, {2}, {3, -4}));
  numbers(widen);
  widen.out(DType::kC64);
  s.expect(widen, Array(DType::kC64, {2}, {3, 0, -4, 0}));
  OperatorProgram narrow = s.call();
  narrow.tensor(Array(DType::kC128, {2}, {3, 1, -4, 2}));
  numbers(narrow);
  narrow.out(DType::kF32);
  s.expect(narrow, Array(DType::kF32, {2}, {3, -4}));
}

void identity(Subject& s, const std::function<void(OperatorProgram&)>& numbers) {
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{2, 0}, Shape{3, 70}}) {
    movement(s, {shape, shape, numbers, itself});
  }
  movement(s, {{2, 3, 2, 4}, {2, 3, 2, 4}, numbers, itself, {}, kChannelsLast});
  movement(s, {{2, 3, 2, 4}, {2, 3, 2, 4}, numbers, itself, kChannelsLast, {}});
  OperatorProgram nan = s.call();
  nan.tensor(Array(DType::kF16, {3}, {kNan, kInf, -0.0}));
  numbers(nan);
  nan.out(DType::kF16);
  s.expect(nan, Array(DType::kF16, {3}, {kNan, kInf, -0.0}));
}
void no_numbers(OperatorProgram&) {}
void copy_plain(Subject& s) { identity(s, no_numbers); }
void clone(Subject& s) {
  identity(s, [](auto& c) { c.none(); });
}
void to_copy(Subject& s) {
  const auto numbers = [](OperatorProgram& c) { c.boolean(false).none(); };
  identity(s, numbers);
  conversions(s, numbers);
}
/// The dimension order is that of the output tensor; the list repeats it.
void dim_order_copy(Subject& s) {
  const auto numbers = [](OperatorProgram& c) { c.boolean(false).none(); };
  identity(s, numbers);
  conversions(s, numbers);
}

void copy_out(Subject& s) {
  for (const DType t : kAllTypes) {
    const Array self = sample(t, {2, 3}), src = sample(t, {3}, 4);
    OperatorProgram call = s.call();
    call.tensor(self).tensor(src).boolean(false).out(t);
    s.expect(call, Array::make(t, {2, 3}, [&](size_t i) { return src.v[i % 3]; }));
  }
  OperatorProgram convert = s.call();
  convert.tensor(sample(DType::kF32, {})).tensor(Array(DType::kS64, {}, {7})).boolean(false);
  convert.out(DType::kF32);
  s.expect(convert, Array(DType::kF32, {}, {7}));
  OperatorProgram larger = s.call();
  larger.tensor(sample(DType::kF32, {3})).tensor(sample(DType::kF32, {2, 3})).boolean(false);
  larger.out(DType::kF32);
  s.refuse(larger);
}
void copy_in_place(Subject& s) {
  for (const DType t : kAllTypes) {
    const Array src = sample(t, {1, 3}, 4);
    OperatorProgram call = s.call();
    call.updated(sample(t, {2, 3})).tensor(src).boolean(false);
    s.expect(call, Array::make(t, {2, 3}, [&](size_t i) { return src.v[i % 3]; }));
  }
  OperatorProgram nothing = s.call();
  nothing.updated(sample(DType::kF32, {0})).tensor(sample(DType::kF32, {0})).boolean(false);
  s.expect(nothing, Array(DType::kF32, {0}, {}));
}

void view_as_real(Subject& s) {
  for (const auto& [complex, real] : {std::pair{DType::kC32, DType::kF16},
                                      {DType::kC64, DType::kF32},
                                      {DType::kC128, DType::kF64}}) {
    for (const Shape& shape : {Shape{}, Shape{0, 2}, Shape{2, 3}}) {
      Array x(complex, shape, {});
      for (size_t i = 0; i < 2 * shape.numel(); ++i) x.v.push_back(double(i) - 3);
      Shape wanted = shape;
      wanted.push_back(2);
      OperatorProgram call = s.call();
      call.tensor(x).out(real);
      s.expect(call, Array(real, wanted, x.v));
    }
  }
  OperatorProgram real = s.call();
  real.tensor(sample(DType::kF32, {2})).out(DType::kF32);
  s.refuse(real);
}

void view_as_complex(Subject& s) {
  for (const auto& [complex, real] : {std::pair{DType::kC32, DType::kF16},
                                      {DType::kC64, DType::kF32},
                                      {DType::kC128, DType::kF64}}) {
    for (const Shape& shape : {Shape{2}, Shape{0, 2}, Shape{2, 3, 2}}) {
      const Array x = sample(real, shape);
      OperatorProgram call = s.call();
      call.tensor(x).out(complex);
      Array wanted(complex, Shape(std::span(shape.begin(), shape.end() - 1)), x.v);
      s.expect(call, wanted);
    }
    OperatorProgram order = s.call();
    order.tensor(sample(real, {2, 3, 2, 2}), {0, 2, 3, 1}).out(complex);
    s.expect(order, Array(complex, {2, 3, 2}, sample(real, {2, 3, 2, 2}).v));
    for (const Shape& shape : {Shape{}, Shape{2, 3}}) {
      OperatorProgram call = s.call();
      s.refuse(call.tensor(sample(real, shape)).out(complex));
    }
    OperatorProgram other = s.call();
    s.refuse(other.tensor(sample(DType::kBF16, {2})).out(complex));
    OperatorProgram reals = s.call();
    s.refuse(reals.tensor(sample(real, {2})).out(real));
  }
}

// ---- new tensors

void full(Subject& s) {
  for (const DType t : kAllTypes) {
    for (const Shape& shape : {Shape{}, Shape{0, 2}, Shape{3, 50}}) {
      OperatorProgram call = s.call();
      call.ints({shape.begin(), shape.end()}).integer(3).out(t);
      s.expect(call, Array::make(t, shape, [](size_t) { return 3; }));
    }
  }
  OperatorProgram real = s.call();
  real.ints({2}).real(-kInf).out(DType::kF16);
  s.expect(real, Array(DType::kF16, {2}, {-kInf, -kInf}));
  OperatorProgram negative = s.call();
  negative.ints({-1}).real(1).out(DType::kF32);
  s.refuse(negative);
}
void full_like(Subject& s) {
  for (const DType t : kAllTypes) {
    for (const Shape& shape : {Shape{}, Shape{0, 2}, Shape{3, 50}}) {
      OperatorProgram call = s.call();
      call.tensor(sample(DType::kF32, shape)).integer(1).none().out(t);
      s.expect(call, Array::make(t, shape, [](size_t) { return 1; }));
    }
  }
}
template <int V>
void constant(Subject& s) {
  for (const DType t : kAllTypes) {
    for (const Shape& shape : {Shape{}, Shape{0, 2}, Shape{3, 50}}) {
      OperatorProgram call = s.call();
      call.ints({shape.begin(), shape.end()}).out(t);
      s.expect(call, Array::make(t, shape, [](size_t) { return V; }));
    }
  }
}
/// Only the shape is known.
void empty(Subject& s) {
  for (const DType t : kAllTypes) {
    OperatorProgram call = s.call();
    call.ints({2, 3}).none().out(t);
    s.expect(Array(DType::kS64, {}, {double(call().v.size())}), Array(DType::kS64, {}, {6}));
    EXPECT_EQ(call.result().shape, (Shape{2, 3}));
  }
}
void scalar_tensor(Subject& s) {
  for (const DType t : kAllTypes) {
    OperatorProgram call = s.call();
    call.integer(1).out(t);
    s.expect(call, Array(t, {}, {1}));
  }
  OperatorProgram nan = s.call();
  nan.real(kNan).out(DType::kBF16);
  s.expect(nan, Array(DType::kBF16, {}, {kNan}));
}
void fill_number(Subject& s) {
  for (const DType t : kAllTypes) {
    OperatorProgram call = s.call();
    call.tensor(sample(t, {2, 3})).integer(1).out(t);
    s.expect(call, Array::make(t, {2, 3}, [](size_t) { return 1; }));
  }
}
void fill_tensor(Subject& s) {
  for (const DType t : kAllTypes) {
    for (const Shape& one : {Shape{}, Shape{1}}) {
      OperatorProgram call = s.call();
      call.tensor(sample(t, {2, 3})).tensor(Array(t, one, {1})).out(t);
      s.expect(call, Array::make(t, {2, 3}, [](size_t) { return 1; }));
    }
  }
}
void arange(Subject& s) {
  for (const DType t : kReals) {
    OperatorProgram call = s.call();
    call.integer(5).out(t);
    s.expect(call, Array(t, {5}, {0, 1, 2, 3, 4}));
    OperatorProgram none = s.call();
    none.integer(0).out(t);
    s.expect(none, Array(t, {0}, {}));
  }
  OperatorProgram real = s.call();
  real.real(2.5).out(DType::kF32);
  s.expect(real, Array(DType::kF32, {3}, {0, 1, 2}));
}
void arange_start(Subject& s) {
  for (const DType t : kReals) {
    OperatorProgram call = s.call();
    call.integer(2).integer(11).integer(3).out(t);
    s.expect(call, Array(t, {3}, {2, 5, 8}));
    OperatorProgram down = s.call();
    down.integer(9).integer(2).integer(-3).out(t);
    s.expect(down, Array(t, {3}, {9, 6, 3}));
  }
  OperatorProgram real = s.call();
  real.real(0.5).real(2).real(0.5).out(DType::kF64);
  s.expect(real, Array(DType::kF64, {3}, {0.5, 1, 1.5}));
  OperatorProgram away = s.call();
  away.integer(3).integer(5).integer(-1).out(DType::kS64);
  s.refuse(away);
  OperatorProgram still = s.call();
  still.integer(3).integer(5).integer(0).out(DType::kS64);
  s.refuse(still);
}

/// What is random has a distribution: the moments of many samples.
void random(Subject& s, double mean, double variance) {
  for (const DType t : kFloats) {
    SCOPED_TRACE(smelt::name(t));
    OperatorProgram call = s.call();
    call.ints({100, 200}).out(t);
    const Array& x = call();
    double sum = 0, squares = 0;
    for (const double v : x.v) sum += v, squares += v * v;
    const double n = double(x.v.size()), m = sum / n;
    const bool centred = std::abs(m - mean) < 0.05 * std::sqrt(variance);
    const bool spread = std::abs(squares / n - m * m - variance) < 0.05 * variance;
    s.expect(Array(DType::kBool, {2}, {double(centred), double(spread)}),
             Array(DType::kBool, {2}, {1, 1}));
    EXPECT_GT(std::set<double>(x.v.begin(), x.v.end()).size(), 100u);
  }
}
void uniform(Subject& s) { random(s, 0.5, 1.0 / 12); }
void normal(Subject& s) { random(s, 0, 1); }

void dropout(Subject& s) {
  for (const DType t : kFloats) {
    SCOPED_TRACE(smelt::name(t));
    const Array x = Array::make(t, {100, 200}, [](size_t) { return 1; });
    OperatorProgram call = s.call();
    call.tensor(x).real(0.75).boolean(true).out(t).out(DType::kBool);
    const Array y = call();
    const Array mask = call.result(1);
    double kept = 0;
    for (const double v : mask.v) kept += v;
    EXPECT_NEAR(kept / double(x.v.size()), 0.25, 0.02);
    s.expect(y, Array::make(t, x.shape, [&](size_t i) { return mask.v[i] * 4; }));
    OperatorProgram off = s.call();
    off.tensor(sample(t, {5})).real(0.5).boolean(false).out(t).out(DType::kBool);
    s.expect(off, sample(t, {5}));
    s.expect(off.result(1), Array(DType::kBool, {5}, {1, 1, 1, 1, 1}));
    OperatorProgram all = s.call();
    all.tensor(sample(t, {3})).real(1).boolean(true).out(t).out(DType::kBool);
    s.expect(all, Array(t, {3}, {0, 0, 0}));
  }
}

// ---- views

void expand(Subject& s) {
  const auto to = [](std::vector<int64_t> sizes) {
    return [sizes](OperatorProgram& c) { c.ints(sizes).boolean(false); };
  };
  movement(s, {{3, 1}, {2, 3, 4}, to({2, -1, 4}), [](const Index& i) { return Index{i[1], 0}; }});
  movement(s, {{}, {2, 2}, to({2, 2}), [](const Index&) { return Index{}; }});
  movement(s, {{1}, {0}, to({0}), [](const Index&) { return Index{0}; }});
  movement(s, {{2, 1, 1, 4},
               {2, 3, 2, 4},
               to({2, 3, 2, -1}),
               [](const Index& i) {
                 return Index{i[0], 0, 0, i[3]};
               },
               kChannelsLast});
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {3})).ints({4}).boolean(false).out(DType::kF32);
  s.refuse(wrong);
}
void view_copy(Subject& s) {
  const auto run = [&](const Shape& from, std::vector<int64_t> sizes, const Shape& to) {
    movement(s, {from, to, [sizes](OperatorProgram& c) { c.ints(sizes); },
                 [&](const Index& i) { return from_linear(linear(i, to), from); }});
  };
  run({2, 6}, {3, -1}, {3, 4});
  run({4}, {2, 2}, {2, 2});
  run({1}, {}, {});
  run({0, 3}, {3, 0}, {3, 0});
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {3})).ints({2, -1}).out(DType::kF32);
  s.refuse(wrong);
}
void as_strided(Subject& s) {
  movement(s, {{3, 4},
               {2, 3, 2},
               [](OperatorProgram& c) {
                 c.ints({2, 3, 2}).ints({4, 1, 2}).integer(1);
               },
               [](const Index& i) {
                 return from_linear(size_t(1 + 4 * i[0] + i[1] + 2 * i[2]), {3, 4});
               }});
  movement(s, {{4},
               {},
               [](OperatorProgram& c) { c.ints({}).ints({}).none(); },
               [](const Index&) { return Index{0}; }});
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {4})).ints({2}).ints({4}).none().out(DType::kF32);
  s.refuse(beyond);
}
void permute(Subject& s) {
  const auto by = [](std::vector<int64_t> dims) {
    return [dims](OperatorProgram& c) { c.ints(dims); };
  };
  movement(s, {{2, 3, 4}, {4, 2, 3}, by({-1, 0, 1}), [](const Index& i) {
                 return Index{i[1], i[2], i[0]};
               }});
  movement(s, {{}, {}, by({}), itself});
  movement(s, {{0, 3}, {3, 0}, by({1, 0}), [](const Index& i) { return Index{i[1], i[0]}; }});
  movement(s, {{2, 3, 4, 5},
               {2, 4, 5, 3},
               by({0, 2, 3, 1}),
               [](const Index& i) {
                 return Index{i[0], i[3], i[1], i[2]};
               },
               kChannelsLast});
  movement(s, {{65, 33}, {33, 65}, by({1, 0}), [](const Index& i) { return Index{i[1], i[0]}; }});
  OperatorProgram twice = s.call();
  twice.tensor(sample(DType::kF32, {2, 3})).ints({0, 0}).out(DType::kF32);
  s.refuse(twice);
}
void transpose(Subject& s) {
  movement(s, {{2, 3, 4},
               {4, 3, 2},
               [](auto& c) { c.integer(-1).integer(0); },
               [](const Index& i) {
                 return Index{i[2], i[1], i[0]};
               }});
  movement(s, {{}, {}, [](auto& c) { c.integer(0).integer(-1); }, itself});
  movement(s, {{2, 0},
               {0, 2},
               [](auto& c) { c.integer(0).integer(1); },
               [](const Index& i) {
                 return Index{i[1], i[0]};
               }});
}
void t_copy(Subject& s) {
  movement(s, {{2, 3}, {3, 2}, no_numbers, [](const Index& i) { return Index{i[1], i[0]}; }});
  movement(s, {{3}, {3}, no_numbers, itself});
  movement(s, {{}, {}, no_numbers, itself});
  OperatorProgram more = s.call();
  more.tensor(sample(DType::kF32, {1, 2, 3})).out(DType::kF32);
  s.refuse(more);
}
void reshape_like(Subject& s, const Shape& from, const Shape& to,
                  const std::function<void(OperatorProgram&)>& numbers) {
  movement(s,
           {from, to, numbers, [&](const Index& i) { return from_linear(linear(i, to), from); }});
}
void unsqueeze(Subject& s) {
  reshape_like(s, {2, 3}, {2, 3, 1}, [](auto& c) { c.integer(-1); });
  reshape_like(s, {2, 3}, {2, 1, 3}, [](auto& c) { c.integer(1); });
  reshape_like(s, {}, {1}, [](auto& c) { c.integer(0); });
  reshape_like(s, {0}, {1, 0}, [](auto& c) { c.integer(-2); });
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {2})).integer(2).out(DType::kF32);
  s.refuse(beyond);
}
void squeeze(Subject& s) {
  reshape_like(s, {1, 2, 1, 3}, {2, 3}, no_numbers);
  reshape_like(s, {1}, {}, no_numbers);
  reshape_like(s, {}, {}, no_numbers);
  reshape_like(s, {1, 0}, {0}, no_numbers);
}
void squeeze_dim(Subject& s) {
  reshape_like(s, {1, 2, 1}, {1, 2}, [](auto& c) { c.integer(-1); });
  reshape_like(s, {1, 2, 1}, {1, 2, 1}, [](auto& c) { c.integer(1); });
  reshape_like(s, {}, {}, [](auto& c) { c.integer(0); });
}
void squeeze_dims(Subject& s) {
  reshape_like(s, {1, 2, 1, 1}, {2, 1}, [](auto& c) { c.ints({0, -1, 1}); });
  reshape_like(s, {1, 2}, {1, 2}, [](auto& c) { c.ints({}); });
  reshape_like(s, {1, 0}, {0}, [](auto& c) { c.ints({0}); });
}
void diagonal(Subject& s) {
  const auto of = [](int64_t offset, int64_t a, int64_t b) {
    return [=](OperatorProgram& c) { c.integer(offset).integer(a).integer(b); };
  };
  movement(s, {{3, 4}, {3}, of(0, 0, 1), [](const Index& i) { return Index{i[0], i[0]}; }});
  movement(s, {{3, 4}, {2}, of(2, 0, -1), [](const Index& i) { return Index{i[0], i[0] + 2}; }});
  movement(s, {{3, 4}, {2}, of(-1, 0, 1), [](const Index& i) { return Index{i[0] + 1, i[0]}; }});
  movement(s, {{2, 3, 4}, {3, 2}, of(0, 0, 2), [](const Index& i) {
                 return Index{i[1], i[0], i[1]};
               }});
  movement(s, {{3, 4}, {0}, of(7, 0, 1), itself});
}
void unfold(Subject& s) {
  const auto of = [](int64_t dim, int64_t size, int64_t step) {
    return [=](OperatorProgram& c) { c.integer(dim).integer(size).integer(step); };
  };
  movement(s, {{7}, {3, 3}, of(0, 3, 2), [](const Index& i) { return Index{2 * i[0] + i[1]}; }});
  movement(s, {{2, 5}, {2, 4, 2}, of(-1, 2, 1), [](const Index& i) {
                 return Index{i[0], i[1] + i[2]};
               }});
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {3})).integer(0).integer(4).integer(1).out(DType::kF32);
  s.refuse(beyond);
}

// ---- pieces

void select(Subject& s) {
  const auto of = [](int64_t dim, int64_t index) {
    return [=](OperatorProgram& c) { c.integer(dim).integer(index); };
  };
  movement(s, {{2, 3, 4}, {2, 4}, of(1, 2), [](const Index& i) { return Index{i[0], 2, i[1]}; }});
  movement(s, {{2, 3}, {2}, of(-1, -3), [](const Index& i) { return Index{i[0], 0}; }});
  movement(s, {{3}, {}, of(0, 1), [](const Index&) { return Index{1}; }});
  movement(s, {{3, 0}, {0}, of(0, 1), [](const Index& i) { return Index{1, i[0]}; }});
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {3})).integer(0).integer(3).out(DType::kF32);
  s.refuse(beyond);
}
void slice(Subject& s) {
  movement(s, {{7, 2},
               {3, 2},
               [](auto& c) { c.integer(0).integer(1).integer(6).integer(2); },
               [](const Index& i) {
                 return Index{1 + 2 * i[0], i[1]};
               }});
  movement(s, {{2, 5},
               {2, 3},
               [](auto& c) { c.integer(-1).integer(-3).none().integer(1); },
               [](const Index& i) {
                 return Index{i[0], i[1] + 2};
               }});
  movement(s,
           {{4}, {4}, [](auto& c) { c.integer(0).none().integer(INT64_MAX).integer(1); }, itself});
  movement(s, {{4}, {0}, [](auto& c) { c.integer(0).integer(3).integer(1).integer(1); }, itself});
  movement(s, {{2, 3, 4, 5},
               {2, 3, 2, 5},
               [](auto& c) { c.integer(2).integer(1).integer(3).integer(1); },
               [](const Index& i) {
                 return Index{i[0], i[1], i[2] + 1, i[3]};
               },
               kChannelsLast,
               kChannelsLast});
  OperatorProgram back = s.call();
  back.tensor(sample(DType::kF32, {3})).integer(0).none().none().integer(-1).out(DType::kF32);
  s.refuse(back);
}
void narrow(Subject& s) {
  movement(s, {{5, 2},
               {2, 2},
               [](auto& c) { c.integer(0).integer(-4).integer(2); },
               [](const Index& i) {
                 return Index{i[0] + 1, i[1]};
               }});
  movement(s, {{5}, {0}, [](auto& c) { c.integer(0).integer(5).integer(0); }, itself});
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {5})).integer(0).integer(4).integer(2).out(DType::kF32);
  s.refuse(beyond);
}

/// A part of a tensor replaced by another.
template <class Numbers, class Place>
void replaced(Subject& s, const Shape& shape, const Shape& part, Numbers numbers, Place place) {
  for (const DType t : kAllTypes) {
    SCOPED_TRACE(smelt::name(t));
    const Array x = sample(t, shape), src = sample(t, part, 9);
    OperatorProgram call = s.call();
    call.tensor(x).tensor(src);
    numbers(call);
    call.out(t);
    Array wanted = x;
    for_each_index(part, [&](const Index& i) { wanted(place(i)) = src(i); });
    s.expect(call, wanted);
  }
}
void slice_scatter(Subject& s) {
  replaced(
      s, {6, 2}, {2, 2}, [](auto& c) { c.integer(0).integer(1).integer(5).integer(2); },
      [](const Index& i) {
        return Index{1 + 2 * i[0], i[1]};
      });
  replaced(
      s, {2, 4}, {2, 2}, [](auto& c) { c.integer(-1).integer(-2).none().integer(1); },
      [](const Index& i) {
        return Index{i[0], i[1] + 2};
      });
  replaced(
      s, {4}, {0}, [](auto& c) { c.integer(0).integer(2).integer(2).integer(1); }, itself);
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {4})).tensor(sample(DType::kF32, {3})).integer(0).integer(0);
  wrong.integer(2).integer(1).out(DType::kF32);
  s.refuse(wrong);
}
void select_scatter(Subject& s) {
  replaced(
      s, {2, 3, 4}, {2, 4}, [](auto& c) { c.integer(1).integer(-1); },
      [](const Index& i) {
        return Index{i[0], 2, i[1]};
      });
  replaced(
      s, {3}, {}, [](auto& c) { c.integer(-1).integer(0); }, [](const Index&) { return Index{0}; });
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {3})).tensor(sample(DType::kF32, {})).integer(0).integer(3);
  beyond.out(DType::kF32);
  s.refuse(beyond);
}

void cat(Subject& s) {
  const auto run = [&](DType t, const std::vector<Array>& parts, int64_t dim, const Array& wanted) {
    OperatorProgram call = s.call();
    call.tensors(parts).integer(dim).out(t);
    s.expect(call, wanted);
  };
  for (const DType t : kAllTypes) {
    SCOPED_TRACE(smelt::name(t));
    const Array a = sample(t, {2, 1, 3}), b = sample(t, {2, 4, 3}, 5);
    Array wanted(t, {2, 5, 3}, Values(30));
    for_each_index(wanted.shape, [&](const Index& i) {
      wanted(i) = i[1] == 0 ? a({i[0], 0, i[2]}) : b({i[0], i[1] - 1, i[2]});
    });
    run(t, {a, b}, -2, wanted);
    run(t, {sample(t, {0}), sample(t, {2, 2})}, 0, sample(t, {2, 2}));
  }
  // Types join as in arithmetic.
  run(DType::kF32, {Array(DType::kS32, {1}, {7}), Array(DType::kF32, {1}, {0.5})}, 0,
      Array(DType::kF32, {2}, {7, 0.5}));
  run(DType::kC64, {Array(DType::kC64, {1}, {1, 2}), Array(DType::kC64, {1}, {3, 4})}, 0,
      Array(DType::kC64, {2}, {1, 2, 3, 4}));
  OperatorProgram wrong = s.call();
  wrong.tensors({sample(DType::kF32, {2, 3}), sample(DType::kF32, {3, 2})}).integer(0);
  wrong.out(DType::kF32);
  s.refuse(wrong);
}
void stack(Subject& s) {
  for (const DType t : kAllTypes) {
    SCOPED_TRACE(smelt::name(t));
    for (const int64_t dim : {0, 1, -1}) {
      const Array a = sample(t, {2, 3}), b = sample(t, {2, 3}, 5);
      const size_t d = dim < 0 ? 2 : size_t(dim);
      Shape shape{2, 3};
      Index sizes(shape.begin(), shape.end());
      sizes.insert(sizes.begin() + ptrdiff_t(d), 2);
      Array wanted(t, Shape(std::span<const int64_t>(sizes)), Values(12));
      for_each_index(wanted.shape, [&](const Index& i) {
        Index own = i;
        own.erase(own.begin() + ptrdiff_t(d));
        wanted(i) = (i[d] == 0 ? a : b)(own);
      });
      OperatorProgram call = s.call();
      call.tensors({a, b}).integer(dim).out(t);
      s.expect(call, wanted);
    }
    OperatorProgram scalars = s.call();
    scalars.tensors({Array(t, {}, {1}), Array(t, {}, {0})}).integer(0).out(t);
    s.expect(scalars, Array(t, {2}, {1, 0}));
  }
}

/// Checks the pieces of `x` along dimension `dim`.
void pieces(Subject& s, OperatorProgram& call, const Array& x, size_t dim,
            const std::vector<int64_t>& lengths, bool drop = false) {
  call();
  int64_t at = 0;
  for (size_t p = 0; p < lengths.size(); ++p) {
    Shape shape = x.shape;
    shape[dim] = lengths[p];
    Array wanted(x.type, shape, Values(shape.numel()));
    for_each_index(shape, [&](const Index& i) {
      Index from = i;
      from[dim] += at;
      wanted(i) = x(from);
    });
    if (drop) {
      Shape less;
      for (size_t d = 0; d < shape.rank(); ++d) {
        if (d != dim) less.push_back(shape[d]);
      }
      wanted.shape = less;
    }
    s.expect(call.result(p), wanted);
    at += lengths[p];
  }
}
void split(Subject& s) {
  for (const DType t : kAllTypes) {
    const Array x = sample(t, {2, 7});
    OperatorProgram call = s.call();
    call.tensor(x).integer(3).integer(-1).outs(t, 3);
    pieces(s, call, x, 1, {3, 3, 1});
  }
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {7})).integer(3).integer(0).outs(DType::kF32, 2);
  s.refuse(wrong);
}
void split_with_sizes(Subject& s) {
  for (const DType t : kAllTypes) {
    const Array x = sample(t, {5, 3});
    OperatorProgram call = s.call();
    call.tensor(x).ints({1, 0, 4}).integer(0).outs(t, 3);
    pieces(s, call, x, 0, {1, 0, 4});
    const Array y = sample(t, {3, 10});
    OperatorProgram last = s.call();
    last.tensor(y).ints({4, 6}).integer(-1).outs(t, 2);
    pieces(s, last, y, 1, {4, 6});
  }
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {7})).ints({3, 3}).integer(0).outs(DType::kF32, 2);
  s.refuse(wrong);
}
void unbind(Subject& s) {
  for (const DType t : kAllTypes) {
    const Array x = sample(t, {2, 3, 2});
    OperatorProgram call = s.call();
    call.tensor(x).integer(-2).outs(t, 3);
    pieces(s, call, x, 1, {1, 1, 1}, true);
  }
}

// ---- rearrangements

void flip(Subject& s) {
  movement(s, {{2, 3, 4},
               {2, 3, 4},
               [](auto& c) {
                 c.ints({0, -1});
               },
               [](const Index& i) {
                 return Index{1 - i[0], i[1], 3 - i[2]};
               }});
  movement(s, {{}, {}, [](auto& c) { c.ints({}); }, itself});
  movement(s, {{0, 2}, {0, 2}, [](auto& c) { c.ints({1}); }, itself});
}
void roll(Subject& s) {
  movement(s,
           {{3, 4},
            {3, 4},
            [](auto& c) {
              c.ints({1, -6}).ints({0, -1});
            },
            [](const Index& i) {
              return Index{(i[0] + 2) % 3, (i[1] + 6) % 4};
            }},
           kRealsAndBool);
  movement(s,
           {{2, 3},
            {2, 3},
            [](auto& c) { c.ints({2}).ints({}); },
            [](const Index& i) {
              return from_linear((linear(i, {2, 3}) + 4) % 6, {2, 3});
            }},
           kRealsAndBool);
}
void repeat(Subject& s) {
  movement(s, {{2, 3},
               {2, 4, 3},
               [](auto& c) {
                 c.ints({2, 2, 1});
               },
               [](const Index& i) {
                 return Index{i[1] % 2, i[2]};
               }});
  movement(s, {{}, {3}, [](auto& c) { c.ints({3}); }, [](const Index&) { return Index{}; }});
  movement(s, {{2}, {0}, [](auto& c) { c.ints({0}); }, itself});
}
void repeat_interleave(Subject& s) {
  for (const DType t : {DType::kS32, DType::kS64}) {
    OperatorProgram call = s.call();
    call.tensor(Array(t, {4}, {2, 0, 1, 3})).none().out(t);
    s.expect(call, Array(t, {6}, {0, 0, 2, 3, 3, 3}));
    OperatorProgram none = s.call();
    none.tensor(Array(t, {0}, {})).none().out(t);
    s.expect(none, Array(t, {0}, {}));
    OperatorProgram negative = s.call();
    negative.tensor(Array(t, {2}, {1, -1})).none().out(t);
    s.refuse(negative);
  }
}
template <bool Upper>
void triangle(Subject& s) {
  for (const DType t : kRealsAndBool) {
    for (const int64_t k : {int64_t(0), int64_t(1), int64_t(-2), INT64_MAX, INT64_MIN}) {
      for (const Shape& shape : {Shape{3, 4}, Shape{2, 4, 3}, Shape{0, 2}}) {
        const Array x = sample(t, shape);
        OperatorProgram call = s.call();
        call.tensor(x).integer(k).out(t);
        Array wanted = x;
        for_each_index(shape, [&](const Index& i) {
          const int64_t d = i[i.size() - 1] - i[i.size() - 2];
          if (Upper ? d < k : d > k) wanted(i) = 0;
        });
        s.expect(call, wanted);
      }
    }
  }
}
struct Blocks {
  Index kernel, dilation, padding, stride;
  int64_t count(size_t d, int64_t n) const {
    return (n + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1;
  }
};
const Blocks kBlocks[] = {{{2, 2}, {1, 1}, {0, 0}, {2, 2}},
                          {{3, 2}, {1, 2}, {1, 0}, {1, 1}},
                          {{1, 3}, {1, 1}, {2, 4}, {2, 3}}};

/// Windows as columns and, `Back`, the sums of them in their places.
template <bool Back>
void columns(Subject& s) {
  const auto check = [&](DType t, const Blocks& b, bool batch) {
    const int64_t h = 5, w = 6, c = 3, rows = b.count(0, h), cols = b.count(1, w);
    const int64_t taps = b.kernel[0] * b.kernel[1];
    const Shape image{2, c, h, w}, matrix{2, c * taps, rows * cols};
    const Array x = sample(t, Back ? matrix : image);
    Array wanted(t, Back ? image : matrix, {});
    wanted.v.resize(wanted.shape.numel());
    for_each_index(matrix, [&](const Index& i) {
      const int64_t tap = i[1] % taps;
      const Index at = {
          i[0], i[1] / taps,
          i[2] / cols * b.stride[0] - b.padding[0] + tap / b.kernel[1] * b.dilation[0],
          i[2] % cols * b.stride[1] - b.padding[1] + tap % b.kernel[1] * b.dilation[1]};
      if (at[2] < 0 || at[2] >= h || at[3] < 0 || at[3] >= w) return;
      Back ? wanted(at) += x(i) : wanted(i) = x(at);
    });
    const auto first = [&](const Array& a) {
      if (batch) return Array(t, a.shape, a.v);
      Shape shape(std::span(a.shape.begin() + 1, a.shape.rank() - 1));
      return Array(t, shape, Values(a.v.begin(), a.v.begin() + ptrdiff_t(shape.numel())));
    };
    OperatorProgram call = s.call();
    call.tensor(first(x));
    if (Back) call.ints({h, w});
    call.ints(b.kernel).ints(b.dilation).ints(b.padding).ints(b.stride).out(t);
    s.expect(call, first(wanted), 4);
  };
  for (const DType t : Back ? std::span(kReals) : std::span<const DType>(kAllTypes)) {
    for (const Blocks& b : kBlocks) {
      for (const bool batch : {true, false}) check(t, b, batch);
    }
  }
  for (const Blocks& b :
       {Blocks{{7, 2}, {1, 1}, {0, 0}, {1, 1}}, Blocks{{2, 2}, {1, 1}, {0, 0}, {0, 1}},
        Blocks{{2, 2}, {1, 1}, {-1, 0}, {1, 1}}}) {
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kF32, Back ? Shape{12, 20} : Shape{3, 5, 6}));
    if (Back) call.ints({5, 6});
    call.ints(b.kernel).ints(b.dilation).ints(b.padding).ints(b.stride).out(DType::kF32);
    s.refuse(call);
  }
  OperatorProgram rank = s.call();
  rank.tensor(sample(DType::kF32, {12}));
  if (Back) rank.ints({5, 6});
  rank.ints({2, 2}).ints({1, 1}).ints({0, 0}).ints({1, 1}).out(DType::kF32);
  s.refuse(rank);
}

void pixel_shuffle(Subject& s) {
  movement(s, {{2, 8, 2, 3},
               {2, 2, 4, 6},
               [](auto& c) { c.integer(2); },
               [](const Index& i) {
                 return Index{i[0], i[1] * 4 + i[2] % 2 * 2 + i[3] % 2, i[2] / 2, i[3] / 2};
               }});
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {3, 2, 2})).integer(2).out(DType::kF32);
  s.refuse(wrong);
}
void pixel_unshuffle(Subject& s) {
  movement(s, {{2, 2, 4, 6},
               {2, 8, 2, 3},
               [](auto& c) { c.integer(2); },
               [](const Index& i) {
                 return Index{i[0], i[1] / 4, i[2] * 2 + i[1] / 2 % 2, i[3] * 2 + i[1] % 2};
               }});
}
void tile_crop(Subject& s) {
  movement(s, {{3, 4, 6},
               {6, 3, 2, 2},
               [](auto& c) { c.integer(2); },
               [](const Index& i) {
                 return Index{i[1], i[0] / 3 * 2 + i[2], i[0] % 3 * 2 + i[3]};
               }});
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {3, 3, 4})).integer(2).out(DType::kF32);
  s.refuse(wrong);
}

void constant_pad(Subject& s) {
  const auto run = [&](const Shape& shape, std::vector<int64_t> widths, const Shape& to) {
    for (const DType t : kRealsAndBool) {
      SCOPED_TRACE(smelt::name(t));
      const Array x = sample(t, shape);
      OperatorProgram call = s.call();
      call.tensor(x).ints(widths).integer(1).out(t);
      Array wanted(t, to, Values(to.numel()));
      for_each_index(to, [&](const Index& i) {
        Index from = i;
        bool inside = true;
        for (size_t k = 0; k < widths.size() / 2; ++k) {
          const size_t d = shape.rank() - 1 - k;
          from[d] -= widths[2 * k];
          inside = inside && from[d] >= 0 && from[d] < shape[d];
        }
        wanted(i) = inside ? x(from) : 1;
      });
      s.expect(call, wanted);
    }
  };
  run({2, 3}, {1, 2}, {2, 6});
  run({2, 3}, {1, 0, 2, 1}, {5, 4});
  run({2, 5}, {-1, -2}, {2, 2});
  run({3}, {}, {3});
  run({0}, {1, 1}, {2});
}
/// Mirrored at the border, or the border repeated.
template <bool Reflect, size_t Dims>
void border_pad(Subject& s) {
  Shape shape{2}, to{2};
  std::vector<int64_t> widths;
  for (size_t d = 0; d < Dims; ++d) {
    shape.push_back(int64_t(3 + d));
    widths.push_back(1);
    widths.push_back(2);
  }
  for (size_t d = 0; d < Dims; ++d) to.push_back(shape[d + 1] + 3);
  const auto source = [&](const Index& i) {
    Index from = i;
    for (size_t d = 1; d <= Dims; ++d) {
      const int64_t last = shape[d] - 1, at = i[d] - 1;
      from[d] = !Reflect ? std::clamp<int64_t>(at, 0, last) : last - std::abs(last - std::abs(at));
    }
    return from;
  };
  movement(s, {shape, to, [&](auto& c) { c.ints(widths); }, source});
  Shape batch{2}, batch_to{2};
  for (const int64_t d : shape) batch.push_back(d);
  for (const int64_t d : to) batch_to.push_back(d);
  movement(s, {batch, batch_to, [&](auto& c) { c.ints(widths); },
               [&](const Index& i) {
                 Index from = source(Index(i.begin() + 1, i.end()));
                 from.insert(from.begin(), i[0]);
                 return from;
               }});
  if (!Reflect) return;
  OperatorProgram wide = s.call();
  std::vector<int64_t> too_wide(2 * Dims, 9);
  wide.tensor(sample(DType::kF32, shape)).ints(too_wide).out(DType::kF32);
  s.refuse(wide);
}

// ---- lookups

const DType kIndexTypes[] = {DType::kS64, DType::kS32};

void embedding(Subject& s) {
  for (const DType t : kRealsAndBool) {
    for (const DType index : kIndexTypes) {
      for (const auto& [shape, ids] :
           {std::pair<Shape, Values>{{2, 2}, {3, 0, 1, 3}}, {{}, {2}}, {{0}, {}}}) {
        const Array table = sample(t, {4, 5});
        OperatorProgram call = s.call();
        call.tensor(table).tensor(Array(index, shape, ids)).integer(-1).boolean(false);
        call.boolean(false).out(t);
        Shape to = shape;
        to.push_back(5);
        s.expect(call, Array::make(t, to, [&](size_t i) {
                   return table.v[size_t(ids[i / 5]) * 5 + i % 5];
                 }));
      }
    }
  }
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {4, 5})).tensor(Array(DType::kS64, {1}, {4})).integer(-1);
  beyond.boolean(false).boolean(false).out(DType::kF32);
  s.refuse(beyond);
}
void gather(Subject& s) {
  for (const DType t : kRealsAndBool) {
    const Array x = sample(t, {3, 4}), index(DType::kS64, {2, 3}, {0, 2, 1, 2, 0, 0});
    OperatorProgram rows = s.call();
    rows.tensor(x).integer(0).tensor(index).boolean(false).out(t);
    Array wanted(t, {2, 3}, Values(6));
    for_each_index(wanted.shape, [&](const Index& i) { wanted(i) = x({int64_t(index(i)), i[1]}); });
    s.expect(rows, wanted);
    OperatorProgram columns = s.call();
    columns.tensor(x).integer(-1).tensor(index).boolean(false).out(t);
    for_each_index(wanted.shape, [&](const Index& i) { wanted(i) = x({i[0], int64_t(index(i))}); });
    s.expect(columns, wanted);
    OperatorProgram scalar = s.call();
    scalar.tensor(Array(t, {}, {1})).integer(0).tensor(Array(DType::kS64, {}, {0}));
    scalar.boolean(false).out(t);
    s.expect(scalar, Array(t, {}, {1}));
  }
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {2})).integer(0).tensor(Array(DType::kS64, {1}, {2}));
  beyond.boolean(false).out(DType::kF32);
  s.refuse(beyond);
}
void index_select(Subject& s) {
  for (const DType t : kRealsAndBool) {
    for (const DType type : kIndexTypes) {
      const Array x = sample(t, {3, 4}), index(type, {3}, {2, 0, 2});
      OperatorProgram call = s.call();
      call.tensor(x).integer(-2).tensor(index).out(t);
      Array wanted(t, {3, 4}, Values(12));
      for_each_index(wanted.shape, [&](const Index& i) {
        wanted(i) = x({int64_t(index.v[size_t(i[0])]), i[1]});
      });
      s.expect(call, wanted);
      OperatorProgram none = s.call();
      none.tensor(x).integer(1).tensor(Array(type, {0}, {})).out(t);
      s.expect(none, Array(t, {3, 0}, {}));
    }
  }
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {2})).integer(0).tensor(Array(DType::kS64, {1}, {2}));
  beyond.out(DType::kF32);
  s.refuse(beyond);
}
void index(Subject& s) {
  const Array rows(DType::kS64, {2, 1}, {0, -1}), columns(DType::kS32, {3}, {1, 1, 3});
  const Array mask(DType::kBool, {2}, {0, 1});
  for (const DType t : kRealsAndBool) {
    const Array x = sample(t, {2, 3, 4});
    // Neighbouring indices stay where they were; the mask stands for where it is true.
    OperatorProgram two = s.call();
    two.tensor(x).optional_tensors({&rows, nullptr, &columns}).out(t);
    Array wanted(t, {2, 3, 3}, Values(18));
    for_each_index(wanted.shape, [&](const Index& i) {
      wanted(i) = x({i[0], i[2], int64_t(columns.v[size_t(i[1])])});
    });
    s.expect(two, wanted);
    OperatorProgram one = s.call();
    one.tensor(x).optional_tensors({nullptr, nullptr, &columns}).out(t);
    wanted = Array(t, {2, 3, 3}, Values(18));
    for_each_index(wanted.shape, [&](const Index& i) {
      wanted(i) = x({i[0], i[1], int64_t(columns.v[size_t(i[2])])});
    });
    s.expect(one, wanted);
    OperatorProgram masked = s.call();
    masked.tensor(x).optional_tensors({&mask}).out(t);
    wanted = Array(t, {1, 3, 4}, Values(12));
    for_each_index(wanted.shape, [&](const Index& i) { wanted(i) = x({1, i[1], i[2]}); });
    s.expect(masked, wanted);
  }
  const Array beyond(DType::kS64, {1}, {3});
  OperatorProgram call = s.call();
  call.tensor(sample(DType::kF32, {3})).optional_tensors({&beyond}).out(DType::kF32);
  s.refuse(call);
}
/// x[rows, :] = values, or added.
template <bool InPlace>
void index_put(Subject& s) {
  const Array rows(DType::kS64, {3}, {2, 0, 2});
  for (const DType t : kRealsAndBool) {
    for (const bool accumulate : {false, true}) {
      if (accumulate && t == DType::kBool) continue;
      SCOPED_TRACE(smelt::name(t));
      const Array x = sample(t, {3, 4});
      // The same value for the row that comes twice: which one stays is not said.
      const Array values = sample(t, {4}, 7);
      OperatorProgram call = s.call();
      InPlace ? call.updated(x) : call.tensor(x);
      call.optional_tensors({&rows}).tensor(values).boolean(accumulate);
      if (!InPlace) call.out(t);
      Array wanted = x;
      for (const double r : rows.v) {
        for (int64_t c = 0; c < 4; ++c) {
          double& to = wanted({int64_t(r), c});
          to = stored(t, (accumulate ? to : 0) + values.v[size_t(c)]);
        }
      }
      s.expect(call, wanted);
    }
  }
  const Array mask(DType::kBool, {2, 2}, {1, 0, 0, 1});
  OperatorProgram masked = s.call();
  InPlace ? masked.updated(sample(DType::kF32, {2, 2}))
          : masked.tensor(sample(DType::kF32, {2, 2}));
  masked.optional_tensors({&mask}).tensor(Array(DType::kF32, {}, {9})).boolean(false);
  if (!InPlace) masked.out(DType::kF32);
  const Array x = sample(DType::kF32, {2, 2});
  s.expect(masked, Array(DType::kF32, {2, 2}, {9, x.v[1], x.v[2], 9}));
}
void masked_scatter(Subject& s) {
  for (const DType t : kRealsAndBool) {
    const Array x = sample(t, {2, 3}), mask(DType::kBool, {3}, {1, 0, 1}), src = sample(t, {4}, 8);
    OperatorProgram call = s.call();
    call.tensor(x).tensor(mask).tensor(src).out(t);
    s.expect(call, Array(t, {2, 3}, {src.v[0], x.v[1], src.v[1], src.v[2], x.v[4], src.v[3]}));
  }
  OperatorProgram few = s.call();
  few.tensor(sample(DType::kF32, {2})).tensor(Array(DType::kBool, {2}, {1, 1}));
  few.tensor(sample(DType::kF32, {1})).out(DType::kF32);
  s.refuse(few);
}
void masked_select(Subject& s) {
  for (const DType t : kRealsAndBool) {
    const Array x = sample(t, {2, 1, 3}), mask(DType::kBool, {2, 1}, {1, 0});
    OperatorProgram call = s.call();
    call.tensor(x).tensor(mask).out(t);
    s.expect(call, Array(t, {6}, {x.v[0], x.v[1], x.v[2], x.v[3], x.v[4], x.v[5]}));
    OperatorProgram none = s.call();
    none.tensor(x).tensor(Array(DType::kBool, {}, {0})).out(t);
    s.expect(none, Array(t, {0}, {}));
  }
}
void nonzero(Subject& s) {
  for (const DType t : kRealsAndBool) {
    OperatorProgram call = s.call();
    call.tensor(Array(t, {2, 3}, {0, 1, 0, 1, 0, 1})).out(DType::kS64);
    s.expect(call, Array(DType::kS64, {3, 2}, {0, 1, 1, 0, 1, 2}));
    OperatorProgram none = s.call();
    none.tensor(Array(t, {2}, {0, 0})).out(DType::kS64);
    s.expect(none, Array(DType::kS64, {0, 1}, {}));
    OperatorProgram scalar = s.call();
    scalar.tensor(Array(t, {}, {1})).out(DType::kS64);
    s.expect(scalar, Array(DType::kS64, {1, 0}, {}));
  }
  OperatorProgram nan = s.call();
  nan.tensor(Array(DType::kF32, {3}, {kNan, -0.0, kInf})).out(DType::kS64);
  s.expect(nan, Array(DType::kS64, {2, 1}, {0, 2}));
}
enum class Scatter { kSource, kNumber, kAdd };
template <Scatter Kind>
void scatter(Subject& s) {
  for (const DType t : kRealsAndBool) {
    if (Kind == Scatter::kAdd && t == DType::kBool) continue;
    SCOPED_TRACE(smelt::name(t));
    for (const int64_t dim : {0, -1}) {
      const Array x = sample(t, {3, 4}), src = sample(t, {2, 3}, 4);
      // No place twice along the dimension, but where places add up.
      const Array index(DType::kS64, {2, 3},
                        Kind == Scatter::kAdd ? Values{0, 1, 2, 0, 1, 2}
                        : dim == 0            ? Values{0, 1, 2, 1, 2, 0}
                                              : Values{0, 1, 2, 2, 0, 1});
      OperatorProgram call = s.call();
      call.tensor(x).integer(dim).tensor(index);
      if (Kind == Scatter::kNumber) {
        call.integer(1);
      } else {
        call.tensor(src);
      }
      call.out(t);
      Array wanted = x;
      for_each_index(index.shape, [&](const Index& i) {
        Index to = i;
        to[dim == 0 ? 0 : 1] = int64_t(index(i));
        const double v = Kind == Scatter::kNumber ? 1 : src(i);
        wanted(to) = stored(t, Kind == Scatter::kAdd ? wanted(to) + v : v);
      });
      s.expect(call, wanted);
    }
  }
  OperatorProgram beyond = s.call();
  beyond.tensor(sample(DType::kF32, {2})).integer(0).tensor(Array(DType::kS64, {1}, {2}));
  if (Kind == Scatter::kNumber) {
    beyond.real(1);
  } else {
    beyond.tensor(sample(DType::kF32, {1}));
  }
  beyond.out(DType::kF32);
  s.refuse(beyond);
}

constexpr OperatorCase kCases[] = {
    {"aten::col2im.out", columns<true>},
    {"aten::_to_copy.out", to_copy},
    {"aten::alias_copy.out", copy_plain},
    {"aten::arange.out", arange},
    {"aten::arange.start_out", arange_start},
    {"aten::as_strided_copy.out", as_strided},
    {"aten::cat.out", cat},
    {"aten::clone.out", clone},
    {"aten::constant_pad_nd.out", constant_pad},
    {"aten::copy.out", copy_out},
    {"aten::copy_", copy_in_place},
    {"aten::detach_copy.out", copy_plain},
    {"aten::diagonal_copy.out", diagonal},
    {"aten::embedding.out", embedding},
    {"aten::empty.out", empty},
    {"aten::expand_copy.out", expand},
    {"aten::fill.Scalar_out", fill_number},
    {"aten::fill.Tensor_out", fill_tensor},
    {"aten::flip.out", flip},
    {"aten::full.out", full},
    {"aten::full_like.out", full_like},
    {"aten::gather.out", gather},
    {"aten::index.Tensor_out", index},
    {"aten::index_put.out", index_put<false>},
    {"aten::index_put_", index_put<true>},
    {"aten::index_select.out", index_select},
    {"aten::lift_fresh_copy.out", copy_plain},
    {"aten::masked_scatter.out", masked_scatter},
    {"aten::masked_select.out", masked_select},
    {"aten::narrow_copy.out", narrow},
    {"aten::native_dropout.out", dropout},
    {"aten::nonzero.out", nonzero},
    {"aten::ones.out", constant<1>},
    {"aten::permute_copy.out", permute},
    {"aten::im2col.out", columns<false>},
    {"aten::pixel_shuffle.out", pixel_shuffle},
    {"aten::pixel_unshuffle.out", pixel_unshuffle},
    {"aten::rand.out", uniform},
    {"aten::randn.out", normal},
    {"aten::reflection_pad1d.out", border_pad<true, 1>},
    {"aten::reflection_pad2d.out", border_pad<true, 2>},
    {"aten::reflection_pad3d.out", border_pad<true, 3>},
    {"aten::repeat.out", repeat},
    {"aten::repeat_interleave.Tensor_out", repeat_interleave},
    {"aten::replication_pad1d.out", border_pad<false, 1>},
    {"aten::replication_pad2d.out", border_pad<false, 2>},
    {"aten::replication_pad3d.out", border_pad<false, 3>},
    {"aten::roll.out", roll},
    {"aten::scalar_tensor.out", scalar_tensor},
    {"aten::scatter.src_out", scatter<Scatter::kSource>},
    {"aten::scatter.value_out", scatter<Scatter::kNumber>},
    {"aten::scatter_add.out", scatter<Scatter::kAdd>},
    {"aten::select_copy.int_out", select},
    {"aten::select_scatter.out", select_scatter},
    {"aten::slice_copy.Tensor_out", slice},
    {"aten::slice_scatter.out", slice_scatter},
    {"aten::split_copy.Tensor_out", split},
    {"aten::split_with_sizes_copy.out", split_with_sizes},
    {"aten::squeeze_copy.dim_out", squeeze_dim},
    {"aten::squeeze_copy.dims_out", squeeze_dims},
    {"aten::squeeze_copy.out", squeeze},
    {"aten::stack.out", stack},
    {"aten::t_copy.out", t_copy},
    {"aten::transpose_copy.int_out", transpose},
    {"aten::tril.out", triangle<false>},
    {"aten::triu.out", triangle<true>},
    {"aten::unbind_copy.int_out", unbind},
    {"aten::unfold_copy.out", unfold},
    {"aten::unsqueeze_copy.out", unsqueeze},
    {"aten::view_as_complex_copy.out", view_as_complex},
    {"aten::view_as_real_copy.out", view_as_real},
    {"aten::view_copy.out", view_copy},
    {"aten::zeros.out", constant<0>},
    {"dim_order_ops::_clone_dim_order.out", dim_order_copy},
    {"dim_order_ops::_empty_dim_order.out", empty},
    {"dim_order_ops::_to_dim_order_copy.out", dim_order_copy},
    {"et_copy::_d2h_copy.out", copy_plain},
    {"et_copy::_h2d_copy.out", copy_plain},
    {"preprocess::tile_crop.out", tile_crop},
};

}  // namespace

std::span<const OperatorCase> movement_cases() { return kCases; }

}  // namespace smelt::program::testing
