#include "format/xnnpack/values.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "base/checked.h"

namespace smelt {
namespace {

constexpr uint32_t kInputFlag = 1, kOutputFlag = 2;

/// What a data type is in our terms, and how its values are quantised.
struct TypeInfo {
  DType dtype;
  QuantGranularity quant;
};

std::optional<TypeInfo> type_info(xnn::Datatype type) {
  using D = xnn::Datatype;
  using Q = QuantGranularity;
  switch (type) {
    case D::fp32:
    case D::pfp32:
      return TypeInfo{DType::kF32, Q::kNone};  // "packed" is a layout that Smelt chooses itself
    case D::fp16:
      return TypeInfo{DType::kF16, Q::kNone};
    case D::bf16:
      return TypeInfo{DType::kBF16, Q::kNone};
    case D::int32:
      return TypeInfo{DType::kS32, Q::kNone};
    case D::qint8:
      return TypeInfo{DType::kS8, Q::kPerTensor};
    case D::quint8:
      return TypeInfo{DType::kU8, Q::kPerTensor};
    case D::qint32:
      return TypeInfo{DType::kS32, Q::kPerTensor};
    case D::qcint8:
      return TypeInfo{DType::kS8, Q::kPerChannel};
    case D::qcint32:
      return TypeInfo{DType::kS32, Q::kPerChannel};
    case D::qcint4:
      return TypeInfo{DType::kU4, Q::kPerChannel};
    case D::qbint4:
      return TypeInfo{DType::kU4, Q::kPerBlock};
    case D::qdint8:
    case D::qpint8:
      return TypeInfo{DType::kS8, Q::kPerToken};
    default:
      return std::nullopt;
  }
}

/// The parameters that a type's quantisation needs.
xnn::QuantParams params_of(QuantGranularity g) {
  switch (g) {
    case QuantGranularity::kNone:
      return xnn::QuantParams::NONE;
    case QuantGranularity::kPerTensor:
      return xnn::QuantParams::PerTensorQuant;
    case QuantGranularity::kPerChannel:
      return xnn::QuantParams::PerChannelQuant;
    case QuantGranularity::kPerBlock:
      return xnn::QuantParams::PerChannelGroupQuant;
    case QuantGranularity::kPerToken:
      return xnn::QuantParams::PerTokenDynamicQuant;
  }
  return xnn::QuantParams::NONE;
}

/// Subnormal scales are no scales: their reciprocals overflow.
bool is_scale(float s) { return std::isnormal(s) && s > 0; }

/// Files before bfloat16 scales: the factor makes the truncation round, as it did where the scales
/// came from.
BFloat16 legacy_block_scale(float f) {
  return BFloat16::from_bits(uint16_t(std::bit_cast<uint32_t>(f * 1.00389105f) >> 16));
}

}  // namespace

Status XnnpackValueReader::read() {
  const auto* list = source_.xvalues();
  if (list == nullptr) return root_.field("xvalues").invalid("is missing");
  SMELT_TRY(budget_.take(list, root_.field("xvalues")));
  for (uint32_t i = 0; i < list->size(); ++i) SMELT_TRY(value(i, root_.item("xvalues", i)));
  SMELT_TRY(check_scales());
  for (auto [externals, flag] : {std::pair(&inputs_, "input"), std::pair(&outputs_, "output")}) {
    std::ranges::sort(*externals, {}, &External::arg);
    const auto twice = std::ranges::adjacent_find(*externals, {}, &External::arg);
    if (twice != externals->end()) {
      return root_.field("xvalues").invalid("has two {} values with external_id {}", flag,
                                            twice->arg);
    }
  }
  return {};
}

Status XnnpackValueReader::value(uint32_t index, const FieldPath& path) {
  const xnn::Value& source = *source_.xvalues()->Get(index);
  const xnn::QuantizedTensorValue* quantized = source.xvalue_union_as_QuantizedTensorValue();
  const xnn::TensorValue* t =
      quantized != nullptr ? quantized->tensor_value() : source.xvalue_union_as_TensorValue();
  if (t == nullptr)
    return path.invalid("has no tensor value (type {})", int(source.xvalue_union_type()));

  GraphValue v;
  const std::optional<TypeInfo> type = type_info(t->datatype());
  if (!type) return path.field("datatype").invalid("is {}", int(t->datatype()));
  v.dtype = type->dtype;
  v.quant.granularity = type->quant;
  const xnn::QuantParams params =
      quantized == nullptr ? xnn::QuantParams::NONE : quantized->quant_params_type();
  if (params != params_of(type->quant)) {
    const auto known = [](xnn::QuantParams p) {
      return p == xnn::QuantParams::NONE ? "none" : xnn::EnumNameQuantParams(p);
    };
    return path.invalid("is {} with quantisation parameters {}; must be {}",
                        xnn::EnumNameDatatype(t->datatype()), known(params),
                        known(params_of(type->quant)));
  }

  if (t->num_dims() != length(t->dims())) {
    return path.field("num_dims")
        .invalid("is {}, but dims has {} entries", t->num_dims(), length(t->dims()));
  }
  if (t->num_dims() > kMaxRank)
    return path.field("num_dims").invalid("is {}; must be at most {}", t->num_dims(), kMaxRank);
  SMELT_TRY(budget_.take(t->dims(), path.field("dims")));
  for (uint32_t i = 0; i < t->num_dims(); ++i) v.shape.push_back(t->dims()->Get(i));
  if (!checked_numel(v.shape)) {
    return path.field("dims").invalid("is {}, more elements than can be addressed",
                                      to_string(v.shape));
  }

  if (quantized != nullptr) SMELT_TRY(quantise(*quantized, index, v, path));
  SMELT_TRY(constant(*t, v, path));
  if (t->dq_datatype() != xnn::Datatype::invalid) return legacy_dynamic(*t, std::move(v), path);

  const ValueId id = ValueId(graph_.values.size());
  SMELT_TRY(external(*t, v, id, path));
  if (t->id_out() == kXnnpackNoId || !by_id_.emplace(t->id_out(), id).second) {
    return path.field("id_out").invalid(
        "is {}, which {}", t->id_out(),
        t->id_out() == kXnnpackNoId ? "means no value" : "another value has");
  }
  graph_.values.push_back(std::move(v));
  return {};
}

Status XnnpackValueReader::quantise(const xnn::QuantizedTensorValue& q, uint32_t index,
                                    GraphValue& v, const FieldPath& path) {
  if (q.quant_params() == nullptr) return path.field("quant_params").invalid("is missing");
  // The type says what there is, whatever the field points at.
  if (q.quant_params_type() == xnn::QuantParams::NONE)
    return path.field("quant_params_type").invalid("is none, in a quantised tensor");
  const FieldPath params = path.field("quant_params");
  switch (v.quant.granularity) {
    case QuantGranularity::kPerTensor: {
      const xnn::PerTensorQuant& p = *q.quant_params_as_PerTensorQuant();
      if (!is_scale(p.scale())) {
        return params.field("scale").invalid("is {}; must be positive, finite and not subnormal",
                                             p.scale());
      }
      const auto [low, high] = v.dtype == DType::kS8   ? std::pair(-128, 127)
                               : v.dtype == DType::kU8 ? std::pair(0, 255)
                                                       : std::pair(0, 0);
      if (p.zero_point() < low || p.zero_point() > high) {
        return params.field("zero_point")
            .invalid("is {}; must be from {} to {}", p.zero_point(), low, high);
      }
      v.quant.scale = p.scale();
      v.quant.zero = p.zero_point();
      return {};
    }
    case QuantGranularity::kPerChannel:
      return per_channel(*q.quant_params_as_PerChannelQuant(), index, v, params);
    case QuantGranularity::kPerBlock:
      return per_block(*q.quant_params_as_PerChannelGroupQuant(), index, v, params);
    default: {
      const int32_t dims = q.quant_params_as_PerTokenDynamicQuant()->num_nonbatch_dims();
      if (dims < 1 || size_t(dims) > v.shape.rank()) {
        return params.field("num_nonbatch_dims")
            .invalid("is {}, in a tensor of {} dimensions", dims, v.shape.rank());
      }
      v.quant.nonbatch_dims = uint8_t(dims);
      return {};
    }
  }
}

Status XnnpackValueReader::per_channel(const xnn::PerChannelQuant& p, uint32_t index, GraphValue& v,
                                       const FieldPath& path) {
  if (p.channel_dim() < 0 || size_t(p.channel_dim()) >= v.shape.rank()) {
    return path.field("channel_dim")
        .invalid("is {}, in a tensor of {} dimensions", p.channel_dim(), v.shape.rank());
  }
  v.quant.axis = uint8_t(p.channel_dim());
  v.quant.zero = v.dtype == DType::kU4 ? 8 : 0;
  const size_t channels = size_t(v.shape[size_t(p.channel_dim())]);
  const std::byte* data = nullptr;
  if (p.scale_buffer_idx() != 0) {
    SMELT_TRY(
        scale_constant(p.scale_buffer_idx(), p.num_scales(), channels, sizeof(float), path, data));
  } else {
    if (length(p.scale()) != channels) {
      return path.field("scale").invalid("has {} entries for {} channels", length(p.scale()),
                                         channels);
    }
    SMELT_TRY(budget_.take(p.scale(), path.field("scale")));
    if (p.scale() != nullptr) data = reinterpret_cast<const std::byte*>(p.scale()->Data());
  }
  v.quant.channel_scale = {reinterpret_cast<const float*>(data), channels};
  scales_.push_back({data, channels, false, index});
  return {};
}

Status XnnpackValueReader::per_block(const xnn::PerChannelGroupQuant& p, uint32_t index,
                                     GraphValue& v, const FieldPath& path) {
  if (v.shape.rank() != 2)
    return path.invalid("belongs to a tensor of {} dimensions; must be 2", v.shape.rank());
  if (p.channel_dim() != 0)
    return path.field("channel_dim").invalid("is {}; must be 0", p.channel_dim());
  if (p.group_size() <= 0 || v.shape[1] % p.group_size() != 0) {
    return path.field("group_size")
        .invalid("is {}, which does not divide rows of {}", p.group_size(), v.shape[1]);
  }
  if (p.group_size() % 32 != 0)
    return path.field("group_size").unsupported("is {}; must be a multiple of 32", p.group_size());
  v.quant.block = uint32_t(p.group_size());
  v.quant.zero = 8;
  const size_t count = size_t(v.shape[0]) * size_t(v.shape[1] / p.group_size());
  const std::byte* data = nullptr;
  if (p.scale_buffer_idx() != 0) {
    SMELT_TRY(
        scale_constant(p.scale_buffer_idx(), p.num_scales(), count, sizeof(BFloat16), path, data));
  } else if (length(p.scale_bf16()) != 0) {
    if (p.scale_bf16()->size() != count) {
      return path.field("scale_bf16")
          .invalid("has {} entries for {} blocks", p.scale_bf16()->size(), count);
    }
    SMELT_TRY(budget_.take(p.scale_bf16(), path.field("scale_bf16")));
    data = reinterpret_cast<const std::byte*>(p.scale_bf16()->Data());
  } else {
    if (length(p.scale()) != count) {
      return path.field("scale").invalid("has {} entries for {} blocks", length(p.scale()), count);
    }
    SMELT_TRY(budget_.take(p.scale(), path.field("scale")));
    std::vector<std::byte>& storage = graph_.owned.emplace_back(count * sizeof(BFloat16));
    for (size_t i = 0; i < count; ++i) {
      const BFloat16 s = legacy_block_scale(p.scale()->Get(uint32_t(i)));
      std::memcpy(storage.data() + i * sizeof s, &s, sizeof s);
    }
    data = storage.data();
  }
  v.quant.block_scale = {reinterpret_cast<const BFloat16*>(data), count};
  scales_.push_back({data, count, true, index});
  return {};
}

Status XnnpackValueReader::scale_constant(uint32_t buffer, uint32_t num_scales, size_t expected,
                                          size_t element, const FieldPath& path,
                                          const std::byte*& data) {
  if (num_scales != expected)
    return path.field("num_scales").invalid("is {}; the tensor needs {}", num_scales, expected);
  const FieldPath index = path.field("scale_buffer_idx");
  SMELT_ASSIGN(const std::span<const std::byte> bytes, constants_.get(buffer, index));
  if (bytes.size() < expected * element) {
    return index.invalid("is {}: {} bytes for {} scales of {} bytes", buffer, bytes.size(),
                         expected, element);
  }
  if (!is_aligned(bytes.data(), element))
    return index.invalid("is {}: scales are not aligned to {} bytes", buffer, element);
  data = bytes.data();
  return {};
}

Status XnnpackValueReader::check_scales() {
  std::ranges::sort(scales_, [](const ScaleArray& a, const ScaleArray& b) {
    if (a.data != b.data) return std::less<>()(a.data, b.data);
    if (a.bf16 != b.bf16) return b.bf16;
    return a.count > b.count;
  });
  const ScaleArray* last = nullptr;
  for (const ScaleArray& s : scales_) {
    if (s.count == 0) continue;
    if (last != nullptr && std::less<>()(s.data, last->data + last->bytes())) {
      // Values may share their scales (the longest array comes first), but not overlap in any other
      // way.
      if (s.data == last->data && s.bf16 == last->bf16) continue;
      const FieldPath path = root_.item("xvalues", s.value);
      return path.field("quant_params")
          .invalid("has scales that overlap those of xvalues[{}]", last->value);
    }
    for (size_t i = 0; i < s.count; ++i) {
      float scale;
      if (s.bf16) {
        BFloat16 b;
        std::memcpy(&b, s.data + i * sizeof b, sizeof b);
        scale = float(b);
      } else {
        std::memcpy(&scale, s.data + i * sizeof scale, sizeof scale);
      }
      if (is_scale(scale)) continue;
      const FieldPath value = root_.item("xvalues", s.value), params = value.field("quant_params");
      return params.item("scale", i)
          .invalid("is {}; must be positive, finite and not subnormal", scale);
    }
    last = &s;
  }
  return {};
}

Status XnnpackValueReader::constant(const xnn::TensorValue& t, GraphValue& v,
                                    const FieldPath& path) {
  const QuantGranularity g = v.quant.granularity;
  if (t.constant_buffer_idx() == 0) {
    if (g != QuantGranularity::kPerChannel && g != QuantGranularity::kPerBlock) return {};
    return path.unsupported("is {} and computed while running; must be constant",
                            xnn::EnumNameDatatype(t.datatype()));
  }
  const FieldPath index = path.field("constant_buffer_idx");
  if (g == QuantGranularity::kPerToken)
    return index.invalid("is {}, in a value that is quantised while running",
                         t.constant_buffer_idx());
  SMELT_ASSIGN(const std::span<const std::byte> bytes,
               constants_.get(t.constant_buffer_idx(), index));
  const size_t needed = dense_bytes(v.dtype, v.shape);
  if (bytes.size() < needed) {
    return index.invalid("is {}: {} bytes, but {} {} needs {}", t.constant_buffer_idx(),
                         bytes.size(), name(v.dtype), to_string(v.shape), needed);
  }
  if (!is_aligned(bytes.data(), std::max<size_t>(bits(v.dtype) / 8, 1))) {
    return index.invalid("is {}: elements are not aligned to their {} bytes",
                         t.constant_buffer_idx(), bits(v.dtype) / 8);
  }
  // An empty span means "not constant", so empty constants need a place to point to.
  v.constant = bytes.data() != nullptr
                   ? bytes.first(needed)
                   : std::span<const std::byte>(graph_.owned.emplace_back(1)).first(0);
  return {};
}

Status XnnpackValueReader::external(const xnn::TensorValue& t, const GraphValue& v, ValueId id,
                                    const FieldPath& path) {
  if ((t.flags() & ~(kInputFlag | kOutputFlag)) != 0) {
    return path.field("flags").invalid("is {:#x}; only bits 0 and 1 have a meaning", t.flags());
  }
  if (t.flags() == 0) return {};
  if (t.external_id() >= source_.num_externs()) {
    return path.field("external_id")
        .invalid("is {}, but num_externs is {}", t.external_id(), source_.num_externs());
  }
  if (v.is_constant())
    return path.field("flags").invalid("is {:#x}, but the value is constant", t.flags());
  if (v.quant.granularity == QuantGranularity::kPerToken) {
    return path.field("flags").unsupported(
        "is {:#x}: rows that are quantised while running cannot leave the graph", t.flags());
  }
  // A value that is both enters as an argument and leaves as the same one: there is nothing to
  // compute.
  if ((t.flags() & kInputFlag) != 0) {
    inputs_.push_back({t.external_id(), id});
  } else {
    outputs_.push_back({t.external_id(), id});
  }
  return {};
}

Status XnnpackValueReader::legacy_dynamic(const xnn::TensorValue& t, GraphValue float_value,
                                          const FieldPath& path) {
  const FieldPath field = path.field("dq_datatype");
  if (t.dq_datatype() != xnn::Datatype::qint8)
    return field.unsupported("is {}; must be qint8", int(t.dq_datatype()));
  if (float_value.quant.granularity != QuantGranularity::kNone || float_value.shape.rank() == 0 ||
      (t.flags() & kInputFlag) == 0) {
    return field.invalid("is qint8, but the value is not a float input of the graph");
  }
  const ValueId input = ValueId(graph_.values.size()), quantised = input + 1;
  SMELT_TRY(external(t, float_value, input, path));
  if (t.id_out() == kXnnpackNoId || !by_id_.emplace(t.id_out(), quantised).second) {
    return path.field("id_out").invalid("is {}, which another value has", t.id_out());
  }
  GraphValue rows;
  rows.dtype = DType::kS8;
  rows.shape = float_value.shape;
  rows.quant.granularity = QuantGranularity::kPerToken;
  rows.quant.nonbatch_dims = 1;
  graph_.values.push_back(std::move(float_value));
  graph_.values.push_back(std::move(rows));
  Node convert{};
  convert.kind = OpKind::kConvert;
  convert.inputs = {input};
  convert.outputs = {quantised};
  graph_.nodes.push_back(std::move(convert));
  return {};
}

}  // namespace smelt
