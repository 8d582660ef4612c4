#include "program/value_table.h"

#include <algorithm>
#include <cstring>

namespace smelt::program {
namespace {

Dynamism dynamism_of(const pte::Tensor& t) {
  switch (t.shape_dynamism()) {
    case pte::TensorShapeDynamism::DynamicBound:
      return Dynamism::kBounded;
    case pte::TensorShapeDynamism::DynamicUnbound:
      return Dynamism::kUnbounded;
    default:
      return Dynamism::kStatic;
  }
}

Result<AlignedBuffer> zeros(size_t bytes, bool dynamic) {
  return dynamic ? AlignedBuffer::allocate_sparse(bytes)
                 : AlignedBuffer::allocate(bytes, /*zero=*/true);
}

template <class Items>
size_t count(const Items* items) {
  return items == nullptr ? 0 : items->size();
}

}  // namespace

std::optional<std::span<const std::byte>> ProgramSource::find_data(std::string_view key) const {
  if (auto found = file.named_data().find(key)) return found;
  for (const ExternalData& e : external) {
    if (auto found = e.named_data().find(key)) return found;
  }
  return std::nullopt;
}

Result<TensorStorage> ProgramSource::storage(const pte::Tensor& from, size_t value) const {
  TensorStorage storage = file.storage(from);
  if (storage.external_name.empty()) return storage;
  const auto found = find_data(storage.external_name);
  if (!found) {
    return fail(ErrorCode::kNotFound,
                "{}: values[{}]: its data \"{}\" are in none of the {} external files", file.name(),
                value, storage.external_name, external.size());
  }
  const size_t bytes = shape(from).numel() * element_size(*to_dtype(from.scalar_type()));
  if (found->size() != bytes) {
    return fail(ErrorCode::kInvalidFile,
                "{}: values[{}]: external data \"{}\" have {} bytes, the tensor {}", file.name(),
                value, storage.external_name, found->size(), bytes);
  }
  storage.bytes = *found;
  return storage;
}

void Tensor::declare(const pte::Tensor& from) {
  dtype = *to_dtype(from.scalar_type());
  dynamism = dynamism_of(from);
  shape = bound = smelt::shape(from);
  set_row_major();
  if (from.dim_order() != nullptr && from.dim_order()->size() == rank()) {
    DimOrder order = dim_order;
    for (size_t d = 0; d < rank(); ++d) {
      order[d] = from.dim_order()->Get(flatbuffers::uoffset_t(d));
    }
    // Where extents are always one, exporters write whichever order they come by.
    if (!lies_in(order)) {
      dim_order = order;
      row_major = false;
      set_strides();
    }
  }
}

Result<Tensor*> ValueTable::build_tensor(const ProgramSource& source, const pte::Tensor& from,
                                         size_t index, bool unowned) {
  Tensor& t = tensors_.emplace_back();
  t.declare(from);
  t.capacity = t.bytes();

  SMELT_ASSIGN(const TensorStorage storage, source.storage(from, index));
  switch (storage.kind) {
    case TensorStorage::Kind::kConstant: {
      t.dynamism = Dynamism::kStatic;
      t.constant = true;
      constant[index] = true;
      constant_bytes += t.bytes();
      // Operators take constants as inputs only (Method::load checks that), so they stay where they
      // are.
      t.data = const_cast<std::byte*>(storage.bytes.data());
      if (reinterpret_cast<uintptr_t>(t.data) % element_size(t.dtype) != 0) {
        SMELT_ASSIGN(AlignedBuffer aligned, AlignedBuffer::allocate(t.bytes()));
        std::memcpy(aligned.data(), storage.bytes.data(), t.bytes());
        t.data = aligned.data();
        unplanned_.push_back(std::move(aligned));
      }
      return &t;
    }
    case TensorStorage::Kind::kPlanned:
      planned[index] = true;
      t.data = arena_at_[storage.memory_id] + storage.offset;
      if (t.dynamism == Dynamism::kUnbounded) t.dynamism = Dynamism::kBounded;
      break;
    case TensorStorage::Kind::kUnplanned:
      if (unowned) {
        t.data = unset_.data();
      } else {
        SMELT_ASSIGN(AlignedBuffer buffer, zeros(t.bytes(), t.dynamism != Dynamism::kStatic));
        t.data = buffer.data();
        unplanned_.push_back(std::move(buffer));
      }
      break;
  }
  // What is shared has its first value already, or a later one.
  const bool shared = shared_ != nullptr && storage.kind == TensorStorage::Kind::kPlanned &&
                      storage.memory_id == SharedState::kMemoryId;
  if (!storage.bytes.empty() && !shared) initial_.push_back({t.data, storage.bytes});
  return &t;
}

Result<ValueTable> ValueTable::build(const ProgramSource& source, const pte::ExecutionPlan& plan,
                                     const std::vector<bool>& unowned) {
  ValueTable table;
  const auto& values = *plan.values();
  const size_t n = values.size();
  table.values.resize(n);
  table.constant.resize(n);
  table.planned.resize(n);

  // Arenas are as long as what is placed in them: the sizes that the file states are its own
  // business.
  std::vector<size_t> arena_bytes(count(plan.non_const_buffer_sizes()));
  std::vector<bool> dynamic(arena_bytes.size());  // has shapes that may be smaller than planned
  size_t unset_bytes = 0;
  for (size_t i = 0; i < n; ++i) {
    const pte::Tensor* t = values[flatbuffers::uoffset_t(i)]->val_as_Tensor();
    if (t == nullptr) continue;
    const TensorStorage s = source.file.storage(*t);
    const size_t bytes = shape(*t).numel() * element_size(*to_dtype(t->scalar_type()));
    if (s.kind == TensorStorage::Kind::kPlanned) {
      size_t& end = arena_bytes[s.memory_id];
      end = std::max(end, size_t(s.offset) + bytes);
      if (dynamism_of(*t) != Dynamism::kStatic) dynamic[s.memory_id] = true;
    } else if (s.kind == TensorStorage::Kind::kUnplanned && unowned[i]) {
      unset_bytes = std::max(unset_bytes, bytes);
    }
  }
  for (size_t i = 1; i < arena_bytes.size(); ++i) {
    table.planned_bytes +=
        size_t(std::max<int64_t>(plan.non_const_buffer_sizes()->Get(flatbuffers::uoffset_t(i)), 0));
  }
  for (size_t id = 0; id < arena_bytes.size(); ++id) {
    std::span<std::byte> memory;
    if (id == SharedState::kMemoryId && arena_bytes[id] != 0) {
      SMELT_ASSIGN(memory, source.state->memory(source));
      table.shared_bytes = memory.size();
      if (!memory.empty()) table.shared_ = source.state;
    }
    if (memory.empty()) {
      SMELT_ASSIGN(AlignedBuffer arena, zeros(arena_bytes[id], dynamic[id]));
      memory = arena.bytes();
      table.arenas_.push_back(std::move(arena));
    }
    table.arena_at_.push_back(memory.data());
  }
  SMELT_ASSIGN(table.unset_, AlignedBuffer::allocate_sparse(unset_bytes));

  for (size_t i = 0; i < n; ++i) {
    const pte::EValue& from = *values[flatbuffers::uoffset_t(i)];
    EValue& to = table.values[i];
    const auto list = [&](Kind kind) -> List& {
      to.kind = kind;
      to.list = &table.lists_.emplace_back();
      return *to.list;
    };
    const auto items = [&](Kind kind, const auto* indices) {
      List& l = list(kind);
      for (size_t k = 0; k < count(indices); ++k) {
        const int64_t item = indices->Get(flatbuffers::uoffset_t(k));
        l.items.push_back(item < 0 ? nullptr : &table.values[size_t(item)]);
      }
      if (kind == Kind::kIntList) l.ints.resize(l.items.size());
    };
    switch (from.val_type()) {
      case pte::KernelTypes::Int:
        to.set(from.val_as_Int()->int_val());
        break;
      case pte::KernelTypes::Bool:
        to.set(from.val_as_Bool()->bool_val());
        break;
      case pte::KernelTypes::Double:
        to.set(from.val_as_Double()->double_val());
        break;
      case pte::KernelTypes::Tensor: {
        SMELT_ASSIGN(to.tensor, table.build_tensor(source, *from.val_as_Tensor(), i, unowned[i]));
        to.kind = Kind::kTensor;
        break;
      }
      case pte::KernelTypes::String:
        to.kind = Kind::kString;
        to.string = &table.strings_.emplace_back(from.val_as_String()->string_val()->string_view());
        break;
      case pte::KernelTypes::IntList:
        items(Kind::kIntList, from.val_as_IntList()->items());
        break;
      case pte::KernelTypes::DoubleList: {
        List& l = list(Kind::kDoubleList);
        const auto* d = from.val_as_DoubleList()->items();
        for (size_t k = 0; k < count(d); ++k) {
          l.doubles.push_back(d->Get(flatbuffers::uoffset_t(k)));
        }
        break;
      }
      case pte::KernelTypes::BoolList: {
        List& l = list(Kind::kBoolList);
        const auto* b = from.val_as_BoolList()->items();
        for (size_t k = 0; k < count(b); ++k) {
          l.bools.push_back(b->Get(flatbuffers::uoffset_t(k)) != 0);
        }
        break;
      }
      case pte::KernelTypes::TensorList:
        items(Kind::kTensorList, from.val_as_TensorList()->items());
        break;
      case pte::KernelTypes::OptionalTensorList:
        items(Kind::kTensorList, from.val_as_OptionalTensorList()->items());
        break;
      default:
        break;
    }
  }
  write(table.initial_);
  return table;
}

void ValueTable::reset() {
  for (AlignedBuffer& a : arenas_) a.clear();
  if (shared_ != nullptr) shared_->reset();
  write(initial_);
}

}  // namespace smelt::program
