// Files that are not what a verb takes, and programs whose weights are elsewhere: the message says
// what to do.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process.h"
#include "support/program_builder.h"

namespace smelt::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace smelt::testing;

constexpr int kUsage = 2, kBadFile = 3;

class FilesTest : public ::testing::Test {
 protected:
  std::string save(const std::string& name, const std::string& contents) {
    write_file(folder / name, contents);
    return folder / name;
  }
  std::string save(const std::string& name, const ProgramSpec& program) {
    const auto bytes = program.build();
    return save(name, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  TemporaryFolder folder;
};

/// out = a + b, of these shapes.
ProgramSpec sum(std::vector<int32_t> a, std::vector<int32_t> b, std::vector<int32_t> out) {
  ProgramSpec p;
  p.values = {tensor({.sizes = a}), tensor({.sizes = b}), tensor({.sizes = out}), integer(1)};
  p.inputs = {0, 1}, p.outputs = {2};
  p.operators = {{"aten::add", "out"}};
  p.instructions = {kernel_call(0, {0, 1, 3, 2})};
  p.buffers = {0};
  return p;
}

TEST_F(FilesTest, WhatWasGivenByMistakeIsNamed) {
  const std::string pointer =
      save("model.pte", "version https://example/spec/v1\noid sha256:4d7a\nsize 12345\n");
  const std::string onnx =
      save("model.onnx", std::string("\x08\x07\x12\x07pytorch\x1a\x03") + std::string(30, '2'));
  const std::string program = save("sum.pte", sum({2, 3}, {2, 3}, {2, 3}));
  const std::string empty = save("empty.pte", "");
  struct Case {
    std::vector<std::string> args;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{"run", pointer}, "Git LFS pointer"},
      {{"info", onnx}, "ONNX"},
      {{"bench", empty}, "an empty file"},
      {{"check", program}, "not JSON but an ExecuTorch program (.pte)"},
      {{"compare", program, program}, "not JSON but an ExecuTorch program (.pte)"},
      {{"run", program, "--input", program}, "an ExecuTorch program (.pte)"},
      {{"run", program, "--data", onnx}, "not external data (.ptd) but an ONNX model"},
      {{"run", folder.path()}, "directory"},
  };
  for (const Case& c : cases) {
    const Outcome o = smelt(c.args);
    EXPECT_EQ(o.exit, kBadFile) << ::testing::PrintToString(c.args);
    EXPECT_THAT(o.err, HasSubstr(c.says)) << ::testing::PrintToString(c.args);
  }
}

TEST_F(FilesTest, WeightsInAnotherFileAreAskedForByName) {
  ProgramSpec p = sum({2, 3}, {2, 3}, {2, 3});
  p.values[1] = tensor({.sizes = std::vector<int32_t>{2, 3},
                        .extra = TensorSpec::Extra{.name = "encoder.weight",
                                                   .location = pte::TensorDataLocation::External}});
  p.inputs = {0};
  const Outcome o = smelt({"run", save("split.pte", p)});
  EXPECT_EQ(o.exit, kBadFile);
  EXPECT_THAT(o.err, AllOf(HasSubstr("split.pte"), HasSubstr("\"encoder.weight\""),
                           HasSubstr("--data"), HasSubstr(".ptd")));
}

TEST_F(FilesTest, ProgramsThatContradictThemselvesAreBadFiles) {
  EXPECT_EQ(smelt({"run", save("sum.pte", sum({2, 3}, {2, 3}, {2, 3}))}).exit, 0);
  EXPECT_EQ(smelt({"run", save("out.pte", sum({2, 3}, {2, 3}, {2, 4}))}).exit, kBadFile);
  EXPECT_EQ(smelt({"run", save("in.pte", sum({2, 3}, {2, 4}, {2, 3}))}).exit, kBadFile);
}

TEST_F(FilesTest, MistakesOnTheCommandLineNameWhatIsThere) {
  Outcome o = smelt({"rum", "x.pte"});
  EXPECT_EQ(o.exit, kUsage);
  EXPECT_THAT(o.err, AllOf(HasSubstr("no such verb: \"rum\""), HasSubstr("explain")));
  o = smelt({"run", "x.pte", "--thread", "1"});
  EXPECT_EQ(o.exit, kUsage);
  EXPECT_THAT(o.err, AllOf(HasSubstr("\"--thread\""), HasSubstr("smelt run --help")));
}

}  // namespace
}  // namespace smelt::test
