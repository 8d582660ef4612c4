// Programs made field by field, right or wrong, independently of the code that reads them.
#pragma once

#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "program_generated.h"

namespace smelt::testing {

using Builder = flatbuffers::FlatBufferBuilder;
template <class T>
using Ref = flatbuffers::Offset<T>;

struct AllocationSpec {
  uint32_t memory_id = 1;
  uint64_t offset = 0;
};

struct TensorSpec {
  pte::ScalarType type = pte::ScalarType::Float;
  std::optional<std::vector<int32_t>> sizes = std::vector<int32_t>{2, 3};
  std::vector<uint8_t> dim_order = {0, 1};
  uint32_t data_buffer_idx = 0;
  std::optional<AllocationSpec> allocation = std::nullopt;
  pte::TensorShapeDynamism dynamism = pte::TensorShapeDynamism::Static;
  int32_t storage_offset = 0;
  int8_t layout = 0;
  struct Extra {
    uint64_t mutable_segment = 0;
    std::optional<std::string> name = std::nullopt;
    pte::TensorDataLocation location = pte::TensorDataLocation::Segment;
    pte::DeviceType device = pte::DeviceType::Cpu;
  };
  std::optional<Extra> extra = std::nullopt;
};

struct AnyTable {
  uint8_t type;
  Ref<void> table;
};
using TableMaker = std::function<AnyTable(Builder&)>;

inline AnyTable any(pte::KernelTypes type, Ref<void> table) { return {uint8_t(type), table}; }
inline AnyTable any(pte::InstructionArguments type, Ref<void> table) {
  return {uint8_t(type), table};
}

inline TableMaker tensor(TensorSpec s) {
  return [s](Builder& b) {
    Ref<pte::AllocationDetails> allocation;
    if (s.allocation) {
      allocation =
          pte::CreateAllocationDetails(b, s.allocation->memory_id, uint32_t(s.allocation->offset),
                                       uint32_t(s.allocation->offset >> 32));
    }
    Ref<pte::ExtraTensorInfo> extra;
    if (s.extra) {
      const auto name = s.extra->name ? b.CreateString(*s.extra->name) : 0;
      extra = pte::CreateExtraTensorInfo(b, s.extra->mutable_segment, name, s.extra->location,
                                         s.extra->device);
    }
    const auto sizes = s.sizes ? b.CreateVector(*s.sizes) : 0;
    const auto order = b.CreateVector(s.dim_order);
    return any(pte::KernelTypes::Tensor,
               pte::CreateTensor(b, s.type, s.storage_offset, sizes, order, false,
                                 s.data_buffer_idx, allocation, s.layout, s.dynamism, extra)
                   .Union());
  };
}
inline TableMaker integer(int64_t v) {
  return [v](Builder& b) { return any(pte::KernelTypes::Int, pte::CreateInt(b, v).Union()); };
}
inline TableMaker boolean(bool v) {
  return [v](Builder& b) { return any(pte::KernelTypes::Bool, pte::CreateBool(b, v).Union()); };
}
inline TableMaker real(double v) {
  return [v](Builder& b) { return any(pte::KernelTypes::Double, pte::CreateDouble(b, v).Union()); };
}
inline TableMaker text(std::string v) {
  return [v](Builder& b) {
    return any(pte::KernelTypes::String, pte::CreateString(b, b.CreateString(v)).Union());
  };
}
inline TableMaker real_list(std::vector<double> items) {
  return [items](Builder& b) {
    return any(pte::KernelTypes::DoubleList,
               pte::CreateDoubleList(b, b.CreateVector(items)).Union());
  };
}
inline TableMaker bool_list(std::vector<uint8_t> items) {
  return [items](Builder& b) {
    return any(pte::KernelTypes::BoolList, pte::CreateBoolList(b, b.CreateVector(items)).Union());
  };
}
inline TableMaker null() {
  return [](Builder& b) { return any(pte::KernelTypes::Null, pte::CreateNull(b).Union()); };
}
inline TableMaker int_list(std::vector<int64_t> items) {
  return [items](Builder& b) {
    return any(pte::KernelTypes::IntList, pte::CreateIntList(b, b.CreateVector(items)).Union());
  };
}
inline TableMaker tensor_list(std::vector<int32_t> items) {
  return [items](Builder& b) {
    return any(pte::KernelTypes::TensorList,
               pte::CreateTensorList(b, b.CreateVector(items)).Union());
  };
}
inline TableMaker optional_tensor_list(std::vector<int32_t> items) {
  return [items](Builder& b) {
    return any(pte::KernelTypes::OptionalTensorList,
               pte::CreateOptionalTensorList(b, b.CreateVector(items)).Union());
  };
}
inline TableMaker kernel_call(int32_t op, std::vector<int32_t> args) {
  return [=](Builder& b) {
    return any(pte::InstructionArguments::KernelCall,
               pte::CreateKernelCall(b, op, b.CreateVector(args)).Union());
  };
}
inline TableMaker delegate_call(int32_t delegate, std::vector<int32_t> args) {
  return [=](Builder& b) {
    return any(pte::InstructionArguments::DelegateCall,
               pte::CreateDelegateCall(b, delegate, b.CreateVector(args)).Union());
  };
}
inline TableMaker move_call(int32_t from, int32_t to) {
  return [=](Builder& b) {
    return any(pte::InstructionArguments::MoveCall, pte::CreateMoveCall(b, from, to).Union());
  };
}
inline TableMaker jump(int32_t condition, int32_t destination) {
  return [=](Builder& b) {
    return any(pte::InstructionArguments::JumpFalseCall,
               pte::CreateJumpFalseCall(b, condition, destination).Union());
  };
}
inline TableMaker free_call(int32_t value) {
  return [=](Builder& b) {
    return any(pte::InstructionArguments::FreeCall, pte::CreateFreeCall(b, value).Union());
  };
}

struct DelegateSpec {
  std::string id = "XnnpackBackend";
  pte::DataLocation location = pte::DataLocation::Segment;
  uint32_t index = 0;
  bool processed = true;
};

struct SubsegmentSpec {
  uint32_t segment = 0;
  std::vector<uint64_t> offsets = {};
};

struct SegmentSpec {
  uint64_t offset = 0;
  uint64_t size = 0;
};

/// A program with one method, "forward", and perhaps others.
struct ProgramSpec {
  std::vector<TableMaker> values;
  std::vector<int32_t> inputs, outputs;
  std::vector<std::pair<std::string, std::string>> operators;
  std::vector<DelegateSpec> delegates;
  std::vector<TableMaker> instructions;
  std::vector<int64_t> buffers;
  std::vector<SegmentSpec> segments;
  std::vector<uint8_t> segment_bytes;  ///< what follows the flatbuffer, from the segment base on
  std::optional<SubsegmentSpec> constant_segment;
  std::vector<SubsegmentSpec> mutable_segments;
  std::vector<std::vector<uint8_t>> constant_buffer;
  std::vector<std::vector<uint8_t>> inline_delegates;
  std::vector<std::pair<std::string, uint32_t>> named_data;
  std::optional<std::string> method = "forward";
  std::vector<ProgramSpec> other_methods;  ///< of each only what belongs to a method
  bool header = true;
  uint32_t header_length = 32;
  std::string identifier = "ET12";
  std::optional<uint64_t> program_size, segment_base, segment_data_size;  ///< lies in the header

  std::vector<std::byte> build() const;
  Ref<pte::ExecutionPlan> plan(Builder&) const;
};

template <class T, class F>
auto tables(Builder& b, const std::vector<T>& specs, F make) {
  std::vector<decltype(make(specs.front()))> refs;
  for (const T& s : specs) refs.push_back(make(s));
  return b.CreateVector(refs);
}

inline Ref<pte::ExecutionPlan> ProgramSpec::plan(Builder& b) const {
  const auto values_ref = tables(b, values, [&](const TableMaker& make) {
    const AnyTable v = make(b);
    return pte::CreateEValue(b, pte::KernelTypes(v.type), v.table);
  });
  const auto operators_ref = tables(b, operators, [&](const auto& op) {
    const auto name = b.CreateString(op.first), overload = b.CreateString(op.second);
    return pte::CreateOperator(b, name, overload);
  });
  const auto delegates_ref = tables(b, delegates, [&](const DelegateSpec& d) {
    const auto id = b.CreateString(d.id);
    const auto data =
        d.processed ? pte::CreateBackendDelegateDataReference(b, d.location, d.index) : 0;
    return pte::CreateBackendDelegate(b, id, data);
  });
  const auto instructions_ref = tables(b, instructions, [&](const TableMaker& make) {
    const AnyTable i = make(b);
    return pte::CreateInstruction(b, pte::InstructionArguments(i.type), i.table);
  });
  const auto chain = pte::CreateChain(b, 0, 0, instructions_ref);
  const auto chains_ref = b.CreateVector(std::vector{chain});
  const auto name_ref = method ? b.CreateString(*method) : 0;
  const auto inputs_ref = b.CreateVector(inputs), outputs_ref = b.CreateVector(outputs);
  const auto buffers_ref = b.CreateVector(buffers);
  return pte::CreateExecutionPlan(b, name_ref, 0, values_ref, inputs_ref, outputs_ref, chains_ref,
                                  operators_ref, delegates_ref, buffers_ref);
}

inline std::vector<std::byte> ProgramSpec::build() const {
  Builder b;
  std::vector<Ref<pte::ExecutionPlan>> plans = {plan(b)};
  for (const ProgramSpec& other : other_methods) plans.push_back(other.plan(b));
  const auto plans_ref = b.CreateVector(plans);
  const auto bytes_of = [&](const std::vector<uint8_t>& bytes) {
    b.ForceVectorAlignment(bytes.size(), 1, 16);
    return b.CreateVector(bytes);
  };
  const auto constants_ref = tables(
      b, constant_buffer, [&](const auto& bytes) { return pte::CreateBuffer(b, bytes_of(bytes)); });
  const auto inline_ref = tables(b, inline_delegates, [&](const auto& bytes) {
    return pte::CreateBackendDelegateInlineData(b, bytes_of(bytes));
  });
  const auto segments_ref = tables(b, segments, [&](const SegmentSpec& s) {
    return pte::CreateDataSegment(b, s.offset, s.size);
  });
  const auto subsegments = [&](const SubsegmentSpec& s) {
    return pte::CreateSubsegmentOffsets(b, s.segment, b.CreateVector(s.offsets));
  };
  const auto constant_ref = constant_segment ? subsegments(*constant_segment) : 0;
  const auto mutable_ref = tables(b, mutable_segments, subsegments);
  const auto named_ref = tables(b, named_data, [&](const auto& d) {
    return pte::CreateNamedData(b, b.CreateString(d.first), d.second);
  });
  b.Finish(pte::CreateProgram(b, 0, plans_ref, constants_ref, inline_ref, segments_ref,
                              constant_ref, mutable_ref, named_ref),
           identifier.c_str());

  const auto* fb = reinterpret_cast<const std::byte*>(b.GetBufferPointer());
  std::vector<std::byte> file(fb, fb + b.GetSize());
  if (!header) return file;
  // The header goes between the identifier and the rest, which moves by a multiple of its
  // alignment.
  constexpr size_t kHeader = 32;
  file.insert(file.begin() + 8, kHeader, std::byte(0));
  const auto put = [&](size_t at, auto v) { std::memcpy(file.data() + at, &v, sizeof v); };
  uint32_t root;
  std::memcpy(&root, file.data(), 4);
  put(0, uint32_t(root + kHeader));
  std::memcpy(file.data() + 8, "eh00", 4);
  put(12, header_length);
  put(16, program_size.value_or(file.size()));
  const size_t base = (file.size() + 63) / 64 * 64;
  put(24, segment_base.value_or(segment_bytes.empty() ? 0 : base));
  put(32, segment_data_size.value_or(segment_bytes.size()));
  if (segment_bytes.empty()) return file;
  file.resize(base);
  const auto* s = reinterpret_cast<const std::byte*>(segment_bytes.data());
  file.insert(file.end(), s, s + segment_bytes.size());
  return file;
}

/// A bit of everything that is in programs, all of it right: planned tensors, a constant, state
/// with a first value, lists, a delegate, named data, each kind of instruction.
inline ProgramSpec sound_program() {
  ProgramSpec p;
  p.values = {
      tensor({.allocation = AllocationSpec{1, 0}}),                         // 0
      tensor({.data_buffer_idx = 1}),                                       // 1
      tensor({.data_buffer_idx = 1, .allocation = AllocationSpec{1, 32}}),  // 2
      integer(7),                                                           // 3
      int_list({3, 3}),                                                     // 4
      tensor_list({0, 1}),                                                  // 5
      optional_tensor_list({0, -1, 7}),                                     // 6
      null(),                                                               // 7
      boolean(true),                                                        // 8
      tensor({.sizes = std::vector<int32_t>{}, .dim_order = {}}),           // 9
  };
  p.inputs = {0};
  p.outputs = {2};
  p.operators = {{"aten::add", "out"}};
  p.delegates = {{.index = 2}};
  p.instructions = {kernel_call(0, {0, 1, 3, 2, 2}), delegate_call(0, {0, 2}), jump(8, 3),
                    move_call(1, 2), free_call(9)};
  p.buffers = {0, 64};
  p.segments = {{0, 32}, {64, 32}, {128, 16}};
  p.segment_bytes.resize(144);
  for (size_t i = 0; i < p.segment_bytes.size(); ++i) p.segment_bytes[i] = uint8_t(i);
  p.constant_segment = SubsegmentSpec{0, {0, 8}};
  p.mutable_segments = {{1, {0, 4}}};
  p.named_data = {{"weight", 1}, {"bias", 0}};
  return p;
}

}  // namespace smelt::testing
