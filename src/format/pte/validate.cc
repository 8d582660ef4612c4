#include "format/pte/validate.h"

#include <algorithm>
#include <vector>

#include "base/checked.h"
#include "format/flatbuffer.h"
#include "format/pte/scalar_type.h"
#include "smelt/shape.hpp"
#include "tensor/shape.h"

namespace smelt {
namespace {

Shape shape_of(const pte::Tensor& t) {
  Shape shape;
  for (int32_t extent : *t.sizes()) shape.push_back(extent);
  return shape;
}

class Validator {
 public:
  Validator(const pte::Program& program, const ProgramLayout& layout)
      : program_(program), layout_(layout), root_(layout.name), budget_(layout.program_size) {}

  Status run() {
    SMELT_TRY(segments());
    SMELT_TRY(named_data());
    SMELT_TRY(constants());
    SMELT_TRY(inline_delegates());
    if (program_.execution_plan() == nullptr)
      return root_.field("execution_plan").invalid("is missing");
    SMELT_TRY(budget_.take(program_.execution_plan(), root_.field("execution_plan")));
    for (uint32_t i = 0; i < program_.execution_plan()->size(); ++i) {
      SMELT_TRY(plan(*program_.execution_plan()->Get(i), root_.item("execution_plan", i)));
    }
    return {};
  }

 private:
  // ---- data ----

  Status segments() {
    const auto* segments = program_.segments();
    const FieldPath list = root_.field("segments");
    SMELT_TRY(budget_.take(segments, list));
    const uint64_t in_file = layout_.file.size() - layout_.segment_base;
    for (uint32_t i = 0; i < length(segments); ++i) {
      const pte::DataSegment& s = *segments->Get(i);
      const FieldPath path = root_.item("segments", i);
      // Files without header have an empty segment where constants would be.
      if (s.size() != 0 && layout_.segment_base == 0) {
        return path.invalid(
            "has {} bytes, but the file has no extended header that says where segments start",
            s.size());
      }
      if (!range_fits(s.offset(), s.size(), in_file)) {
        return path.invalid(
            "has {} bytes at offset {}, but the file ends {} bytes after its segment base: "
            "truncated?",
            s.size(), s.offset(), in_file);
      }
      if (layout_.segment_data_size != 0 &&
          !range_fits(s.offset(), s.size(), layout_.segment_data_size)) {
        return path.invalid(
            "has {} bytes at offset {}, but the extended header gives all segments {} bytes",
            s.size(), s.offset(), layout_.segment_data_size);
      }
    }
    return {};
  }

  Status segment_index(uint64_t index, const FieldPath& path) {
    if (index >= length(program_.segments())) {
      return path.invalid("is {}, but there are {} segments", index, length(program_.segments()));
    }
    return {};
  }

  Status named_data() {
    const auto* list = program_.named_data();
    SMELT_TRY(budget_.take(list, root_.field("named_data")));
    std::vector<std::string_view> keys;
    keys.reserve(length(list));
    for (uint32_t i = 0; i < length(list); ++i) {
      const pte::NamedData& d = *list->Get(i);
      const FieldPath path = root_.item("named_data", i);
      if (d.key() == nullptr) return path.field("key").invalid("is missing");
      SMELT_TRY(segment_index(d.segment_index(), path.field("segment_index")));
      keys.push_back(view(d.key()));
    }
    std::ranges::sort(keys);
    if (const auto twice = std::ranges::adjacent_find(keys); twice != keys.end()) {
      return root_.field("named_data").invalid("has the key \"{}\" twice", *twice);
    }
    return {};
  }

  /// Offsets into a segment.
  Status subsegments(const pte::SubsegmentOffsets& s, const FieldPath& path) {
    SMELT_TRY(segment_index(s.segment_index(), path.field("segment_index")));
    SMELT_TRY(budget_.take(s.offsets(), path.field("offsets")));
    const uint64_t size = program_.segments()->Get(s.segment_index())->size();
    for (uint32_t i = 0; i < length(s.offsets()); ++i) {
      if (s.offsets()->Get(i) > size) {
        return path.item("offsets", i)
            .invalid("is {}, beyond the segment of {} bytes", s.offsets()->Get(i), size);
      }
    }
    return {};
  }

  Status constants() {
    if (has_constant_segment(program_)) {
      SMELT_TRY(subsegments(*program_.constant_segment(), root_.field("constant_segment")));
      if (length(program_.constant_buffer()) != 0) {
        return root_.field("constant_buffer")
            .invalid("has {} entries, but constants are in constant_segment",
                     program_.constant_buffer()->size());
      }
    }
    SMELT_TRY(budget_.take(program_.constant_buffer(), root_.field("constant_buffer")));
    const auto* mutables = program_.mutable_data_segments();
    SMELT_TRY(budget_.take(mutables, root_.field("mutable_data_segments")));
    for (uint32_t i = 0; i < length(mutables); ++i) {
      SMELT_TRY(subsegments(*mutables->Get(i), root_.item("mutable_data_segments", i)));
    }
    return {};
  }

  Status inline_delegates() {
    const auto* list = program_.backend_delegate_data();
    SMELT_TRY(budget_.take(list, root_.field("backend_delegate_data")));
    for (uint32_t i = 0; i < length(list); ++i) {
      if (list->Get(i)->data() == nullptr) {
        const FieldPath path = root_.item("backend_delegate_data", i);
        return path.field("data").invalid("is missing");
      }
    }
    return {};
  }

  // ---- methods ----

  Status plan(const pte::ExecutionPlan& plan, const FieldPath& path) {
    if (plan.name() == nullptr) return path.field("name").invalid("is missing");
    if (plan.values() == nullptr) return path.field("values").invalid("is missing");
    if (plan.chains() == nullptr) return path.field("chains").invalid("is missing");
    SMELT_TRY(buffers(plan, path));
    SMELT_TRY(budget_.take(plan.values(), path.field("values")));
    for (uint32_t i = 0; i < plan.values()->size(); ++i) {
      SMELT_TRY(value(*plan.values()->Get(i), plan, path.item("values", i)));
    }
    SMELT_TRY(value_indices(plan.inputs(), plan, path.field("inputs"), path, "inputs"));
    SMELT_TRY(value_indices(plan.outputs(), plan, path.field("outputs"), path, "outputs"));
    SMELT_TRY(budget_.take(plan.operators(), path.field("operators")));
    for (uint32_t i = 0; i < length(plan.operators()); ++i) {
      const pte::Operator& op = *plan.operators()->Get(i);
      const FieldPath item = path.item("operators", i);
      if (op.name() == nullptr) return item.field("name").invalid("is missing");
      if (op.overload() == nullptr) return item.field("overload").invalid("is missing");
    }
    SMELT_TRY(budget_.take(plan.delegates(), path.field("delegates")));
    for (uint32_t i = 0; i < length(plan.delegates()); ++i) {
      SMELT_TRY(delegate(*plan.delegates()->Get(i), path.item("delegates", i)));
    }
    SMELT_TRY(budget_.take(plan.chains(), path.field("chains")));
    for (uint32_t i = 0; i < plan.chains()->size(); ++i) {
      SMELT_TRY(chain(*plan.chains()->Get(i), plan, path.item("chains", i)));
    }
    return {};
  }

  Status buffers(const pte::ExecutionPlan& plan, const FieldPath& path) {
    const auto* sizes = plan.non_const_buffer_sizes();
    SMELT_TRY(budget_.take(sizes, path.field("non_const_buffer_sizes")));
    for (uint32_t i = 0; i < length(sizes); ++i) {
      if (sizes->Get(i) < 0) {
        return path.item("non_const_buffer_sizes", i)
            .invalid("is {}; must be 0 or more", sizes->Get(i));
      }
    }
    const auto* devices = plan.non_const_buffer_device();
    SMELT_TRY(budget_.take(devices, path.field("non_const_buffer_device")));
    for (uint32_t i = 0; i < length(devices); ++i) {
      const int32_t buffer = devices->Get(i)->buffer_idx();
      if (buffer < 0 || uint32_t(buffer) >= length(sizes)) {
        const FieldPath item = path.item("non_const_buffer_device", i);
        return item.field("buffer_idx")
            .invalid("is {}, but there are {} buffers", buffer, length(sizes));
      }
    }
    return {};
  }

  /// An index of the plan's values.
  Status value_index(int64_t index, const pte::ExecutionPlan& plan, const FieldPath& path) {
    if (index < 0 || index >= int64_t(plan.values()->size())) {
      return path.invalid("is {}, but there are {} values", index, plan.values()->size());
    }
    return {};
  }

  /// The list may be absent: no writer distinguishes that from an empty one.
  template <class T>
  Status value_indices(const flatbuffers::Vector<T>* list, const pte::ExecutionPlan& plan,
                       const FieldPath& path, const FieldPath& parent, std::string_view name) {
    SMELT_TRY(budget_.take(list, path));
    for (uint32_t i = 0; i < length(list); ++i) {
      SMELT_TRY(value_index(list->Get(i), plan, parent.item(name, i)));
    }
    return {};
  }

  Status item_type(int64_t index, std::initializer_list<pte::KernelTypes> types,
                   const pte::ExecutionPlan& plan, const FieldPath& path) {
    SMELT_TRY(value_index(index, plan, path));
    const pte::KernelTypes type = plan.values()->Get(uint32_t(index))->val_type();
    if (std::ranges::find(types, type) != types.end()) return {};
    return path.invalid("is {}, and values[{}] is {} {}; must be {} {}", index, index,
                        article(type), pte::EnumNameKernelTypes(type), article(*types.begin()),
                        pte::EnumNameKernelTypes(*types.begin()));
  }

  static std::string_view article(pte::KernelTypes type) {
    return type == pte::KernelTypes::Int || type == pte::KernelTypes::IntList ||
                   type == pte::KernelTypes::OptionalTensorList
               ? "an"
               : "a";
  }

  Status value(const pte::EValue& value, const pte::ExecutionPlan& plan, const FieldPath& path) {
    using T = pte::KernelTypes;
    const T type = value.val_type();
    if (type == T::NONE) return path.invalid("has no value");
    if (type > T::MAX) return path.invalid("has the unknown type {}", int(type));
    if (type == T::Null) return {};  // the table has no fields, and may be left out
    if (value.val() == nullptr) return path.field("val").invalid("is missing");
    const FieldPath items = path.field("items");
    const auto missing = [&](const void* list) -> Status {
      if (list == nullptr) return items.invalid("is missing");
      return {};
    };
    switch (type) {
      case T::Tensor:
        return tensor(*value.val_as_Tensor(), plan, path);
      case T::String:
        if (value.val_as_String()->string_val() == nullptr)
          return path.field("string_val").invalid("is missing");
        return {};
      case T::DoubleList: {
        const auto* list = value.val_as_DoubleList()->items();
        SMELT_TRY(missing(list));
        return budget_.take(list, items);
      }
      case T::BoolList:
        return missing(value.val_as_BoolList()->items());
      case T::IntList:
        return list_of(value.val_as_IntList()->items(), {T::Int}, plan, path);
      case T::TensorList:
        return list_of(value.val_as_TensorList()->items(), {T::Tensor}, plan, path);
      case T::OptionalTensorList:
        return list_of(value.val_as_OptionalTensorList()->items(), {T::Tensor, T::Null}, plan,
                       path);
      default:
        return {};  // Int, Bool, Double: any number
    }
  }

  template <class V>
  Status list_of(const flatbuffers::Vector<V>* list, std::initializer_list<pte::KernelTypes> types,
                 const pte::ExecutionPlan& plan, const FieldPath& path) {
    const bool optional = types.size() > 1;
    if (list == nullptr) return path.field("items").invalid("is missing");
    SMELT_TRY(budget_.take(list, path.field("items")));
    for (uint32_t i = 0; i < list->size(); ++i) {
      if (optional && list->Get(i) == -1) continue;
      SMELT_TRY(item_type(list->Get(i), types, plan, path.item("items", i)));
    }
    return {};
  }

  // ---- tensors ----

  Status tensor(const pte::Tensor& t, const pte::ExecutionPlan& plan, const FieldPath& path) {
    if (t.sizes() == nullptr) return path.field("sizes").invalid("is missing");
    const uint32_t rank = t.sizes()->size();
    if (rank > kMaxRank)
      return path.field("sizes").invalid("has {} dimensions; must be at most {}", rank, kMaxRank);
    SMELT_TRY(budget_.take(t.sizes(), path.field("sizes")));
    for (uint32_t i = 0; i < rank; ++i) {
      if (t.sizes()->Get(i) < 0) {
        return path.item("sizes", i).invalid("is {}; must be 0 or more", t.sizes()->Get(i));
      }
    }
    if (length(t.dim_order()) != rank) {
      return path.field("dim_order")
          .invalid("has {} entries for {} dimensions", length(t.dim_order()), rank);
    }
    uint32_t seen = 0;
    for (uint32_t i = 0; i < rank; ++i) {
      const uint32_t d = t.dim_order()->Get(i);
      if (d >= rank)
        return path.item("dim_order", i).invalid("is {} in a tensor of {} dimensions", d, rank);
      if ((seen >> d & 1) != 0)
        return path.item("dim_order", i).invalid("is {} for the second time", d);
      seen |= 1u << d;
    }
    if (t.shape_dynamism() > pte::TensorShapeDynamism::MAX ||
        t.shape_dynamism() < pte::TensorShapeDynamism::MIN) {
      return path.field("shape_dynamism").invalid("is {}", int(t.shape_dynamism()));
    }
    const pte::ExtraTensorInfo* extra = t.extra_tensor_info();
    if (extra != nullptr) {
      const FieldPath info = path.field("extra_tensor_info");
      if (extra->location() > pte::TensorDataLocation::MAX ||
          extra->location() < pte::TensorDataLocation::MIN) {
        return info.field("location").invalid("is {}", int(extra->location()));
      }
      if (is_external(t) && view(extra->fully_qualified_name()).empty()) {
        return info.field("fully_qualified_name")
            .invalid("is missing in a tensor with external data");
      }
    }
    // Without a DType nobody can use the tensor: check_supported says so before anyone tries.
    const std::optional<DType> dtype = to_dtype(t.scalar_type());
    if (!dtype) return {};
    const size_t element = bits(*dtype) / 8;
    const std::optional<size_t> numel = checked_numel(shape_of(t));
    const std::optional<size_t> bytes = numel ? checked_mul(*numel, element) : std::nullopt;
    if (!bytes || *bytes > size_t(PTRDIFF_MAX)) {
      return path.field("sizes").invalid("is {}, more bytes of {} than can be addressed",
                                         to_string(shape_of(t)), name(*dtype));
    }
    if (t.allocation_info() != nullptr) SMELT_TRY(planned(t, *bytes, element, plan, path));
    if (t.data_buffer_idx() == 0 || is_external(t)) return {};
    return t.allocation_info() == nullptr ? constant(t, *bytes, element, path)
                                          : first_value(t, *bytes, path);
  }

  Status planned(const pte::Tensor& t, size_t bytes, size_t element, const pte::ExecutionPlan& plan,
                 const FieldPath& path) {
    const pte::AllocationDetails& a = *t.allocation_info();
    const FieldPath info = path.field("allocation_info");
    const auto* sizes = plan.non_const_buffer_sizes();
    if (a.memory_id() == 0 || a.memory_id() >= length(sizes)) {
      return info.field("memory_id")
          .invalid("is {}; must be at least 1 and less than the number of buffers, {}",
                   a.memory_id(), length(sizes));
    }
    const uint64_t offset = planned_offset(a);
    if (!range_fits(offset, bytes, uint64_t(sizes->Get(a.memory_id())))) {
      return info.invalid("places {} bytes at offset {} of buffer {}, which has {}", bytes, offset,
                          a.memory_id(), sizes->Get(a.memory_id()));
    }
    if (offset % element != 0) {
      return info.invalid("places elements of {} bytes at offset {}: not aligned", element, offset);
    }
    return {};
  }

  Status constant(const pte::Tensor& t, size_t bytes, size_t element, const FieldPath& path) {
    const uint32_t index = t.data_buffer_idx();
    const FieldPath field = path.field("data_buffer_idx");
    std::span<const std::byte> data;
    if (has_constant_segment(program_)) {
      SMELT_TRY(in_segment(*program_.constant_segment(), "constant_segment", index, bytes, field));
      data = layout_.file.subspan(
          layout_.segment_base +
          program_.segments()->Get(program_.constant_segment()->segment_index())->offset() +
          program_.constant_segment()->offsets()->Get(index));
    } else {
      const auto* list = program_.constant_buffer();
      if (index >= length(list))
        return field.invalid("is {}, but there are {} constants", index, length(list));
      const auto* storage = list->Get(index)->storage();
      if (length(storage) < bytes) {
        return field.invalid("is {}: constant_buffer[{}] has {} bytes, the tensor {}", index, index,
                             length(storage), bytes);
      }
      if (storage != nullptr)
        data = {reinterpret_cast<const std::byte*>(storage->Data()), storage->size()};
    }
    if (bytes != 0 && !is_aligned(data.data(), element)) {
      return field.invalid("is {}: elements of {} bytes at byte {} of the file: not aligned", index,
                           element, data.data() - layout_.file.data());
    }
    return {};
  }

  Status first_value(const pte::Tensor& t, size_t bytes, const FieldPath& path) {
    const auto* list = program_.mutable_data_segments();
    const uint64_t which =
        t.extra_tensor_info() == nullptr ? 0 : t.extra_tensor_info()->mutable_data_segments_idx();
    if (which >= length(list)) {
      const FieldPath info = path.field("extra_tensor_info");
      return info.field("mutable_data_segments_idx")
          .invalid("is {}, but there are {} mutable data segments", which, length(list));
    }
    return in_segment(*list->Get(uint32_t(which)), fmt::format("mutable_data_segments[{}]", which),
                      t.data_buffer_idx(), bytes, path.field("data_buffer_idx"));
  }

  /// That `bytes` at entry `index` lie in the segment. The entries themselves do: subsegments() has
  /// looked.
  Status in_segment(const pte::SubsegmentOffsets& s, std::string_view what, uint32_t index,
                    size_t bytes, const FieldPath& field) {
    if (index >= length(s.offsets())) {
      return field.invalid("is {}, but {} has {} offsets", index, what, length(s.offsets()));
    }
    const uint64_t left =
        program_.segments()->Get(s.segment_index())->size() - s.offsets()->Get(index);
    if (left < bytes) {
      return field.invalid("is {}: {} has {} bytes from offsets[{}] on, the tensor {}", index, what,
                           left, index, bytes);
    }
    return {};
  }

  // ---- delegates and instructions ----

  Status delegate(const pte::BackendDelegate& d, const FieldPath& path) {
    if (d.id() == nullptr) return path.field("id").invalid("is missing");
    if (d.processed() == nullptr) return path.field("processed").invalid("is missing");
    const FieldPath processed = path.field("processed");
    const FieldPath index = processed.field("index");
    switch (d.processed()->location()) {
      case pte::DataLocation::Inline:
        if (d.processed()->index() >= length(program_.backend_delegate_data())) {
          return index.invalid("is {}, but there are {} inline delegates", d.processed()->index(),
                               length(program_.backend_delegate_data()));
        }
        break;
      case pte::DataLocation::Segment:
        SMELT_TRY(segment_index(d.processed()->index(), index));
        break;
      default:
        return processed.field("location").invalid("is {}", int(d.processed()->location()));
    }
    SMELT_TRY(budget_.take(d.compile_specs(), path.field("compile_specs")));
    for (uint32_t i = 0; i < length(d.compile_specs()); ++i) {
      if (d.compile_specs()->Get(i)->key() == nullptr) {
        const FieldPath spec = path.item("compile_specs", i);
        return spec.field("key").invalid("is missing");
      }
    }
    return {};
  }

  Status chain(const pte::Chain& chain, const pte::ExecutionPlan& plan, const FieldPath& path) {
    if (chain.instructions() == nullptr) return path.field("instructions").invalid("is missing");
    SMELT_TRY(value_indices(chain.inputs(), plan, path.field("inputs"), path, "inputs"));
    SMELT_TRY(value_indices(chain.outputs(), plan, path.field("outputs"), path, "outputs"));
    SMELT_TRY(budget_.take(chain.instructions(), path.field("instructions")));
    const uint32_t count = chain.instructions()->size();
    for (uint32_t i = 0; i < count; ++i) {
      SMELT_TRY(
          instruction(*chain.instructions()->Get(i), count, plan, path.item("instructions", i)));
    }
    return {};
  }

  Status instruction(const pte::Instruction& instruction, uint32_t count,
                     const pte::ExecutionPlan& plan, const FieldPath& path) {
    using A = pte::InstructionArguments;
    const A type = instruction.instr_args_type();
    if (type == A::NONE || type > A::MAX) return path.invalid("has the unknown type {}", int(type));
    if (instruction.instr_args() == nullptr) return path.field("instr_args").invalid("is missing");
    const auto one_of = [](int32_t index, const auto* list, std::string_view what,
                           const FieldPath& field) -> Status {
      if (index >= 0 && uint32_t(index) < length(list)) return {};
      return field.invalid("is {}, but there are {} {}", index, length(list), what);
    };
    switch (type) {
      case A::KernelCall: {
        const pte::KernelCall& call = *instruction.instr_args_as_KernelCall();
        SMELT_TRY(one_of(call.op_index(), plan.operators(), "operators", path.field("op_index")));
        return value_indices(call.args(), plan, path.field("args"), path, "args");
      }
      case A::DelegateCall: {
        const pte::DelegateCall& call = *instruction.instr_args_as_DelegateCall();
        SMELT_TRY(one_of(call.delegate_index(), plan.delegates(), "delegates",
                         path.field("delegate_index")));
        return value_indices(call.args(), plan, path.field("args"), path, "args");
      }
      case A::MoveCall: {
        const pte::MoveCall& move = *instruction.instr_args_as_MoveCall();
        SMELT_TRY(value_index(move.move_from(), plan, path.field("move_from")));
        return value_index(move.move_to(), plan, path.field("move_to"));
      }
      case A::JumpFalseCall: {
        const pte::JumpFalseCall& jump = *instruction.instr_args_as_JumpFalseCall();
        SMELT_TRY(item_type(jump.cond_value_index(),
                            {pte::KernelTypes::Bool, pte::KernelTypes::Tensor}, plan,
                            path.field("cond_value_index")));
        if (jump.destination_instruction() < 0 ||
            uint32_t(jump.destination_instruction()) > count) {
          return path.field("destination_instruction")
              .invalid("is {}, but the chain has {} instructions", jump.destination_instruction(),
                       count);
        }
        return {};
      }
      default:
        return value_index(instruction.instr_args_as_FreeCall()->value_index(), plan,
                           path.field("value_index"));
    }
  }

  const pte::Program& program_;
  const ProgramLayout& layout_;
  FieldPath root_;
  ReadBudget budget_;
};

}  // namespace

Status validate_program(const pte::Program& program, const ProgramLayout& layout) {
  return Validator(program, layout).run();
}

size_t tensor_bytes(const pte::Tensor& t) {
  return dense_bytes(*to_dtype(t.scalar_type()), shape_of(t));
}

}  // namespace smelt
