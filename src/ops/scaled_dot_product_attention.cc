// Attention in one node: softmax((query * scale) key^T + mask) value, one query row at a time.
#include "base/checked.h"
#include "ops/bound.h"
#include "ops/operand.h"
#include "ops/vector_ops.h"

namespace smelt {

namespace {

constexpr size_t kQuery = 0, kKey = 1, kValue = 2, kScale = 3, kMask = 4;

class ScaledDotProductAttention final : public Op {
 public:
  explicit ScaledDotProductAttention(const VectorKernels& kernels) : kernels_(kernels) {}

  Result<std::vector<Shape>> infer(std::span<const Shape> in) const override {
    const Shape &q = in[kQuery], &k = in[kKey], &v = in[kValue], &scale = in[kScale],
                &mask = in[kMask];
    const bool ranks =
        q.rank() == 4 && k.rank() == 4 && v.rank() == 4 && scale.rank() == 1 && mask.rank() == 2;
    if (!ranks || k[0] != q[0] || v[0] != q[0] || k[1] != v[1] || k[1] <= 0 || q[1] % k[1] != 0 ||
        k[2] != v[2] || k[2] <= 0 || k[3] != q[3] || scale[0] != q[3] || mask[0] != q[2] ||
        mask[1] != k[2]) {
      return fail(ErrorCode::kInvalidArgument,
                  "query {}, key {}, value {}, scale {}, mask {} are not [b, h, t, c], [b, g, s, "
                  "c], [b, g, s, d], "
                  "[c], [t, s] with g dividing h",
                  to_string(q), to_string(k), to_string(v), to_string(scale), to_string(mask));
    }
    const Shape out = {q[0], q[1], q[2], v[3]};
    SMELT_TRY(check_size(out));
    return std::vector<Shape>{out};
  }

  Result<std::unique_ptr<const BoundOp>> bind(std::span<const TensorDesc> in,
                                              std::span<const TensorDesc>,
                                              unsigned workers) const override {
    const Shape &q = in[kQuery].shape, &k = in[kKey].shape, &v = in[kValue].shape;
    const DType type = in[0].dtype;
    const size_t bytes = bits(type) / 8;
    const size_t heads = size_t(q[1]), groups = size_t(k[1]), tokens = size_t(q[2]),
                 keys = size_t(k[2]);
    const size_t channels = size_t(q[3]), depth = size_t(v[3]);
    // Per worker, in f32: the scaled query and the scale, the scores, the output row.
    const size_t floats = round_up(2 * channels + keys + depth, size_t(16));
    const auto dot = for_float(kernels_.dot, type);
    const auto axpy = for_float(kernels_.axpy, type);
    const auto to_f32 = for_float(kernels_.convert, type).f32;
    const auto from_f32 = for_float(kernels_.convert.f32, type);
    const auto multiply = kernels_.binary[size_t(BinaryOp::kMultiply)].f32;
    const auto softmax = kernels_.row_softmax.f32;
    const size_t rows = size_t(q[0]) * heads * tokens;
    const BoundInfo info = {.kernel = kernels_.name,
                            .scratch_bytes = workers * floats * sizeof(float),
                            .macs = uint64_t(rows) * keys * (channels + depth)};
    return make_bound(info, [=](Inputs x, Outputs y, RunContext& context) {
      constexpr float kInfinity = std::numeric_limits<float>::infinity();
      const auto body = [&](size_t begin, size_t end, unsigned worker) {
        float* scale = reinterpret_cast<float*>(context.scratch.data()) + worker * floats;
        float* query = scale + channels;
        float* scores = query + channels;
        float* out = scores + keys;
        to_f32(x[kScale], scale, channels);
        for (size_t row = begin; row < end; ++row) {
          const size_t token = row % tokens, head = row / tokens % heads,
                       batch = row / tokens / heads;
          const size_t group = batch * groups + head / (heads / groups);
          to_f32(x[kQuery] + row * channels * bytes, query, channels);
          multiply(query, scale, query, channels, Broadcast::kNone, {-kInfinity, kInfinity});
          to_f32(x[kMask] + token * keys * bytes, scores, keys);
          for (size_t j = 0; j < keys; ++j) {
            scores[j] += dot(query, x[kKey] + (group * keys + j) * channels * bytes, channels);
          }
          softmax(scores, scores, keys);
          std::fill_n(out, depth, 0.0f);
          for (size_t j = 0; j < keys; ++j) {
            axpy(scores[j], x[kValue] + (group * keys + j) * depth * bytes, out, depth);
          }
          from_f32(out, y[0] + row * depth * bytes, depth);
        }
      };
      if (rows != 0) context.pool.parallel_for(rows, 1, body);
    });
  }

 private:
  const VectorKernels& kernels_;
};

}  // namespace

Result<std::unique_ptr<const Op>> make_scaled_dot_product_attention(const NodeSpec& spec,
                                                                    const Cpu& cpu) {
  const DType type = spec.outputs[0].desc.dtype;
  bool supported = is_float(type);
  for (const Operand& input : spec.inputs) supported &= input.desc.dtype == type;
  if (!supported) return unsupported_types(spec, "float32, float16 or bfloat16 throughout");
  return std::make_unique<const ScaledDotProductAttention>(vector_kernels(cpu));
}

}  // namespace smelt
