// Normalisation: by the mean and variance of rows, groups, or what training has found.
#include <cmath>

#include "program/operators/statistics.h"

namespace smelt::program {
namespace {

struct Normalized {
  double mean, rstd;  ///< 1 / sqrt(variance + eps)
  double variance = 0;
};

/// The sum of f(x[i]), several side by side; in double, so that large means do not eat the
/// variance.
template <class C, class F>
double sum_of(const C* x, size_t n, F f) {
  double sum[8] = {};
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (size_t k = 0; k < 8; ++k) sum[k] += f(double(x[i + k]));
  }
  for (; i < n; ++i) sum[0] += f(double(x[i]));
  return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

template <class C>
Normalized moments(const C* x, size_t n, double eps) {
  const double mean = sum_of(x, n, [](double v) { return v; }) / double(n);
  const double squares = sum_of(x, n, [&](double v) { return (v - mean) * (v - mean); });
  return {mean, 1 / std::sqrt(squares / double(n) + eps), squares / double(n)};
}

/// Elements of an optional parameter of `n` elements, or null.
template <class C>
Result<const C*> parameter(Call& call, size_t arg, size_t n) {
  const Tensor* t = call.optional_tensor(arg);
  if (t == nullptr) return nullptr;
  if (t->numel() != n) {
    return invalid("a parameter of shape {} for {} elements", to_string(t->shape), n);
  }
  return elements<C>(call, *t);
}

Status check_float(const Tensor& t) {
  if (is_float(t.dtype)) return {};
  return invalid("normalisation of {}", smelt::name(t.dtype));
}

/// Images as planes of `hw` neighbours that are normalised alike: what vector kernels are for.
class Planes {
 public:
  Planes(const Call& call, const Tensor& input, const Tensor& out, size_t hw)
      : kernels_(call.vectors()),
        affine_(kernel_for(kernels_.affine, input.dtype)),
        input_(input),
        out_(out),
        hw_(hw),
        bytes_(hw * element_size(input.dtype)) {}

  /// Of `count` stretches of `length` planes, `step` planes apart.
  Normalized moments(size_t first, size_t length, size_t count, size_t step, double eps) const {
    const size_t n = length * hw_;
    const auto start = [&](size_t i) { return input_.data + (first + i * step) * bytes_; };
    double sum = 0;
    for (size_t i = 0; i < count; ++i) sum += row_sum(kernels_, input_.dtype, start(i), n);
    const double mean = sum / double(n * count);
    SquaredDeviations squares(kernels_, input_.dtype, mean);
    for (size_t i = 0; i < count; ++i) squares.add(start(i), n);
    const double variance = squares.get() / double(n * count);
    return {mean, 1 / std::sqrt(variance + eps), variance};
  }
  /// out = input * scale + shift.
  void map(size_t plane, float scale, float shift) const {
    affine_(input_.data + plane * bytes_, out_.data + plane * bytes_, hw_, scale, shift);
  }
  /// How many units of so many planes are worth a worker's while.
  size_t grain(size_t planes) const {
    return std::max<size_t>(1, 16384 / std::max<size_t>(1, planes * hw_));
  }

 private:
  const VectorKernels& kernels_;
  AffineFn affine_;
  const Tensor &input_, &out_;
  size_t hw_, bytes_;
};

/// Whether there are kernels for such planes, and their length is worth the calls.
bool planes_by_kernels(const Call& call, const Tensor& input, const Tensor& out, size_t hw) {
  constexpr size_t kShort = 8;
  return kernel_for(call.vectors().affine, input.dtype) && out.dtype == input.dtype &&
         hw >= kShort && input.numel() != 0;
}

/// (input, normalized_shape, weight?, bias?, eps, out, mean, rstd)
Status layer_norm(Call& call) {
  const Tensor& input = call.tensor(0);
  const auto normalized = call.ints(1);
  Tensor &out = call.tensor(5), &means = call.tensor(6), &rstds = call.tensor(7);
  SMELT_TRY(check_float(input));
  bool fits = !normalized.empty() && normalized.size() <= input.rank();
  const size_t lead = fits ? input.rank() - normalized.size() : 0;
  for (size_t i = 0; fits && i < normalized.size(); ++i) {
    fits = normalized[i] == input.shape[lead + i];
  }
  if (!fits)
    return invalid("{} normalised over its last {} dimensions", to_string(input.shape),
                   normalized.size());
  SMELT_TRY(out.resize(input.shape));
  Shape outer = input.shape;
  for (size_t i = lead; i < outer.rank(); ++i) outer[i] = 1;
  SMELT_TRY(means.resize(outer));
  SMELT_TRY(rstds.resize(outer));
  const size_t rows = outer.numel(), n = input.shape.numel(lead, input.rank());
  const Tensor *weight = call.optional_tensor(2), *bias = call.optional_tensor(3);
  const RowNormalizeFn normalize = kernel_for(call.vectors().row_normalize, input.dtype);
  const auto same_type = [&](const Tensor* t) {
    return t == nullptr || (t->dtype == input.dtype && t->numel() == n);
  };
  if (normalize != nullptr && out.dtype == input.dtype && same_type(weight) && same_type(bias)) {
    if (call.decided(call.vectors().name)) return {};
    const RowMomentsFn find = kernel_for(call.vectors().row_moments, input.dtype);
    const size_t bytes = n * element_size(input.dtype);
    const double eps = call.real(4);
    const auto range = [&](size_t begin, size_t end, unsigned) {
      for (size_t r = begin; r < end; ++r) {
        const Moments m = find(input.data + r * bytes, n);
        const float rstd = float(1 / std::sqrt(double(m.variance) + eps));
        normalize(input.data + r * bytes, out.data + r * bytes, n, m.mean, rstd,
                  weight ? weight->data : nullptr, bias ? bias->data : nullptr);
        put_element(means, r, m.mean);
        put_element(rstds, r, rstd);
      }
    };
    call.pool().parallel_for(rows, std::max<size_t>(1, 8192 / std::max<size_t>(n, 1)), range);
    return {};
  }
  if (call.decided({})) return {};
  return with_float(input.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, input));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    SMELT_ASSIGN(const C* weight, parameter<C>(call, 2, n));
    SMELT_ASSIGN(const C* bias, parameter<C>(call, 3, n));
    for (size_t r = 0; r < rows; ++r) {
      const Normalized m = moments(x + r * n, n, call.real(4));
      const C mean = C(m.mean), rstd = C(m.rstd);
      for (size_t i = 0; i < n; ++i) {
        const C z = (x[r * n + i] - mean) * rstd;
        y[r * n + i] = z * (weight ? weight[i] : C(1)) + (bias ? bias[i] : C(0));
      }
      put_element(means, r, mean);
      put_element(rstds, r, rstd);
    }
    store(out, y);
    return {};
  });
}

/// (input, weight?, bias?, N, C, HxW, groups, eps, out, mean, rstd)
Status group_norm(Call& call) {
  const Tensor& input = call.tensor(0);
  const int64_t batch = call.integer(3), channels = call.integer(4), size = call.integer(5);
  const int64_t groups = call.integer(6);
  Tensor &out = call.tensor(8), &means = call.tensor(9), &rstds = call.tensor(10);
  SMELT_TRY(check_float(input));
  if (input.rank() < 2 || input.shape[0] != batch || input.shape[1] != channels ||
      int64_t(input.shape.numel(2, input.rank())) != size || groups <= 0 ||
      channels % groups != 0) {
    return invalid("{} normalised in {} groups of {} channels", to_string(input.shape), groups,
                   channels);
  }
  SMELT_TRY(out.resize(input.shape));
  SMELT_TRY(means.resize(Shape{batch, groups}));
  SMELT_TRY(rstds.resize(Shape{batch, groups}));
  const size_t per_group = size_t(channels / groups), hw = size_t(size), n = per_group * hw;
  if (planes_by_kernels(call, input, out, hw)) {
    SMELT_ASSIGN(const float* weight, parameter<float>(call, 1, size_t(channels)));
    SMELT_ASSIGN(const float* bias, parameter<float>(call, 2, size_t(channels)));
    const Planes planes(call, input, out, hw);
    const double eps = call.real(7);
    const auto range = [&](size_t begin, size_t end, unsigned) {
      for (size_t r = begin; r < end; ++r) {
        const Normalized m = planes.moments(r * per_group, per_group, 1, 1, eps);
        for (size_t c = 0; c < per_group; ++c) {
          const size_t channel = r % size_t(groups) * per_group + c;
          const float scale = float(m.rstd) * (weight ? weight[channel] : 1);
          const float shift = (bias ? bias[channel] : 0) - scale * float(m.mean);
          planes.map(r * per_group + c, scale, shift);
        }
        put_element(means, r, m.mean);
        put_element(rstds, r, m.rstd);
      }
    };
    call.pool().parallel_for(size_t(batch * groups), planes.grain(per_group), range);
    return {};
  }
  return with_float(input.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, input));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    SMELT_ASSIGN(const C* weight, parameter<C>(call, 1, size_t(channels)));
    SMELT_ASSIGN(const C* bias, parameter<C>(call, 2, size_t(channels)));
    for (size_t r = 0; r < size_t(batch * groups); ++r) {
      const Normalized m = moments(x + r * n, n, call.real(7));
      for (size_t c = 0; c < per_group; ++c) {
        const size_t channel = r % size_t(groups) * per_group + c;
        const C scale = C(m.rstd) * (weight ? weight[channel] : C(1));
        const C shift = (bias ? bias[channel] : C(0)) - scale * C(m.mean);
        const size_t at = r * n + c * hw;
        for (size_t i = 0; i < hw; ++i) y[at + i] = x[at + i] * scale + shift;
      }
      put_element(means, r, m.mean);
      put_element(rstds, r, m.rstd);
    }
    store(out, y);
    return {};
  });
}

/// Where the arguments of a batch norm are; 0: it does not have them.
struct BatchNorm {
  size_t running_mean, running_var, eps, out;
  bool training = false;  ///< takes the statistics of this batch, and moves the running ones there
};

/// Moves element c of a running statistic towards a new value.
void move(Tensor& running, size_t c, double to, double momentum) {
  const double from = load_element<double>(running.dtype, running.data, ptrdiff_t(c));
  store_element(running.dtype, running.data, ptrdiff_t(c), (1 - momentum) * from + momentum * to);
}

template <BatchNorm Args>
Status batch_norm(Call& call) {
  const Tensor& input = call.tensor(0);
  Tensor &out = call.tensor(Args.out), &means = call.tensor(Args.out + 1);
  Tensor& rstds = call.tensor(Args.out + 2);
  SMELT_TRY(check_float(input));
  if (input.rank() < 2) return invalid("{} has no channels", to_string(input.shape));
  const size_t batch = size_t(input.shape[0]), channels = size_t(input.shape[1]);
  const size_t hw = input.shape.numel(2, input.rank());
  constexpr bool kRunning = Args.running_mean != 0 && !Args.training;
  SMELT_TRY(out.resize(input.shape));
  // With running statistics there are none of this batch to give.
  const Shape saved{kRunning ? 0 : int64_t(channels)};
  SMELT_TRY(means.resize(saved));
  SMELT_TRY(rstds.resize(saved));
  const double eps = call.real(Args.eps);
  if (!Args.training && planes_by_kernels(call, input, out, hw)) {
    SMELT_ASSIGN(const float* weight, parameter<float>(call, 1, channels));
    SMELT_ASSIGN(const float* bias, parameter<float>(call, 2, channels));
    const float *running_mean = nullptr, *running_var = nullptr;
    if constexpr (kRunning) {
      SMELT_ASSIGN(running_mean, parameter<float>(call, Args.running_mean, channels));
      SMELT_ASSIGN(running_var, parameter<float>(call, Args.running_var, channels));
    }
    const Planes planes(call, input, out, hw);
    const auto range = [&](size_t begin, size_t end, unsigned) {
      for (size_t c = begin; c < end; ++c) {
        Normalized m;
        if constexpr (kRunning) {
          m = {double(running_mean[c]), 1 / std::sqrt(double(running_var[c]) + eps)};
        } else {
          m = planes.moments(c, 1, batch, channels, eps);
          put_element(means, c, m.mean);
          put_element(rstds, c, m.rstd);
        }
        const float scale = float(m.rstd * (weight ? double(weight[c]) : 1));
        const float shift = float((bias ? double(bias[c]) : 0) - double(scale) * m.mean);
        for (size_t n = 0; n < batch; ++n) planes.map(n * channels + c, scale, shift);
      }
    };
    call.pool().parallel_for(channels, planes.grain(batch), range);
    return {};
  }
  return with_float(input.dtype, [&]<class C>(C) -> Status {
    SMELT_ASSIGN(const C* x, elements<C>(call, input));
    SMELT_ASSIGN(C * y, result_elements<C>(call, out));
    SMELT_ASSIGN(const C* weight, parameter<C>(call, 1, channels));
    SMELT_ASSIGN(const C* bias, parameter<C>(call, 2, channels));
    const C *running_mean = nullptr, *running_var = nullptr;
    if constexpr (kRunning) {
      SMELT_ASSIGN(running_mean, parameter<C>(call, Args.running_mean, channels));
      SMELT_ASSIGN(running_var, parameter<C>(call, Args.running_var, channels));
    }
    SMELT_ASSIGN(C * gathered, call.scratch().take<C>(kRunning ? 0 : batch * hw));
    for (size_t c = 0; c < channels; ++c) {
      Normalized m;
      if constexpr (kRunning) {
        m = {double(running_mean[c]), 1 / std::sqrt(double(running_var[c]) + eps)};
      } else {
        for (size_t n = 0; n < batch; ++n) {
          std::copy_n(x + (n * channels + c) * hw, hw, gathered + n * hw);
        }
        m = moments(gathered, batch * hw, eps);
        put_element(means, c, m.mean);
        put_element(rstds, c, m.rstd);
        if constexpr (Args.training) {
          const double n = double(batch * hw);
          move(call.tensor(Args.running_mean), c, m.mean, call.real(Args.eps - 1));
          move(call.tensor(Args.running_var), c, m.variance * n / (n - 1), call.real(Args.eps - 1));
        }
      }
      const C scale = C(m.rstd * (weight ? double(weight[c]) : 1));
      const C shift = C((bias ? double(bias[c]) : 0) - double(scale) * m.mean);
      for (size_t n = 0; n < batch; ++n) {
        const size_t at = (n * channels + c) * hw;
        for (size_t i = 0; i < hw; ++i) y[at + i] = x[at + i] * scale + shift;
      }
    }
    store(out, y);
    return {};
  });
}

Status with_running_statistics(Call& call) {
  if (!call.boolean(5)) return batch_norm<BatchNorm{3, 4, 7, 8}>(call);
  const Tensor &input = call.tensor(0), &mean = call.tensor(3), &variance = call.tensor(4);
  const Shape channels{input.rank() < 2 ? 0 : input.shape[1]};
  if (!(mean.shape == channels) || !(variance.shape == channels)) {
    return invalid("running statistics of shapes {} and {} for {}", to_string(mean.shape),
                   to_string(variance.shape), to_string(input.shape));
  }
  return batch_norm<BatchNorm{3, 4, 7, 8, true}>(call);
}

Status without_statistics(Call& call) {
  if (!call.boolean(3)) return invalid("batch norm without statistics outside training");
  return batch_norm<BatchNorm{0, 0, 5, 6}>(call);
}

constexpr Operator kOperators[] = {
    {"aten::_native_batch_norm_legit.no_stats_out", "TttBDDWWW", without_statistics},
    {"aten::_native_batch_norm_legit.out", "TttUUBDDWWW", with_running_statistics},
    {"aten::_native_batch_norm_legit_no_training.out", "TttTTDDWWW",
     batch_norm<BatchNorm{3, 4, 6, 7}>},
    {"aten::native_group_norm.out", "TttIIIIDWWW", group_norm},
    choosing({"aten::native_layer_norm.out", "TLttDWWW", layer_norm}),
};
constexpr auto kTable = of_category(Category::kElementwise, kOperators);

}  // namespace

std::span<const Operator> norm_operators() { return kTable; }

}  // namespace smelt::program
