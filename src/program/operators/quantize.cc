// Quantisation outside delegates: real = (stored - zero) × scale.
#include <algorithm>
#include <cmath>

#include "program/operators/dense.h"

namespace smelt::program {
namespace {

/// The same scale and zero point for `run` elements, then the next, from `groups` in turn. Of a
/// tensor without elements either may be 0.
struct Granularity {
  size_t run, groups;
  /// How many neighbours share a group, at least.
  size_t stretch(size_t n) const { return groups == 1 ? n : run; }
};

/// Calls f(group, first element, count) for stretches of the n elements that share a group.
template <class F>
void for_each_group(Granularity g, size_t n, F f) {
  const size_t stretch = g.stretch(n);
  for (size_t i = 0, group = 0; i < n; i += stretch) {
    f(group, i, std::min(stretch, n - i));
    group = group + 1 == g.groups ? 0 : group + 1;
  }
}

/// Stretches that are worth a kernel's call.
constexpr size_t kLongStretch = 8;

/// Scales and zero points of a quantiser, one per group.
struct Parameters {
  const double* scale;
  const int64_t* zero;
};

Result<Parameters> read_parameters(Call& call, const Tensor& scales, const Tensor* zeros,
                                   size_t n) {
  if (scales.numel() != n || (zeros && zeros->numel() != n)) {
    return invalid("{} scales and {} zero points for {} groups", scales.numel(),
                   zeros ? zeros->numel() : n, n);
  }
  SMELT_ASSIGN(const double* scale, elements<double>(call, scales));
  if (zeros != nullptr) {
    SMELT_ASSIGN(const int64_t* zero, elements<int64_t>(call, *zeros));
    return Parameters{scale, zero};
  }
  SMELT_ASSIGN(int64_t * zero, call.scratch().take<int64_t>(n));
  std::fill_n(zero, n, 0);
  return Parameters{scale, zero};
}

/// Whether a vector kernel to bytes gives what is asked for: bounds and zero points among them.
bool fits_bytes(const Tensor& input, Granularity g, Parameters p, int64_t low, int64_t high,
                const Tensor& out) {
  const bool is_signed = out.dtype == DType::kS8;
  if (g.stretch(input.numel()) < kLongStretch || low < (is_signed ? -128 : 0) ||
      high > (is_signed ? 127 : 255)) {
    return false;
  }
  for (size_t i = 0; i < g.groups; ++i) {
    const bool finite = std::isfinite(1.0f / float(p.scale[i]));
    if (!finite || p.zero[i] < low || p.zero[i] > high) return false;
  }
  return true;
}

Status quantize(Call& call, const Tensor& input, Granularity g, Parameters p, int64_t low,
                int64_t high, Tensor& out) {
  if (!is_float(input.dtype)) return invalid("quantises {}", smelt::name(input.dtype));
  if (!is_integer(out.dtype)) return invalid("quantises to {}", smelt::name(out.dtype));
  if (low > high) return invalid("quantises to [{}, {}]", low, high);
  SMELT_TRY(out.resize(input.shape));
  const auto quantized = [&](float x, float inverse, int64_t zero) {
    // Bounds first as reals: what no integer holds must not be converted.
    const double q = double(std::nearbyint(x * inverse)) + double(zero);
    return q >= double(high) ? high : q > double(low) ? int64_t(q) : low;
  };
  const size_t n = input.numel();
  const QuantizeFn kernel = kernel_for(call.vectors().quantize, input.dtype, out.dtype);
  if (kernel != nullptr && fits_bytes(input, g, p, low, high, out)) {
    const RowReduceFn largest = kernel_for(call.vectors().row_max, input.dtype);
    const size_t size = element_size(input.dtype);
    for_each_group(g, n, [&](size_t group, size_t first, size_t count) {
      const float inverse = 1.0f / float(p.scale[group]);
      const QuantizeParams params{inverse, int32_t(p.zero[group]), int32_t(low), int32_t(high)};
      for (size_t i = first, end = first + count, part; i < end; i += part) {
        part = std::min<size_t>(1024, end - i);
        const std::byte* x = input.data + i * size;
        kernel(x, out.data + i, part, params);
        if (!std::isnan(largest(x, part))) continue;
        for (size_t k = 0; k < part; ++k) {  // NaN is the lower bound here
          const float v = load_element<float>(input.dtype, x, ptrdiff_t(k));
          if (std::isnan(v)) store_element(out.dtype, out.data, ptrdiff_t(i + k), low);
        }
      }
    });
    return {};
  }
  SMELT_ASSIGN(const float* x, elements<float>(call, input));
  SMELT_ASSIGN(int64_t * y, result_elements<int64_t>(call, out));
  for_each_group(g, n, [&](size_t group, size_t first, size_t count) {
    const float inverse = 1.0f / float(p.scale[group]);
    for (size_t i = first; i < first + count; ++i) y[i] = quantized(x[i], inverse, p.zero[group]);
  });
  store(out, y);
  return {};
}

/// Zero points whose differences from bytes are exact in int32.
bool small_zeros(Parameters p, size_t groups) {
  return std::all_of(p.zero, p.zero + groups,
                     [](int64_t z) { return z >= -(1 << 20) && z <= 1 << 20; });
}

Status dequantize(Call& call, const Tensor& input, Granularity g, Parameters p, Tensor& out) {
  if (!is_integer(input.dtype)) return invalid("dequantises {}", smelt::name(input.dtype));
  if (!is_float(out.dtype)) return invalid("dequantises to {}", smelt::name(out.dtype));
  SMELT_TRY(out.resize(input.shape));
  const size_t n = input.numel();
  const DequantizeFn kernel = kernel_for(call.vectors().dequantize, input.dtype, out.dtype);
  if (kernel != nullptr && g.stretch(n) >= kLongStretch && small_zeros(p, g.groups)) {
    const size_t size = element_size(out.dtype);
    for_each_group(g, n, [&](size_t group, size_t first, size_t count) {
      kernel(input.data + first, out.data + first * size, count,
             {float(p.scale[group]), int32_t(p.zero[group])});
    });
    return {};
  }
  SMELT_ASSIGN(const int64_t* x, elements<int64_t>(call, input));
  SMELT_ASSIGN(float* y, result_elements<float>(call, out));
  for_each_group(g, n, [&](size_t group, size_t first, size_t count) {
    const float scale = float(p.scale[group]);
    for (size_t i = first; i < first + count; ++i) y[i] = float(x[i] - p.zero[group]) * scale;
  });
  store(out, y);
  return {};
}

constexpr Granularity kPerTensor{1, 1};

/// (input, scale, zero, min, max, dtype, out)
Status quantize_per_tensor(Call& call) {
  const double scale = call.real(1);
  const int64_t zero = call.integer(2);
  return quantize(call, call.tensor(0), kPerTensor, {&scale, &zero}, call.integer(3),
                  call.integer(4), call.tensor(6));
}
Status quantize_per_tensor_tensor(Call& call) {
  SMELT_ASSIGN(const Parameters p, read_parameters(call, call.tensor(1), &call.tensor(2), 1));
  return quantize(call, call.tensor(0), kPerTensor, p, call.integer(3), call.integer(4),
                  call.tensor(6));
}
/// (input, scale, zero, min, max, dtype, out_dtype?, out)
Status dequantize_per_tensor(Call& call) {
  const double scale = call.real(1);
  const int64_t zero = call.integer(2);
  return dequantize(call, call.tensor(0), kPerTensor, {&scale, &zero}, call.tensor(7));
}
Status dequantize_per_tensor_tensor(Call& call) {
  SMELT_ASSIGN(const Parameters p, read_parameters(call, call.tensor(1), &call.tensor(2), 1));
  return dequantize(call, call.tensor(0), kPerTensor, p, call.tensor(7));
}

Result<Granularity> per_channel(const Tensor& t, int64_t axis) {
  if (t.rank() == 0) return invalid("no channels in a tensor of rank 0");
  SMELT_ASSIGN(const size_t d, normalize_dim(axis, t.rank()));
  return Granularity{t.shape.numel(d + 1, t.rank()), size_t(t.shape[d])};
}
/// (input, scales, zeros, axis, min, max, dtype, out)
Status quantize_per_channel(Call& call) {
  SMELT_ASSIGN(const Granularity g, per_channel(call.tensor(0), call.integer(3)));
  SMELT_ASSIGN(const Parameters p,
               read_parameters(call, call.tensor(1), &call.tensor(2), g.groups));
  return quantize(call, call.tensor(0), g, p, call.integer(4), call.integer(5), call.tensor(7));
}
/// (input, scales, zeros?, axis, min, max, dtype, out_dtype?, out)
Status dequantize_per_channel(Call& call) {
  SMELT_ASSIGN(const Granularity g, per_channel(call.tensor(0), call.integer(3)));
  SMELT_ASSIGN(const Parameters p,
               read_parameters(call, call.tensor(1), call.optional_tensor(2), g.groups));
  return dequantize(call, call.tensor(0), g, p, call.tensor(8));
}

Result<Granularity> per_token(const Tensor& t) {
  if (t.rank() == 0) return invalid("no tokens in a tensor of rank 0");
  return Granularity{size_t(t.shape.back()), t.shape.numel(0, t.rank() - 1)};
}
/// (input, scales, zeros, min, max, dtype, out)
Status quantize_per_token(Call& call) {
  SMELT_ASSIGN(const Granularity g, per_token(call.tensor(0)));
  SMELT_ASSIGN(const Parameters p,
               read_parameters(call, call.tensor(1), &call.tensor(2), g.groups));
  return quantize(call, call.tensor(0), g, p, call.integer(3), call.integer(4), call.tensor(6));
}
/// (input, scales, zeros, min, max, dtype, output_dtype, out)
Status dequantize_per_token(Call& call) {
  SMELT_ASSIGN(const Granularity g, per_token(call.tensor(0)));
  SMELT_ASSIGN(const Parameters p,
               read_parameters(call, call.tensor(1), &call.tensor(2), g.groups));
  return dequantize(call, call.tensor(0), g, p, call.tensor(7));
}

/// The scale and zero point that cover a range of reals, zero included.
struct Chosen {
  double scale;
  int64_t zero;
};
Chosen choose(float low, float high, int64_t qmin, int64_t qmax) {
  constexpr float kLeastScale = 6.1e-5f;
  low = std::min(low, 0.0f);  // NaN stays
  high = std::max(high, 0.0f);
  const double steps = double(qmax) - double(qmin);
  double scale = (double(high) - double(low)) / steps;
  // A scale that is not finite makes all that is dequantised with it NaN or infinite, as it has to
  // be; no zero point follows from it.
  if (!std::isfinite(scale)) return {scale, std::clamp<int64_t>(0, qmin, qmax)};
  if (float(scale) == 0 || std::isinf(1.0f / float(scale))) scale = 0.1;
  if (scale < kLeastScale) {
    const float widen = kLeastScale / float(scale);
    scale = kLeastScale;
    if (low == 0) {
      high = float(kLeastScale * steps);
    } else if (high == 0) {
      low = float(-kLeastScale * steps);
    } else {
      low *= widen;
      high *= widen;
    }
  }
  // Either end fixes the zero point; the one with the smaller terms has the smaller error.
  const double from_low = double(qmin) - low / scale, from_high = double(qmax) - high / scale;
  const double low_error = std::abs(double(qmin)) - std::abs(low / scale);
  const double high_error = std::abs(double(qmax)) - std::abs(high / scale);
  const double zero = low_error < high_error ? from_low : from_high;
  if (zero < double(qmin)) return {scale, qmin};
  if (zero > double(qmax)) return {scale, qmax};
  return {scale, int64_t(std::nearbyint(float(zero)))};
}

/// Finds the parameters of each row of `length` elements.
Status choose_rows(Call& call, const Tensor& input, size_t length, int64_t qmin, int64_t qmax,
                   Tensor& scales, Tensor& zeros) {
  if (qmin >= qmax) return invalid("a range of [{}, {}]", qmin, qmax);
  SMELT_ASSIGN(const float* x, elements<float>(call, input));
  const RowReduceFn least = call.vectors().row_min.f32, most = call.vectors().row_max.f32;
  for (size_t i = 0, rows = length == 0 ? 0 : input.numel() / length; i < rows; ++i) {
    const float* row = x + i * length;
    const Chosen c = choose(least(row, length), most(row, length), qmin, qmax);
    store_element(scales.dtype, scales.data, ptrdiff_t(i), c.scale);
    store_element(zeros.dtype, zeros.data, ptrdiff_t(i), c.zero);
  }
  return {};
}

/// (input, qmin, qmax, eps, dtype, scale, zero)
Status choose_qparams(Call& call) {
  const Tensor& input = call.tensor(0);
  if (input.numel() == 0) return invalid("no elements to choose a range from");
  SMELT_TRY(call.tensor(5).resize(Shape{1}));
  SMELT_TRY(call.tensor(6).resize(Shape{1}));
  return choose_rows(call, input, input.numel(), call.integer(1), call.integer(2), call.tensor(5),
                     call.tensor(6));
}

/// (input, dtype, scales, zeros): int8.
Status choose_qparams_per_token(Call& call) {
  const Tensor& input = call.tensor(0);
  if (input.rank() == 0) return invalid("no tokens in a tensor of rank 0");
  Shape shape = input.shape;
  shape[shape.rank() - 1] = 1;
  SMELT_TRY(call.tensor(2).resize(shape));
  SMELT_TRY(call.tensor(3).resize(shape));
  return choose_rows(call, input, size_t(input.shape.back()), -128, 127, call.tensor(2),
                     call.tensor(3));
}

/// (weight, scales, zeros?, min, max, indices, [dtype?], out). Bits 8: any integers; less: packed
/// in uint8, for 4 bits the high half first, for 2 the low part first, shifted to be unsigned.
template <size_t Bits, size_t Out>
Status embedding(Call& call) {
  const Tensor &weight = call.tensor(0), &scales = call.tensor(1), &indices = call.tensor(5);
  const Tensor* zeros = call.optional_tensor(2);
  Tensor& out = call.tensor(Out);
  constexpr size_t kPerByte = 8 / Bits;
  const bool ranks_fit = weight.rank() == 2 && (scales.rank() == 1 || scales.rank() == 2) &&
                         scales.shape[0] == weight.shape[0] && indices.rank() < kMaxRank;
  const size_t packed = ranks_fit ? size_t(weight.shape[1]) : 0, dim = packed * kPerByte;
  const size_t groups = ranks_fit && scales.rank() == 2 ? size_t(scales.shape[1]) : 1;
  const bool types_fit = (Bits == 8 ? is_integer(weight.dtype) : weight.dtype == DType::kU8) &&
                         is_float(scales.dtype) && is_float(out.dtype) &&
                         (indices.dtype == DType::kS64 || indices.dtype == DType::kS32);
  if (!ranks_fit || !types_fit || groups == 0 || dim % groups != 0 ||
      (zeros && !(zeros->shape == scales.shape))) {
    return invalid("embeddings {} of {} with scales {}", to_string(weight.shape),
                   smelt::name(weight.dtype), to_string(scales.shape));
  }
  Shape shape = indices.shape;
  shape.push_back(int64_t(dim));
  SMELT_TRY(out.resize(shape));
  const size_t group_size = std::max<size_t>(dim / groups, 1);
  SMELT_ASSIGN(float* row, call.scratch().take<float>(dim));
  SMELT_ASSIGN(int64_t * stored, call.scratch().take<int64_t>(packed));
  for (size_t i = 0, n = indices.numel(); i < n; ++i) {
    SMELT_ASSIGN(const int64_t k,
                 checked_index(load_element<int64_t>(indices.dtype, indices.data, ptrdiff_t(i)),
                               weight.shape[0]));
    load_block(weight.dtype, weight.data + size_t(k) * packed * element_size(weight.dtype), 1,
               packed, Compute::kS64, stored);
    for (size_t j = 0; j < dim; ++j) {
      int64_t q = stored[j / kPerByte];
      if constexpr (Bits == 4) q = (j % 2 == 0 ? q >> 4 : q & 15) - 8;
      if constexpr (Bits == 2) q = (q >> (j % 4 * 2) & 3) - 2;
      const ptrdiff_t group = k * ptrdiff_t(groups) + ptrdiff_t(j / group_size);
      const float zero = zeros ? load_element<float>(zeros->dtype, zeros->data, group) : 0;
      row[j] = (float(q) - zero) * load_element<float>(scales.dtype, scales.data, group);
    }
    store_block(out.dtype, out.data + i * dim * element_size(out.dtype), 1, dim, Compute::kF32,
                row);
  }
  return {};
}

/// A row of weights, scales and zero points is read per index.
template <size_t Out>
uint64_t embedding_bytes(const DescribedArguments& args) {
  const Tensor& indices = args.tensor(5);
  uint64_t bytes = indices.bytes() + args.tensor(Out).bytes();
  for (const Tensor* t : {&args.tensor(0), &args.tensor(1), args.optional_tensor(2)}) {
    if (t != nullptr && t->rank() != 0 && t->shape[0] > 0)
      bytes += t->bytes() / size_t(t->shape[0]) * indices.numel();
  }
  return bytes;
}
template <size_t Bits, size_t Out>
constexpr Operator lookup(std::string_view name, std::string_view signature) {
  return with_bytes(embedding_bytes<Out>, {name, signature, embedding<Bits, Out>});
}

/// input [m, k] × dequantised weight: [k, n] (mixed_mm), or [n, k] transposed (mixed_linear).
/// Scales are per row of the weight, or per row and group of columns. Zero points have to be
/// absent, as in ExecuTorch.
template <bool Transposed, size_t Out>
Status mixed_product(Call& call) {
  const Tensor &input = call.tensor(0), &weight = call.tensor(1), &scales = call.tensor(2);
  Tensor& out = call.tensor(Out);
  if (call.has(3)) return fail(ErrorCode::kUnsupported, "zero points in a mixed product");
  const size_t inner = Transposed ? 1 : 0;
  const bool fits = input.rank() == 2 && weight.rank() == 2 && weight.dtype == DType::kS8 &&
                    (scales.rank() == 1 || scales.rank() == 2) && scales.numel() != 0 &&
                    scales.shape[0] == weight.shape[0] && input.shape[1] == weight.shape[inner] &&
                    is_float(input.dtype);
  if (!fits) {
    return invalid("{} × {} with scales {}", to_string(input.shape), to_string(weight.shape),
                   to_string(scales.shape));
  }
  const size_t m = size_t(input.shape[0]), k = size_t(input.shape[1]);
  const size_t n = size_t(weight.shape[1 - inner]), cols = size_t(weight.shape[1]);
  const size_t groups = scales.rank() == 2 ? size_t(scales.shape[1]) : 1;
  const size_t group_size = div_up(cols, groups);
  SMELT_TRY(out.resize(Shape{int64_t(m), int64_t(n)}));
  SMELT_ASSIGN(const float* x, elements<float>(call, input));
  SMELT_ASSIGN(const float* scale, elements<float>(call, scales));
  SMELT_ASSIGN(float* y, result_elements<float>(call, out));
  SMELT_ASSIGN(double* sums, call.scratch().take<double>(n));
  const int8_t* w = weight.as<int8_t>();
  for (size_t i = 0; i < m; ++i) {
    std::fill_n(sums, n, 0);
    for (size_t j = 0; j < n; ++j) {
      for (size_t p = 0; p < k; ++p) {
        const size_t row = Transposed ? j : p, col = Transposed ? p : j;
        sums[j] += double(x[i * k + p]) * w[row * cols + col] *
                   double(scale[row * groups + col / group_size]);
      }
    }
    for (size_t j = 0; j < n; ++j) y[i * n + j] = float(sums[j]);
  }
  store(out, y);
  return {};
}

uint64_t mixed_macs(const DescribedArguments& args) {
  return matrix_macs(args.tensor(0), args.tensor(1));
}

/// a + b, each quantised, the result too.
Status quantized_add(Call& call) {
  const Tensor &a = call.tensor(0), &b = call.tensor(5);
  Tensor& out = call.tensor(14);
  if (!(a.shape == b.shape)) return invalid("{} + {}", to_string(a.shape), to_string(b.shape));
  SMELT_TRY(out.resize(a.shape));
  const float a_scale = float(call.real(1)), b_scale = float(call.real(6));
  const float inverse = 1.0f / float(call.real(10));
  const int64_t a_zero = call.integer(2), b_zero = call.integer(7), zero = call.integer(11);
  const int64_t low = call.integer(12), high = call.integer(13);
  for (size_t i = 0, n = a.numel(); i < n; ++i) {
    const float x = float(load_element<int64_t>(a.dtype, a.data, ptrdiff_t(i)) - a_zero) * a_scale;
    const float y = float(load_element<int64_t>(b.dtype, b.data, ptrdiff_t(i)) - b_zero) * b_scale;
    const double q = double(std::nearbyint((x + y) * inverse)) + double(zero);
    store_element(out.dtype, out.data, ptrdiff_t(i),
                  q >= double(high) ? high
                  : q > double(low) ? int64_t(q)
                                    : low);
  }
  return {};
}

constexpr Operator kOperators[] = {
    in_category(Category::kElementwise,
                {"quantized_decomposed::add.out", "TDIIITDIIIDIIIW", quantized_add}),
    {"quantized_decomposed::choose_qparams.Tensor_out", "TIIDIWW", choose_qparams},
    {"quantized_decomposed::choose_qparams_per_token_asymmetric.out", "TIWW",
     choose_qparams_per_token},
    {"quantized_decomposed::dequantize_per_channel.out", "TTtIIIIiW", dequantize_per_channel},
    {"quantized_decomposed::dequantize_per_tensor.Tensor_out", "TTTIIIiW",
     dequantize_per_tensor_tensor},
    {"quantized_decomposed::dequantize_per_tensor.out", "TDIIIIiW", dequantize_per_tensor},
    {"quantized_decomposed::dequantize_per_token.out", "TTTIIIIW", dequantize_per_token},
    lookup<2, 7>("quantized_decomposed::embedding_2bit.dtype_out", "TTtIITiW"),
    lookup<2, 6>("quantized_decomposed::embedding_2bit.out", "TTtIITW"),
    lookup<4, 7>("quantized_decomposed::embedding_4bit.dtype_out", "TTtIITiW"),
    lookup<4, 6>("quantized_decomposed::embedding_4bit.out", "TTtIITW"),
    lookup<8, 7>("quantized_decomposed::embedding_byte.dtype_out", "TTtIITiW"),
    lookup<8, 6>("quantized_decomposed::embedding_byte.out", "TTtIITW"),
    multiplying(mixed_macs,
                {"quantized_decomposed::mixed_linear.out", "TTTtiW", mixed_product<true, 5>}),
    multiplying(mixed_macs,
                {"quantized_decomposed::mixed_mm.out", "TTTtW", mixed_product<false, 4>}),
    {"quantized_decomposed::quantize_per_channel.out", "TTTIIIIW", quantize_per_channel},
    {"quantized_decomposed::quantize_per_tensor.Tensor_out", "TTTIIIW", quantize_per_tensor_tensor},
    {"quantized_decomposed::quantize_per_tensor.out", "TDIIIIW", quantize_per_tensor},
    {"quantized_decomposed::quantize_per_token.out", "TTTIIIW", quantize_per_token},
};
constexpr auto kTable = of_category(Category::kDataMovement, kOperators);

}  // namespace

std::span<const Operator> quantize_operators() { return kTable; }

}  // namespace smelt::program
