#include "program/operators/complex.h"

#include "program/rows.h"

// A complex tensor is two real ones with twice the strides, so sums, products and copies are those
// of reals: the same blocks, converted and spread over the workers by the same code.

namespace smelt::program {
namespace {

/// What operands are made of, and what they are computed in.
Compute compute_for(std::initializer_list<const Tensor*> tensors) {
  for (const Tensor* t : tensors) {
    if (t->dtype == DType::kC128 || t->dtype == DType::kF64) return Compute::kF64;
  }
  return Compute::kF32;
}

/// A result that has to be complex.
Status check_complex(const Tensor& out) {
  if (is_complex(out.dtype)) return {};
  return invalid("a complex result does not go into a tensor of {}", smelt::name(out.dtype));
}

Result<Shape> resize_for(const Tensor& lhs, const Tensor& rhs, Tensor& out) {
  SMELT_TRY(check_complex(out));
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(lhs.shape, rhs.shape));
  SMELT_TRY(out.resize(shape));
  return shape;
}

/// Computes both parts of `out` from the four parts of two operands. A block function gets them as
/// real and imaginary part of the first, then of the second.
template <class Real, class Imaginary>
Status parts(Call& call, Tensor& out, const void* params = nullptr) {
  const Tensor &lhs = call.tensor(0), &rhs = call.tensor(1);
  SMELT_TRY(resize_for(lhs, rhs, out));
  const Strided in[] = {real_part(Strided(lhs)), imaginary_part(Strided(lhs)),
                        real_part(Strided(rhs)), imaginary_part(Strided(rhs))};
  with_compute(compute_for({&lhs, &rhs, &out}), [&]<class C>(C) {
    const Strided whole(out);
    map(call, ComputeOf<C>::value, real_part(whole), in, Real::template block<C>, params);
    map(call, ComputeOf<C>::value, imaginary_part(whole), in, Imaginary::template block<C>, params);
  });
  return {};
}

template <class F>
struct Block {
  template <class C>
  static void block(const void* const* in, void* out, size_t n, const void* params) {
    const C *a = static_cast<const C*>(in[0]), *b = static_cast<const C*>(in[1]);
    const C *c = static_cast<const C*>(in[2]), *d = static_cast<const C*>(in[3]);
    const C alpha = params == nullptr ? C(1) : C(*static_cast<const double*>(params));
    for (size_t i = 0; i < n; ++i) {
      static_cast<C*>(out)[i] = C(F::apply(a[i], b[i], c[i], d[i], alpha));
    }
  }
};

#define SMELT_COMPLEX(Name, expression)                                              \
  struct Name : Block<Name> {                                                        \
    template <class C>                                                               \
    static C apply([[maybe_unused]] C a, [[maybe_unused]] C b, [[maybe_unused]] C c, \
                   [[maybe_unused]] C d, [[maybe_unused]] C alpha) {                 \
      return expression;                                                             \
    }                                                                                \
  };
// (a + ib) and (c + id).
SMELT_COMPLEX(AddReal, a + alpha * c)
SMELT_COMPLEX(AddImaginary, b + alpha * d)
SMELT_COMPLEX(MulReal, a* c - b * d)
SMELT_COMPLEX(MulImaginary, a* d + b * c)
SMELT_COMPLEX(DivReal, (a * c + b * d) / (c * c + d * d))
SMELT_COMPLEX(DivImaginary, (b * c - a * d) / (c * c + d * d))
// One of (a, b): the same twice.
SMELT_COMPLEX(Length, std::hypot(a, b))
SMELT_COMPLEX(Angle, std::atan2(b, a))
SMELT_COMPLEX(Same, a)
SMELT_COMPLEX(NegReal, -a)
SMELT_COMPLEX(NegImaginary, -b)
SMELT_COMPLEX(ExpReal, b == 0 ? std::exp(a) : std::exp(a) * std::cos(b))
SMELT_COMPLEX(ExpImaginary, b == 0 ? b : std::exp(a) * std::sin(b))
SMELT_COMPLEX(PolarReal, a* std::cos(b))
SMELT_COMPLEX(PolarImaginary, a* std::sin(b))

/// Computes both parts of `out` from two reals, which broadcast.
template <class Real, class Imaginary>
void parts_of(Call& call, const Strided& a, const Strided& b, const Tensor& out) {
  const Strided in[] = {a, b, a, b};
  with_compute(compute_for({&out}), [&]<class C>(C) {
    const Strided whole(out);
    map(call, ComputeOf<C>::value, real_part(whole), in, Real::template block<C>, nullptr);
    map(call, ComputeOf<C>::value, imaginary_part(whole), in, Imaginary::template block<C>,
        nullptr);
  });
}

/// (self, out)
template <class Real, class Imaginary>
Status parts_of_one(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(1);
  SMELT_TRY(check_complex(out));
  SMELT_TRY(out.resize(self.shape));
  parts_of<Real, Imaginary>(call, real_part(Strided(self)), imaginary_part(Strided(self)), out);
  return {};
}

/// A real number of each complex one: (self, out)
template <class F>
Status real_of_one(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(1);
  if (!is_complex(self.dtype) || !is_float(out.dtype)) {
    return invalid("absolute values or angles of {} as {}", smelt::name(self.dtype),
                   smelt::name(out.dtype));
  }
  SMELT_TRY(out.resize(self.shape));
  const Strided a = real_part(Strided(self)), b = imaginary_part(Strided(self));
  const Strided in[] = {a, b, a, b};
  with_compute(compute_for({&self, &out}), [&]<class C>(C) {
    map(call, ComputeOf<C>::value, Strided(out), in, F::template block<C>, nullptr);
  });
  return {};
}

/// Whether two tensors of reals become one of complex numbers: (a, b, out). Gives the result its
/// shape.
Status resize_for_reals(const Tensor& a, const Tensor& b, Tensor& out) {
  if (!is_complex(out.dtype) || a.dtype != part_of(out.dtype) || b.dtype != a.dtype) {
    return invalid("{} of {} and {}", smelt::name(out.dtype), smelt::name(a.dtype),
                   smelt::name(b.dtype));
  }
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(a.shape, b.shape));
  return out.resize(shape);
}

}  // namespace

Status complex_add(Call& call) {
  const double alpha = call.real(2);
  return parts<AddReal, AddImaginary>(call, call.tensor(3), &alpha);
}
Status complex_sub(Call& call) {
  const double alpha = -call.real(2);
  return parts<AddReal, AddImaginary>(call, call.tensor(3), &alpha);
}
Status complex_mul(Call& call) { return parts<MulReal, MulImaginary>(call, call.tensor(2)); }
Status complex_div(Call& call) { return parts<DivReal, DivImaginary>(call, call.tensor(2)); }

Status complex_abs(Call& call) { return real_of_one<Length>(call); }
Status complex_angle(Call& call) { return real_of_one<Angle>(call); }
Status complex_conjugate(Call& call) { return parts_of_one<Same, NegImaginary>(call); }
Status complex_exp(Call& call) { return parts_of_one<ExpReal, ExpImaginary>(call); }
Status complex_neg(Call& call) { return parts_of_one<NegReal, NegImaginary>(call); }

Status complex_of_parts(Call& call) {
  const Tensor &real = call.tensor(0), &imaginary = call.tensor(1);
  Tensor& out = call.tensor(2);
  SMELT_TRY(resize_for_reals(real, imaginary, out));
  copy(call, real_part(Strided(out)), broadcast(Strided(real), out.shape));
  copy(call, imaginary_part(Strided(out)), broadcast(Strided(imaginary), out.shape));
  return {};
}

Status complex_polar(Call& call) {
  const Tensor &length = call.tensor(0), &angle = call.tensor(1);
  Tensor& out = call.tensor(2);
  SMELT_TRY(resize_for_reals(length, angle, out));
  parts_of<PolarReal, PolarImaginary>(call, Strided(length), Strided(angle), out);
  return {};
}

Status complex_of_pairs(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(1);
  if (!is_complex(out.dtype) || self.dtype != part_of(out.dtype) || self.rank() == 0 ||
      self.shape.back() != 2) {
    return invalid("pairs of {} in {} as {}", smelt::name(self.dtype), to_string(self.shape),
                   smelt::name(out.dtype));
  }
  const size_t last = self.rank() - 1;
  Shape shape = self.shape;
  shape.resize(last);
  SMELT_TRY(out.resize(shape));
  for (int64_t part = 0; part < 2; ++part) {
    Strided from(self);
    from.narrow(last, part, 1);
    from.erase(last);
    copy(call, part == 0 ? real_part(Strided(out)) : imaginary_part(Strided(out)), from);
  }
  return {};
}

Status complex_as_reals(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(1);
  if (!is_complex(self.dtype) || !is_float(out.dtype) || self.rank() == kMaxRank) {
    return invalid("{} of rank {} as pairs of {}", smelt::name(self.dtype), self.rank(),
                   smelt::name(out.dtype));
  }
  Shape shape = self.shape;
  shape.push_back(2);
  SMELT_TRY(out.resize(shape));
  for (int64_t part = 0; part < 2; ++part) {
    Strided to(out);
    to.narrow(self.rank(), part, 1);
    to.erase(self.rank());
    copy(call, to, part == 0 ? real_part(Strided(self)) : imaginary_part(Strided(self)));
  }
  return {};
}

Status complex_sum(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(4);
  SMELT_TRY(check_complex(out));
  SMELT_ASSIGN(const auto set, dimension_set(call.ints(1), self.rank()));
  SMELT_TRY(out.resize(reduced_shape(self.shape, set, call.boolean(2))));
  for (const bool imaginary : {false, true}) {
    const auto part = imaginary ? imaginary_part : real_part;
    const Strided to = part(Strided(out));
    const Rows rows(part(Strided(self)), set);
    SMELT_TRY(for_each_row<double>(call, rows, [&](size_t i, const double* x, double*) {
      double sum = 0;
      for (size_t k = 0; k < rows.length(); ++k) sum += x[k];
      store_element(to.dtype, to.data, 2 * ptrdiff_t(i), sum);
    }));
  }
  return {};
}

/// [b, m, k] × [b, k, n] → [b, m, n].
Status complex_bmm(Call& call) {
  const Tensor &lhs = call.tensor(0), &rhs = call.tensor(1);
  Tensor& out = call.tensor(2);
  SMELT_TRY(check_complex(out));
  if (lhs.rank() != 3 || rhs.rank() != 3 || lhs.shape[0] != rhs.shape[0] ||
      lhs.shape[2] != rhs.shape[1] || lhs.dtype != rhs.dtype || lhs.dtype != out.dtype) {
    return invalid("{} {} × {} {}", smelt::name(lhs.dtype), to_string(lhs.shape),
                   smelt::name(rhs.dtype), to_string(rhs.shape));
  }
  SMELT_TRY(out.resize(Shape{lhs.shape[0], lhs.shape[1], rhs.shape[2]}));
  const auto batch = size_t(lhs.shape[0]), m = size_t(lhs.shape[1]), k = size_t(lhs.shape[2]);
  const auto n = size_t(rhs.shape[2]);
  return with_compute(compute_for({&out}), [&]<class C>(C) -> Status {
    // Interleaved, as in memory: parts of all elements, converted.
    const auto read = [&](const Tensor& t) -> Result<const C*> {
      SMELT_ASSIGN(C * p, call.scratch().take<C>(2 * t.numel()));
      load_block(part_of(t.dtype), t.data, 1, 2 * t.numel(), ComputeOf<C>::value, p);
      return p;
    };
    SMELT_ASSIGN(const C* x, read(lhs));
    SMELT_ASSIGN(const C* w, read(rhs));
    SMELT_ASSIGN(C * row, call.scratch().take<C>(2 * n));
    for (size_t i = 0; i < batch * m; ++i) {
      std::fill_n(row, 2 * n, C(0));
      for (size_t p = 0; p < k; ++p) {
        const C re = x[2 * (i * k + p)], im = x[2 * (i * k + p) + 1];
        const C* from = w + 2 * (i / m * k + p) * n;
        for (size_t j = 0; j < n; ++j) {
          row[2 * j] += re * from[2 * j] - im * from[2 * j + 1];
          row[2 * j + 1] += re * from[2 * j + 1] + im * from[2 * j];
        }
      }
      store_block(part_of(out.dtype), out.data + i * n * element_size(out.dtype), 1, 2 * n,
                  ComputeOf<C>::value, row);
    }
    return {};
  });
}

}  // namespace smelt::program
