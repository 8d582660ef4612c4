// Tensors out of numbers.
#include <cmath>
#include <cstring>
#include <numbers>

#include "program/operators/common.h"

namespace smelt::program {
namespace {

EValue number_value(double v) {
  EValue e;
  e.set(v);
  return e;
}

Status full(Call& call) {
  SMELT_ASSIGN(const Shape shape, to_shape(call.ints(0)));
  SMELT_TRY(call.tensor(2).resize(shape));
  fill(call.tensor(2), call.scalar(1));
  return {};
}

Status full_like(Call& call) {
  SMELT_TRY(call.tensor(3).resize(call.tensor(0).shape));
  fill(call.tensor(3), call.scalar(1));
  return {};
}

template <int Value>
Status constant(Call& call) {
  SMELT_ASSIGN(const Shape shape, to_shape(call.ints(0)));
  SMELT_TRY(call.tensor(1).resize(shape));
  fill(call.tensor(1), number_value(Value));
  return {};
}

/// The contents are nobody's business; zeros make runs repeatable.
Status empty(Call& call) {
  SMELT_ASSIGN(const Shape shape, to_shape(call.ints(0)));
  Tensor& out = call.tensor(2);
  SMELT_TRY(out.resize(shape));
  if (out.bytes() != 0) std::memset(out.data, 0, out.bytes());
  return {};
}

Status scalar_tensor(Call& call) {
  SMELT_TRY(call.tensor(1).resize(Shape()));
  fill(call.tensor(1), call.scalar(0));
  return {};
}

Status fill_scalar(Call& call) {
  SMELT_TRY(call.tensor(2).resize(call.tensor(0).shape));
  fill(call.tensor(2), call.scalar(1));
  return {};
}

Status fill_tensor(Call& call) {
  const Tensor& value = call.tensor(1);
  if (value.numel() != 1) return invalid("a value of shape {}", to_string(value.shape));
  SMELT_TRY(call.tensor(2).resize(call.tensor(0).shape));
  EValue number;
  if (is_float(value.dtype)) {
    number.set(load_element<double>(value.dtype, value.data));
  } else {
    number.set(load_element<int64_t>(value.dtype, value.data));
  }
  fill(call.tensor(2), number);
  return {};
}

template <class C>
Status arange_of(Tensor& out, C start, C end, C step) {
  if (step == 0 || (step > 0 ? end < start : end > start)) {
    return invalid("a range from {} to {} in steps of {}", start, end, step);
  }
  const double count = std::ceil((double(end) - double(start)) / double(step));
  if (!(count >= 0 && count < 0x1p62)) {
    return invalid("a range from {} to {} in steps of {}", start, end, step);
  }
  SMELT_TRY(out.resize(Shape{int64_t(count)}));
  for (size_t i = 0, n = out.numel(); i < n; ++i) {
    store_element(out.dtype, out.data, ptrdiff_t(i), add(start, mul(C(int64_t(i)), step)));
  }
  return {};
}

Status arange(Tensor& out, const EValue* start, const EValue& end, const EValue* step) {
  const bool real = end.kind == Kind::kDouble || (start && start->kind == Kind::kDouble) ||
                    (step && step->kind == Kind::kDouble);
  if (real) {
    return arange_of<double>(out, start ? start->to_double() : 0, end.to_double(),
                             step ? step->to_double() : 1);
  }
  return arange_of<int64_t>(out, start ? start->to_int() : 0, end.to_int(),
                            step ? step->to_int() : 1);
}

Status arange_end(Call& call) { return arange(call.tensor(1), nullptr, call.scalar(0), nullptr); }
Status arange_start(Call& call) {
  return arange(call.tensor(3), &call.scalar(0), call.scalar(1), &call.scalar(2));
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and good enough for noise. A method that is
/// loaded again gives the same numbers again.
class Random : public OperatorState {
 public:
  static Random& of(Call& call) {
    if (call.state() == nullptr) call.state() = std::make_unique<Random>();
    return static_cast<Random&>(*call.state());
  }
  /// In [0, 1).
  double uniform() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return double((z ^ (z >> 31)) >> 11) * 0x1p-53;
  }
  double normal() {
    // Box and Muller; 1 - u keeps the logarithm finite.
    return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  uint64_t state_ = 0;
};

template <double (Random::*Next)()>
Status random(Call& call) {
  SMELT_ASSIGN(const Shape shape, to_shape(call.ints(0)));
  Tensor& out = call.tensor(1);
  if (!is_float(out.dtype)) return invalid("random numbers of type {}", smelt::name(out.dtype));
  SMELT_TRY(out.resize(shape));
  Random& source = Random::of(call);
  for (size_t i = 0, n = out.numel(); i < n; ++i) {
    store_element(out.dtype, out.data, ptrdiff_t(i), (source.*Next)());
  }
  return {};
}

/// Without randomness at inference, dropout passes its input on; training is asked for explicitly.
Status native_dropout(Call& call) {
  const Tensor& self = call.tensor(0);
  const double p = call.real(1);
  Tensor &out = call.tensor(3), &mask = call.tensor(4);
  if (!(p >= 0 && p <= 1)) return invalid("a probability of {}", p);
  if (mask.dtype != DType::kBool) return invalid("a mask of {}", smelt::name(mask.dtype));
  SMELT_TRY(out.resize(self.shape));
  SMELT_TRY(mask.resize(self.shape));
  const bool train = call.boolean_or(2, true) && p != 0;
  Random& source = Random::of(call);
  const double scale = p == 1 ? 0 : 1 / (1 - p);
  for (size_t i = 0, n = self.numel(); i < n; ++i) {
    const bool keep = !train || source.uniform() >= p;
    const double x = load_element<double>(self.dtype, self.data, ptrdiff_t(i));
    mask.as<uint8_t>()[i] = keep;
    store_element(out.dtype, out.data, ptrdiff_t(i), !train ? x : keep ? x * scale : 0);
  }
  return {};
}

constexpr Operator kOperators[] = {
    {"aten::arange.out", "SW", arange_end},
    {"aten::arange.start_out", "SSSW", arange_start},
    moving({"aten::empty.out", "LiW", empty, true}),
    {"aten::fill.Scalar_out", "TSW", fill_scalar, true},
    {"aten::fill.Tensor_out", "TTW", fill_tensor, true},
    {"aten::full.out", "LSW", full, true},
    {"aten::full_like.out", "TSiW", full_like, true},
    in_category(Category::kElementwise, {"aten::native_dropout.out", "TDbWW", native_dropout}),
    {"aten::ones.out", "LW", constant<1>, true},
    {"aten::rand.out", "LW", random<&Random::uniform>},
    {"aten::randn.out", "LW", random<&Random::normal>},
    {"aten::scalar_tensor.out", "SW", scalar_tensor, true},
    {"aten::zeros.out", "LW", constant<0>, true},
    moving({"dim_order_ops::_empty_dim_order.out", "LlW", empty, true}),
};
constexpr auto kTable = of_category(Category::kDataMovement, kOperators);

}  // namespace

std::span<const Operator> creation_operators() { return kTable; }

}  // namespace smelt::program
