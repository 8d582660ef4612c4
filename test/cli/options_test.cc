// Options that make no sense are refused by name, value and range; files that cannot be written are
// found before anything runs.
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "platform/cpu.h"
#include "process.h"
#include "smelt/smelt.hpp"
#include "support/program_builder.h"

namespace smelt::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kUsage = 2, kBadFile = 3;

class OptionsTest : public ::testing::Test {
 protected:
  OptionsTest() { make("linear.pte", {"--m", "1", "--n", "4", "--k", "8"}); }
  void make(const std::string& name, std::vector<std::string> args) {
    args.insert(args.begin(), {"make", "linear"});
    args.insert(args.end(), {"-o", folder / name});
    const Outcome made = smelt(args);
    EXPECT_EQ(made.exit, 0) << made.err;
  }
  Outcome with_isa(const char* mask, const std::vector<std::string>& args) {
    setenv("SMELT_ISA", mask, 1);
    const Outcome o = smelt(args);
    unsetenv("SMELT_ISA");
    return o;
  }

  TemporaryFolder folder;
  const std::string model = folder / "linear.pte";
};

TEST_F(OptionsTest, NumbersOutOfRangeAreRefusedByNameValueAndRange) {
  struct Case {
    std::vector<std::string> args;
    std::string option, value, range;
  };
  const std::vector<Case> cases = {
      {{"bench", model}, "--warmup", "-1", "from 0 to 10000000"},
      {{"bench", model}, "--warmup", "99999999999999999999", "from 0 to 10000000"},
      {{"bench", model}, "--runs", "abc", "from 1 to 10000000"},
      {{"bench", model}, "--runs", "99999999999999999999", "from 1 to 10000000"},
      {{"bench", model}, "--runs", "4000000000", "from 1 to 10000000"},
      {{"run", model}, "--runs", "1e3", "from 1 to 10000000"},
      {{"run", model}, "--runs", "0x10", "from 1 to 10000000"},
      {{"profile", model}, "--warmup", "-3", "from 0 to 10000000"},
      {{"run", model}, "--threads", "100000", "from 1 to 1024"},
      {{"run", model}, "--threads", "-2", "from 1 to 1024"},
      {{"run", model}, "--seed", "-1", "from 0 to 18446744073709551615"},
      {{"run", model}, "--seed", "18446744073709551616", "from 0 to 18446744073709551615"},
      {{"check", folder / "m.json"}, "--jobs", "9999999", "from 1 to 1024"},
      {{"check", folder / "m.json"}, "--max-bytes", "-1", "from 1 to"},
  };
  for (const Case& c : cases) {
    std::vector<std::string> args = c.args;
    args.insert(args.end(), {c.option, c.value});
    const Outcome o = smelt(args);
    EXPECT_EQ(o.exit, kUsage) << ::testing::PrintToString(args);
    EXPECT_THAT(o.err, AllOf(HasSubstr(c.option + ": \"" + c.value + "\""), HasSubstr(c.range)))
        << ::testing::PrintToString(args);
    EXPECT_LT(o.err.size(), 160u) << o.err;
    EXPECT_EQ(o.out, "");
  }
}

TEST_F(OptionsTest, NumbersAreDecimal) {
  const Outcome o = smelt({"bench", model, "--runs", "010"});
  EXPECT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("runs 10 "));
}

TEST_F(OptionsTest, MoreThreadsThanAnyMachineHasAreRefusedByTheLibraryToo) {
  const auto program = Program::load(model, {.threads = 1'000'000, .isa = {}, .external_data = {}});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(program.error().message, AllOf(HasSubstr("1000000"), HasSubstr("1024")));
}

TEST_F(OptionsTest, AnEmptyNameIsNoDefault) {
  const std::vector<std::vector<std::string>> cases = {
      {"explain", model, "--cpu", ""},  {"kernels", "--cpu", ""},
      {"run", model, "--method", ""},   {"run", model, "--data", ""},
      {"info", model, "--json", ""},    {"run", model, "--output-dir", ""},
      {"profile", model, "--html", ""}, {"cpu", ""},
  };
  for (const auto& args : cases) {
    const Outcome o = smelt(args);
    EXPECT_EQ(o.exit, kUsage) << ::testing::PrintToString(args);
    EXPECT_THAT(o.err, HasSubstr("is empty")) << ::testing::PrintToString(args);
  }
}

// ---- numbers as inputs

using smelt::testing::kernel_call;
using smelt::testing::ProgramSpec;

/// y = -x, for a tensor x of this type and shape.
std::string negation(pte::ScalarType type, std::vector<int32_t> sizes, bool bounded) {
  const smelt::testing::TensorSpec x{
      .type = type,
      .sizes = sizes,
      .dim_order = std::vector<uint8_t>(sizes.size()),  // of one dimension
      .dynamism =
          bounded ? pte::TensorShapeDynamism::DynamicBound : pte::TensorShapeDynamism::Static};
  ProgramSpec p;
  p.values = {smelt::testing::tensor(x), smelt::testing::tensor(x)};
  p.inputs = {0}, p.outputs = {1};
  p.operators = {{"aten::neg", "out"}};
  p.instructions = {kernel_call(0, {0, 1})};
  p.buffers = {0};
  const auto bytes = p.build();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST_F(OptionsTest, TensorsOfOneElementTakeANumber) {
  using enum pte::ScalarType;
  struct Case {
    pte::ScalarType type;
    std::vector<int32_t> sizes;
    bool bounded;
    const char* given;
    const char* shown;  ///< null: refused
  };
  const std::vector<Case> cases = {
      {Long, {1}, false, "int:5", "int64 [1]  min -5"},
      {Long, {}, false, "int:-7", "int64 []  min 7"},
      {Int, {1}, true, "int:5", "int32 [1]  min -5"},
      {Long, {9}, true, "int:5", "int64 [1]  min -5"},
      {Float, {1}, false, "float:2.5", "float32 [1]  min -2.5"},
      {Float, {1}, false, "int:2", "float32 [1]  min -2"},
      {Half, {1}, false, "float:0.5", "float16 [1]  min -0.5"},
      {BFloat16, {1}, false, "float:0.5", "bfloat16 [1]  min -0.5"},
      {Char, {1}, false, "int:300", nullptr},
      {Long, {1}, false, "float:2.5", nullptr},
      {Long, {1}, false, "bool:true", nullptr},
      {Long, {2}, false, "int:5", nullptr},
  };
  const std::string file = folder / "negation.pte";
  for (const Case& c : cases) {
    write_file(file, negation(c.type, c.sizes, c.bounded));
    const Outcome o = smelt({"run", file, "--input", c.given});
    SCOPED_TRACE(std::string(c.given) + " for " + pte::EnumNameScalarType(c.type));
    if (c.shown != nullptr) {
      EXPECT_EQ(o.exit, 0) << o.err;
      EXPECT_THAT(o.out, HasSubstr(c.shown));
    } else {
      EXPECT_EQ(o.exit, kUsage);
      EXPECT_THAT(o.err, AllOf(HasSubstr("input 0: expected"), HasSubstr(c.given)));
    }
  }
}

// ---- SMELT_ISA

TEST_F(OptionsTest, InstructionSetsThatAreNotHereAreSaidToBeMissing) {
  const auto machine = Cpu::detect();
  ASSERT_TRUE(machine);
  const char* other = machine->isa.has(Isa::kNeon) ? "avx2" : "neon";
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"run", model}, {"info", model}, {"cpu"}, {"kernels"}}) {
    const Outcome o = with_isa(other, args);
    EXPECT_EQ(o.exit, kUsage) << args[0];
    EXPECT_THAT(o.err, AllOf(HasSubstr("SMELT_ISA"), HasSubstr(other), HasSubstr("it has scalar")));
  }
  EXPECT_EQ(with_isa(",", {"run", model}).exit, kUsage);
  EXPECT_EQ(with_isa("scalar", {"run", model}).exit, 0);

  if (machine->isa == IsaSet()) GTEST_SKIP() << "this machine has portable code only";
  Isa best = Isa::kScalar;
  for (size_t i = 0; i < kIsaCount; ++i)
    if (machine->isa.has(Isa(i))) best = Isa(i);
  const Outcome some = with_isa((std::string(name(best)) + "," + other).c_str(), {"run", model});
  EXPECT_EQ(some.exit, 0) << some.err;
  EXPECT_THAT(some.err, HasSubstr("names instruction sets that this machine does not have"));
}

// ---- check, compare

TEST_F(OptionsTest, AFilterThatMatchesNothingIsAMistake) {
  write_file(folder / "m.json", R"({"format": 1, "entries": [
      {"name": "linear", "program": "linear.pte", "atol": 0, "rtol": 0, "steps": []}]})");
  const Outcome o = smelt({"check", folder / "m.json", "--filter", "linaer"});
  EXPECT_EQ(o.exit, kUsage);
  EXPECT_THAT(o.err, AllOf(HasSubstr("m.json"), HasSubstr("--filter linaer")));
  EXPECT_EQ(smelt({"check", folder / "m.json", "--filter", "linear"}).exit, 0);
  write_file(folder / "none.json", R"({"format": 1, "entries": []})");
  EXPECT_EQ(smelt({"check", folder / "none.json"}).exit, kUsage);
}

TEST_F(OptionsTest, CompareDoubtsThatTwoProgramsAreOne) {
  make("wide.pte", {"--m", "1", "--n", "32", "--k", "64"});
  const auto explain = [&](const std::string& name, const std::string& cpu) {
    const std::string json = folder / (name + cpu + ".json");
    EXPECT_EQ(smelt({"explain", folder / name, "--cpu", cpu, "--json", json}).exit, 0);
    return json;
  };
  const std::string a = explain("linear.pte", "apple-m4"), b = explain("wide.pte", "apple-m4");
  const Outcome other = smelt({"compare", a, b});
  EXPECT_EQ(other.exit, 0);
  EXPECT_THAT(other.err, AllOf(HasSubstr("warning"), HasSubstr("one program"),
                               HasSubstr("other types or shapes")));
  EXPECT_EQ(smelt({"compare", a, explain("linear.pte", "neoverse-n1")}).err, "");
}

// ---- files to write

TEST_F(OptionsTest, FilesThatCannotBeWrittenAreFoundBeforeAnythingRuns) {
  const std::string nowhere = folder / "none/x", json = folder / "e.json";
  const std::vector<std::vector<std::string>> cases = {
      {"profile", model, "--html", nowhere},
      {"profile", model, "--json", nowhere},
      {"profile", model, "--trace", nowhere},
      {"profile", model, "--etdump", nowhere},
      {"profile", model, "--html", folder.path()},
      {"bench", model, "--json", nowhere},
      {"explain", model, "--json", nowhere},
      {"info", model, "--json", nowhere},
      {"kernels", "--json", nowhere},
      {"cpu", "--json", nowhere},
      {"compare", json, json, "--html", nowhere},
      {"check", json, "--json", nowhere},
      {"make", "linear", "-o", nowhere},
      {"run", model, "--output-dir", model},
  };
  for (const auto& args : cases) {
    const Outcome o = smelt(args);
    EXPECT_EQ(o.exit, kBadFile) << ::testing::PrintToString(args);
    EXPECT_THAT(o.err, HasSubstr("smelt: " + args.back())) << ::testing::PrintToString(args);
    EXPECT_EQ(o.out, "") << ::testing::PrintToString(args);
  }
}

TEST_F(OptionsTest, AFileThatWasThereStaysUntilTheNewOneIsComplete) {
  const std::string file = folder / "report.html";
  write_file(file, "old");
  // The program cannot run, which is found after the file was.
  const Outcome o = smelt({"profile", folder / "none.pte", "--html", file});
  EXPECT_EQ(o.exit, kBadFile);
  EXPECT_EQ(read_file(file), "old");
  size_t files = 0;
  for ([[maybe_unused]] const auto& f : std::filesystem::directory_iterator(folder.path())) ++files;
  EXPECT_EQ(files, 2u) << "the program, the report";
}

TEST_F(OptionsTest, ADashIsStandardOutput) {
  const Outcome o = smelt({"explain", model, "--json", "-"});
  ASSERT_EQ(o.exit, 0) << o.err;
  EXPECT_EQ(nlohmann::json::parse(o.out).at("method"), "forward");
  EXPECT_THAT(o.err, HasSubstr("Fully Connected"));
  EXPECT_EQ(smelt({"make", "linear", "--m", "1", "--n", "4", "--k", "8", "-o", "-"}).out,
            read_file(model));
  const Outcome both = smelt({"profile", model, "--json", "-", "--trace", "-"});
  EXPECT_EQ(both.exit, kUsage);
  EXPECT_THAT(both.err, HasSubstr("two outputs"));
  EXPECT_EQ(smelt({"run", model, "--output-dir", "-"}).exit, kUsage);
  EXPECT_FALSE(std::filesystem::exists("-"));
}

// ---- standard output

TEST_F(OptionsTest, OutputThatIsLostIsAFailureInEveryVerb) {
  const std::string manifest = folder / "m.json", json = folder / "e.json";
  write_file(manifest, R"({"format": 1, "entries": [
      {"name": "linear", "program": "linear.pte", "atol": 0, "rtol": 0, "steps": []}]})");
  ASSERT_EQ(smelt({"explain", model, "--json", json}).exit, 0);
  const std::vector<std::vector<std::string>> verbs = {
      {"run", model},      {"info", model},  {"explain", model},
      {"profile", model},  {"bench", model}, {"compare", json, json},
      {"check", manifest}, {"cpu"},          {"kernels"},
      {"--help"},          {"--version"},    {"make", "linear", "-o", folder / "made.pte"},
  };
  for (const auto& args : verbs) {
    const Outcome full = smelt_to("/dev/full", args);
    EXPECT_EQ(full.exit, kBadFile) << args[0];
    EXPECT_THAT(full.err, HasSubstr("smelt: standard output: No space left on device\n"))
        << args[0];
    std::filesystem::remove(folder / "made.pte");
    EXPECT_EQ(smelt_to("&-", args).exit, kBadFile) << args[0];
    std::filesystem::remove(folder / "made.pte");
    const Outcome closed = smelt_to_closed_pipe(args);
    EXPECT_EQ(closed.exit, 141) << args[0];
    EXPECT_EQ(closed.err.find("smelt: s"), std::string::npos) << args[0] << closed.err;
    std::filesystem::remove(folder / "made.pte");
  }
}

TEST_F(OptionsTest, MessagesThatAreLostDoNotCrash) {
  EXPECT_EQ(run(SMELT_CLI, {"run", folder / "none"}, ">/dev/null 2>/dev/full").exit, kBadFile);
}

TEST(Hello, SaysHowItIsUsed) {
  const Outcome o = run(SMELT_HELLO, {});
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.out, HasSubstr("usage"));
}

}  // namespace
}  // namespace smelt::test
