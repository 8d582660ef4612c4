// Products of matrices.
#include "program/operators/common.h"
#include "program/operators/complex.h"
#include "program/operators/graph_call.h"

namespace smelt::program {
namespace {

/// A matrix of any strides.
template <class C>
struct Matrix {
  const C* data;
  ptrdiff_t row, col;
};

/// out [m, n] = lhs [m, k] × rhs [k, n].
template <class C>
void multiply(ThreadPool& pool, C* out, Matrix<C> lhs, Matrix<C> rhs, size_t m, size_t n,
              size_t k) {
  const auto rows = [&](size_t begin, size_t end, unsigned) {
    for (size_t i = begin; i < end; ++i) {
      C* y = out + i * n;
      const C* a = lhs.data + ptrdiff_t(i) * lhs.row;
      if (rhs.col == 1) {
        // Row by row of the right side: the innermost loop runs over neighbours.
        std::fill_n(y, n, C(0));
        for (size_t p = 0; p < k; ++p) {
          const C x = a[ptrdiff_t(p) * lhs.col];
          const C* b = rhs.data + ptrdiff_t(p) * rhs.row;
          for (size_t j = 0; j < n; ++j) y[j] = add(y[j], mul(x, b[j]));
        }
        continue;
      }
      for (size_t j = 0; j < n; ++j) {
        const C* b = rhs.data + ptrdiff_t(j) * rhs.col;
        C sum[8] = {};
        size_t p = 0;
        if (rhs.row == 1 && lhs.col == 1) {
          for (; p + 8 <= k; p += 8) {
            for (size_t q = 0; q < 8; ++q) sum[q] = add(sum[q], mul(a[p + q], b[p + q]));
          }
        }
        for (; p < k; ++p) {
          sum[0] = add(sum[0], mul(a[ptrdiff_t(p) * lhs.col], b[ptrdiff_t(p) * rhs.row]));
        }
        for (size_t q = 1; q < 8; ++q) sum[0] = add(sum[0], sum[q]);
        y[j] = sum[0];
      }
    }
  };
  const size_t grain = std::max<size_t>(1, 65536 / std::max<size_t>(n * k, 1));
  if (m <= grain) {
    rows(0, m, 0);
  } else {
    pool.parallel_for(m, grain, rows);
  }
}

Status check_types(const Tensor& a, const Tensor& b, const Tensor& out) {
  if (a.dtype == b.dtype && a.dtype == out.dtype) return {};
  return invalid("{} × {} as {}", smelt::name(a.dtype), smelt::name(b.dtype),
                 smelt::name(out.dtype));
}

/// Computes the product with the matrix kernels of delegates, where they have the types. `out` has
/// its shape. `bias` may be null; a constant is packed once.
Result<bool> accelerated(Call& call, OpKind kind, const Attrs& attrs, const Tensor& lhs,
                         const Tensor& rhs, const Tensor* bias, Tensor& out) {
  if (!is_float(lhs.dtype) || lhs.dtype == DType::kF64 || out.numel() == 0) return call.decided({});
  const Tensor* const constants[] = {rhs.constant ? &rhs : nullptr,
                                     bias && bias->constant ? bias : nullptr};
  GraphCall* graph = GraphCall::of(call, constants, [&] {
    Graph g;
    Node node{.kind = kind, .attrs = attrs, .range = {}, .inputs = {}, .outputs = {}};
    node.inputs = {add_value(g, lhs.dtype, lhs.shape), add_tensor(g, rhs)};
    g.inputs.insert(g.inputs.begin(), node.inputs[0]);
    if (bias != nullptr) node.inputs.push_back(add_tensor(g, *bias));
    node.outputs = {add_value(g, out.dtype, out.shape)};
    g.outputs = node.outputs;
    g.nodes.push_back(std::move(node));
    return g;
  });
  if (graph == nullptr) return call.decided({});
  if (call.decided(graph->kernel())) return true;
  Shape shapes[3] = {lhs.shape};
  const std::byte* in[3] = {lhs.data};
  size_t n = 1;
  for (const Tensor* t : {&rhs, bias}) {
    if (t == nullptr || t->constant) continue;
    shapes[n] = t->shape;
    in[n++] = t->data;
  }
  SMELT_TRY(graph->run({shapes, n}, {in, n}, out.data));
  return true;
}

/// [b, m, k] × [b, k, n] → [b, m, n].
Status bmm(Call& call) {
  const Tensor &lhs = call.tensor(0), &rhs = call.tensor(1);
  Tensor& out = call.tensor(2);
  if (lhs.rank() != 3 || rhs.rank() != 3 || lhs.shape[0] != rhs.shape[0] ||
      lhs.shape[2] != rhs.shape[1]) {
    return invalid("{} × {}", to_string(lhs.shape), to_string(rhs.shape));
  }
  SMELT_TRY(check_types(lhs, rhs, out));
  const int64_t b = lhs.shape[0], m = lhs.shape[1], k = lhs.shape[2], n = rhs.shape[2];
  SMELT_TRY(out.resize(Shape{b, m, n}));
  SMELT_ASSIGN(const bool done,
               accelerated(call, OpKind::kBatchMatMul, NoAttrs(), lhs, rhs, nullptr, out));
  if (done) return {};
  return with_compute(compute_of(out.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, lhs));
    SMELT_ASSIGN(const C* w, elements<C>(call, rhs));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    for (int64_t i = 0; i < b; ++i) {
      multiply<C>(call.pool(), y + i * m * n, {x + i * m * k, k, 1}, {w + i * k * n, n, 1},
                  size_t(m), size_t(n), size_t(k));
    }
    store(out, y);
    return {};
  });
}

Status check_matrices(const Tensor& lhs, const Tensor& rhs) {
  if (lhs.rank() == 2 && rhs.rank() == 2 && lhs.shape[1] == rhs.shape[0]) return {};
  return invalid("{} × {}", to_string(lhs.shape), to_string(rhs.shape));
}

/// [m, k] × [k, n] → [m, n].
Status mm(Call& call) {
  const Tensor &lhs = call.tensor(0), &rhs = call.tensor(1);
  Tensor& out = call.tensor(2);
  SMELT_TRY(check_matrices(lhs, rhs));
  SMELT_TRY(check_types(lhs, rhs, out));
  const int64_t m = lhs.shape[0], k = lhs.shape[1], n = rhs.shape[1];
  SMELT_TRY(out.resize(Shape{m, n}));
  SMELT_ASSIGN(const bool done,
               accelerated(call, OpKind::kBatchMatMul, NoAttrs(), lhs, rhs, nullptr, out));
  if (done) return {};
  return with_compute(compute_of(out.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, lhs));
    SMELT_ASSIGN(const C* w, elements<C>(call, rhs));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    multiply<C>(call.pool(), y, {x, k, 1}, {w, n, 1}, size_t(m), size_t(n), size_t(k));
    store(out, y);
    return {};
  });
}

template <class C>
void combine(const void* const* in, void* out, size_t n, const void* params) {
  const C* a = static_cast<const C*>(in[0]);
  const C* b = static_cast<const C*>(in[1]);
  const C* p = static_cast<const C*>(params);
  for (size_t i = 0; i < n; ++i) {
    // Zero times the addend is nothing, whatever the addend is.
    const C addend = p[0] == 0 ? C(0) : mul(p[0], a[i]);
    static_cast<C*>(out)[i] = add(addend, mul(p[1], b[i]));
  }
}

/// beta · self + alpha · (lhs × rhs), with self broadcast.
Status addmm(Call& call) {
  const Tensor &self = call.tensor(0), &lhs = call.tensor(1), &rhs = call.tensor(2);
  Tensor& out = call.tensor(5);
  SMELT_TRY(check_matrices(lhs, rhs));
  SMELT_TRY(check_types(lhs, rhs, out));
  const int64_t m = lhs.shape[0], k = lhs.shape[1], n = rhs.shape[1];
  const Shape shape{m, n};
  SMELT_ASSIGN(const Shape together, broadcast_shapes(self.shape, shape));
  if (!(together == shape)) {
    return invalid("{} added to {}", to_string(self.shape), to_string(shape));
  }
  SMELT_TRY(out.resize(shape));
  if (self.shape == Shape{n} && self.dtype == out.dtype && call.real(3) == 1 && call.real(4) == 1) {
    SMELT_ASSIGN(const bool done,
                 accelerated(call, OpKind::kFullyConnected,
                             FullyConnectedAttrs{.transpose_weights = true}, lhs, rhs, &self, out));
    if (done) return {};
  } else if (call.decided({})) {
    return {};
  }
  return with_compute(compute_of(out.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, lhs));
    SMELT_ASSIGN(const C* w, elements<C>(call, rhs));
    SMELT_ASSIGN(C * y, call.scratch().take<C>(size_t(m * n)));
    multiply<C>(call.pool(), y, {x, k, 1}, {w, n, 1}, size_t(m), size_t(n), size_t(k));
    const C params[] = {number<C>(call.scalar(3)), number<C>(call.scalar(4))};
    const Strided in[] = {
        Strided(self), Strided(reinterpret_cast<std::byte*>(y), native(ComputeOf<C>::value), shape,
                               row_major_strides(shape))};
    map(call, ComputeOf<C>::value, Strided(out), in, combine<C>, params);
    return {};
  });
}

/// [.., k] × [n, k]ᵀ + [n] → [.., n].
Status linear(Call& call) {
  const Tensor &input = call.tensor(0), &weight = call.tensor(1);
  const Tensor* bias = call.optional_tensor(2);
  Tensor& out = call.tensor(3);
  if (input.rank() == 0 || weight.rank() != 2 || input.shape.back() != weight.shape[1] ||
      (bias && !(bias->shape == Shape{weight.shape[0]}))) {
    return invalid("{} × {} transposed", to_string(input.shape), to_string(weight.shape));
  }
  SMELT_TRY(check_types(input, weight, out));
  const size_t n = size_t(weight.shape[0]), k = size_t(weight.shape[1]);
  const size_t m = input.shape.numel(0, input.rank() - 1);
  Shape shape = input.shape;
  shape[shape.rank() - 1] = int64_t(n);
  SMELT_TRY(out.resize(shape));
  if (bias == nullptr || bias->dtype == out.dtype) {
    SMELT_ASSIGN(const bool done, accelerated(call, OpKind::kFullyConnected, FullyConnectedAttrs(),
                                              input, weight, bias, out));
    if (done) return {};
  } else if (call.decided({})) {
    return {};
  }
  return with_compute(compute_of(out.dtype), [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, input));
    SMELT_ASSIGN(const C* w, elements<C>(call, weight));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    multiply<C>(call.pool(), y, {x, ptrdiff_t(k), 1}, {w, 1, ptrdiff_t(k)}, m, n, k);
    if (bias != nullptr) {
      SMELT_ASSIGN(const C* b, elements<C>(call, *bias));
      for (size_t i = 0; i < m; ++i) {
        for (size_t j = 0; j < n; ++j) y[i * n + j] = add(y[i * n + j], b[j]);
      }
    }
    store(out, y);
    return {};
  });
}

template <size_t Lhs>
uint64_t macs(const DescribedArguments& args) {
  return matrix_macs(args.tensor(Lhs), args.tensor(Lhs + 1));
}
/// Each row meets the matrix of its batch. A product of complex numbers is four of real ones.
uint64_t bmm_macs(const DescribedArguments& args) {
  const Tensor& lhs = args.tensor(0);
  if (lhs.rank() != 3 || lhs.shape[0] <= 0) return 0;
  return macs<0>(args) / uint64_t(lhs.shape[0]) * (is_complex(lhs.dtype) ? 4 : 1);
}

constexpr Operator kOperators[] = {
    multiplying(macs<1>, choosing({"aten::addmm.out", "TTTSSW", addmm})),
    multiplying(bmm_macs, with_complex(choosing({"aten::bmm.out", "TTW", bmm}), complex_bmm)),
    multiplying(macs<0>, choosing({"aten::linear.out", "TTtW", linear})),
    multiplying(macs<0>, choosing({"aten::mm.out", "TTW", mm})),
};
constexpr auto kTable = of_category(Category::kMatrixProduct, kOperators);

}  // namespace

std::span<const Operator> matmul_operators() { return kTable; }

}  // namespace smelt::program
