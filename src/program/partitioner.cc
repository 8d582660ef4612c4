#include "program/partitioner.h"

#include <algorithm>
#include <optional>

#include "base/status.h"
#include "program/traffic.h"

namespace smelt::program {
namespace {

/// What a call would have to be, if it is not: "takes aten::add only …".
using Limit = std::optional<std::string>;

Limit none(const Arguments&) { return {}; }

Limit only_if(bool holds, std::string_view text) {
  if (holds) return {};
  return std::string(text);
}

bool is_static(const Tensor& t) { return t.dynamism == Dynamism::kStatic; }

template <size_t Index>
Limit constant_weights(const Arguments& args) {
  return only_if(args.tensor(Index).constant, "with constant weights; these are computed");
}

Limit convolution(const Arguments& args) {
  const Tensor& weight = args.tensor(1);
  if (weight.rank() > 4)
    return fmt::format("over one or two dimensions, here {}", weight.rank() - 2);
  if (Limit limit = constant_weights<1>(args)) return limit;
  const auto extra = args.ints(7);
  const bool padded = args.boolean(6) && std::ranges::any_of(extra, [](int64_t e) { return e; });
  return only_if(!padded, "without output padding (v1.0)");
}

template <size_t Index>
Limit factor_of_one(const Arguments& args) {
  return only_if(args.real(Index) == 1, fmt::format("with alpha 1, here {}", args.real(Index)));
}

Limit several(const Arguments& args) {
  return only_if(args.list_size(0) > 1, "of two tensors or more");
}

Limit slice(const Arguments& args) {
  if (args.integer(4) != 1) return fmt::format("with step 1, here {}", args.integer(4));
  return only_if(is_static(args.tensor(0)) && is_static(args.tensor(5)), "of static shapes");
}

Limit max_pool(const Arguments& args) {
  const auto kernel = args.ints(1), stride = args.ints(2);
  for (size_t i = 0; i < std::min(kernel.size(), stride.size()); ++i) {
    if (stride[i] > kernel[i])
      return fmt::format("with strides up to the kernel, here {} over {}", stride[i], kernel[i]);
  }
  if (args.boolean(5) && !is_static(args.tensor(0)))
    return "without ceil_mode where the shape is dynamic";
  return {};
}

Limit avg_pool(const Arguments& args) {
  if (args.boolean(4)) return "without ceil_mode";
  int64_t area = 1;
  for (const int64_t k : args.ints(1)) area *= k;
  if (args.has(6) && args.integer(6) != area)
    return fmt::format("with the window's area as divisor, here {} for {}", args.integer(6), area);
  const bool padded = std::ranges::any_of(args.ints(3), [](int64_t p) { return p != 0; });
  return only_if(!(padded && args.boolean(5)), "without counting the padding");
}

Limit mean(const Arguments& args) {
  const auto rank = int64_t(args.tensor(0).rank());
  const auto dims = args.ints(1);
  const auto has = [&](int64_t d) {
    return std::ranges::any_of(dims, [&](int64_t v) { return (v < 0 ? v + rank : v) == d; });
  };
  return only_if(rank == 4 && dims.size() == 2 && has(2) && has(3) && args.boolean(2),
                 "over the last two of four dimensions, which are kept");
}

Limit last_dimension(const Arguments& args) {
  const auto rank = int64_t(args.tensor(0).rank());
  const int64_t dim = args.integer(1);
  return only_if((dim < 0 ? dim + rank : dim) == rank - 1, "over the last dimension");
}

Limit no_cropping(const Arguments& args) {
  return only_if(std::ranges::none_of(args.ints(1), [](int64_t p) { return p < 0; }),
                 "with padding of at least 0");
}

Limit square(const Arguments& args) {
  return only_if(args.real(1) == 2, fmt::format("with exponent 2, here {}", args.real(1)));
}

template <size_t Out>
Limit same_type(const Arguments& args) {
  return only_if(
      args.tensor(0).dtype == args.tensor(Out).dtype,
      fmt::format("without a change of type, here {} to {}", smelt::name(args.tensor(0).dtype),
                  smelt::name(args.tensor(Out).dtype)));
}

Limit static_size(const Arguments& args) {
  return only_if(is_static(args.tensor(0)) && is_static(args.tensor(4)), "of static shapes");
}

Limit four_dimensions(const Arguments& args) {
  return only_if(args.tensor(0).rank() == 4, "of four dimensions, whose indices nobody reads");
}

Limit foldable(const Arguments&) {
  return "right behind a convolution or linear layer that it can be folded into";
}

Limit around(const Arguments&) { return "around an operator that it takes"; }

Limit since_v1_1(const Arguments&) { return "in versions after v1.0"; }

struct Taken {
  std::string_view name;
  Limit (*limit)(const Arguments&) = none;
  bool floats = true;  ///< that is what its operands have to be
};

constexpr Taken kTaken[] = {
    {"aten::_native_batch_norm_legit_no_training.out", foldable},
    {"aten::_softmax.out", last_dimension},
    {"aten::abs.out"},
    {"aten::add.out", factor_of_one<2>},
    {"aten::addmm.out", constant_weights<2>},
    {"aten::avg_pool2d.out", avg_pool},
    {"aten::bmm.out"},
    {"aten::cat.out", several},
    {"aten::ceil.out"},
    {"aten::clamp.out"},
    {"aten::clone.out", since_v1_1},
    {"aten::constant_pad_nd.out", no_cropping},
    {"aten::convolution.out", convolution},
    {"aten::cos.out", since_v1_1},
    {"aten::div.out"},
    {"aten::exp.out"},
    {"aten::floor.out"},
    {"aten::gelu.out"},
    {"aten::hardtanh.out"},
    {"aten::leaky_relu.out"},
    {"aten::linear.out", constant_weights<1>},
    {"aten::log.out"},
    {"aten::max.dim_max", four_dimensions},
    {"aten::max_pool2d_with_indices.out", max_pool},
    {"aten::maximum.out"},
    {"aten::mean.out", mean},
    {"aten::minimum.out"},
    {"aten::mm.out", constant_weights<1>},
    {"aten::mul.out"},
    {"aten::neg.out"},
    {"aten::permute_copy.out"},
    {"aten::pow.Tensor_Scalar_out", square},
    {"aten::relu.out"},
    {"aten::rsqrt.out"},
    {"aten::sigmoid.out"},
    {"aten::sin.out", since_v1_1},
    {"aten::slice_copy.Tensor_out", slice},
    {"aten::sqrt.out"},
    {"aten::sub.out", factor_of_one<2>},
    {"aten::tanh.out"},
    {"aten::unsqueeze_copy.out", since_v1_1},
    {"aten::upsample_bilinear2d.vec_out", static_size},
    {"aten::view_copy.out", since_v1_1},
    {"dim_order_ops::_clone_dim_order.out", since_v1_1},
    {"dim_order_ops::_to_dim_order_copy.out", same_type<3>},
    {"quantized_decomposed::choose_qparams.Tensor_out", around, false},
    {"quantized_decomposed::choose_qparams_per_token_asymmetric.out", around, false},
    {"quantized_decomposed::dequantize_per_channel.out", around, false},
    {"quantized_decomposed::dequantize_per_tensor.Tensor_out", around, false},
    {"quantized_decomposed::dequantize_per_tensor.out", around, false},
    {"quantized_decomposed::dequantize_per_token.out", around, false},
    {"quantized_decomposed::quantize_per_channel.out", around, false},
    {"quantized_decomposed::quantize_per_tensor.Tensor_out", around, false},
    {"quantized_decomposed::quantize_per_tensor.out", around, false},
    {"quantized_decomposed::quantize_per_token.out", around, false},
};

/// The operands' types, where one speaks against delegation.
Limit type_limit(const Operator& op, const Arguments& args) {
  Limit limit;
  std::optional<DType> first;
  for_each_tensor(op, args.all(), [&](const Tensor& t, ArgumentUse use) {
    if (!use.read || limit) return;
    if (t.dtype != DType::kF32 && t.dtype != DType::kF16) {
      limit = fmt::format("of float32 and float16{}, here {}",
                          t.dtype == DType::kBF16 ? ", and of bfloat16 if asked to" : "",
                          smelt::name(t.dtype));
    } else if (first.value_or(t.dtype) != t.dtype) {
      limit = fmt::format("of operands of one type, here {} and {}", smelt::name(*first),
                          smelt::name(t.dtype));
    } else if (t.numel() == 0 && is_static(t)) {
      limit = "of tensors that are not empty";
    }
    first = t.dtype;
  });
  return limit;
}

}  // namespace

Partition partition(const Operator& op, const Arguments& args) {
  const std::string_view name = op.name.substr(0, op.name.find('.'));
  const auto taken = std::ranges::find(kTaken, op.name, &Taken::name);
  if (taken == std::end(kTaken))
    return {Delegable::kNever, fmt::format("XNNPACK's partitioner takes no {}", op.name)};
  Limit limit = taken->floats ? type_limit(op, args) : Limit();
  if (!limit) limit = taken->limit(args);
  if (limit)
    return {Delegable::kNotAsItIs,
            fmt::format("XNNPACK's partitioner takes {} only {}", name, *limit)};
  return {Delegable::kYes,
          fmt::format("nothing in the file says why: XNNPACK's partitioner takes such {}", name)};
}

}  // namespace smelt::program
