#include "author/pte_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "author/named_data.h"
#include "author/store.h"
#include "author/xnnpack_writer.h"
#include "base/checked.h"
#include "format/pte/extended_header.h"
#include "format/pte/scalar_type.h"
#include "program_generated.h"

namespace smelt {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

// The extended header goes between the flatbuffer's identifier and its tables. Its length is a
// multiple of every alignment in the flatbuffer, so that inserting it keeps them all.
constexpr size_t kHeaderAt = ExtendedHeader::kOffset, kHeaderLength = ExtendedHeader::kLength;

// Alignment of planned tensors, and spare bytes behind the last one: vector code may read a little
// further than the last element.
constexpr size_t kPlannedAlignment = 16, kPlannedSlack = 64;

// How `n` flat values fold into Python's: PyTorch's description of a tree, as JSON. Several outputs
// are a tuple; arguments always are, beside a dictionary of keyword arguments that is empty.
std::string leaf() { return R"({"type": null, "context": null, "children_spec": []})"; }

std::string tuple(const std::string& children) {
  return R"({"type": "builtins.tuple", "context": "null", "children_spec": [)" + children + "]}";
}

std::string leaves(size_t n) {
  std::string s;
  for (size_t i = 0; i < n; ++i) s += (i == 0 ? "" : ", ") + leaf();
  return s;
}

std::string encoded_inputs(size_t n) {
  const std::string no_keywords =
      R"({"type": "builtins.dict", "context": "[]", "children_spec": []})";
  return "[1, " + tuple(tuple(leaves(n)) + ", " + no_keywords) + "]";
}

std::string encoded_outputs(size_t n) {
  return "[1, " + (n == 1 ? leaf() : tuple(leaves(n))) + "]";
}

// Segments after the flatbuffer, each at an aligned offset; equal to what the file's tail will be.
class Segments {
 public:
  explicit Segments(size_t alignment) : alignment_(alignment) {}

  void add(std::span<const std::byte> bytes) {
    places_.emplace_back(round_up(end(), alignment_), bytes.size());
    bytes_.push_back(bytes);
  }
  size_t end() const { return places_.empty() ? 0 : places_.back().first + places_.back().second; }
  size_t count() const { return places_.size(); }

  Offset<flatbuffers::Vector<Offset<pte::DataSegment>>> describe(FlatBufferBuilder& fbb) const {
    std::vector<Offset<pte::DataSegment>> list;
    for (const Place& p : places_) list.push_back(pte::CreateDataSegment(fbb, p.first, p.second));
    return fbb.CreateVector(list);
  }
  void append_to(std::vector<std::byte>& file) const {
    const size_t base = file.size();
    file.resize(base + end());
    for (size_t i = 0; i < places_.size(); ++i) {
      std::ranges::copy(bytes_[i], file.begin() + ptrdiff_t(base + places_[i].first));
    }
  }

 private:
  using Place = std::pair<size_t, size_t>;  // offset, size
  size_t alignment_;
  std::vector<Place> places_;
  std::vector<std::span<const std::byte>> bytes_;
};

// The values of the execution plan: the graph's inputs, then its outputs, one after another in
// memory 1.
class PlannedValues {
 public:
  PlannedValues(FlatBufferBuilder& fbb, bool dynamic) : fbb_(fbb), dynamic_(dynamic) {}

  Status add(const GraphValue& v) {
    const auto type = to_scalar_type(v.dtype);
    if (!type || v.quant.granularity != QuantGranularity::kNone) {
      return fail(ErrorCode::kInvalidArgument, "a program has no tensors of this type ({}{})",
                  name(v.dtype),
                  v.quant.granularity == QuantGranularity::kNone ? "" : ", quantised");
    }
    if (!checked_numel(v.shape)) {
      return fail(ErrorCode::kInvalidArgument, "shape {} is too large", to_string(v.shape));
    }
    std::vector<uint8_t> order(v.shape.rank());
    for (size_t i = 0; i < order.size(); ++i) order[i] = uint8_t(i);
    const std::vector<int32_t> sizes(v.shape.begin(), v.shape.end());
    const auto size_list = fbb_.CreateVector(sizes);
    const auto order_list = fbb_.CreateVector(order);
    const auto place =
        pte::CreateAllocationDetails(fbb_, 1, uint32_t(end_), uint32_t(uint64_t(end_) >> 32));
    const auto tensor = pte::CreateTensor(
        fbb_, *type, /*storage_offset=*/0, size_list, order_list, /*requires_grad=*/false,
        /*data_buffer_idx=*/0, place, /*layout=*/0,
        dynamic_ ? pte::TensorShapeDynamism::DynamicBound : pte::TensorShapeDynamism::Static);
    values_.push_back(pte::CreateEValue(fbb_, pte::KernelTypes::Tensor, tensor.Union()));
    end_ = round_up(end_ + dense_bytes(v.dtype, v.shape), kPlannedAlignment);
    return {};
  }
  const std::vector<Offset<pte::EValue>>& values() const { return values_; }
  size_t bytes() const { return end_ + kPlannedSlack; }

 private:
  FlatBufferBuilder& fbb_;
  bool dynamic_;
  std::vector<Offset<pte::EValue>> values_;
  size_t end_ = 0;
};

std::vector<int32_t> numbers(size_t from, size_t to) {
  std::vector<int32_t> v;
  for (size_t i = from; i < to; ++i) v.push_back(int32_t(i));
  return v;
}

// One method that calls delegate 0, whose payload is segment `payload`, with all its values.
Result<Offset<pte::ExecutionPlan>> execution_plan(FlatBufferBuilder& fbb, const Graph& graph,
                                                  const PteOptions& options, uint32_t payload) {
  PlannedValues planned(fbb, options.dynamic);
  for (const auto* ids : {&graph.inputs, &graph.outputs}) {
    for (const ValueId id : *ids) SMELT_TRY(planned.add(graph.values[id]));
  }
  const size_t n_inputs = graph.inputs.size(), n = planned.values().size();

  const auto call = pte::CreateDelegateCall(fbb, 0, fbb.CreateVector(numbers(0, n)));
  const std::vector instructions = {
      pte::CreateInstruction(fbb, pte::InstructionArguments::DelegateCall, call.Union())};
  const auto instruction_list = fbb.CreateVector(instructions);
  const auto chain_inputs = fbb.CreateVector(numbers(0, 0));
  const auto chain_outputs = fbb.CreateVector(numbers(0, 0));
  const std::vector chains = {pte::CreateChain(fbb, chain_inputs, chain_outputs, instruction_list)};

  const auto id = fbb.CreateString("XnnpackBackend");
  const auto where =
      pte::CreateBackendDelegateDataReference(fbb, pte::DataLocation::Segment, payload);
  const auto specs = fbb.CreateVector(std::vector<Offset<pte::CompileSpec>>());
  const std::vector delegates = {pte::CreateBackendDelegate(fbb, id, where, specs)};

  const auto name = fbb.CreateString(options.method);
  const auto inputs_as = fbb.CreateString(encoded_inputs(n_inputs));
  const auto outputs_as = fbb.CreateString(encoded_outputs(n - n_inputs));
  const auto container = pte::CreateContainerMetadata(fbb, inputs_as, outputs_as);
  const auto values = fbb.CreateVector(planned.values());
  const auto inputs = fbb.CreateVector(numbers(0, n_inputs));
  const auto outputs = fbb.CreateVector(numbers(n_inputs, n));
  const auto chain_list = fbb.CreateVector(chains);
  const auto operators = fbb.CreateVector(std::vector<Offset<pte::Operator>>());
  const auto delegate_list = fbb.CreateVector(delegates);
  const auto sizes =
      fbb.CreateVector(std::vector<int64_t>{0, int64_t(planned.bytes())});  // [0] means nothing
  return pte::CreateExecutionPlan(fbb, name, container, values, inputs, outputs, chain_list,
                                  operators, delegate_list, sizes);
}

}  // namespace

Result<std::vector<std::byte>> write_pte(const Graph& graph, const PteOptions& options) {
  if (!std::has_single_bit(options.segment_alignment) || options.segment_alignment < 16) {
    return fail(ErrorCode::kInvalidArgument,
                "segment alignment {} is not a power of two from 16 upward",
                options.segment_alignment);
  }
  NamedData constants;
  SMELT_ASSIGN(const std::vector<std::byte> payload, write_xnnpack(graph, constants));

  // Segment 0 is for constants of operators outside delegates, of which there are none; it is there
  // all the same, as in the exporter's files.
  Segments segments(options.segment_alignment);
  segments.add({});
  const size_t payload_segment = segments.count();
  segments.add(payload);
  const size_t first_constant = segments.count();
  for (const std::span<const std::byte> bytes : constants.buffers()) segments.add(bytes);

  FlatBufferBuilder fbb;
  SMELT_ASSIGN(const auto plan, execution_plan(fbb, graph, options, uint32_t(payload_segment)));
  const std::vector plans = {plan};
  const auto plan_list = fbb.CreateVector(plans);
  const auto no_buffers = fbb.CreateVector(std::vector<Offset<pte::Buffer>>());
  const auto no_inline = fbb.CreateVector(std::vector<Offset<pte::BackendDelegateInlineData>>());
  const auto segment_list = segments.describe(fbb);
  const auto constant_segment =
      pte::CreateSubsegmentOffsets(fbb, 0, fbb.CreateVector(std::vector<uint64_t>{0}));
  Offset<flatbuffers::Vector<Offset<pte::NamedData>>> named_list;
  if (!constants.entries().empty()) {
    std::vector<Offset<pte::NamedData>> list;
    for (const NamedData::Entry& e : constants.entries()) {
      const auto key = fbb.CreateString(e.key);
      list.push_back(pte::CreateNamedData(fbb, key, uint32_t(first_constant + e.buffer)));
    }
    named_list = fbb.CreateVector(list);
  }
  fbb.Finish(pte::CreateProgram(fbb, /*version=*/0, plan_list, no_buffers, no_inline, segment_list,
                                constant_segment, /*mutable_data_segments=*/0, named_list),
             pte::ProgramIdentifier());

  const auto* flatbuffer = reinterpret_cast<const std::byte*>(fbb.GetBufferPointer());
  const size_t program_size = size_t(fbb.GetSize()) + kHeaderLength;
  std::vector<std::byte> file(program_size);
  std::copy_n(flatbuffer, kHeaderAt, file.begin());
  std::copy(flatbuffer + kHeaderAt, flatbuffer + fbb.GetSize(),
            file.begin() + kHeaderAt + kHeaderLength);
  store(file, 0,
        flatbuffers::ReadScalar<uint32_t>(fbb.GetBufferPointer()) + uint32_t(kHeaderLength));
  std::memcpy(file.data() + kHeaderAt, ExtendedHeader::kMagic.data(), 4);
  store(file, kHeaderAt + 4, uint32_t(kHeaderLength));
  store(file, kHeaderAt + 8, uint64_t(program_size));
  store(file, kHeaderAt + 16, uint64_t(round_up(program_size, options.segment_alignment)));
  store(file, kHeaderAt + 24, uint64_t(segments.end()));
  file.resize(round_up(program_size, options.segment_alignment));
  segments.append_to(file);
  return file;
}

}  // namespace smelt
