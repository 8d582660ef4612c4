#include "format/pte/program_file.h"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "support/program_builder.h"

namespace smelt {
namespace {

using namespace testing;

// Not even a place in memory.
TEST(ProgramFile, OfNoBytesIsRefused) {
  const auto program = ProgramFile::parse({}, "none");
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, ErrorCode::kInvalidFile);
}

TEST(ProgramFile, HandsOutWhatIsInTheFile) {
  const std::vector<std::byte> file = sound_program().build();
  const auto p = ProgramFile::parse(file, "m.pte");
  ASSERT_TRUE(p) << p.error().message;
  ASSERT_EQ(p->plan_count(), 1u);
  const auto plan = p->find_plan("forward");
  ASSERT_TRUE(plan);
  EXPECT_TRUE(p->check_supported(**plan));
  const auto storage = [&](uint32_t value) {
    return p->storage(*(*plan)->values()->Get(value)->val_as_Tensor());
  };
  const std::byte* segments = file.data() + p->segment_base();

  const TensorStorage planned = storage(0);
  EXPECT_EQ(planned.kind, TensorStorage::Kind::kPlanned);
  EXPECT_EQ(planned.memory_id, 1u);
  EXPECT_TRUE(planned.bytes.empty());

  const TensorStorage constant = storage(1);
  EXPECT_EQ(constant.kind, TensorStorage::Kind::kConstant);
  EXPECT_EQ(constant.bytes.data(), segments + 8);
  EXPECT_EQ(constant.bytes.size(), 24u);

  const TensorStorage state = storage(2);
  EXPECT_EQ(state.kind, TensorStorage::Kind::kPlanned);
  EXPECT_EQ(state.offset, 32u);
  EXPECT_EQ(state.bytes.data(), segments + 64 + 4);
  EXPECT_EQ(state.bytes.size(), 24u);

  EXPECT_EQ(storage(9).kind, TensorStorage::Kind::kUnplanned);
  EXPECT_EQ(p->named_data().find("weight")->data(), segments + 64);
  EXPECT_FALSE(p->named_data().find("nothing"));
  const auto payload = p->delegate_payload(*(*plan)->delegates()->Get(0));
  EXPECT_EQ(payload.data(), segments + 128);
  EXPECT_EQ(payload.size(), 16u);
  EXPECT_EQ(p->segment_count(), 3u);
  EXPECT_EQ(shape(*(*plan)->values()->Get(0)->val_as_Tensor()), (Shape{2, 3}));
  EXPECT_EQ(type_name(*(*plan)->values()->Get(4)), "IntList");
}

TEST(ProgramFile, ReadsOldFilesWithoutHeader) {
  ProgramSpec s;
  s.header = false;
  s.values = {tensor({.data_buffer_idx = 1})};
  s.constant_buffer = {{}, std::vector<uint8_t>(24, 9)};
  s.inline_delegates = {{1, 2, 3}};
  s.delegates = {{.location = pte::DataLocation::Inline}};
  s.segments = {{0, 0}};  // as exporters write it when there is nothing to put there
  const std::vector<std::byte> file = s.build();
  const auto p = ProgramFile::parse(file, "m.pte");
  ASSERT_TRUE(p) << p.error().message;
  const TensorStorage constant = p->storage(*p->plan(0).values()->Get(0)->val_as_Tensor());
  ASSERT_EQ(constant.bytes.size(), 24u);
  EXPECT_EQ(constant.bytes[23], std::byte(9));
  const auto payload = p->delegate_payload(*p->plan(0).delegates()->Get(0));
  ASSERT_EQ(payload.size(), 3u);
  EXPECT_EQ(payload[2], std::byte(3));
}

TEST(ProgramFile, KnowsExternalTensors) {
  ProgramSpec s = sound_program();
  using Extra = TensorSpec::Extra;
  s.values.push_back(tensor(
      {.extra = Extra{.name = "layer.weight", .location = pte::TensorDataLocation::External}}));
  s.values.push_back(tensor(
      {.allocation = AllocationSpec{1, 32},
       .extra = Extra{.name = "layer.state", .location = pte::TensorDataLocation::External}}));
  const std::vector<std::byte> file = s.build();
  const auto p = ProgramFile::parse(file, "m.pte");
  ASSERT_TRUE(p) << p.error().message;
  const auto storage = [&](uint32_t v) {
    return p->storage(*p->plan(0).values()->Get(v)->val_as_Tensor());
  };
  EXPECT_EQ(storage(10).kind, TensorStorage::Kind::kConstant);
  EXPECT_EQ(storage(10).external_name, "layer.weight");
  EXPECT_EQ(storage(11).kind, TensorStorage::Kind::kPlanned);
  EXPECT_EQ(storage(11).external_name, "layer.state");
}

TEST(ProgramFile, OpensFilesAndStaysValidWhenMoved) {
  const std::string path = ::testing::TempDir() + "smelt_program_file_test.pte";
  const std::vector<std::byte> file = sound_program().build();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(file.data()), std::streamsize(file.size()));
  auto opened = ProgramFile::open(path);
  std::remove(path.c_str());
  ASSERT_TRUE(opened) << opened.error().message;
  const ProgramFile p = *std::move(opened);
  EXPECT_EQ(p.plan(0).values()->size(), 10u);
  EXPECT_TRUE(std::ranges::equal(p.bytes(), file));
  EXPECT_EQ(ProgramFile::open(path).error().code, ErrorCode::kNotFound);
}

TEST(ProgramFile, ListsTheMethodsThatThereAre) {
  const std::vector<std::byte> file = sound_program().build();
  const auto p = ProgramFile::parse(file, "m.pte");
  ASSERT_TRUE(p);
  const auto none = p->find_plan("encode");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(none.error().message, "m.pte: no method \"encode\"; there are: forward");
}

TEST(ProgramFile, WantsAlignedMemory) {
  std::vector<std::byte> file = sound_program().build();
  file.insert(file.begin(), std::byte(0));
  const auto p = ProgramFile::parse(std::span(file).subspan(1), "m.pte");
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::kInvalidArgument);
}

// ---- what can be wrong: one change to a sound program, and the sentence that answers it

struct Wrong {
  const char* name;
  std::function<void(ProgramSpec&)> change;
  const char* message;
};
void PrintTo(const Wrong& w, std::ostream* out) { *out << w.name; }

void set(ProgramSpec& p, size_t value, TensorSpec t) { p.values[value] = tensor(std::move(t)); }

class Invalid : public ::testing::TestWithParam<Wrong> {};

TEST_P(Invalid, IsRejectedWithFieldAndValue) {
  ProgramSpec spec = sound_program();
  GetParam().change(spec);
  const std::vector<std::byte> file = spec.build();
  const auto p = ProgramFile::parse(file, "m.pte");
  ASSERT_FALSE(p);
  EXPECT_EQ(p.error().code, ErrorCode::kInvalidFile);
  EXPECT_EQ(p.error().message, std::string("m.pte: ") + GetParam().message);
}

const Wrong kWrong[] = {
    {"Identifier", [](ProgramSpec& p) { p.identifier = "ET99"; },
     "not an ExecuTorch program (.pte) but one of another version of ExecuTorch's format (ET99; ET12 "
     "is known here)"},
    {"HeaderLength", [](ProgramSpec& p) { p.header_length = 20; },
     "length of the extended header is 20; must be at least 24"},
    {"HeaderLongerThanProgram", [](ProgramSpec& p) { p.program_size = 30; },
     "extended header: program size is 30, less than the header itself"},
    {"SegmentBaseInProgram", [](ProgramSpec& p) { p.program_size = 200, p.segment_base = 100; },
     "extended header: segments start at byte 100, inside the program of 200 bytes"},
    {"FlatbufferCutShort", [](ProgramSpec& p) { p.program_size = 200; },
     "the program of 200 bytes is truncated or corrupt: not a well-formed flatbuffer"},
    {"SegmentBeyondDeclared",
     [](ProgramSpec& p) { p.segments[1].size = 90, p.segment_data_size = 144; },
     "segments[1] has 90 bytes at offset 64, but the file ends 144 bytes after its segment base: "
     "truncated?"},
    {"SegmentBeyondHeadersSize", [](ProgramSpec& p) { p.segment_data_size = 100; },
     "segments[2] has 16 bytes at offset 128, but the extended header gives all segments 100 "
     "bytes"},
    {"SegmentOverflow", [](ProgramSpec& p) { p.segments[0].offset = ~uint64_t(0); },
     "segments[0] has 32 bytes at offset 18446744073709551615, but the file ends 144 bytes after "
     "its segment base: "
     "truncated?"},
    {"SegmentsWithoutHeader", [](ProgramSpec& p) { p.header = false; },
     "segments[0] has 32 bytes, but the file has no extended header that says where segments "
     "start"},
    {"NamedDataSegment", [](ProgramSpec& p) { p.named_data[1].second = 3; },
     "named_data[1].segment_index is 3, but there are 3 segments"},
    {"NamedDataTwice", [](ProgramSpec& p) { p.named_data[1].first = "weight"; },
     "named_data has the key \"weight\" twice"},
    {"ConstantSegmentIndex", [](ProgramSpec& p) { p.constant_segment->segment = 9; },
     "constant_segment.segment_index is 9, but there are 3 segments"},
    {"ConstantOffset", [](ProgramSpec& p) { p.constant_segment->offsets[1] = 40; },
     "constant_segment.offsets[1] is 40, beyond the segment of 32 bytes"},
    {"ConstantTooShort", [](ProgramSpec& p) { p.constant_segment->offsets[1] = 12; },
     "execution_plan[0].values[1].data_buffer_idx is 1: constant_segment has 20 bytes from "
     "offsets[1] on, the tensor 24"},
    {"ConstantIndex", [](ProgramSpec& p) { set(p, 1, {.data_buffer_idx = 2}); },
     "execution_plan[0].values[1].data_buffer_idx is 2, but constant_segment has 2 offsets"},
    {"ConstantsTwice", [](ProgramSpec& p) { p.constant_buffer = {{}}; },
     "constant_buffer has 1 entries, but constants are in constant_segment"},
    {"InlineConstantIndex",
     [](ProgramSpec& p) { p.constant_segment.reset(), p.constant_buffer = {{}}; },
     "execution_plan[0].values[1].data_buffer_idx is 1, but there are 1 constants"},
    {"InlineConstantTooShort",
     [](ProgramSpec& p) { p.constant_segment.reset(), p.constant_buffer = {{}, {1, 2}}; },
     "execution_plan[0].values[1].data_buffer_idx is 1: constant_buffer[1] has 2 bytes, the tensor "
     "24"},
    {"MutableSegment",
     [](ProgramSpec& p) {
       set(p, 2,
           {.data_buffer_idx = 1,
            .allocation = AllocationSpec{},
            .extra = TensorSpec::Extra{.mutable_segment = 4}});
     },
     "execution_plan[0].values[2].extra_tensor_info.mutable_data_segments_idx is 4, but there are "
     "1 mutable data "
     "segments"},
    {"MutableOffset", [](ProgramSpec& p) { p.mutable_segments[0].offsets[1] = 30; },
     "execution_plan[0].values[2].data_buffer_idx is 1: mutable_data_segments[0] has 2 bytes from "
     "offsets[1] on, the "
     "tensor 24"},
    {"MutableSegmentIndex", [](ProgramSpec& p) { p.mutable_segments[0].segment = 5; },
     "mutable_data_segments[0].segment_index is 5, but there are 3 segments"},
    {"MethodName", [](ProgramSpec& p) { p.method.reset(); }, "execution_plan[0].name is missing"},
    {"BufferSize", [](ProgramSpec& p) { p.buffers[1] = -64; },
     "execution_plan[0].non_const_buffer_sizes[1] is -64; must be 0 or more"},
    {"Input", [](ProgramSpec& p) { p.inputs[0] = 10; },
     "execution_plan[0].inputs[0] is 10, but there are 10 values"},
    {"Output", [](ProgramSpec& p) { p.outputs[0] = -1; },
     "execution_plan[0].outputs[0] is -1, but there are 10 values"},
    {"ValueType",
     [](ProgramSpec& p) {
       p.values[3] = [](Builder& b) { return AnyTable{50, pte::CreateNull(b).Union()}; };
     },
     "execution_plan[0].values[3] has the unknown type 50"},
    {"NoValue", [](ProgramSpec& p) { p.values[3] = [](Builder&) { return AnyTable{0, 0}; }; },
     "execution_plan[0].values[3] has no value"},
    {"ValueWithoutTable",
     [](ProgramSpec& p) {
       p.values[9] = [](Builder&) { return any(pte::KernelTypes::Tensor, 0); };
     },
     "execution_plan[0].values[9].val is missing"},
    {"StringWithoutText",
     [](ProgramSpec& p) {
       p.values[9] = [](Builder& b) {
         return any(pte::KernelTypes::String, pte::CreateString(b).Union());
       };
       p.instructions.pop_back();
     },
     "execution_plan[0].values[9].string_val is missing"},
    {"ListWithoutItems",
     [](ProgramSpec& p) {
       p.values[4] = [](Builder& b) {
         return any(pte::KernelTypes::IntList, pte::CreateIntList(b).Union());
       };
     },
     "execution_plan[0].values[4].items is missing"},
    {"IntListItem", [](ProgramSpec& p) { p.values[4] = int_list({3, 0}); },
     "execution_plan[0].values[4].items[1] is 0, and values[0] is a Tensor; must be an Int"},
    {"IntListIndex", [](ProgramSpec& p) { p.values[4] = int_list({int64_t(1) << 32}); },
     "execution_plan[0].values[4].items[0] is 4294967296, but there are 10 values"},
    {"TensorListNull", [](ProgramSpec& p) { p.values[5] = tensor_list({0, -1}); },
     "execution_plan[0].values[5].items[1] is -1, but there are 10 values"},
    {"OptionalTensorListItem", [](ProgramSpec& p) { p.values[6] = optional_tensor_list({3}); },
     "execution_plan[0].values[6].items[0] is 3, and values[3] is an Int; must be a Tensor"},
    {"NoSizes", [](ProgramSpec& p) { set(p, 9, {.sizes = std::nullopt, .dim_order = {}}); },
     "execution_plan[0].values[9].sizes is missing"},
    {"NegativeSize", [](ProgramSpec& p) { set(p, 9, {.sizes = std::vector<int32_t>{2, -4}}); },
     "execution_plan[0].values[9].sizes[1] is -4; must be 0 or more"},
    {"Rank",
     [](ProgramSpec& p) {
       set(p, 9, {.sizes = std::vector<int32_t>(17, 1), .dim_order = std::vector<uint8_t>(17)});
     },
     "execution_plan[0].values[9].sizes has 17 dimensions; must be at most 16"},
    {"DimOrderLength", [](ProgramSpec& p) { set(p, 9, {.dim_order = {0}}); },
     "execution_plan[0].values[9].dim_order has 1 entries for 2 dimensions"},
    {"DimOrderRange", [](ProgramSpec& p) { set(p, 9, {.dim_order = {0, 2}}); },
     "execution_plan[0].values[9].dim_order[1] is 2 in a tensor of 2 dimensions"},
    {"DimOrderTwice", [](ProgramSpec& p) { set(p, 9, {.dim_order = {1, 1}}); },
     "execution_plan[0].values[9].dim_order[1] is 1 for the second time"},
    {"TooManyElements",
     [](ProgramSpec& p) {
       set(p, 9, {.sizes = std::vector<int32_t>(3, 0x7fffffff), .dim_order = {0, 1, 2}});
     },
     "execution_plan[0].values[9].sizes is [2147483647, 2147483647, 2147483647], more bytes of "
     "float32 than can be "
     "addressed"},
    {"Dynamism", [](ProgramSpec& p) { set(p, 9, {.dynamism = pte::TensorShapeDynamism(7)}); },
     "execution_plan[0].values[9].shape_dynamism is 7"},
    {"ExternalWithoutName",
     [](ProgramSpec& p) {
       set(p, 9, {.extra = TensorSpec::Extra{.location = pte::TensorDataLocation::External}});
     },
     "execution_plan[0].values[9].extra_tensor_info.fully_qualified_name is missing in a tensor "
     "with external data"},
    {"Location",
     [](ProgramSpec& p) {
       set(p, 9, {.extra = TensorSpec::Extra{.location = pte::TensorDataLocation(3)}});
     },
     "execution_plan[0].values[9].extra_tensor_info.location is 3"},
    {"MemoryId", [](ProgramSpec& p) { set(p, 0, {.allocation = AllocationSpec{2, 0}}); },
     "execution_plan[0].values[0].allocation_info.memory_id is 2; must be at least 1 and less than "
     "the number of "
     "buffers, 2"},
    {"MemoryIdZero", [](ProgramSpec& p) { set(p, 0, {.allocation = AllocationSpec{0, 0}}); },
     "execution_plan[0].values[0].allocation_info.memory_id is 0; must be at least 1 and less than "
     "the number of "
     "buffers, 2"},
    {"PlannedBeyondBuffer",
     [](ProgramSpec& p) { set(p, 0, {.allocation = AllocationSpec{1, 44}}); },
     "execution_plan[0].values[0].allocation_info places 24 bytes at offset 44 of buffer 1, which "
     "has 64"},
    {"PlannedFarBeyondBuffer",
     [](ProgramSpec& p) { set(p, 0, {.allocation = AllocationSpec{1, uint64_t(1) << 40}}); },
     "execution_plan[0].values[0].allocation_info places 24 bytes at offset 1099511627776 of "
     "buffer 1, which has 64"},
    {"PlannedMisaligned", [](ProgramSpec& p) { set(p, 0, {.allocation = AllocationSpec{1, 6}}); },
     "execution_plan[0].values[0].allocation_info places elements of 4 bytes at offset 6: not "
     "aligned"},
    {"DelegateSegment", [](ProgramSpec& p) { p.delegates[0].index = 3; },
     "execution_plan[0].delegates[0].processed.index is 3, but there are 3 segments"},
    {"DelegateInline", [](ProgramSpec& p) { p.delegates[0].location = pte::DataLocation::Inline; },
     "execution_plan[0].delegates[0].processed.index is 2, but there are 0 inline delegates"},
    {"DelegateLocation", [](ProgramSpec& p) { p.delegates[0].location = pte::DataLocation(2); },
     "execution_plan[0].delegates[0].processed.location is 2"},
    {"DelegateWithoutData", [](ProgramSpec& p) { p.delegates[0].processed = false; },
     "execution_plan[0].delegates[0].processed is missing"},
    {"OperatorIndex", [](ProgramSpec& p) { p.instructions[0] = kernel_call(1, {}); },
     "execution_plan[0].chains[0].instructions[0].op_index is 1, but there are 1 operators"},
    {"Argument", [](ProgramSpec& p) { p.instructions[0] = kernel_call(0, {0, 99}); },
     "execution_plan[0].chains[0].instructions[0].args[1] is 99, but there are 10 values"},
    {"DelegateIndex", [](ProgramSpec& p) { p.instructions[1] = delegate_call(-1, {}); },
     "execution_plan[0].chains[0].instructions[1].delegate_index is -1, but there are 1 delegates"},
    {"DelegateArgument", [](ProgramSpec& p) { p.instructions[1] = delegate_call(0, {-2}); },
     "execution_plan[0].chains[0].instructions[1].args[0] is -2, but there are 10 values"},
    {"MoveFrom", [](ProgramSpec& p) { p.instructions[3] = move_call(10, 0); },
     "execution_plan[0].chains[0].instructions[3].move_from is 10, but there are 10 values"},
    {"MoveTo", [](ProgramSpec& p) { p.instructions[3] = move_call(0, -1); },
     "execution_plan[0].chains[0].instructions[3].move_to is -1, but there are 10 values"},
    {"JumpCondition", [](ProgramSpec& p) { p.instructions[2] = jump(3, 0); },
     "execution_plan[0].chains[0].instructions[2].cond_value_index is 3, and values[3] is an Int; "
     "must be a Bool"},
    {"JumpDestination", [](ProgramSpec& p) { p.instructions[2] = jump(8, 6); },
     "execution_plan[0].chains[0].instructions[2].destination_instruction is 6, but the chain has "
     "5 instructions"},
    {"Free", [](ProgramSpec& p) { p.instructions[4] = free_call(11); },
     "execution_plan[0].chains[0].instructions[4].value_index is 11, but there are 10 values"},
    {"InstructionType",
     [](ProgramSpec& p) {
       p.instructions[0] = [](Builder& b) { return AnyTable{9, pte::CreateNull(b).Union()}; };
     },
     "execution_plan[0].chains[0].instructions[0] has the unknown type 9"},
    {"InstructionWithoutTable",
     [](ProgramSpec& p) {
       p.instructions[0] = [](Builder&) { return any(pte::InstructionArguments::MoveCall, 0); };
     },
     "execution_plan[0].chains[0].instructions[0].instr_args is missing"},
};

INSTANTIATE_TEST_SUITE_P(ProgramFile, Invalid, ::testing::ValuesIn(kWrong),
                         [](const auto& info) { return info.param.name; });

TEST(ProgramFile, RejectsMisalignedConstants) {
  ProgramSpec spec = sound_program();
  spec.constant_segment->offsets[1] = 2;
  const std::vector<std::byte> file = spec.build();
  const auto p = ProgramFile::parse(file, "m.pte");
  ASSERT_FALSE(p);
  EXPECT_EQ(
      p.error().message,
      "m.pte: execution_plan[0].values[1].data_buffer_idx is 1: elements of 4 bytes at byte " +
          std::to_string(file.size() - 144 + 2) + " of the file: not aligned");
}

TEST(ProgramFile, SaysWhatIsMissingOfTruncatedFiles) {
  const std::vector<std::byte> file = sound_program().build();
  const auto message = [&](size_t bytes) {
    const auto p = ProgramFile::parse(std::span(file).first(bytes), "m.pte");
    return p ? std::string() : p.error().message;
  };
  EXPECT_EQ(message(3), "m.pte: 3 bytes are too few for a program");
  EXPECT_EQ(message(20), "m.pte: truncated in the extended header: 20 bytes, expected at least 32");
  uint64_t program = 0;
  std::memcpy(&program, file.data() + 16, 8);
  EXPECT_EQ(message(100),
            "m.pte: truncated: 100 bytes, but the extended header says that the program has " +
                std::to_string(program));
  EXPECT_EQ(message(file.size() - 1),
            "m.pte: truncated: " + std::to_string(file.size() - 1) +
                " bytes, but the extended header says that 144 bytes of segments start at byte " +
                std::to_string(file.size() - 144));
}

// A sound program that asks for what Smelt does not have opens, so that it can be inspected.
TEST(ProgramFile, TellsWhatIsNotSupported) {
  const struct {
    std::function<void(ProgramSpec&)> change;
    const char* message;
  } cases[] = {
      {[](ProgramSpec& p) { p.delegates[0].id = "VulkanBackend"; },
       "m.pte: forward.delegates[0].id is \"VulkanBackend\"; Smelt runs XnnpackBackend"},
      {[](ProgramSpec& p) { set(p, 9, {.type = pte::ScalarType::Float8e5m2}); },
       "m.pte: forward.values[9].scalar_type is 23 (Float8e5m2)"},
      {[](ProgramSpec& p) { set(p, 9, {.type = pte::ScalarType(99)}); },
       "m.pte: forward.values[9].scalar_type is 99 (unknown)"},
      {[](ProgramSpec& p) { set(p, 9, {.storage_offset = 4}); },
       "m.pte: forward.values[9].storage_offset is 4; must be 0"},
      {[](ProgramSpec& p) { set(p, 9, {.layout = 1}); },
       "m.pte: forward.values[9].layout is 1; must be 0, strided"},
      {[](ProgramSpec& p) {
         set(p, 9, {.extra = TensorSpec::Extra{.device = pte::DeviceType::Cuda}});
       },
       "m.pte: forward.values[9].extra_tensor_info places the tensor on another device than the "
       "CPU"},
  };
  for (const auto& c : cases) {
    ProgramSpec spec = sound_program();
    c.change(spec);
    const std::vector<std::byte> file = spec.build();
    const auto p = ProgramFile::parse(file, "m.pte");
    ASSERT_TRUE(p) << p.error().message;
    const Status s = p->check_supported(p->plan(0));
    ASSERT_FALSE(s) << c.message;
    EXPECT_EQ(s.error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(s.error().message, c.message);
  }
}

}  // namespace
}  // namespace smelt
