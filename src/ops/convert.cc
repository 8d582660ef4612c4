// Conversions between encodings of real numbers.
#include "ops/bound.h"
#include "ops/operand.h"
#include "ops/quantize_lhs.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

class Convert final : public Op {
 public:
  explicit Convert(const Cpu& cpu) : cpu_(cpu), kernels_(vector_kernels(cpu)) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> inputs) const override {
    return std::vector<Shape>{inputs[0]};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc> out,
                                              unsigned workers) const override {
    const TensorDesc& from = in[0];
    const TensorDesc& to = out[0];
    const size_t n = from.shape.numel();
    BoundInfo info = {.kernel = kernels_.name};
    if (bits(from.dtype) == bits(to.dtype) && !to.is_per_token()) info.in_place = 0;

    if (to.form != nullptr) return bind_quantize_lhs(from, to, cpu_, workers);
    if (to.is_per_token()) return bind_rows(info, from, to);
    if (is_float(from.dtype) && is_float(to.dtype)) {
      const ConvertFn fn = for_float(for_float(kernels_.convert, from.dtype), to.dtype);
      return elements(info, from, to, n,
                      [fn](const std::byte* x, std::byte* y, size_t count) { fn(x, y, count); });
    }
    if (is_float(from.dtype)) {
      const QuantizeFn fn = for_byte(for_float(kernels_.quantize, from.dtype), to.dtype);
      return elements(
          info, from, to, n,
          [fn, params = quantize_params(to)](const std::byte* x, std::byte* y, size_t count) {
            fn(x, y, count, params);
          });
    }
    if (is_float(to.dtype)) {
      const DequantizeFn fn = for_float(for_byte(kernels_.dequantize, from.dtype), to.dtype);
      return elements(info, from, to, n,
                      [fn, quant = *affine_quant(from)](const std::byte* x, std::byte* y,
                                                        size_t count) { fn(x, y, count, quant); });
    }
    const ByteTable table = byte_table(kernels_, from, to, {}, [](const float*, float*, size_t) {});
    return elements(
        info, from, to, n,
        [table, fn = kernels_.map_byte](const std::byte* x, std::byte* y, size_t count) {
          fn(reinterpret_cast<const uint8_t*>(x), reinterpret_cast<uint8_t*>(y), count,
             table.data());
        });
  }

 private:
  template <class F>
  static std::unique_ptr<const BoundOp> elements(const BoundInfo& info, const TensorDesc& from,
                                                 const TensorDesc& to, size_t n, F f) {
    const size_t from_bytes = bits(from.dtype) / 8, to_bytes = bits(to.dtype) / 8;
    return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
      for_elements(context, n, [&](size_t begin, size_t end) {
        f(x[0] + begin * from_bytes, y[0] + begin * to_bytes, end - begin);
      });
    });
  }

  Result<std::unique_ptr<const BoundOp>> bind_rows(const BoundInfo& info, const TensorDesc& from,
                                                   const TensorDesc& to) const {
    if (to.quant->nonbatch_dims > to.shape.rank()) {
      return fail(ErrorCode::kInvalidArgument, "rows of {} dimensions in a tensor of shape {}",
                  to.quant->nonbatch_dims, to_string(to.shape));
    }
    const QuantizeRowsFn fn = for_float(kernels_.quantize_rows, from.dtype);
    const size_t bytes = bits(from.dtype) / 8;
    const size_t rows = to.rows(), length = to.row_elements(), quant_offset = to.row_quant_offset();
    return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
      auto* values = reinterpret_cast<int8_t*>(y[0]);
      auto* found = reinterpret_cast<RowQuant*>(y[0] + quant_offset);
      for_units(context, rows, length, [&](size_t begin, size_t end) {
        fn(x[0] + begin * length * bytes, values + begin * length, end - begin, length,
           found + begin);
      });
    });
  }

  Cpu cpu_;
  const VectorKernels& kernels_;  // static
};

}  // namespace

Result<std::unique_ptr<const Op>> make_convert(const NodeSpec& spec, const Cpu& cpu) {
  const TensorDesc& in = spec.inputs[0].desc;
  const TensorDesc& out = spec.outputs[0].desc;
  const bool from_real = is_float(in.dtype) || affine_quant(in);
  const bool to_real = is_float(out.dtype) || affine_quant(out);
  const bool to_rows = is_float(in.dtype) && out.dtype == DType::kS8 && out.is_per_token();
  if (!(from_real && to_real) && !to_rows) {
    return unsupported_types(
        spec, "float types and 8-bit per tensor to each other, float types to int8 per token");
  }
  return std::make_unique<const Convert>(cpu);
}

}  // namespace smelt
