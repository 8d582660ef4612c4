#include "format/ptd/external_data.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/checked.h"
#include "flat_tensor_generated.h"
#include "format/flatbuffer.h"
#include "format/pte/scalar_type.h"
#include "format/recognise.h"
#include "tensor/shape.h"

namespace smelt {
namespace {

/// At byte 8 of a file: "FH01", then little-endian u32 length of the header (40), u64 offset and
/// u64 size of the flatbuffer, u64 offset and u64 size of the segments.
struct Header {
  static constexpr size_t kOffset = 8;
  static constexpr uint32_t kLength = 40;
  uint64_t flatbuffer_offset, flatbuffer_size, segment_base, segment_data_size;
};

Result<Header> read_header(std::span<const std::byte> file) {
  constexpr size_t at = Header::kOffset;
  if (file.size() < at + Header::kLength) {
    return fail(ErrorCode::kInvalidFile, "{} bytes are too few for an external data file",
                file.size());
  }
  const std::string_view identifier(reinterpret_cast<const char*>(file.data()) + 4, 4);
  if (identifier != ptd::FlatTensorIdentifier()) {
    return fail(ErrorCode::kInvalidFile,
                "not an external data file: the identifier at byte 4 is {:?}, expected \"{}\"",
                identifier, ptd::FlatTensorIdentifier());
  }
  if (std::memcmp(file.data() + at, "FH01", 4) != 0) {
    return fail(ErrorCode::kInvalidFile, "no header \"FH01\" at byte {}", at);
  }
  const auto length = load<uint32_t>(file, at + 4);
  if (length < Header::kLength || !range_fits(at, length, file.size())) {
    return fail(ErrorCode::kInvalidFile,
                "length of the header is {}, in a file of {} bytes; must be at least {}", length,
                file.size(), Header::kLength);
  }
  const Header h{load<uint64_t>(file, at + 8), load<uint64_t>(file, at + 16),
                 load<uint64_t>(file, at + 24), load<uint64_t>(file, at + 32)};
  if (!range_fits(h.flatbuffer_offset, h.flatbuffer_size, file.size())) {
    return fail(ErrorCode::kInvalidFile,
                "truncated: {} bytes, but the header says that {} bytes of index start at byte {}",
                file.size(), h.flatbuffer_size, h.flatbuffer_offset);
  }
  if (!range_fits(h.segment_base, h.segment_data_size, file.size())) {
    return fail(
        ErrorCode::kInvalidFile,
        "truncated: {} bytes, but the header says that {} bytes of segments start at byte {}",
        file.size(), h.segment_data_size, h.segment_base);
  }
  return h;
}

/// Nothing if the type has no DType: such data can still be found by name.
Result<std::optional<ExternalTensor>> read_tensor(const ptd::NamedData& d,
                                                  std::span<const std::byte> segment,
                                                  ReadBudget& budget, const FieldPath& path) {
  const ptd::TensorLayout& layout = *d.tensor_layout();
  const FieldPath field = path.field("tensor_layout");
  const size_t rank = length(layout.sizes());
  if (rank > kMaxRank)
    return field.field("sizes").invalid("has {} dimensions; must be at most {}", rank, kMaxRank);
  if (length(layout.dim_order()) != rank) {
    return field.field("dim_order")
        .invalid("has {} entries for {} dimensions", length(layout.dim_order()), rank);
  }
  SMELT_TRY(budget.take(layout.sizes(), field.field("sizes")));
  ExternalTensor t{};
  t.key = view(d.key());
  uint32_t seen = 0;
  for (uint32_t i = 0; i < rank; ++i) {
    const int32_t extent = layout.sizes()->Get(i);
    if (extent < 0) return field.item("sizes", i).invalid("is {}; must be 0 or more", extent);
    t.shape.push_back(extent);
    const uint8_t dim = layout.dim_order()->Get(i);
    if (dim >= rank || (seen >> dim & 1) != 0) {
      return field.item("dim_order", i)
          .invalid("is {}: not a permutation of {} dimensions", dim, rank);
    }
    seen |= 1u << dim;
    t.dim_order.push_back(dim);
  }
  const std::optional<DType> dtype = to_dtype(layout.scalar_type());
  if (!dtype) return std::nullopt;
  t.dtype = *dtype;
  if (!checked_numel(t.shape))
    return field.field("sizes").invalid("is {}, more than can be addressed", to_string(t.shape));
  const size_t bytes = dense_bytes(t.dtype, t.shape);
  if (segment.size() < bytes) {
    return path.field("segment_index")
        .invalid("is {}: {} bytes, but {} {} needs {}", d.segment_index(), segment.size(),
                 name(t.dtype), to_string(t.shape), bytes);
  }
  t.bytes = segment.first(bytes);
  if (!is_aligned(t.bytes.data(), bits(t.dtype) / 8)) {
    return path.field("segment_index")
        .invalid("is {}: elements are not aligned to their {} bytes", d.segment_index(),
                 bits(t.dtype) / 8);
  }
  return t;
}

}  // namespace

Result<ExternalData> ExternalData::open(const std::filesystem::path& path) {
  ExternalData d;
  SMELT_ASSIGN(d.file_, MappedFile::open(path));
  d.name_ = path.string();
  SMELT_TRY(d.read(d.file_.bytes()));
  return d;
}

Result<ExternalData> ExternalData::parse(std::span<const std::byte> bytes, std::string name) {
  if (!is_aligned(bytes.data(), kFlatbufferAlignment)) {
    return fail(ErrorCode::kInvalidArgument, "{}: the file's memory is not aligned to {} bytes",
                name, kFlatbufferAlignment);
  }
  ExternalData d;
  d.name_ = std::move(name);
  SMELT_TRY(d.read(bytes));
  return d;
}

Status ExternalData::read(std::span<const std::byte> bytes) {
  const auto header = read_header(bytes);
  if (!header) {
    if (const std::string what = recognise(bytes); !what.empty() && !what.starts_with("external"))
      return fail(ErrorCode::kInvalidFile, "{}: not external data (.ptd) but {}", name_, what);
    return prefixed(header.error(), name_);
  }
  const FieldPath root(name_);
  // The header was inserted into the flatbuffer after its identifier: the flatbuffer begins where
  // the file does, and its offset in the header is the length of what was inserted.
  const std::span<const std::byte> index =
      bytes.first(header->flatbuffer_offset + header->flatbuffer_size);
  const auto* source = verified_root<ptd::FlatTensor>(index, ptd::FlatTensorIdentifier());
  if (source == nullptr) {
    return root.invalid(
        "the index of {} bytes is truncated, corrupt, or older than ExecuTorch 0.7: not a "
        "well-formed "
        "flatbuffer",
        index.size());
  }
  ReadBudget budget(index.size());
  SMELT_TRY(budget.take(source->segments(), root.field("segments")));
  for (uint32_t i = 0; i < length(source->segments()); ++i) {
    const ptd::DataSegment& s = *source->segments()->Get(i);
    if (!range_fits(s.offset(), s.size(), header->segment_data_size)) {
      return root.item("segments", i)
          .invalid("has {} bytes at offset {} of {}", s.size(), s.offset(),
                   header->segment_data_size);
    }
  }
  SMELT_TRY(budget.take(source->named_data(), root.field("named_data")));
  std::vector<NamedDataMap::Entry> entries;
  for (uint32_t i = 0; i < length(source->named_data()); ++i) {
    const ptd::NamedData& d = *source->named_data()->Get(i);
    const FieldPath path = root.item("named_data", i);
    if (d.key() == nullptr) return path.field("key").invalid("is missing");
    if (d.segment_index() >= length(source->segments())) {
      return path.field("segment_index")
          .invalid("is {}, but there are {} segments", d.segment_index(),
                   length(source->segments()));
    }
    const ptd::DataSegment& s = *source->segments()->Get(d.segment_index());
    const std::span<const std::byte> segment =
        bytes.subspan(header->segment_base + s.offset(), s.size());
    entries.push_back({view(d.key()), segment});
    if (d.tensor_layout() == nullptr) continue;
    SMELT_ASSIGN(std::optional<ExternalTensor> tensor, read_tensor(d, segment, budget, path));
    if (tensor) tensors_.push_back(*std::move(tensor));
  }
  named_data_ = NamedDataMap(std::move(entries));
  const auto twice =
      std::ranges::adjacent_find(named_data_.entries(), {}, &NamedDataMap::Entry::key);
  if (twice != named_data_.entries().end()) {
    return root.field("named_data").invalid("has the key \"{}\" twice", twice->key);
  }
  std::ranges::sort(tensors_, {}, &ExternalTensor::key);
  return {};
}

const ExternalTensor* ExternalData::find_tensor(std::string_view key) const {
  const auto it = std::ranges::lower_bound(tensors_, key, {}, &ExternalTensor::key);
  return it == tensors_.end() || it->key != key ? nullptr : &*it;
}

}  // namespace smelt
