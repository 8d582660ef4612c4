// Many elements into one.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "program/operators/complex.h"
#include "program/operators/statistics.h"
#include "program/rows.h"

namespace smelt::program {
namespace {

/// In which type a reduction computes.
enum class Rule {
  kResult,  ///< in that of the result: sums
  kOperand  ///< in that of the operand: comparisons
};

/// A row-major tensor as [outer][rows][inner] where the dimensions in `set` are neighbours and
/// reduced down the columns: a row of the inner ones is a run of memory.
struct Columns {
  size_t outer = 1, rows = 1, inner = 1;
};
std::optional<Columns> columns_of(const Shape& shape, const std::array<bool, kMaxRank>& set) {
  Columns c;
  int part = 0;  // of the three
  for (size_t d = 0; d < shape.rank(); ++d) {
    if (shape[d] == 1) continue;
    const int next = set[d] ? 1 : part == 0 ? 0 : 2;
    if (next < part) return std::nullopt;
    part = next;
    (part == 0 ? c.outer : part == 1 ? c.rows : c.inner) *= size_t(shape[d]);
  }
  constexpr size_t kFew = 8;
  if (part != 2 || c.inner < kFew || c.rows == 0) return std::nullopt;
  return c;
}

/// Columns that are reduced together.
constexpr size_t kStretch = 256;

/// Calls f(first element, where its result goes, how many columns) for stretches of the columns, on
/// all workers where there is enough to do.
template <class F>
void for_each_column(ThreadPool& pool, const Tensor& self, const Tensor& out, const Columns& c,
                     F f) {
  const size_t stretches = (c.inner + kStretch - 1) / kStretch;
  const auto range = [&](size_t begin, size_t end, unsigned) {
    for (size_t i = begin; i < end; ++i) {
      const size_t o = i / stretches, first = i % stretches * kStretch;
      f(self.data + (o * c.rows * c.inner + first) * element_size(self.dtype),
        out.data + (o * c.inner + first) * element_size(out.dtype),
        std::min(kStretch, c.inner - first));
    }
  };
  if (self.numel() < 65536 || pool.workers() == 1) return range(0, c.outer * stretches, 0);
  pool.parallel_for(c.outer * stretches, 1, range);
}

/// out[i] = F::apply(row i) along the dimensions in `set`.
template <class F>
Status reduce(Call& call, const Tensor& self, const std::array<bool, kMaxRank>& set, bool keep,
              Tensor& out, const typename F::Params& params = {}) {
  SMELT_TRY(out.resize(reduced_shape(self.shape, set, keep)));
  const Rows rows(Strided(self), set);
  if (F::kNeedsElements && rows.length() == 0 && rows.count() != 0) {
    return invalid("no elements to choose from in a tensor of shape {}", to_string(self.shape));
  }
  if constexpr (F::kFlags) {  // bytes are zero or not without conversion
    if (element_size(self.dtype) == 1 && out.dtype == DType::kBool && rows.contiguous()) {
      for (size_t i = 0; i < rows.count(); ++i) {
        const auto* x = reinterpret_cast<const uint8_t*>(rows.start(i));
        out.as<uint8_t>()[i] = uint8_t(F::apply(call.vectors(), x, rows.length(), params));
      }
      return {};
    }
  }
  const Compute compute = compute_of(F::kRule == Rule::kResult ? out.dtype : self.dtype);
  if constexpr (F::kColumns) {
    const auto columns = columns_of(self.shape, set);
    if (columns && compute == Compute::kF32 && kernel_for(call.vectors().row_sum, self.dtype) &&
        out.numel() != 0 && F::columns(call, self, *columns, out)) {
      return {};
    }
  }
  return with_compute(compute, [&]<class C>(C) {
    return for_each_row<C>(call, rows, [&](size_t i, const C* x, C*) {
      put_element(out, i, F::apply(call.vectors(), x, rows.length(), params));
    });
  });
}

struct NoParams {};

/// What reduce() asks about F beside apply(). Most reductions are of one of these kinds.
struct Total {
  using Params = NoParams;
  static constexpr Rule kRule = Rule::kResult;
  static constexpr bool kNeedsElements = false;
  static constexpr bool kFlags = false;
  static constexpr bool kColumns = false;
};
struct Choice : Total {
  static constexpr Rule kRule = Rule::kOperand;
  static constexpr bool kNeedsElements = true;
};

/// Sums double and short rows with eight sums, so that they can be added side by side; other float
/// rows as row_sum() does.
template <bool kDivides>
struct Sums : Total {
  static constexpr bool kColumns = true;
  template <class C>
  static auto apply(const VectorKernels& kernels, const C* x, size_t n, NoParams) {
    if constexpr (kDivides) {
      return double(Sums<false>::apply(kernels, x, n, {})) / double(n);
    } else if constexpr (std::is_same_v<C, int64_t>) {
      int64_t s = 0;
      for (size_t i = 0; i < n; ++i) s = wrap_add(s, x[i]);
      return s;
    } else {
      constexpr size_t kShort = 32;  // for these, a loop ends before a kernel has begun
      if constexpr (std::is_same_v<C, float>) {
        if (n >= kShort) {
          return row_sum(kernels, DType::kF32, reinterpret_cast<const std::byte*>(x), n);
        }
      }
      double s[8] = {};
      size_t i = 0;
      for (; i + 8 <= n; i += 8) {
        for (size_t k = 0; k < 8; ++k) s[k] += double(x[i + k]);
      }
      for (; i < n; ++i) s[0] += double(x[i]);
      return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
    }
  }
  static bool columns(Call& call, const Tensor& self, const Columns& c, const Tensor& out) {
    const ColumnSumsFn kernel = kernel_for(call.vectors().column_sums, self.dtype);
    const size_t stride = c.inner * element_size(self.dtype);
    for_each_column(call.pool(), self, out, c, [&](const std::byte* x, std::byte* y, size_t n) {
      double sums[kStretch] = {};
      kernel(x, stride, c.rows, sums, n);
      const auto finite = [](double v) { return std::isfinite(v); };
      if (!std::all_of(sums, sums + n, finite)) {  // perhaps float32 was too narrow
        std::fill_n(sums, n, 0.0);
        double row[kStretch];
        for (size_t r = 0; r < c.rows; ++r) {
          load_block(self.dtype, x + r * stride, 1, n, Compute::kF64, row);
          for (size_t i = 0; i < n; ++i) sums[i] += row[i];
        }
      }
      if (kDivides) {
        for (size_t i = 0; i < n; ++i) sums[i] /= double(c.rows);
      }
      store_run(call.vectors(), out.dtype, y, n, Compute::kF64, sums);
    });
    return true;
  }
};
using Sum = Sums<false>;
using Mean = Sums<true>;

struct Prod : Total {
  template <class C>
  static C apply(const VectorKernels&, const C* x, size_t n, NoParams) {
    C p = 1;
    for (size_t i = 0; i < n; ++i) p = mul(p, x[i]);
    return p;
  }
};

/// The largest (or smallest) element, NaN if there is one.
template <bool kLargest>
struct Extreme : Choice {
  static constexpr bool kColumns = true;
  template <class C>
  static C apply(const VectorKernels& kernels, const C* x, size_t n, NoParams) {
    if constexpr (std::is_same_v<C, float>) {
      return (kLargest ? kernels.row_max : kernels.row_min).f32(x, n);
    } else {
      return std::accumulate(x + 1, x + n, x[0], kLargest ? larger<C> : smaller<C>);
    }
  }
  static bool columns(Call& call, const Tensor& self, const Columns& c, const Tensor& out) {
    if (out.dtype != self.dtype) return false;
    const VectorKernels& kernels = call.vectors();
    const ColumnFoldFn kernel =
        kernel_for(kLargest ? kernels.column_max : kernels.column_min, self.dtype);
    const size_t stride = c.inner * element_size(self.dtype);
    for_each_column(call.pool(), self, out, c, [&](const std::byte* x, std::byte* y, size_t n) {
      kernel(x, stride, c.rows, y, n);
    });
    return true;
  }
};
using Amax = Extreme<true>;
using Amin = Extreme<false>;

/// The first NaN or, without one, the first of the extreme elements.
template <bool kLargest>
struct Position : Choice {
  template <class C>
  static int64_t apply(const VectorKernels& kernels, const C* x, size_t n, NoParams) {
    const C best = Extreme<kLargest>::apply(kernels, x, n, {});
    size_t i = 0;
    if (best == best) {
      while (x[i] != best) ++i;
    } else {
      while (x[i] == x[i]) ++i;
    }
    return int64_t(i);
  }
};
using Argmax = Position<true>;
using Argmin = Position<false>;

/// Looks for an element that decides: one whose truth (is not zero) is kDecides. Without one, the
/// answer is the other.
template <bool kDecides>
struct Exists : Total {
  static constexpr Rule kRule = Rule::kOperand;
  static constexpr bool kFlags = true;
  template <class C>
  static int64_t apply(const VectorKernels&, const C* x, size_t n, NoParams) {
    // In stretches that have no exits: they are compared side by side.
    for (size_t i = 0; i < n; i += kStretch) {
      bool found = false;
      for (size_t k = i, end = std::min(n, i + kStretch); k < end; ++k) {
        found |= (x[k] != 0) == kDecides;
      }
      if (found) return kDecides;
    }
    return !kDecides;
  }
};
using Any = Exists<true>;
using All = Exists<false>;

struct Var : Total {
  struct Params {
    double correction = 1;
  };
  template <class C>
  static double apply(const VectorKernels& kernels, const C* x, size_t n, const Params& p) {
    const double mean = Mean::apply(kernels, x, n, {});
    double sum = 0;
    if constexpr (std::is_same_v<C, float>) {
      SquaredDeviations squares(kernels, DType::kF32, mean);
      squares.add(reinterpret_cast<const std::byte*>(x), n);
      sum = squares.get();
    } else {
      for (size_t i = 0; i < n; ++i) sum += (double(x[i]) - mean) * (double(x[i]) - mean);
    }
    const double denominator = double(n) - p.correction;
    return sum / (denominator > 0 ? denominator : 0);
  }
};

/// (Σ |x|^p)^(1/p); the largest or smallest |x| for an infinite p, how many are not zero for p = 0.
struct VectorNorm : Total {
  struct Params {
    double p = 2;
  };
  template <class C>
  static double apply(const VectorKernels&, const C* x, size_t n, const Params& params) {
    const double p = params.p;
    const auto fold = [&](double first, auto f) {
      for (size_t i = 0; i < n; ++i) first = f(first, std::abs(double(x[i])));
      return first;
    };
    if (std::isinf(p)) {
      return p > 0 ? fold(0, larger<double>)
                   : fold(std::numeric_limits<double>::infinity(), smaller<double>);
    }
    if (p == 0) return fold(0, [](double s, double v) { return s + (v != 0); });
    if (p == 1) return fold(0, [](double s, double v) { return s + v; });
    if (p == 2) return std::sqrt(fold(0, [](double s, double v) { return s + v * v; }));
    return std::pow(fold(0, [&](double s, double v) { return s + std::pow(v, p); }), 1 / p);
  }
};

/// Arguments (self, dims?, keepdim, [dtype], out): the letters of the signature say which.
/// An absent list means all dimensions, and so does an empty one but for any() and all().
template <class F, size_t Out, bool EmptyIsAll = true>
Status over_dims(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const auto set,
               dimension_set(call.ints(1), self.rank(), EmptyIsAll || !call.has(1)));
  return reduce<F>(call, self, set, call.boolean(2), call.tensor(Out));
}
template <class F, size_t Out>
Status over_dim(Call& call) {
  const Tensor& self = call.tensor(0);
  // An absent dimension means all of them.
  const bool all = !call.has(1);
  const int64_t dim = call.integer_or(1, 0);
  SMELT_ASSIGN(const auto set,
               dimension_set(all ? std::span<const int64_t>() : std::span(&dim, 1), self.rank()));
  return reduce<F>(call, self, set, call.boolean(2), call.tensor(Out));
}
template <class F, size_t Out>
Status over_all(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const auto set, dimension_set({}, self.rank()));
  return reduce<F>(call, self, set, false, call.tensor(Out));
}

/// The extreme values along a dimension and where they are.
template <class F>
Status with_index(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor &values = call.tensor(3), &indices = call.tensor(4);
  const int64_t dim = call.integer(1);
  SMELT_ASSIGN(const auto set, dimension_set({&dim, 1}, self.rank()));
  const Shape shape = reduced_shape(self.shape, set, call.boolean(2));
  SMELT_TRY(values.resize(shape));
  SMELT_TRY(indices.resize(shape));
  const Rows rows(Strided(self), set);
  if (rows.length() == 0 && rows.count() != 0) {
    return invalid("no elements to choose from in a tensor of shape {}", to_string(self.shape));
  }
  return with_compute(compute_of(self.dtype), [&]<class C>(C) {
    return for_each_row<C>(call, rows, [&](size_t i, const C* x, C*) {
      const int64_t best = F::apply(call.vectors(), x, rows.length(), {});
      put_element(values, i, x[best]);
      put_element(indices, i, best);
    });
  });
}

Status var(Call& call, double correction, bool keep, Tensor& out) {
  const Tensor& self = call.tensor(0);
  SMELT_ASSIGN(const auto set, dimension_set(call.ints(1), self.rank()));
  return reduce<Var>(call, self, set, keep, out, {correction});
}
Status var_unbiased(Call& call) {
  return var(call, call.boolean(2) ? 1 : 0, call.boolean(3), call.tensor(4));
}
Status var_correction(Call& call) {
  return var(call, call.real_or(2, 1), call.boolean(3), call.tensor(4));
}
Status var_mean(Call& call) {
  const Tensor& self = call.tensor(0);
  SMELT_TRY(var(call, call.real_or(2, 1), call.boolean(3), call.tensor(4)));
  SMELT_ASSIGN(const auto set, dimension_set(call.ints(1), self.rank()));
  return reduce<Mean>(call, self, set, call.boolean(3), call.tensor(5));
}

/// (self, p, dims?, keepdim, dtype?, out)
Status vector_norm(Call& call) {
  const Tensor& self = call.tensor(0);
  Tensor& out = call.tensor(5);
  const double p = call.real(1);
  if (!is_float(self.dtype) || !is_float(out.dtype)) {
    return invalid("a norm of {} as {}", smelt::name(self.dtype), smelt::name(out.dtype));
  }
  SMELT_ASSIGN(const auto set, dimension_set(call.ints(2), self.rank()));
  if ((p < 0 || std::isinf(p)) && Rows(Strided(self), set).length() == 0) {
    return invalid("a norm of order {} over no elements of {}", p, to_string(self.shape));
  }
  return reduce<VectorNorm>(call, self, set, call.boolean(3), out, {p});
}

constexpr Operator kOperators[] = {
    {"aten::all.all_out", "TW", over_all<All, 1>},
    {"aten::all.dims_out", "TlBW", over_dims<All, 3, false>},
    {"aten::all.out", "TIBW", over_dim<All, 3>},
    {"aten::amax.out", "TLBW", over_dims<Amax, 3>},
    {"aten::amin.out", "TLBW", over_dims<Amin, 3>},
    {"aten::any.all_out", "TW", over_all<Any, 1>},
    {"aten::any.dims_out", "TlBW", over_dims<Any, 3, false>},
    {"aten::any.out", "TIBW", over_dim<Any, 3>},
    {"aten::argmax.out", "TiBW", over_dim<Argmax, 3>},
    {"aten::argmin.out", "TiBW", over_dim<Argmin, 3>},
    {"aten::linalg_vector_norm.out", "TSlBiW", vector_norm},
    {"aten::max.dim_max", "TIBWW", with_index<Argmax>},
    {"aten::max.unary_out", "TW", over_all<Amax, 1>},
    {"aten::mean.dtype_out", "TiW", over_all<Mean, 2>},
    {"aten::mean.out", "TlBiW", over_dims<Mean, 4>},
    {"aten::min.dim_min", "TIBWW", with_index<Argmin>},
    {"aten::min.unary_out", "TW", over_all<Amin, 1>},
    {"aten::prod.int_out", "TIBiW", over_dim<Prod, 4>},
    {"aten::prod.out", "TiW", over_all<Prod, 2>},
    with_complex({"aten::sum.IntList_out", "TlBiW", over_dims<Sum, 4>}, complex_sum),
    {"aten::var.correction_out", "TlsBW", var_correction},
    {"aten::var.out", "TlBBW", var_unbiased},
    {"aten::var_mean.correction_out", "TlsBWW", var_mean},
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> reduction_operators() { return kTable; }

}  // namespace smelt::program
