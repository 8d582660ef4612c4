#include "author/graph_builder.h"

#include <utility>

namespace smelt {

ValueId GraphBuilder::value(DType dtype, const Shape& shape, Quant quant) {
  graph_.values.push_back({dtype, shape, quant, {}});
  return ValueId(graph_.values.size() - 1);
}

ValueId GraphBuilder::input(DType dtype, const Shape& shape) {
  const ValueId id = value(dtype, shape);
  graph_.inputs.push_back(id);
  return id;
}

ValueId GraphBuilder::constant(DType dtype, const Shape& shape, std::span<const std::byte> bytes,
                               Quant quant) {
  const ValueId id = value(dtype, shape, quant);
  graph_.values[id].constant = own(bytes);
  return id;
}

Quant GraphBuilder::per_tensor(AffineInt8 affine) {
  Quant q;
  q.granularity = QuantGranularity::kPerTensor;
  q.scale = affine.scale;
  q.zero = affine.zero;
  return q;
}

Quant GraphBuilder::per_channel(std::span<const float> scales, uint8_t axis, int32_t zero) {
  Quant q;
  q.granularity = QuantGranularity::kPerChannel;
  q.axis = axis;
  q.zero = zero;
  q.channel_scale = {reinterpret_cast<const float*>(own(std::as_bytes(scales)).data()),
                     scales.size()};
  return q;
}

Quant GraphBuilder::per_block(std::span<const BFloat16> scales, uint32_t block) {
  Quant q;
  q.granularity = QuantGranularity::kPerBlock;
  q.block = block;
  q.zero = 8;
  q.block_scale = {reinterpret_cast<const BFloat16*>(own(std::as_bytes(scales)).data()),
                   scales.size()};
  return q;
}

Quant GraphBuilder::per_token(uint8_t nonbatch_dims) {
  Quant q;
  q.granularity = QuantGranularity::kPerToken;
  q.nonbatch_dims = nonbatch_dims;
  return q;
}

void GraphBuilder::node(OpKind kind, std::vector<ValueId> inputs, std::vector<ValueId> outputs,
                        Attrs attrs, OutputRange range) {
  const auto handle = uint32_t(graph_.nodes.size() + 1);  // 0 would read as "none"
  graph_.nodes.push_back(
      {kind, std::move(attrs), range, std::move(inputs), std::move(outputs), handle});
}

std::span<const std::byte> GraphBuilder::own(std::span<const std::byte> bytes) {
  return graph_.owned.emplace_back(bytes.begin(), bytes.end());
}

}  // namespace smelt
