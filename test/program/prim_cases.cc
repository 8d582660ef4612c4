// Arithmetic on numbers, and what looks at shapes.
#include <algorithm>
#include <functional>
#include <variant>

#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

using Number = std::variant<int64_t, double, bool>;

void push(OperatorProgram& call, const Number& n) {
  if (const auto* i = std::get_if<int64_t>(&n)) {
    call.integer(*i);
  } else if (const auto* d = std::get_if<double>(&n)) {
    call.real(*d);
  } else {
    call.boolean(std::get<bool>(n));
  }
}
Array wanted(const Number& n) {
  return std::visit(
      [](auto v) {
        const DType t = std::is_same_v<decltype(v), int64_t> ? DType::kS64
                        : std::is_same_v<decltype(v), bool>  ? DType::kBool
                                                             : DType::kF64;
        return Array(t, {}, {double(v)});
      },
      n);
}

/// One call: operands, then what comes out.
void gives(Subject& s, std::initializer_list<Number> operands, const Number& result) {
  OperatorProgram call = s.call();
  for (const Number& n : operands) push(call, n);
  call.number();
  s.expect(call, wanted(result));
}

/// Integers stay integers, one real makes the result real.
template <class F>
void arithmetic(Subject& s, F f) {
  for (const int64_t a : {-7, 0, 3}) {
    for (const int64_t b : {-2, 1, 3}) {
      gives(s, {a, b}, int64_t(f(double(a), double(b))));
      gives(s, {double(a) + 0.5, b}, f(double(a) + 0.5, double(b)));
      gives(s, {a, double(b) + 0.25}, f(double(a), double(b) + 0.25));
    }
  }
}
void add(Subject& s) {
  arithmetic(s, [](double a, double b) { return a + b; });
}
void sub(Subject& s) {
  arithmetic(s, [](double a, double b) { return a - b; });
}
void mul(Subject& s) {
  arithmetic(s, [](double a, double b) { return a * b; });
}
void maximum(Subject& s) {
  arithmetic(s, [](double a, double b) { return std::max(a, b); });
}
void minimum(Subject& s) {
  arithmetic(s, [](double a, double b) { return std::min(a, b); });
}
template <class F>
void comparison(Subject& s) {
  for (const int64_t a : {-7, 0, 3}) {
    for (const int64_t b : {-7, 1, 3}) {
      gives(s, {a, b}, bool(F()(a, b)));
      gives(s, {double(a), double(b) + 0.5}, bool(F()(double(a), double(b) + 0.5)));
    }
  }
}
void refuses_zero(Subject& s) {
  OperatorProgram call = s.call();
  call.integer(1).integer(0).number();
  s.refuse(call);
}
void floordiv(Subject& s) {
  gives(s, {int64_t(-7), int64_t(2)}, int64_t(-4));
  gives(s, {int64_t(7), int64_t(2)}, int64_t(3));
  gives(s, {-7.5, int64_t(2)}, -4.0);
  refuses_zero(s);
}
/// C++'s division: towards zero.
void floordiv_int(Subject& s) {
  gives(s, {int64_t(-7), int64_t(2)}, int64_t(-3));
  gives(s, {int64_t(7), int64_t(2)}, int64_t(3));
  refuses_zero(s);
}
void truediv(Subject& s) {
  gives(s, {int64_t(1), int64_t(4)}, 0.25);
  gives(s, {1.5, int64_t(2)}, 0.75);
}
void mod(Subject& s) {
  gives(s, {int64_t(7), int64_t(3)}, int64_t(1));
  gives(s, {int64_t(6), int64_t(3)}, int64_t(0));
  refuses_zero(s);
}
void neg(Subject& s) {
  gives(s, {int64_t(3)}, int64_t(-3));
  gives(s, {-0.5}, 0.5);
}
void sym_float(Subject& s) {
  gives(s, {int64_t(3)}, 3.0);
  gives(s, {0.5}, 0.5);
}
void sym_int(Subject& s) {
  gives(s, {2.75}, int64_t(2));
  gives(s, {-2.75}, int64_t(-2));
  gives(s, {int64_t(5)}, int64_t(5));
}
void sym_not(Subject& s) {
  gives(s, {true}, false);
  gives(s, {false}, true);
}
void sym_ite(Subject& s) {
  gives(s, {true, int64_t(3), 2.5}, int64_t(3));
  gives(s, {false, int64_t(3), 2.5}, 2.5);
}
template <double (*F)(double)>
void rounded(Subject& s) {
  for (const double x : {-2.5, -0.25, 0.5, 1.5, 2.75}) gives(s, {x}, int64_t(F(x)));
}

void sym_size(Subject& s) {
  for (const int64_t dim : {1, -2}) {
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kS8, {2, 5, 0})).integer(dim).number();
    s.expect(call, wanted(int64_t(5)));
  }
  OperatorProgram none = s.call();
  none.tensor(sample(DType::kF32, {})).integer(0).number();
  s.refuse(none);
}
void sym_numel(Subject& s) {
  for (const auto& [shape, n] : {std::pair<Shape, int64_t>{{2, 5}, 10}, {{}, 1}, {{3, 0}, 0}}) {
    OperatorProgram call = s.call();
    call.tensor(sample(DType::kF32, shape)).number();
    s.expect(call, wanted(n));
  }
}
void local_scalar(Subject& s) {
  for (const DType t : kRealsAndBool) {
    OperatorProgram call = s.call();
    call.tensor(Array(t, {1}, {1})).number();
    s.expect(call, real_type(t)        ? wanted(1.0)
                   : t == DType::kBool ? wanted(true)
                                       : wanted(int64_t(1)));
  }
  OperatorProgram empty = s.call();
  empty.tensor(sample(DType::kF32, {0})).number();
  s.refuse(empty);
}

void et_view(Subject& s) {
  for (const DType t : kAllTypes) {
    OperatorProgram call = s.call();
    const Array x = sample(t, {2, 6});
    call.tensor(x).ints({3, -1}).out(t);
    s.expect(call, Array(t, {3, 4}, x.v));
  }
  OperatorProgram scalar = s.call();
  scalar.tensor(Array(DType::kF32, {}, {7})).ints({1}).out(DType::kF32);
  s.expect(scalar, Array(DType::kF32, {1}, {7}));
  OperatorProgram wrong = s.call();
  wrong.tensor(sample(DType::kF32, {5})).ints({2, -1}).out(DType::kF32);
  s.refuse(wrong);
}
void et_copy_index(Subject& s) {
  for (const DType t : kAllTypes) {
    const Array to = sample(t, {3, 2}), item = sample(t, {2}, 6);
    OperatorProgram call = s.call();
    call.updated(to).tensor(item).integer(1);
    s.expect(call, Array(t, {3, 2}, {to.v[0], to.v[1], item.v[0], item.v[1], to.v[4], to.v[5]}));
  }
  OperatorProgram beyond = s.call();
  beyond.updated(sample(DType::kF32, {3, 2})).tensor(sample(DType::kF32, {2})).integer(3);
  s.refuse(beyond);
}

constexpr OperatorCase kCases[] = {
    {"aten::_local_scalar_dense", local_scalar},
    {"aten::sym_numel", sym_numel},
    {"aten::sym_size.int", sym_size},
    {"executorch_prim::add.Scalar", add},
    {"executorch_prim::ceil.Scalar", rounded<std::ceil>},
    {"executorch_prim::eq.Scalar", comparison<std::equal_to<>>},
    {"executorch_prim::et_copy_index.tensor", et_copy_index},
    {"executorch_prim::et_view.default", et_view},
    {"executorch_prim::floor.Scalar", rounded<std::floor>},
    {"executorch_prim::floordiv.Scalar", floordiv},
    {"executorch_prim::floordiv.int", floordiv_int},
    {"executorch_prim::ge.Scalar", comparison<std::greater_equal<>>},
    {"executorch_prim::gt.Scalar", comparison<std::greater<>>},
    {"executorch_prim::le.Scalar", comparison<std::less_equal<>>},
    {"executorch_prim::lt.Scalar", comparison<std::less<>>},
    {"executorch_prim::mod.Scalar", mod},
    {"executorch_prim::mod.int", mod},
    {"executorch_prim::mul.Scalar", mul},
    {"executorch_prim::ne.Scalar", comparison<std::not_equal_to<>>},
    {"executorch_prim::neg.Scalar", neg},
    {"executorch_prim::round.Scalar", rounded<std::nearbyint>},
    {"executorch_prim::sub.Scalar", sub},
    {"executorch_prim::sym_float.Scalar", sym_float},
    {"executorch_prim::sym_int.Scalar", sym_int},
    {"executorch_prim::sym_ite.Scalar", sym_ite},
    {"executorch_prim::sym_max.Scalar", maximum},
    {"executorch_prim::sym_min.Scalar", minimum},
    {"executorch_prim::sym_not.Scalar", sym_not},
    {"executorch_prim::truediv.Scalar", truediv},
    {"executorch_prim::trunc.Scalar", rounded<std::trunc>},
};

}  // namespace

std::span<const OperatorCase> prim_cases() { return kCases; }

}  // namespace smelt::program::testing
