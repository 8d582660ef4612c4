// Delegate payloads made field by field, right or wrong, independently of the code that reads them.
#pragma once

#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "xnnpack_generated.h"

namespace smelt::testing {

inline constexpr uint32_t kNone = 0xffffffff;

/// A value; its id is its place in the list unless `id` says otherwise.
struct ValueSpec {
  xnn::Datatype type = xnn::Datatype::fp32;
  std::vector<uint32_t> dims = {2, 4};
  uint32_t constant = 0;
  uint32_t external_id = kNone;
  uint32_t flags = 0;
  using Quant = std::function<flatbuffers::Offset<void>(flatbuffers::FlatBufferBuilder&)>;
  xnn::QuantParams quant_type = xnn::QuantParams::NONE;
  Quant quant = nullptr;
  std::optional<uint32_t> id = std::nullopt;
  std::optional<uint32_t> num_dims = std::nullopt;
  xnn::Datatype dq = xnn::Datatype::invalid;
};

inline ValueSpec input(uint32_t external_id, std::vector<uint32_t> dims = {2, 4}) {
  return {.dims = dims, .external_id = external_id, .flags = 1};
}
inline ValueSpec output(uint32_t external_id, std::vector<uint32_t> dims = {2, 4}) {
  return {.dims = dims, .external_id = external_id, .flags = 2};
}

inline ValueSpec per_tensor(ValueSpec v, xnn::Datatype type, float scale, int32_t zero) {
  v.type = type;
  v.quant_type = xnn::QuantParams::PerTensorQuant;
  v.quant = [=](auto& b) { return xnn::CreatePerTensorQuant(b, scale, zero).Union(); };
  return v;
}
inline ValueSpec per_token(ValueSpec v, int32_t nonbatch_dims = 1) {
  v.type = xnn::Datatype::qdint8;
  v.quant_type = xnn::QuantParams::PerTokenDynamicQuant;
  v.quant = [=](auto& b) { return xnn::CreatePerTokenDynamicQuant(b, nonbatch_dims).Union(); };
  return v;
}
struct ScaleSpec {
  std::vector<float> scale = {};
  uint32_t buffer = 0;
  uint32_t count = 0;
  std::vector<uint16_t> bf16 = {};
};
inline ValueSpec per_channel(ValueSpec v, xnn::Datatype type, int32_t channel_dim, ScaleSpec s) {
  v.type = type;
  v.quant_type = xnn::QuantParams::PerChannelQuant;
  v.quant = [=](auto& b) {
    return xnn::CreatePerChannelQuant(b, b.CreateVector(s.scale), channel_dim, s.buffer, s.count)
        .Union();
  };
  return v;
}
inline ValueSpec per_block(ValueSpec v, int32_t group, ScaleSpec s, int32_t channel_dim = 0) {
  v.type = xnn::Datatype::qbint4;
  v.quant_type = xnn::QuantParams::PerChannelGroupQuant;
  v.quant = [=](auto& b) {
    const auto scale = b.CreateVector(s.scale);
    const auto bf16 = b.CreateVector(s.bf16);
    return xnn::CreatePerChannelGroupQuant(b, scale, channel_dim, group, bf16, s.buffer, s.count)
        .Union();
  };
  return v;
}

struct NodeSpec {
  xnn::NodeUnion type;
  std::function<flatbuffers::Offset<void>(flatbuffers::FlatBufferBuilder&)> make;
  std::optional<std::pair<float, float>> range = std::nullopt;
  uint32_t debug_handle = 0;
};

inline NodeSpec node1x1(xnn::NodeUnion type, uint32_t in, uint32_t out, uint32_t flags = 0) {
  return {type, [=](auto& b) { return xnn::CreateNode1x1(b, in, out, flags).Union(); }};
}
inline NodeSpec node2x1(xnn::NodeUnion type, uint32_t a, uint32_t b_id, uint32_t out,
                        uint32_t flags = 0) {
  return {type, [=](auto& b) { return xnn::CreateNode2x1(b, a, b_id, out, flags).Union(); }};
}
inline NodeSpec fully_connected(uint32_t in, uint32_t filter, uint32_t bias, uint32_t out,
                                uint32_t flags = 0) {
  return {xnn::NodeUnion::FullyConnected, [=](auto& b) {
            return xnn::CreateFullyConnected(b, in, filter, bias, out, flags).Union();
          }};
}

/// A constant after the flatbuffer (its bytes), by name, or placed by hand.
struct ConstantSpec {
  std::vector<uint8_t> bytes = {};
  std::string key = {};
  std::optional<uint64_t> offset = std::nullopt, size = std::nullopt;
};

template <class T>
std::vector<uint8_t> bytes_of(const std::vector<T>& v) {
  const auto* p = reinterpret_cast<const uint8_t*>(v.data());
  return {p, p + v.size() * sizeof(T)};
}

struct GraphSpec {
  std::vector<ValueSpec> values;
  std::vector<NodeSpec> nodes;
  std::vector<ConstantSpec> constants;               ///< entry 0 is added
  std::vector<std::vector<uint8_t>> legacy_buffers;  ///< entry 0 is added; replaces constants
  uint32_t num_externs = 4;
  std::string identifier = "XN01";
  bool header = true;
  std::optional<uint16_t> header_length;
  std::optional<uint32_t> graph_offset, graph_size, data_offset;
  std::optional<uint64_t> data_size;

  std::vector<std::byte> build() const {
    flatbuffers::FlatBufferBuilder b;
    std::vector<flatbuffers::Offset<xnn::Value>> value_refs;
    for (uint32_t i = 0; i < values.size(); ++i) {
      const ValueSpec& v = values[i];
      const auto dims = b.CreateVector(v.dims);
      const auto tensor =
          xnn::CreateTensorValue(b, v.type, v.num_dims.value_or(uint32_t(v.dims.size())), dims,
                                 v.constant, v.external_id, v.flags, v.id.value_or(i), v.dq);
      if (v.quant == nullptr) {
        value_refs.push_back(xnn::CreateValue(b, xnn::ValueUnion::TensorValue, tensor.Union()));
        continue;
      }
      const auto quant = v.quant(b);
      const auto q = xnn::CreateQuantizedTensorValue(b, tensor, v.quant_type, quant);
      value_refs.push_back(xnn::CreateValue(b, xnn::ValueUnion::QuantizedTensorValue, q.Union()));
    }
    std::vector<flatbuffers::Offset<xnn::Node>> node_refs;
    for (const NodeSpec& n : nodes) {
      const auto node = n.make ? n.make(b) : 0;
      const auto range = n.range ? xnn::CreateOutputMinMax(b, n.range->first, n.range->second) : 0;
      node_refs.push_back(xnn::CreateNode(b, n.type, node, n.debug_handle, range));
    }
    std::vector<uint8_t> data;
    std::vector<flatbuffers::Offset<xnn::ConstantDataOffset>> constant_refs;
    if (legacy_buffers.empty()) constant_refs.push_back(xnn::CreateConstantDataOffset(b));
    for (const ConstantSpec& c : constants) {
      data.resize((data.size() + 15) / 16 * 16);
      const auto key = c.key.empty() ? 0 : b.CreateString(c.key);
      constant_refs.push_back(xnn::CreateConstantDataOffset(
          b, c.offset.value_or(c.key.empty() ? data.size() : ~uint64_t(0)),
          c.size.value_or(c.bytes.size()), key));
      data.insert(data.end(), c.bytes.begin(), c.bytes.end());
    }
    std::vector<flatbuffers::Offset<xnn::Buffer>> buffer_refs;
    if (!legacy_buffers.empty()) buffer_refs.push_back(xnn::CreateBuffer(b));
    for (const auto& bytes : legacy_buffers) {
      b.ForceVectorAlignment(bytes.size(), 1, 16);
      const auto storage = b.CreateVector(bytes);
      buffer_refs.push_back(xnn::CreateBuffer(b, storage));
    }
    const auto nodes_ref = b.CreateVector(node_refs);
    const auto values_ref = b.CreateVector(value_refs);
    const auto buffers_ref = b.CreateVector(buffer_refs);
    const auto constants_ref = b.CreateVector(constant_refs);
    b.Finish(xnn::CreateGraph(b, 0, nodes_ref, values_ref, num_externs, 0, 0, buffers_ref, 0,
                              constants_ref),
             identifier.c_str());
    const auto* fb = reinterpret_cast<const std::byte*>(b.GetBufferPointer());
    if (!header) return {fb, fb + b.GetSize()};
    std::vector<std::byte> file(32);
    file.insert(file.end(), fb, fb + b.GetSize());
    file.resize((file.size() + 15) / 16 * 16);
    const auto put = [&](size_t at, auto v) { std::memcpy(file.data() + at, &v, sizeof v); };
    std::memcpy(file.data() + 4, "XH00", 4);
    put(8, header_length.value_or(30));
    put(10, graph_offset.value_or(32));
    put(14, graph_size.value_or(b.GetSize()));
    put(18, data_offset.value_or(uint32_t(file.size())));
    put(22, data_size.value_or(data.size()));
    const auto* d = reinterpret_cast<const std::byte*>(data.data());
    file.insert(file.end(), d, d + data.size());
    return file;
  }
};

/// x [2, 4] -> FullyConnected with constant weights [3, 4] and bias -> Clamp -> y [2, 3].
inline GraphSpec sound_graph() {
  GraphSpec g;
  g.values = {input(0),
              {.dims = {3, 4}, .constant = 1},
              {.dims = {3}, .constant = 2},
              {.dims = {2, 3}},
              output(1, {2, 3})};
  g.constants = {{bytes_of(std::vector<float>(12, 0.5f))}, {bytes_of(std::vector<float>(3, 1))}};
  g.nodes = {fully_connected(0, 1, 2, 3), node1x1(xnn::NodeUnion::Clamp, 3, 4)};
  g.nodes[1].range = {0.f, 6.f};
  return g;
}

}  // namespace smelt::testing
