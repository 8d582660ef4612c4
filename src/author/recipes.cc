#include "author/recipes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "author/graph_builder.h"
#include "author/quantizer.h"
#include "author/random.h"

namespace smelt {
namespace {

using enum RecipeVariant;

constexpr RecipeVariant kAll[] = {kF32,        kF16,        kPqs8Qs8w,  kPqs8Qc8w,
                                  kQp8F32Qc8w, kQp8F32Qb4w, kQp8F32Qc4w};
constexpr RecipeVariant kConv[] = {kF32, kF16, kPqs8Qs8w, kPqs8Qc8w, kQp8F32Qc8w};

constexpr int64_t kMaxExtent = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxWeights = int64_t(1) << 30;  // beyond that, the file is no example any more

bool is_static_int8(RecipeVariant v) { return v == kPqs8Qs8w || v == kPqs8Qc8w; }
bool is_dynamic(RecipeVariant v) {
  return v == kQp8F32Qc8w || v == kQp8F32Qb4w || v == kQp8F32Qc4w;
}

Status check_variant(RecipeVariant v, std::span<const RecipeVariant> known,
                     std::string_view layer) {
  if (std::ranges::find(known, v) != known.end()) return {};
  return fail(ErrorCode::kInvalidArgument, "variant {}: there is no such {}", name(v), layer);
}

Status check_extent(std::string_view field, int64_t value, int64_t min = 1) {
  if (value >= min && value <= kMaxExtent) return {};
  return fail(ErrorCode::kInvalidArgument, "{} is {}, not from {} to {}", field, value, min,
              kMaxExtent);
}

/// The product of extents that are each in range, which has to stay below kMaxWeights.
Status check_weights(std::initializer_list<int64_t> extents) {
  int64_t n = 1;
  for (const int64_t d : extents) {
    if (d > kMaxWeights / n) {
      return fail(ErrorCode::kInvalidArgument, "more than {} weights", kMaxWeights);
    }
    n *= d;
  }
  return {};
}

// PyTorch's own initialisation of linear layers and convolutions: uniform, with a limit that keeps
// the variance of activations.
float weight_limit(int64_t fan_in) { return 1.0f / std::sqrt(float(fan_in)); }

// Calibrated ranges. They are lopsided, so that no zero point is zero by accident.
AffineInt8 input_range() { return affine_int8(-1.0f, 1.25f); }

// Inputs and weights that are uniform up to 1 and `limit` have variances 1/3 and limit^2 / 3, so
// outputs have a standard deviation of 1/3. Five of these, and the bias.
AffineInt8 output_range(float bias_limit, bool relu) {
  const float reach = 5.0f / 3.0f + bias_limit;
  return affine_int8(relu ? 0.0f : -reach, reach * 1.125f);
}

std::vector<Half> to_half(std::span<const float> values) {
  std::vector<Half> out;
  out.reserve(values.size());
  for (const float v : values) out.emplace_back(v);
  return out;
}

// A float constant as the exporter stores it: f16 for linear layers in f16.
ValueId float_constant(GraphBuilder& b, DType dtype, const Shape& shape,
                       const std::vector<float>& values) {
  if (dtype == DType::kF16) return b.constant(dtype, shape, to_half(values));
  return b.constant(dtype, shape, values);
}

/// Scales of a filter: one, or one per output channel.
struct QuantizedFilter {
  std::vector<int8_t> values;
  std::vector<float> scales;
};

QuantizedFilter quantize_filter(RecipeVariant variant, const std::vector<float>& weights,
                                int64_t channels) {
  if (variant == kPqs8Qs8w) {
    const AffineInt8 q = symmetric_int8(weights);
    return {quantize_int8(weights, q), {q.scale}};
  }
  ChannelInt8 q = quantize_channels_int8(weights, size_t(channels));
  return {std::move(q.values), std::move(q.scales)};
}

Quant filter_quant(GraphBuilder& b, RecipeVariant variant, const QuantizedFilter& filter,
                   uint8_t channel_axis) {
  if (variant == kPqs8Qs8w) return GraphBuilder::per_tensor({filter.scales[0], 0});
  return b.per_channel(filter.scales, channel_axis);
}

// The bias of an int8 layer: int32 in units of input scale x filter scale, like the accumulators.
ValueId int32_bias(GraphBuilder& b, const std::vector<float>& bias, float input_scale,
                   std::vector<float> scales) {
  for (float& s : scales) s *= input_scale;
  const Quant quant =
      scales.size() == 1 ? GraphBuilder::per_tensor({scales[0], 0}) : b.per_channel(scales);
  return b.constant(DType::kS32, {int64_t(bias.size())}, quantize_bias(bias, scales), quant);
}

OutputRange relu_range(bool relu) {
  return relu ? OutputRange{0.0f, std::numeric_limits<float>::infinity()} : OutputRange{};
}

// What the exporter does at a delegate's edges: permutations between its memory order and
// XNNPACK's.
const TransposeAttrs kToNhwc{{0, 2, 3, 1}};
const TransposeAttrs kToNchw{{0, 3, 1, 2}};

// [channels][depth][taps] -> [channels][taps][depth], or for depthwise filters (depth 1)
// -> [taps][channels].
template <class T>
std::vector<T> to_filter_order(const std::vector<T>& weights, size_t channels, size_t depth,
                               size_t taps, bool depthwise) {
  std::vector<T> out(weights.size());
  for (size_t c = 0; c < channels; ++c) {
    for (size_t d = 0; d < depth; ++d) {
      for (size_t t = 0; t < taps; ++t) {
        const size_t to = depthwise ? t * channels + c : (c * taps + t) * depth + d;
        out[to] = weights[(c * depth + d) * taps + t];
      }
    }
  }
  return out;
}

Status check(const LinearRecipe& r) {
  SMELT_TRY(check_variant(r.variant, linear_variants(), "linear layer"));
  SMELT_TRY(check_extent("m", r.m));
  SMELT_TRY(check_extent("n", r.n));
  SMELT_TRY(check_extent("k", r.k));
  SMELT_TRY(check_weights({r.n, r.k}));
  if (r.variant != kQp8F32Qb4w) return {};
  // What XNNPACK asks of blocks.
  if (r.block == 0 || r.block % 32 != 0) {
    return fail(ErrorCode::kInvalidArgument, "block is {}, not a multiple of 32", r.block);
  }
  if (r.k % int64_t(r.block) != 0) {
    return fail(ErrorCode::kInvalidArgument, "k is {}, not a multiple of block, which is {}", r.k,
                r.block);
  }
  return {};
}

Status check(const Conv2dRecipe& r) {
  SMELT_TRY(check_extent("batch", r.batch));
  SMELT_TRY(check_extent("in-channels", r.in_channels));
  SMELT_TRY(check_extent("out-channels", r.out_channels));
  SMELT_TRY(check_extent("groups", r.groups));
  SMELT_TRY(check_extent("height", r.height));
  SMELT_TRY(check_extent("width", r.width));
  for (const int64_t v : r.kernel) SMELT_TRY(check_extent("kernel", v));
  for (const int64_t v : r.stride) SMELT_TRY(check_extent("stride", v));
  for (const int64_t v : r.padding) SMELT_TRY(check_extent("padding", v, 0));
  for (const int64_t v : r.dilation) SMELT_TRY(check_extent("dilation", v));
  for (const auto& [field, channels] :
       {std::pair("in-channels", r.in_channels), std::pair("out-channels", r.out_channels)}) {
    if (channels % r.groups != 0) {
      return fail(ErrorCode::kInvalidArgument, "{} is {}, not a multiple of groups, which is {}",
                  field, channels, r.groups);
    }
  }
  SMELT_TRY(check_weights({r.out_channels, r.in_channels / r.groups, r.kernel[0], r.kernel[1]}));
  const bool depthwise = r.in_channels == r.groups;
  return check_variant(r.variant, depthwise ? depthwise_variants() : conv2d_variants(),
                       depthwise ? "depthwise convolution" : "convolution");
}

/// The extent of a convolution's output along axis 0 or 1.
Result<int64_t> output_extent(const Conv2dRecipe& r, size_t axis) {
  const int64_t in = axis == 0 ? r.height : r.width;
  const int64_t span = (r.kernel[axis] - 1) * r.dilation[axis] + 1;
  const int64_t room = in + 2 * r.padding[axis] - span;
  if (room < 0) {
    return fail(ErrorCode::kInvalidArgument,
                "{} is {}: with padding {}, a kernel of {} with dilation {} does not fit",
                axis == 0 ? "height" : "width", in, r.padding[axis], r.kernel[axis],
                r.dilation[axis]);
  }
  return room / r.stride[axis] + 1;
}

}  // namespace

std::string_view name(RecipeVariant v) {
  switch (v) {
    case kF32:
      return "pf32";
    case kF16:
      return "pf16";
    case kPqs8Qs8w:
      return "pqs8_qs8w";
    case kPqs8Qc8w:
      return "pqs8_qc8w";
    case kQp8F32Qc8w:
      return "qp8_f32_qc8w";
    case kQp8F32Qb4w:
      return "qp8_f32_qb4w";
    case kQp8F32Qc4w:
      return "qp8_f32_qc4w";
  }
  return "?";
}

std::optional<RecipeVariant> parse_recipe_variant(std::string_view text) {
  if (text == "f32") return kF32;
  if (text == "f16") return kF16;
  const auto it = std::ranges::find(kAll, text, [](RecipeVariant v) { return name(v); });
  return it == std::end(kAll) ? std::nullopt : std::optional(*it);
}

std::span<const RecipeVariant> linear_variants() { return kAll; }
std::span<const RecipeVariant> conv2d_variants() { return kConv; }
// The exporter does not quantise inputs of depthwise convolutions while running.
std::span<const RecipeVariant> depthwise_variants() { return std::span(kConv).first(4); }
std::span<const RecipeVariant> matmul_variants() { return std::span(kAll).first(2); }

Result<Graph> make_linear(const LinearRecipe& r) {
  SMELT_TRY(check(r));
  const float limit = weight_limit(r.k);
  Random random(r.seed);
  const std::vector<float> weights = random.uniforms(size_t(r.n * r.k), limit);
  const std::vector<float> bias = random.uniforms(r.bias ? size_t(r.n) : 0, limit);
  const auto rows = size_t(r.n);
  const Shape filter_shape{r.n, r.k};
  const OutputRange range = relu_range(r.relu);
  const DType real = r.variant == kF16 ? DType::kF16 : DType::kF32;

  GraphBuilder b;
  const ValueId x = b.input(real, {r.m, r.k});
  if (is_static_int8(r.variant)) {
    const AffineInt8 in = input_range();
    const Quant out = GraphBuilder::per_tensor(output_range(r.bias ? limit : 0.0f, r.relu));
    const QuantizedFilter filter = quantize_filter(r.variant, weights, r.n);
    const ValueId xq = b.value(DType::kS8, {r.m, r.k}, GraphBuilder::per_tensor(in));
    const ValueId w =
        b.constant(DType::kS8, filter_shape, filter.values, filter_quant(b, r.variant, filter, 0));
    const ValueId bq = r.bias ? int32_bias(b, bias, in.scale, filter.scales) : kNoValue;
    const ValueId yq = b.value(DType::kS8, {r.m, r.n}, out);
    const ValueId y = b.value(real, {r.m, r.n});
    b.node(OpKind::kConvert, {x}, {xq});
    b.node(OpKind::kFullyConnected, {xq, w, bq}, {yq}, FullyConnectedAttrs{}, range);
    b.node(OpKind::kConvert, {yq}, {y});
    b.output(y);
    return std::move(b).finish();
  }

  ValueId lhs = x;
  if (is_dynamic(r.variant)) {
    lhs = b.value(DType::kS8, {r.m, r.k}, GraphBuilder::per_token(1));
    b.node(OpKind::kConvert, {x}, {lhs});
  }
  ValueId w;
  if (r.variant == kQp8F32Qc8w) {
    const ChannelInt8 q = quantize_channels_int8(weights, rows);
    w = b.constant(DType::kS8, filter_shape, q.values, b.per_channel(q.scales));
  } else if (r.variant == kQp8F32Qc4w) {
    const ChannelInt4 q = quantize_channels_int4(weights, rows);
    w = b.constant(DType::kU4, filter_shape, q.packed, b.per_channel(q.scales, 0, 8));
  } else if (r.variant == kQp8F32Qb4w) {
    const BlockInt4 q = quantize_blocks_int4(weights, rows, r.block);
    w = b.constant(DType::kU4, filter_shape, q.packed, b.per_block(q.scales, r.block));
  } else {
    w = float_constant(b, real, filter_shape, weights);
  }
  const ValueId bias_id = r.bias ? float_constant(b, real, {r.n}, bias) : kNoValue;
  const ValueId y = b.value(real, {r.m, r.n});
  b.node(OpKind::kFullyConnected, {lhs, w, bias_id}, {y}, FullyConnectedAttrs{}, range);
  b.output(y);
  return std::move(b).finish();
}

Result<Graph> make_conv2d(const Conv2dRecipe& r) {
  SMELT_TRY(check(r));
  SMELT_ASSIGN(const int64_t out_h, output_extent(r, 0));
  SMELT_ASSIGN(const int64_t out_w, output_extent(r, 1));
  const int64_t depth = r.in_channels / r.groups;
  const int64_t taps = r.kernel[0] * r.kernel[1];
  const bool depthwise = depth == 1;
  const float limit = weight_limit(depth * taps);
  Random random(r.seed);
  std::vector<float> weights = random.uniforms(size_t(r.out_channels * depth * taps), limit);
  std::vector<float> bias = random.uniforms(r.bias ? size_t(r.out_channels) : 0, limit);

  const Shape in_nchw{r.batch, r.in_channels, r.height, r.width};
  const Shape in_nhwc{r.batch, r.height, r.width, r.in_channels};
  const Shape out_nchw{r.batch, r.out_channels, out_h, out_w};
  const Shape out_nhwc{r.batch, out_h, out_w, r.out_channels};
  const Shape filter_shape = depthwise ? Shape{1, r.kernel[0], r.kernel[1], r.out_channels}
                                       : Shape{r.out_channels, r.kernel[0], r.kernel[1], depth};
  const uint8_t channel_axis = depthwise ? 3 : 0;
  const auto in_filter_order = [&](const auto& w) {
    return to_filter_order(w, size_t(r.out_channels), size_t(depth), size_t(taps), depthwise);
  };

  ConvAttrs conv;
  conv.pad_top = conv.pad_bottom = uint32_t(r.padding[0]);
  conv.pad_left = conv.pad_right = uint32_t(r.padding[1]);
  conv.kernel_h = uint32_t(r.kernel[0]), conv.kernel_w = uint32_t(r.kernel[1]);
  conv.stride_h = uint32_t(r.stride[0]), conv.stride_w = uint32_t(r.stride[1]);
  conv.dilation_h = uint32_t(r.dilation[0]), conv.dilation_w = uint32_t(r.dilation[1]);
  conv.groups = uint32_t(r.groups);
  conv.in_per_group = uint32_t(depth), conv.out_per_group = uint32_t(r.out_channels / r.groups);
  const OpKind kind = depthwise ? OpKind::kDepthwiseConv2d : OpKind::kConv2d;
  const OutputRange range = relu_range(r.relu);
  const DType real = r.variant == kF16 ? DType::kF16 : DType::kF32;

  GraphBuilder b;
  const ValueId x = b.input(real, in_nchw);
  if (is_static_int8(r.variant)) {
    const AffineInt8 in = input_range();
    const Quant in_quant = GraphBuilder::per_tensor(in);
    const Quant out_quant = GraphBuilder::per_tensor(output_range(r.bias ? limit : 0.0f, r.relu));
    const QuantizedFilter filter = quantize_filter(r.variant, weights, r.out_channels);
    const ValueId xq = b.value(DType::kS8, in_nchw, in_quant);
    const ValueId xt = b.value(DType::kS8, in_nhwc, in_quant);
    const ValueId w = b.constant(DType::kS8, filter_shape, in_filter_order(filter.values),
                                 filter_quant(b, r.variant, filter, channel_axis));
    const ValueId yt = b.value(DType::kS8, out_nhwc, out_quant);
    const ValueId bq = r.bias ? int32_bias(b, bias, in.scale, filter.scales) : kNoValue;
    const ValueId yq = b.value(DType::kS8, out_nchw, out_quant);
    const ValueId y = b.value(real, out_nchw);
    b.node(OpKind::kConvert, {x}, {xq});
    b.node(OpKind::kTranspose, {xq}, {xt}, kToNhwc);
    b.node(kind, {xt, w, bq}, {yt}, conv, range);
    b.node(OpKind::kTranspose, {yt}, {yq}, kToNchw);
    b.node(OpKind::kConvert, {yq}, {y});
    b.output(y);
    return std::move(b).finish();
  }

  const ValueId xt = b.value(real, in_nhwc);
  b.node(OpKind::kTranspose, {x}, {xt}, kToNhwc);
  ValueId lhs = xt, w;
  if (r.variant == kQp8F32Qc8w) {
    const QuantizedFilter filter = quantize_filter(r.variant, weights, r.out_channels);
    lhs = b.value(DType::kS8, in_nhwc, GraphBuilder::per_token(3));
    b.node(OpKind::kConvert, {xt}, {lhs});
    w = b.constant(DType::kS8, filter_shape, in_filter_order(filter.values),
                   filter_quant(b, r.variant, filter, channel_axis));
  } else {
    // Filters and biases of convolutions are stored as f32 even where activations are f16, but with
    // the values that the f16 module had.
    if (r.variant == kF16) {
      for (float& v : weights) v = float(Half(v));
      for (float& v : bias) v = float(Half(v));
    }
    w = b.constant(DType::kF32, filter_shape, in_filter_order(weights));
  }
  const ValueId yt = b.value(real, out_nhwc);
  const ValueId bias_id = r.bias ? b.constant(DType::kF32, {r.out_channels}, bias) : kNoValue;
  const ValueId y = b.value(real, out_nchw);
  b.node(kind, {lhs, w, bias_id}, {yt}, conv, range);
  b.node(OpKind::kTranspose, {yt}, {y}, kToNchw);
  b.output(y);
  return std::move(b).finish();
}

Result<Graph> make_matmul(const MatmulRecipe& r) {
  SMELT_TRY(check_variant(r.variant, matmul_variants(), "matrix multiplication"));
  SMELT_TRY(check_extent("batch", r.batch));
  SMELT_TRY(check_extent("m", r.m));
  SMELT_TRY(check_extent("n", r.n));
  SMELT_TRY(check_extent("k", r.k));
  const DType real = r.variant == kF16 ? DType::kF16 : DType::kF32;
  GraphBuilder b;
  const ValueId y = b.value(real, {r.batch, r.m, r.n});  // the exporter numbers it first
  const ValueId lhs = b.input(real, {r.batch, r.m, r.k});
  const ValueId rhs = b.input(real, {r.batch, r.k, r.n});
  b.node(OpKind::kBatchMatMul, {lhs, rhs}, {y});
  b.output(y);
  return std::move(b).finish();
}

}  // namespace smelt
