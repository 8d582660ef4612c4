// External data files and .npy files made field by field.
#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flat_tensor_generated.h"

namespace smelt::testing {

/// An external data file: two tensors that share a segment, and one datum without layout.
struct TensorFileSpec {
  struct Named {
    std::optional<std::string> key;
    uint32_t segment;
    bool layout = false;
    pte::ScalarType type = pte::ScalarType::Float;
    std::vector<int32_t> sizes = {2, 3};
    std::vector<uint8_t> dim_order = {0, 1};
  };
  struct Segment {
    uint64_t offset, size;
  };
  std::vector<Named> named = {{"b.weight", 0, true}, {"a.weight", 0, true}, {"scales", 1}};
  std::vector<Segment> segments = {{0, 24}, {32, 8}};
  std::vector<uint8_t> data = std::vector<uint8_t>(40, 3);
  std::string identifier = "FT01", magic = "FH01";
  uint32_t header_length = 40;
  std::optional<uint64_t> data_size = std::nullopt, index_size = std::nullopt;

  std::vector<std::byte> build() const {
    flatbuffers::FlatBufferBuilder b;
    std::vector<flatbuffers::Offset<ptd::NamedData>> named_refs;
    for (const Named& n : named) {
      const auto key = n.key ? b.CreateString(*n.key) : 0;
      flatbuffers::Offset<ptd::TensorLayout> layout;
      if (n.layout) {
        const auto sizes = b.CreateVector(n.sizes);
        const auto order = b.CreateVector(n.dim_order);
        layout = ptd::CreateTensorLayout(b, n.type, sizes, order);
      }
      named_refs.push_back(ptd::CreateNamedData(b, key, n.segment, layout));
    }
    std::vector<flatbuffers::Offset<ptd::DataSegment>> segment_refs;
    for (const Segment& s : segments) {
      segment_refs.push_back(ptd::CreateDataSegment(b, s.offset, s.size));
    }
    const auto segments_ref = b.CreateVector(segment_refs);
    const auto named_ref = b.CreateVector(named_refs);
    b.Finish(ptd::CreateFlatTensor(b, 0, segments_ref, named_ref), identifier.c_str());
    const auto* fb = reinterpret_cast<const std::byte*>(b.GetBufferPointer());
    std::vector<std::byte> file(fb, fb + b.GetSize());
    // The header goes between the identifier and the rest, which moves by a multiple of 16.
    constexpr size_t kHeader = 48;
    file.insert(file.begin() + 8, kHeader, std::byte(0));
    const auto put = [&](size_t at, auto v) { std::memcpy(file.data() + at, &v, sizeof v); };
    uint32_t root;
    std::memcpy(&root, file.data(), 4);
    put(0, uint32_t(root + kHeader));
    std::memcpy(file.data() + 8, magic.data(), 4);
    put(12, header_length);
    put(16, uint64_t(kHeader));
    put(24, index_size.value_or(b.GetSize()));
    const size_t base = (file.size() + 63) / 64 * 64;
    put(32, uint64_t(base));
    put(40, data_size.value_or(data.size()));
    file.resize(base);
    const auto* d = reinterpret_cast<const std::byte*>(data.data());
    file.insert(file.end(), d, d + data.size());
    return file;
  }
};

/// A .npy file with the given text as its header.
inline std::vector<std::byte> npy_file(std::string_view header, std::span<const std::byte> elements,
                                       uint8_t version = 1) {
  std::string file = "\x93NUMPY";
  file += char(version);
  file += '\0';
  const size_t length_bytes = version == 1 ? 2 : 4;
  for (size_t i = 0; i < length_bytes; ++i) file += char(header.size() >> (8 * i));
  file += header;
  const auto bytes = std::as_bytes(std::span(file));
  std::vector<std::byte> all(bytes.begin(), bytes.end());
  all.insert(all.end(), elements.begin(), elements.end());
  return all;
}

}  // namespace smelt::testing
