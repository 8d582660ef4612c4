#include "expected.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include <gtest/gtest.h>

namespace smelt {
namespace {

constexpr double kEpsilonF32 = 0x1p-24, kEpsilonF16 = 0x1p-11;
constexpr double kSmallestF16 = 0x1p-24;  // half of it is a subnormal's rounding error
// Multiplying by the reciprocal of a scale, or by a product of scales rounded to f32, moves a
// quotient by a few units in the last place before it is rounded to an integer.
constexpr double kHalfStep = 0.5 + 1e-3;

template <class T>
T element(std::span<const std::byte> bytes, size_t i) {
  T v;
  std::memcpy(&v, bytes.data() + i * sizeof v, sizeof v);
  return v;
}

double stored(const GraphValue& v, size_t i) {
  switch (v.dtype) {
    case DType::kF32:
      return element<float>(v.constant, i);
    case DType::kF16:
      return float(element<Half>(v.constant, i));
    case DType::kS8:
      return element<int8_t>(v.constant, i);
    case DType::kS32:
      return element<int32_t>(v.constant, i);
    case DType::kU4: {
      const auto columns = size_t(v.shape.back());
      const size_t row_bytes = (columns + 1) / 2, row = i / columns, column = i % columns;
      const auto byte = unsigned(v.constant[row * row_bytes + column / 2]);
      return column % 2 == 0 ? byte & 15 : byte >> 4;
    }
    default:
      ADD_FAILURE() << "constants of type " << name(v.dtype);
      return 0;
  }
}

double scale_of(const GraphValue& v, size_t i) {
  switch (v.quant.granularity) {
    case QuantGranularity::kNone:
    case QuantGranularity::kPerToken:
      return 1;
    case QuantGranularity::kPerTensor:
      return v.quant.scale;
    case QuantGranularity::kPerChannel: {
      const size_t inner = v.shape.numel(v.quant.axis + size_t(1), v.shape.rank());
      return v.quant.channel_scale[i / inner % size_t(v.shape[v.quant.axis])];
    }
    case QuantGranularity::kPerBlock:
      return float(v.quant.block_scale[i / v.quant.block]);
  }
  return 1;
}

bool is_calibrated(const GraphValue& v) {
  return v.quant.granularity == QuantGranularity::kPerTensor;
}

class Evaluator {
 public:
  explicit Evaluator(const Graph& graph) : graph_(graph), values_(graph.values.size()) {}

  void set(ValueId id, std::vector<double> value) {
    values_[id].error.assign(value.size(), 0.0);
    values_[id].value = std::move(value);
  }
  const Expected& get(ValueId id) const { return values_[id]; }

  void run(const Node& n) {
    switch (n.kind) {
      case OpKind::kConvert:
        return convert(n);
      case OpKind::kTranspose:
        return transpose(n);
      case OpKind::kFullyConnected:
        return fully_connected(n);
      case OpKind::kConv2d:
      case OpKind::kDepthwiseConv2d:
        return convolution(n);
      case OpKind::kBatchMatMul:
        return matmul(n);
      default:
        ADD_FAILURE() << "no definition of " << name(n.kind);
    }
  }

 private:
  const GraphValue& type(ValueId id) const { return graph_.values[id]; }

  void convert(const Node& n) {
    const Expected& in = values_[n.inputs[0]];
    const GraphValue& to = type(n.outputs[0]);
    Expected out = in;
    if (to.quant.granularity == QuantGranularity::kPerToken) {
      const size_t columns =
          to.shape.numel(to.shape.rank() - to.quant.nonbatch_dims, to.shape.rank());
      for (size_t row = 0; row < out.value.size(); row += columns) {
        const auto begin = in.value.begin() + ptrdiff_t(row), end = begin + ptrdiff_t(columns);
        const double high = std::max(0.0, *std::max_element(begin, end));
        const double low = std::min(0.0, *std::min_element(begin, end));
        const double step = (high - low) / 255;
        const auto on_code = [&](double x) {
          return std::fabs(x / step - std::nearbyint(x / step)) < 1e-3;
        };
        // Values that lie on codes stay what they are, but for the rounding of the scale to f32.
        const bool exact = std::all_of(begin, end, on_code);
        for (size_t i = row; i < row + columns; ++i) {
          out.error[i] = exact ? 4 * kEpsilonF32 * std::fabs(out.value[i]) : step * (1 + 1e-3);
        }
      }
    } else {
      for (size_t i = 0; i < out.value.size(); ++i) to_output(to, out, i);
    }
    values_[n.outputs[0]] = std::move(out);
  }

  void transpose(const Node& n) {
    const Shape& perm = std::get<TransposeAttrs>(n.attrs).perm;
    const Shape& to = type(n.outputs[0]).shape;
    const Shape& from = type(n.inputs[0]).shape;
    const Expected& in = values_[n.inputs[0]];
    Expected out = in;
    for (size_t i = 0; i < out.value.size(); ++i) {
      size_t rest = i, at = 0;
      for (size_t d = to.rank(); d-- > 0;) {
        const auto axis = size_t(perm[d]);
        at += rest % size_t(to[d]) * from.numel(axis + 1, from.rank());
        rest /= size_t(to[d]);
      }
      out.value[i] = in.value[at];
      out.error[i] = in.error[at];
    }
    values_[n.outputs[0]] = std::move(out);
  }

  /// One output element: products are added, then it is finished.
  struct Sum {
    double value = 0, error = 0, magnitude = 0;
    size_t terms = 0;
    void add(double x, double x_error, double w) {
      value += x * w;
      error += x_error * std::fabs(w);
      magnitude += std::fabs(x * w);
      ++terms;
    }
  };

  /// Adds the bias, and says how far the sum may be off. Integers add exactly; floats are rounded
  /// once for each product and each addition, and by the multiplications with scales.
  void finish(const Node& n, Expected& out, size_t i, Sum sum, double bias, bool exact) {
    sum.value += bias;
    sum.magnitude += std::fabs(bias);
    out.value[i] = sum.value;
    out.error[i] = sum.error + (exact ? 0 : double(sum.terms + 8) * kEpsilonF32 * sum.magnitude);
    out.value[i] = std::clamp(out.value[i], double(n.range.min), double(n.range.max));
    to_output(type(n.outputs[0]), out, i);
  }

  /// The rounding to the type in which a value is kept.
  static void to_output(const GraphValue& to, Expected& out, size_t i) {
    if (is_calibrated(to)) {
      const double step = to.quant.scale;
      // A value that lies on a code is that code: tests choose inputs so, and products that follow
      // are then exact.
      const double code = out.value[i] / step + to.quant.zero;
      const bool on_code = out.error[i] == 0 && std::fabs(code - std::nearbyint(code)) < 1e-3;
      if (on_code) {
        out.value[i] = (std::clamp(std::nearbyint(code), -128.0, 127.0) - to.quant.zero) * step;
        return;
      }
      out.value[i] = (std::clamp(code, -128.0, 127.0) - to.quant.zero) * step;
      out.error[i] += kHalfStep * step;
    } else if (to.dtype == DType::kF16) {
      out.error[i] += kEpsilonF16 * std::fabs(out.value[i]) + kSmallestF16;
    } else {
      out.error[i] += kEpsilonF32 * std::fabs(out.value[i]);
    }
  }

  std::vector<double> bias_of(const Node& n, size_t channels) const {
    const ValueId id = n.inputs[2];
    return id == kNoValue ? std::vector<double>(channels, 0.0) : real_values(type(id));
  }

  void fully_connected(const Node& n) {
    const Expected& x = values_[n.inputs[0]];
    const std::vector<double> w = real_values(type(n.inputs[1]));
    const Shape& filter = type(n.inputs[1]).shape;
    const auto columns = size_t(filter[0]), k = size_t(filter[1]);
    const std::vector<double> bias = bias_of(n, columns);
    Expected out;
    out.value.resize(x.value.size() / k * columns);
    out.error.resize(out.value.size());
    for (size_t i = 0; i < out.value.size(); ++i) {
      const size_t row = i / columns, column = i % columns;
      Sum sum;
      for (size_t j = 0; j < k; ++j) {
        sum.add(x.value[row * k + j], x.error[row * k + j], w[column * k + j]);
      }
      finish(n, out, i, sum, bias[column], is_calibrated(type(n.inputs[0])));
    }
    values_[n.outputs[0]] = std::move(out);
  }

  void convolution(const Node& n) {
    const auto& a = std::get<ConvAttrs>(n.attrs);
    const bool depthwise = n.kind == OpKind::kDepthwiseConv2d;
    const Expected& x = values_[n.inputs[0]];
    const Shape& in = type(n.inputs[0]).shape;  // NHWC
    const Shape& to = type(n.outputs[0]).shape;
    const std::vector<double> w = real_values(type(n.inputs[1]));
    const auto channels = size_t(to[3]);
    const std::vector<double> bias = bias_of(n, channels);
    Expected out;
    out.value.resize(to.numel());
    out.error.resize(to.numel());
    for (size_t i = 0; i < out.value.size(); ++i) {
      const size_t c = i % channels, ox = i / channels % size_t(to[2]);
      const size_t oy = i / channels / size_t(to[2]) % size_t(to[1]);
      const size_t image = i / channels / size_t(to[2]) / size_t(to[1]);
      Sum sum;
      for (size_t ky = 0; ky < a.kernel_h; ++ky) {
        for (size_t kx = 0; kx < a.kernel_w; ++kx) {
          const int64_t y = int64_t(oy * a.stride_h + ky * a.dilation_h) - a.pad_top;
          const int64_t xx = int64_t(ox * a.stride_w + kx * a.dilation_w) - a.pad_left;
          if (y < 0 || y >= in[1] || xx < 0 || xx >= in[2]) continue;
          for (size_t d = 0; d < a.in_per_group; ++d) {
            const size_t channel = c / a.out_per_group * a.in_per_group + d;
            const size_t at =
                ((image * size_t(in[1]) + size_t(y)) * size_t(in[2]) + size_t(xx)) * size_t(in[3]) +
                channel;
            const size_t tap = ky * a.kernel_w + kx;
            const size_t weight = depthwise
                                      ? tap * channels + c
                                      : (c * a.kernel_h * a.kernel_w + tap) * a.in_per_group + d;
            sum.add(x.value[at], x.error[at], w[weight]);
          }
        }
      }
      finish(n, out, i, sum, bias[c], is_calibrated(type(n.inputs[0])));
    }
    values_[n.outputs[0]] = std::move(out);
  }

  void matmul(const Node& n) {
    const Expected& a = values_[n.inputs[0]];
    const Expected& b = values_[n.inputs[1]];
    const Shape& lhs = type(n.inputs[0]).shape;
    const Shape& to = type(n.outputs[0]).shape;
    const auto rows = size_t(to[1]), columns = size_t(to[2]), k = size_t(lhs[2]);
    Expected out;
    out.value.resize(to.numel());
    out.error.resize(to.numel());
    for (size_t i = 0; i < out.value.size(); ++i) {
      const size_t column = i % columns, row = i / columns, matrix = row / rows;
      Sum sum;
      for (size_t j = 0; j < k; ++j) {
        sum.add(a.value[row * k + j], 0, b.value[(matrix * k + j) * columns + column]);
      }
      finish(n, out, i, sum, 0, false);
    }
    values_[n.outputs[0]] = std::move(out);
  }

  const Graph& graph_;
  std::vector<Expected> values_;
};

}  // namespace

std::vector<double> real_values(const GraphValue& v) {
  std::vector<double> out(v.shape.numel());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = (stored(v, i) - v.quant.zero) * scale_of(v, i);
  }
  return out;
}

std::vector<Expected> expected_outputs(const Graph& graph,
                                       const std::vector<std::vector<double>>& inputs) {
  Evaluator evaluator(graph);
  for (size_t i = 0; i < inputs.size(); ++i) evaluator.set(graph.inputs[i], inputs[i]);
  for (const Node& n : graph.nodes) evaluator.run(n);
  std::vector<Expected> out;
  for (const ValueId id : graph.outputs) out.push_back(evaluator.get(id));
  return out;
}

}  // namespace smelt
