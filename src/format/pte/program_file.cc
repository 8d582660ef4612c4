#include "format/pte/program_file.h"

#include <cstring>
#include <utility>
#include <vector>

#include "format/bundled/bundled_program.h"
#include "format/flatbuffer.h"
#include "format/pte/extended_header.h"
#include "format/pte/validate.h"
#include "format/recognise.h"

namespace smelt {

Result<ProgramFile> ProgramFile::open(const std::filesystem::path& path) {
  ProgramFile p;
  SMELT_ASSIGN(p.file_, MappedFile::open(path));
  p.bytes_ = p.file_.bytes();
  p.name_ = path.string();
  SMELT_TRY(p.unwrap());
  SMELT_TRY(p.read());
  return p;
}

Result<ProgramFile> ProgramFile::parse(std::span<const std::byte> bytes, std::string name) {
  if (!is_aligned(bytes.data(), kFlatbufferAlignment)) {
    return fail(ErrorCode::kInvalidArgument, "{}: the program's memory is not aligned to {} bytes",
                name, kFlatbufferAlignment);
  }
  ProgramFile p;
  p.bytes_ = bytes;
  p.name_ = std::move(name);
  SMELT_TRY(p.unwrap());
  SMELT_TRY(p.read());
  return p;
}

Status ProgramFile::unwrap() {
  if (!is_bundled(bytes_)) return {};
  SMELT_ASSIGN(bytes_, program_in_bundle(bytes_, name_));
  if (is_aligned(bytes_.data(), kFlatbufferAlignment)) return {};
  SMELT_ASSIGN(aligned_, AlignedBuffer::allocate(bytes_.size()));
  std::memcpy(aligned_.data(), bytes_.data(), bytes_.size());
  bytes_ = aligned_.bytes();
  return {};
}

Status ProgramFile::read() {
  const auto invalid = [&](std::string_view message) {
    return fail(ErrorCode::kInvalidFile, "{}: {}", name_, message);
  };
  std::string_view identifier;
  if (bytes_.size() >= ExtendedHeader::kOffset)
    identifier = {reinterpret_cast<const char*>(bytes_.data()) + 4, 4};
  if (identifier != pte::ProgramIdentifier()) {
    if (const std::string what = recognise(bytes_); !what.empty())
      return invalid(fmt::format("not an ExecuTorch program (.pte) but {}", what));
    if (identifier.empty())
      return invalid(fmt::format("{} bytes are too few for a program", bytes_.size()));
    return invalid(
        fmt::format("not an ExecuTorch program: the identifier at byte 4 is {:?}, expected \"{}\"",
                    identifier, pte::ProgramIdentifier()));
  }
  auto header = read_extended_header(bytes_);
  if (!header) return prefixed(std::move(header).error(), name_);
  const ExtendedHeader h = header->value_or(ExtendedHeader{.program_size = bytes_.size()});
  program_size_ = h.program_size;
  segment_base_ = h.segment_base;
  program_ = verified_root<pte::Program>(bytes_.first(h.program_size), pte::ProgramIdentifier());
  if (program_ == nullptr) {
    return invalid(
        fmt::format("the program of {} bytes is truncated or corrupt: not a well-formed flatbuffer",
                    h.program_size));
  }
  SMELT_TRY(validate_program(*program_, {.name = name_,
                                         .file = bytes_,
                                         .program_size = h.program_size,
                                         .segment_base = h.segment_base,
                                         .segment_data_size = h.segment_data_size}));
  std::vector<NamedDataMap::Entry> entries;
  entries.reserve(length(program_->named_data()));
  for (uint32_t i = 0; i < length(program_->named_data()); ++i) {
    const pte::NamedData& d = *program_->named_data()->Get(i);
    entries.push_back({view(d.key()), segment(d.segment_index())});
  }
  named_data_ = NamedDataMap(std::move(entries));
  return {};
}

Result<const pte::ExecutionPlan*> ProgramFile::find_plan(std::string_view method) const {
  std::string names;
  for (const pte::ExecutionPlan* plan : *program_->execution_plan()) {
    if (view(plan->name()) == method) return plan;
    if (!names.empty()) names += ", ";
    names += view(plan->name());
  }
  return fail(ErrorCode::kNotFound, "{}: no method \"{}\"; there are: {}", name_, method, names);
}

Status ProgramFile::check_supported(const pte::ExecutionPlan& plan) const {
  const FieldPath root(name_);
  const FieldPath method = root.field(view(plan.name()));
  for (uint32_t i = 0; i < length(plan.delegates()); ++i) {
    const std::string_view id = view(plan.delegates()->Get(i)->id());
    if (id != "XnnpackBackend") {
      const FieldPath path = method.item("delegates", i);
      return path.field("id").unsupported("is \"{}\"; Smelt runs XnnpackBackend", id);
    }
  }
  for (uint32_t i = 0; i < length(plan.non_const_buffer_device()); ++i) {
    if (plan.non_const_buffer_device()->Get(i)->device_type() != pte::DeviceType::Cpu) {
      return method.item("non_const_buffer_device", i).unsupported("is not on the CPU");
    }
  }
  for (uint32_t i = 0; i < plan.values()->size(); ++i) {
    const pte::Tensor* t = plan.values()->Get(i)->val_as_Tensor();
    if (t == nullptr) continue;
    const FieldPath path = method.item("values", i);
    if (!to_dtype(t->scalar_type())) {
      const std::string_view type = pte::EnumNameScalarType(t->scalar_type());
      return path.field("scalar_type")
          .unsupported("is {} ({})", int(t->scalar_type()), type.empty() ? "unknown" : type);
    }
    if (t->storage_offset() != 0)
      return path.field("storage_offset").unsupported("is {}; must be 0", t->storage_offset());
    if (t->layout() != 0)
      return path.field("layout").unsupported("is {}; must be 0, strided", t->layout());
    if (t->extra_tensor_info() != nullptr &&
        t->extra_tensor_info()->device_type() != pte::DeviceType::Cpu) {
      return path.field("extra_tensor_info")
          .unsupported("places the tensor on another device than the CPU");
    }
  }
  return {};
}

size_t ProgramFile::segment_count() const { return length(program_->segments()); }

std::span<const std::byte> ProgramFile::segment(size_t i) const {
  const pte::DataSegment& s = *program_->segments()->Get(flatbuffers::uoffset_t(i));
  return bytes_.subspan(segment_base_ + s.offset(), s.size());
}

std::span<const std::byte> ProgramFile::delegate_payload(const pte::BackendDelegate& d) const {
  const uint32_t index = d.processed()->index();
  if (d.processed()->location() == pte::DataLocation::Segment) return segment(index);
  const auto* data = program_->backend_delegate_data()->Get(index)->data();
  return {reinterpret_cast<const std::byte*>(data->Data()), data->size()};
}

TensorStorage ProgramFile::storage(const pte::Tensor& t) const {
  using Kind = TensorStorage::Kind;
  TensorStorage s;
  const bool external = is_external(t);
  if (t.allocation_info() != nullptr) {
    s.kind = Kind::kPlanned;
    s.memory_id = t.allocation_info()->memory_id();
    s.offset = planned_offset(*t.allocation_info());
  } else if (t.data_buffer_idx() != 0 || external) {
    s.kind = Kind::kConstant;
  }
  if (external) {
    s.external_name = view(t.extra_tensor_info()->fully_qualified_name());
    return s;
  }
  if (t.data_buffer_idx() == 0) return s;
  const size_t bytes = tensor_bytes(t);
  const auto at = [&](const pte::SubsegmentOffsets& list) {
    return segment(list.segment_index()).subspan(list.offsets()->Get(t.data_buffer_idx()), bytes);
  };
  if (s.kind == Kind::kPlanned) {
    const uint64_t which =
        t.extra_tensor_info() == nullptr ? 0 : t.extra_tensor_info()->mutable_data_segments_idx();
    s.bytes = at(*program_->mutable_data_segments()->Get(uint32_t(which)));
  } else if (has_constant_segment(*program_)) {
    s.bytes = at(*program_->constant_segment());
  } else if (bytes != 0) {
    const auto* data = program_->constant_buffer()->Get(t.data_buffer_idx())->storage();
    s.bytes = {reinterpret_cast<const std::byte*>(data->Data()), bytes};
  }
  return s;
}

Shape shape(const pte::Tensor& t) {
  Shape shape;
  for (int32_t extent : *t.sizes()) shape.push_back(extent);
  return shape;
}

std::string_view type_name(const pte::EValue& value) {
  return pte::EnumNameKernelTypes(value.val_type());
}

}  // namespace smelt
