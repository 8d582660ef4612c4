// State that several methods of a program have in common, and what only looks like it.
#include "program/shared_state.h"

#include <cstring>

#include <gtest/gtest.h>

#include "program/method.h"
#include "support/program_builder.h"

namespace smelt::program {
namespace {

using namespace smelt::testing;
using Floats = std::vector<float>;

#define ASSERT_OK(expr)                                \
  do {                                                 \
    const auto& asserted = (expr);                     \
    ASSERT_TRUE(asserted) << asserted.error().message; \
  } while (false)

TensorSpec at(uint32_t buffer, uint64_t offset, int32_t elements = 3) {
  return {.sizes = std::vector<int32_t>{elements},
          .dim_order = {0},
          .allocation = AllocationSpec{buffer, offset}};
}

/// The methods of a program, each loaded when it is first asked for.
class Loaded {
 public:
  explicit Loaded(const ProgramSpec& spec) : bytes_(spec.build()) {
    auto file = ProgramFile::parse(bytes_, "test.pte");
    EXPECT_TRUE(file) << file.error().message;
    source_ = std::make_shared<const ProgramSource>(ProgramSource{*std::move(file), {}});
  }
  std::unique_ptr<LoadedMethod> load(std::string_view name) const {
    auto method = LoadedMethod::load(source_, name, Cpu(), 1);
    EXPECT_TRUE(method) << method.error().message;
    return method ? *std::move(method) : nullptr;
  }

 private:
  std::vector<std::byte> bytes_;
  std::shared_ptr<const ProgramSource> source_;
};

Floats run(LoadedMethod& method, Floats x) {
  const Value inputs[] = {TensorView::of(std::span<float>(x), {int64_t(x.size())})};
  Value outputs[1];
  const Status ran = method.run(inputs, outputs);
  EXPECT_TRUE(ran) << ran.error().message;
  const TensorView* t = outputs[0].tensor();
  return t == nullptr ? Floats() : Floats(t->as<float>(), t->as<float>() + t->shape.numel());
}

/// write: state = x; y = x + x.
ProgramSpec writer(TensorSpec state) {
  ProgramSpec p;
  p.method = "write";
  p.values = {tensor(at(1, 0)), tensor(at(1, 16)), tensor(state), integer(1), boolean(false)};
  p.inputs = {0};
  p.outputs = {1};
  p.operators = {{"aten::add", "out"}, {"aten::copy_", ""}};
  p.instructions = {kernel_call(0, {0, 0, 3, 1, 1}), kernel_call(1, {2, 0, 4, 2})};
  p.buffers = {0, 64, 32};
  return p;
}

/// read: y = state + x. Activations lie where those of the writer lie.
ProgramSpec reader(TensorSpec state) {
  ProgramSpec p;
  p.method = "read";
  p.values = {tensor(at(1, 0)), tensor(at(1, 16)), tensor(state), integer(1)};
  p.inputs = {0};
  p.outputs = {1};
  p.operators = {{"aten::add", "out"}};
  p.instructions = {kernel_call(0, {2, 0, 3, 1, 1})};
  p.buffers = {0, 32, 32};
  return p;
}

ProgramSpec both(ProgramSpec a, ProgramSpec b) {
  a.other_methods = {std::move(b)};
  return a;
}

const Floats kSeen = {2, 3, 4}, kNotSeen = {1, 1, 1};

/// What "read" gives for ones after "write" got 1, 2, 3.
Floats read_after_write(const ProgramSpec& spec) {
  const Loaded program(spec);
  const auto write = program.load("write"), read = program.load("read");
  if (write == nullptr || read == nullptr) return {};
  EXPECT_EQ(run(*write, {1, 2, 3}), (Floats{2, 4, 6}));
  EXPECT_EQ(write->info().shared_state_bytes, read->info().shared_state_bytes);
  const Floats y = run(*read, {1, 1, 1});
  EXPECT_EQ(read->info().shared_state_bytes != 0, y == kSeen);
  return y;
}

TEST(SharedState, WhatOneMethodWritesAnotherReads) {
  EXPECT_EQ(read_after_write(both(writer(at(2, 16)), reader(at(2, 16)))), kSeen);
}

TEST(SharedState, AMethodThatIsLoadedLaterFindsWhatIsThere) {
  const Loaded program(both(writer(at(2, 0)), reader(at(2, 0))));
  const auto write = program.load("write");
  run(*write, {1, 2, 3});
  const auto read = program.load("read");
  EXPECT_EQ(run(*read, {1, 1, 1}), kSeen);
  // It outlives the methods.
  EXPECT_EQ(run(*program.load("read"), {0, 0, 0}), (Floats{1, 2, 3}));
}

TEST(SharedState, EachMethodPutsItBackForAll) {
  const Loaded program(both(writer(at(2, 0)), reader(at(2, 0))));
  const auto write = program.load("write"), read = program.load("read");
  for (LoadedMethod* method : {write.get(), read.get()}) {
    run(*write, {1, 2, 3});
    EXPECT_EQ(run(*read, {1, 1, 1}), kSeen);
    method->reset();
    EXPECT_EQ(run(*read, {1, 1, 1}), kNotSeen);
  }
}

TEST(SharedState, StartsAtItsFirstValue) {
  TensorSpec state = at(2, 0);
  state.data_buffer_idx = 1;
  ProgramSpec spec = both(writer(state), reader(state));
  const Floats first = {10, 20, 30};
  spec.segments = {{0, 12}};
  spec.segment_bytes.resize(12);
  std::memcpy(spec.segment_bytes.data(), first.data(), 12);
  spec.mutable_segments = {{0, {0, 0}}};
  const Loaded program(spec);
  const auto read = program.load("read");
  EXPECT_EQ(run(*read, {0, 0, 0}), first);
  const auto write = program.load("write");
  EXPECT_EQ(run(*read, {0, 0, 0}), first);
  run(*write, {1, 2, 3});
  const auto later = program.load("read");
  EXPECT_EQ(run(*later, {0, 0, 0}), (Floats{1, 2, 3}));
  later->reset();
  EXPECT_EQ(run(*read, {0, 0, 0}), first);
}

TEST(SharedState, ABufferWithAnActivationIsNoState) {
  // Another plan of memory: the second buffer has a result in it that is computed first.
  ProgramSpec p = reader(at(2, 0));
  p.values.push_back(tensor(at(2, 16)));
  p.instructions = {kernel_call(0, {0, 0, 3, 4, 4}), kernel_call(0, {2, 0, 3, 1, 1})};
  EXPECT_EQ(read_after_write(both(writer(at(2, 0)), p)), kNotSeen);
}

TEST(SharedState, ABufferWithAnInputIsNoState) {
  ProgramSpec p = reader(at(2, 0));
  p.values[0] = tensor(at(2, 16));
  EXPECT_EQ(read_after_write(both(writer(at(2, 0)), p)), kNotSeen);
}

TEST(SharedState, TensorsThatLieAcrossOneAnotherAreNotTheSame) {
  EXPECT_EQ(read_after_write(both(writer(at(2, 4)), reader(at(2, 0)))), kNotSeen);
  EXPECT_EQ(read_after_write(both(writer(at(2, 0)), reader(at(2, 16)))), kNotSeen);
}

TEST(SharedState, NamesAndFirstValuesHaveToAgree) {
  TensorSpec a = at(2, 0), b = at(2, 0);
  a.extra = TensorSpec::Extra{.name = "encoder.cache"};
  b.extra = TensorSpec::Extra{.name = "decoder.cache"};
  EXPECT_EQ(read_after_write(both(writer(a), reader(b))), kNotSeen);
  EXPECT_EQ(read_after_write(both(writer(a), reader(a))), kSeen);
  EXPECT_EQ(read_after_write(both(writer(a), reader(at(2, 0)))), kSeen);
}

TEST(SharedState, BuffersOfAnotherNumberOrSizeAreTheMethodsOwn) {
  ProgramSpec first = reader(at(1, 32));
  first.buffers[1] = 64;
  EXPECT_EQ(read_after_write(both(writer(at(1, 32)), first)), kNotSeen);
  ProgramSpec larger = reader(at(2, 0));
  larger.buffers[2] = 64;
  EXPECT_EQ(read_after_write(both(writer(at(2, 0)), larger)), kNotSeen);
}

TEST(SharedState, OfASingleMethodEachHasItsOwn) {
  // state = state + x
  ProgramSpec p = reader(at(2, 0));
  p.operators.push_back({"aten::copy_", ""});
  p.values.push_back(boolean(false));
  p.instructions.push_back(kernel_call(1, {2, 1, 4, 2}));
  const Loaded program(p);
  const auto a = program.load("read"), b = program.load("read");
  EXPECT_EQ(run(*a, {1, 1, 1}), (Floats{1, 1, 1}));
  EXPECT_EQ(run(*a, {1, 1, 1}), (Floats{2, 2, 2}));
  EXPECT_EQ(run(*b, {1, 1, 1}), (Floats{1, 1, 1}));
  EXPECT_EQ(a->info().shared_state_bytes, 0u);
}

TEST(SharedState, AMethodThatCannotBeLoadedHasNoSay) {
  ProgramSpec broken = reader(at(2, 0));
  broken.method = "broken";
  broken.operators = {{"aten::no_such_operator", "out"}};
  ProgramSpec spec = both(writer(at(2, 0)), reader(at(2, 0)));
  spec.other_methods.push_back(broken);
  EXPECT_EQ(read_after_write(spec), kSeen);
}

}  // namespace
}  // namespace smelt::program
