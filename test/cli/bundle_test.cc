// Bundled programs from outside: checked against the outputs in them, and used like any program.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "process.h"
#include "support/bundle_builder.h"
#include "support/program_builder.h"

namespace smelt::test {
namespace {

using smelt::testing::bundled_tensor;
using smelt::testing::BundledCaseSpec;
using smelt::testing::BundledTensorSpec;
using smelt::testing::BundleSpec;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr int kOk = 0, kWrongResult = 1, kUsage = 2, kBadFile = 3;
using enum pte::ScalarType;

/// y = -x, of float32 [2, 3].
std::vector<std::byte> negation() {
  smelt::testing::ProgramSpec p;
  p.values = {smelt::testing::tensor({}), smelt::testing::tensor({})};
  p.inputs = {0}, p.outputs = {1};
  p.operators = {{"aten::neg", "out"}};
  p.instructions = {smelt::testing::kernel_call(0, {0, 1})};
  p.buffers = {0};
  return p.build();
}

/// y = 7: a method without inputs, as exporters write for metadata.
std::vector<std::byte> metadata() {
  smelt::testing::ProgramSpec p;
  p.values = {smelt::testing::integer(7)};
  p.outputs = {0};
  p.buffers = {0};
  return p.build();
}

BundledTensorSpec floats(const std::vector<float>& x) { return bundled_tensor(Float, {2, 3}, x); }

class BundleTest : public ::testing::Test {
 protected:
  std::string save(const BundleSpec& spec) {
    const auto bytes = spec.build();
    write_file(folder / "model.bpte", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return folder / "model.bpte";
  }
  TemporaryFolder folder;
  const BundledCaseSpec first{{floats({1, 2, 3, 4, 5, 6})}, {floats({-1, -2, -3, -4, -5, -6})}};
  const BundledCaseSpec second{{floats({0, 0, 8, 0, 0, 0})},
                               {floats({0, 0, -8.0078125f, 0, 0, 0})}};
};

TEST_F(BundleTest, CheckComparesWithTheRecordedOutputs) {
  const std::string file = save({{{"forward", {first, second}}}, negation()});
  Outcome o = smelt({"check", file});
  EXPECT_EQ(o.exit, kOk) << o.out << o.err;
  EXPECT_THAT(o.out, EndsWith("2 passed, 0 failed, 0 skipped\n"));

  // 2^-7 is more than what these allow.
  o = smelt({"check", file, "--rtol", "1e-5", "--json", folder / "check.json"});
  EXPECT_EQ(o.exit, kWrongResult) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("FAIL forward 1: step 0: output 0: at [0, 2]: ours -8, "
                                     "expected -8.0078125"),
                           EndsWith("1 passed, 1 failed, 0 skipped\n")));
  const auto j = nlohmann::json::parse(read_file(folder / "check.json"));
  EXPECT_EQ(j.at("entries").at(1).at("name"), "forward 1");
  EXPECT_EQ(smelt({"check", file, "--rtol", "1e-5", "--filter", "0$"}).exit, kOk);
}

TEST_F(BundleTest, CheckTakesOrdersOfDimensionsAsTheyAre) {
  // [2, 3] with the second dimension outermost in memory: 1 4, 2 5, 3 6.
  BundledCaseSpec c = first;
  c.inputs = {bundled_tensor<float>(Float, {2, 3}, {1, 4, 2, 5, 3, 6}, {1, 0})};
  const Outcome o = smelt({"check", save({{{"forward", {c}}}, negation()})});
  EXPECT_EQ(o.exit, kOk) << o.out << o.err;
}

TEST_F(BundleTest, CasesWithoutOutputsRunAndAreSaidToCompareNothing) {
  const std::string file = save({{{"forward", {{first.inputs, {}}}}}, negation()});
  const Outcome o = smelt({"check", file});
  EXPECT_EQ(o.exit, kOk) << o.out << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("without recorded outputs, of which nothing is compared: 1\n"),
                           EndsWith("1 passed, 0 failed, 0 skipped\n")));
}

TEST_F(BundleTest, MethodsWithoutInputsAreChecked) {
  Outcome o = smelt({"check", save({{{"forward", {{{}, {int64_t(7)}}}}}, metadata()})});
  EXPECT_EQ(o.exit, kOk) << o.out << o.err;
  o = smelt({"check", save({{{"forward", {{{}, {int64_t(8)}}}}}, metadata()})});
  EXPECT_EQ(o.exit, kWrongResult) << o.out << o.err;
}

TEST_F(BundleTest, TheProgramInsideRunsOnTheInputsOfACase) {
  const std::string file = save({{{"forward", {first, second}}}, negation()});
  Outcome o = smelt({"run", file});
  EXPECT_EQ(o.exit, kOk) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("input 0: float32 [2, 3], of test case 0"),
                           HasSubstr("first -1 -2 -3 -4 -5 -6")));
  o = smelt({"run", file, "--case", "1"});
  EXPECT_THAT(o.out, AllOf(HasSubstr("of test case 1"), HasSubstr("min -8")));
  o = smelt({"run", file, "--case", "2"});
  EXPECT_EQ(o.exit, kUsage);
  EXPECT_THAT(o.err, HasSubstr("2 test cases for forward"));
  o = smelt({"info", file});
  EXPECT_EQ(o.exit, kOk) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("2 test cases for forward"), HasSubstr("aten::neg.out")));
  for (const char* verb : {"bench", "profile", "explain"}) {
    o = smelt({verb, file});
    EXPECT_EQ(o.exit, kOk) << verb << o.err;
  }
}

TEST_F(BundleTest, CasesAndTolerancesAreForBundlesOnly) {
  const auto bytes = negation();
  write_file(folder / "plain.pte", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  EXPECT_EQ(smelt({"run", folder / "plain.pte", "--case", "0"}).exit, kUsage);
  EXPECT_EQ(smelt({"check", folder / "plain.pte", "--rtol", "0"}).exit, kUsage);
  const Outcome o = smelt({"check", folder / "plain.pte"});
  EXPECT_EQ(o.exit, kBadFile);
  EXPECT_THAT(o.err, HasSubstr("an ExecuTorch program (.pte)"));
}

TEST_F(BundleTest, WhatIsWrongWithItIsNamed) {
  BundledCaseSpec c = first;
  std::get<BundledTensorSpec>(c.inputs[0]).data.pop_back();
  Outcome o = smelt({"check", save({{{"forward", {c}}}, negation()})});
  EXPECT_EQ(o.exit, kBadFile);
  EXPECT_THAT(o.err, HasSubstr("method_test_suites[0].test_cases[0].inputs[0].data has 23 bytes"));
  o = smelt({"check", save({{}, negation()})});
  EXPECT_EQ(o.exit, kBadFile);
  EXPECT_THAT(o.err, HasSubstr("no test cases"));
  o = smelt({"run", save({{{"forward", {first}}}, {}})});
  EXPECT_EQ(o.exit, kBadFile);
  EXPECT_THAT(o.err, HasSubstr("program is empty"));
  o = smelt({"check", save({{{"backward", {first}}}, negation()})});
  EXPECT_EQ(o.exit, kWrongResult);
  EXPECT_THAT(o.out, HasSubstr("no method \"backward\""));
}

}  // namespace
}  // namespace smelt::test
