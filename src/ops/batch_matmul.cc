#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "kernels/gemm/variant.h"
#include "kernels/vector/vector_kernels.h"
#include "ops/bound.h"
#include "ops/gemm_op.h"
#include "ops/gemm_ops.h"

namespace smelt {

namespace {

// The shapes of a product, taken apart. Batch dimensions are those before the last two.
struct Product {
  size_t m, n, k;
  Shape batch;  ///< of the output
};

int64_t batch_extent(const Shape& shape, size_t rank, size_t i) {
  const size_t missing = rank - (shape.rank() - 2);
  return i < missing ? 1 : shape[i - missing];
}

Result<Product> product_of(const Shape& lhs, const Shape& rhs) {
  const auto mismatch = [&] {
    return fail(ErrorCode::kInvalidArgument,
                "operands have shapes {} and {}, expected [..., m, k] and [..., k, n]",
                to_string(lhs), to_string(rhs));
  };
  if (lhs.rank() < 2 || rhs.rank() < 2 || !checked_numel(lhs) || !checked_numel(rhs) ||
      lhs.back(0) != rhs.back(1))
    return mismatch();
  Product p{size_t(lhs.back(1)), size_t(rhs.back(0)), size_t(lhs.back(0)), {}};
  const size_t rank = std::max(lhs.rank(), rhs.rank()) - 2;
  for (size_t i = 0; i < rank; ++i) {
    const int64_t a = batch_extent(lhs, rank, i), b = batch_extent(rhs, rank, i);
    if (a != b && a != 1 && b != 1) return mismatch();
    p.batch.push_back(a == 1 ? b : a);
  }
  return p;
}

// Number of the matrix of `shape` that belongs to matrix `index` of the output: extents of 1 are
// repeated.
size_t matrix_index(const Shape& shape, const Shape& batch, size_t index) {
  size_t result = 0, step = 1;
  for (size_t i = batch.rank(); i-- > 0;) {
    const size_t extent = size_t(batch_extent(shape, batch.rank(), i));
    const size_t at = index % size_t(batch[i]);
    index /= size_t(batch[i]);
    if (extent != 1) result += at * step;
    step *= extent;
  }
  return result;
}

class BatchMatMul final : public Op {
 public:
  static Result<std::unique_ptr<const Op>> make(const NodeSpec& spec, const Cpu& cpu);

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override;
  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned workers) const override;
  size_t packed_bytes() const noexcept override {
    return packed_ == nullptr ? 0 : packed_->bytes.size();
  }

 private:
  explicit BatchMatMul(const Cpu& cpu) : cpu_(cpu) {}

  Cpu cpu_;
  GemmVariant variant_{};
  OutputStage stage_{};
  const GemmKernel* kernel_ = nullptr;
  std::shared_ptr<const PackedWeights>
      packed_;  ///< null if the right side is computed while running
};

// Rows of the left side, up to which a right side that is computed while running is not packed:
// reading it once for each row costs less.
constexpr size_t kFewRows = 2;

// Each row of the output is a sum of rows of the right side, which are read where they are.
std::unique_ptr<const BoundOp> bind_few_rows(const VectorKernels& kernels, const GemmShape& shape,
                                             std::vector<GemmItem> items) {
  const BoundInfo info = {.kernel = kernels.name,
                          .macs = uint64_t(items.size()) * shape.m * shape.n * shape.kc};
  return make_bound(info, [product = kernels.row_product, shape, items = std::move(items)](
                              Inputs in, Outputs out, RunContext& context) {
    for_units(context, items.size() * shape.m, shape.n * shape.kc, [&](size_t begin, size_t end) {
      for (size_t row = begin; row < end; ++row) {
        const GemmItem& item = items[row / shape.m];
        const size_t i = row % shape.m;
        const auto* a = reinterpret_cast<const float*>(in[0] + item.lhs) + i * shape.kc;
        const auto* b = reinterpret_cast<const float*>(in[1] + item.rhs);
        auto* y = reinterpret_cast<float*>(out[0] + item.out) + i * shape.n;
        product(a, b, y, shape.kc, shape.n);
      }
    });
  });
}

PackSource source_of(DType dtype, const Product& p) {
  return {.dtype = dtype, .row_stride = 1, .k_stride = p.n};
}

Result<std::unique_ptr<const Op>> BatchMatMul::make(const NodeSpec& spec, const Cpu& cpu) {
  if (spec.inputs.size() != 2 || spec.outputs.size() != 1)
    return fail(ErrorCode::kInvalidFile,
                "a batch matrix multiplication has two inputs and one output");
  const Operand &lhs = spec.inputs[0], &rhs = spec.inputs[1];
  const TensorDesc& out = spec.outputs[0].desc;
  std::unique_ptr<BatchMatMul> op(new BatchMatMul(cpu));
  SMELT_ASSIGN(op->variant_, gemm_variant(lhs.desc, rhs.desc, out));
  if (signature(op->variant_).is_integer())
    return fail(ErrorCode::kUnsupported, "batch matrix multiplication of {} values",
                name(lhs.desc.dtype));
  SMELT_ASSIGN(op->stage_, output_stage(spec.range, out));
  SMELT_ASSIGN(const Product p, product_of(lhs.desc.shape, rhs.desc.shape));
  SMELT_TRY(op->infer(std::vector{lhs.desc.shape, rhs.desc.shape}));
  const GemmShape shape{.m = p.m, .n = p.n, .kc = p.k};
  SMELT_ASSIGN(op->kernel_, select_gemm(op->variant_, shape, cpu));
  if (rhs.constant != nullptr) {
    PackSource source = source_of(rhs.desc.dtype, p);
    source.data = rhs.constant;
    const size_t matrices = rhs.desc.shape.numel(0, rhs.desc.shape.rank() - 2);
    SMELT_ASSIGN(op->packed_,
                 pack_matrices(op->kernel_->rhs, op->kernel_->pack_rhs, rhs_shape(shape), cpu,
                               source, matrices, p.k * p.n, spec.packing));
  }
  return op;
}

Result<std::vector<Shape>> BatchMatMul::infer(std::span<const Shape> inputs) const {
  SMELT_ASSIGN(const Product p, product_of(inputs[0], inputs[1]));
  Shape out = p.batch;
  if (out.rank() + 2 > kMaxRank)
    return fail(ErrorCode::kInvalidArgument, "operands have {} dimensions", out.rank() + 2);
  out.push_back(int64_t(p.m));
  out.push_back(int64_t(p.n));
  if (!checked_numel(out))
    return fail(ErrorCode::kInvalidArgument, "output shape {} is too large", to_string(out));
  return std::vector{out};
}

Result<std::unique_ptr<const BoundOp>> BatchMatMul::bind(std::span<const TensorDesc> in,
                                                         std::span<const TensorDesc> out,
                                                         unsigned workers) const {
  SMELT_ASSIGN(const Product p, product_of(in[0].shape, in[1].shape));
  const size_t in_bytes = bits(in[0].dtype) / 8, out_bytes = bits(out[0].dtype) / 8;
  const bool constant = packed_ != nullptr;
  GemmShape shape{.m = p.m, .n = p.n, .kc = p.k};
  const size_t matrices = in[1].shape.numel(0, in[1].shape.rank() - 2);
  size_t count = p.batch.numel();
  // One right side for all rows of the left one: a single, taller product.
  if (matrices == 1) {
    shape.m *= count;
    count = std::min<size_t>(count, 1);
  }
  SMELT_ASSIGN(const GemmKernel* kernel,
               select_gemm(variant_, shape, cpu_, constant ? &kernel_->rhs : nullptr));
  const bool matrix_unit = kernel->isa == Isa::kSme || kernel->isa == Isa::kSme2;
  const bool few_rows = !constant && !matrix_unit && shape.m <= kFewRows &&
                        variant_ == GemmVariant::kPf32 && stage_.min == -INFINITY &&
                        stage_.max == INFINITY;
  const auto stride = few_rows ? std::optional(p.k * p.n * in_bytes)
                               : smelt::packed_bytes(kernel->rhs, rhs_shape(shape), cpu_.sme_vl32);
  if (!stride || !checked_mul(*stride, matrices))
    return fail(ErrorCode::kOutOfMemory, "right side {} is too large", to_string(in[1].shape));

  std::vector<GemmItem> items;
  for (size_t i = 0; i < count; ++i)
    items.push_back({.lhs = matrix_index(in[0].shape, p.batch, i) * p.m * p.k * in_bytes,
                     .rhs = matrix_index(in[1].shape, p.batch, i) * *stride,
                     .out = i * p.m * p.n * out_bytes});
  if (few_rows) return bind_few_rows(vector_kernels(cpu_), shape, std::move(items));
  const MatrixRows rows{.lhs_stride = p.k * in_bytes, .out_stride = p.n * out_bytes};
  SMELT_ASSIGN(GemmPlan plan, plan_gemm(*kernel, shape, rows, std::move(items), 0, cpu_, workers));
  auto bound =
      std::make_unique<BoundGemm>(std::vector{BoundGemm::Part{std::move(plan), packed_}}, stage_);
  if (!constant)
    bound->set_runtime_packing({.layout = kernel->rhs,
                                .pack = kernel->pack_rhs,
                                .shape = rhs_shape(shape),
                                .vl32 = cpu_.sme_vl32,
                                .source = source_of(in[1].dtype, p),
                                .matrices = matrices,
                                .source_step = p.k * p.n * (bits(in[1].dtype) / 8),
                                .stride = *stride});
  return bound;
}

}  // namespace

Result<std::unique_ptr<const Op>> make_batch_matmul(const NodeSpec& spec, const Cpu& cpu) {
  return BatchMatMul::make(spec, cpu);
}

}  // namespace smelt
