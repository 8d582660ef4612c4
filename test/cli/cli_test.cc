// The CLI from outside: exit codes, messages, files. The program under test adds a constant, so
// that every expectation can be written down here.
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "author/graph_builder.h"
#include "author/pte_writer.h"
#include "format/npy/npy.h"
#include "process.h"
#include "smelt/smelt.hpp"
#include "support/shared_folder.h"

namespace smelt::test {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

constexpr int kOk = 0, kWrongResult = 1, kUsage = 2, kBadFile = 3;
const Shape kShape = {2, 3};
const std::vector<float> kAdded = {10, 20, 30, 40, 50, 60};

std::vector<std::byte> program_bytes(bool dynamic = false) {
  GraphBuilder b;
  const ValueId x = b.input(DType::kF32, kShape),
                c = b.constant(DType::kF32, {1, 3}, std::vector<float>{10, 20, 30});
  const ValueId y = b.value(DType::kF32, kShape);
  b.node(OpKind::kAdd, {x, c}, {y});
  b.output(y);
  PteOptions options;
  options.dynamic = dynamic;
  auto bytes = write_pte(std::move(b).finish(), options);
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes ? *std::move(bytes) : std::vector<std::byte>();
}

template <class T>
void save_npy(const std::string& path, DType dtype, const Shape& shape,
              const std::vector<T>& elements) {
  const Status ok = write_npy(path, dtype, shape, std::as_bytes(std::span(elements)));
  ASSERT_TRUE(ok) << ok.error().message;
}

std::vector<float> load_floats(const std::string& path) {
  auto array = read_npy(path);
  EXPECT_TRUE(array) << array.error().message;
  if (!array || array->dtype != DType::kF32) return {};
  const auto* p = reinterpret_cast<const float*>(array->data.data());
  return {p, p + array->shape.numel()};
}

class Cli : public testing::Test {
 protected:
  Cli() {
    save_program("add.pte", program_bytes());
    save_npy<float>(folder / "x.npy", DType::kF32, kShape, {1, 2, 3, 4, 5, 6});
  }
  void save_program(const std::string& name, std::span<const std::byte> bytes) {
    write_file(folder / name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  /// A manifest of one entry that expects `y` of x.npy, with a relative and an absolute tolerance
  /// of 0.125.
  std::string manifest(const std::vector<float>& y, const Shape& shape = kShape) {
    save_npy(folder / "y.npy", DType::kF32, shape, y);
    const std::string path = folder / "manifest.json";
    write_file(path, manifest_json(shape).dump());
    return path;
  }
  static nlohmann::json manifest_json(const Shape& shape = kShape) {
    const auto tensor = [](const char* file, const Shape& s) {
      return nlohmann::json{{"file", file}, {"dtype", "float32"}, {"shape", s.dims()}};
    };
    nlohmann::json entry{
        {"name", "add"}, {"group", "g"}, {"program", "add.pte"}, {"atol", 0.125}, {"rtol", 0.125}};
    entry["steps"] = nlohmann::json::array();
    entry["steps"].push_back(
        {{"inputs", {tensor("x.npy", kShape)}}, {"outputs", {tensor("y.npy", shape)}}});
    return {{"format", 1}, {"entries", {entry}}};
  }

  TemporaryFolder folder;
};

// ---- usage

TEST_F(Cli, UsageErrorsExitWith2AndNameTheCulprit) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "verb"},
      {{"frobnicate"}, "frobnicate"},
      {{"run"}, "MODEL"},
      {{"run", "--frobnicate", "x"}, "frobnicate"},
      {{"run", folder / "add.pte", "--runs", "none"}, "--runs"},
      {{"bench", folder / "add.pte", "--threads", "0"}, "--threads"},
      {{"run", folder / "add.pte", "--method", "backward"}, "backward"},
      {{"check", manifest(kAdded), "--filter", "("}, "--filter"},
  };
  for (const auto& [args, culprit] : cases) {
    const Outcome o = smelt(args);
    EXPECT_EQ(o.exit, kUsage) << testing::PrintToString(args) << o.err;
    EXPECT_THAT(o.err, AllOf(StartsWith("smelt: "), HasSubstr(culprit)))
        << testing::PrintToString(args);
    EXPECT_EQ(o.out, "");
  }
}

TEST_F(Cli, PrintsVersionAndHelp) {
  EXPECT_EQ(smelt({"--version"}).out, "smelt " + std::string(version()) + "\n");
  for (const char* verb : {"run", "info", "bench", "check"}) {
    const Outcome o = smelt({verb, "--help"});
    EXPECT_EQ(o.exit, kOk);
    EXPECT_THAT(o.out, HasSubstr("\nExamples:\n")) << verb;
  }
}

TEST_F(Cli, UnknownInstructionSetNamesThoseThatExist) {
  setenv("SMELT_ISA", "mmx", 1);
  const Outcome o = smelt({"run", folder / "add.pte"});
  unsetenv("SMELT_ISA");
  EXPECT_EQ(o.exit, kUsage);
  EXPECT_THAT(o.err, AllOf(HasSubstr("mmx"), HasSubstr("scalar")));
}

// ---- files

TEST_F(Cli, MissingFilesAreNamed) {
  const std::string none = folder / "none";
  for (const auto& args :
       std::vector<std::vector<std::string>>{{"run", none},
                                             {"info", none},
                                             {"bench", none},
                                             {"check", none},
                                             {"run", folder / "add.pte", "--input", none},
                                             {"run", folder / "add.pte", "--data", none}}) {
    const Outcome o = smelt(args);
    EXPECT_EQ(o.exit, kBadFile) << testing::PrintToString(args);
    EXPECT_THAT(o.err, AllOf(StartsWith("smelt: "), HasSubstr(none)))
        << testing::PrintToString(args);
  }
}

TEST_F(Cli, MessagesHoldNothingThatATerminalWouldObey) {
  const Outcome o = smelt({"run", folder / "\x1b[2J\xff\xc3\xa9.pte"});
  EXPECT_EQ(o.exit, kBadFile);
  EXPECT_THAT(o.err, HasSubstr("\\x1b[2J\\xff\xc3\xa9.pte"));
}

TEST_F(Cli, TruncatedProgramsAreBadFiles) {
  const auto whole = program_bytes();
  for (size_t size : {size_t(0), size_t(7), size_t(31), whole.size() / 2, whole.size() - 1}) {
    save_program("cut.pte", std::span(whole).first(size));
    const Outcome o = smelt({"run", folder / "cut.pte"});
    EXPECT_EQ(o.exit, kBadFile) << size;
    // "smelt: <path>: <field>: …"
    EXPECT_THAT(o.err, MatchesRegex("smelt: [^:]*cut\\.pte: [^\n]+\n")) << size;
  }
}

// ---- run

TEST_F(Cli, RunWritesOutputsAndKeepsFilesThatExist) {
  const std::vector<std::string> args = {
      "run", folder / "add.pte", "--input", folder / "x.npy", "--output-dir", folder / "out"};
  Outcome o = smelt(args);
  ASSERT_EQ(o.exit, kOk) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("float32 [2, 3]"), HasSubstr("min 11"), HasSubstr("max 36"),
                           HasSubstr("mean 23.5"), HasSubstr("first 11 22 33 14 25 36")));
  EXPECT_EQ(load_floats(folder / "out/out0.npy"), (std::vector<float>{11, 22, 33, 14, 25, 36}));

  const std::string kept = "not a tensor";
  write_file(folder / "out/out0.npy", kept);
  o = smelt(args);
  EXPECT_EQ(o.exit, kUsage);
  EXPECT_THAT(o.err, AllOf(HasSubstr("out0.npy"), HasSubstr("--force")));
  EXPECT_EQ(read_file(folder / "out/out0.npy"), kept);

  auto forced = args;
  forced.push_back("--force");
  EXPECT_EQ(smelt(forced).exit, kOk);
  EXPECT_EQ(load_floats(folder / "out/out0.npy").size(), 6u);
}

TEST_F(Cli, InputsThatDoNotFitSayWhatWasExpected) {
  save_npy<float>(folder / "shape.npy", DType::kF32, {3, 2}, {1, 2, 3, 4, 5, 6});
  save_npy<double>(folder / "dtype.npy", DType::kF64, kShape, {1, 2, 3, 4, 5, 6});
  const auto expect = [&](const std::vector<std::string>& inputs, const std::string& message) {
    std::vector<std::string> args = {"run", folder / "add.pte"};
    for (const auto& i : inputs) args.insert(args.end(), {"--input", i});
    const Outcome o = smelt(args);
    EXPECT_EQ(o.exit, kUsage);
    EXPECT_THAT(o.err, HasSubstr(message));
  };
  expect({folder / "shape.npy"}, "shape.npy): expected float32 [2, 3], got float32 [3, 2]");
  expect({folder / "dtype.npy"}, "dtype.npy): expected float32 [2, 3], got float64 [2, 3]");
  expect({"int:5"}, "expected float32 [2, 3], got int:5");
  expect({"int:five"}, "int:five");
  expect({folder / "x.npy", folder / "x.npy"}, "2 inputs were given, the method has 1");
}

TEST_F(Cli, MissingInputsAreSeededAndSaidToBe) {
  const auto run = [&](const char* seed) {
    return smelt({"run", folder / "add.pte", "--seed", seed}).out;
  };
  EXPECT_THAT(run("7"), HasSubstr("input 0: float32 [2, 3], random (seed 7)"));
  EXPECT_EQ(run("7"), run("7"));
  const auto output = [](const std::string& text) { return text.substr(text.find("output 0")); };
  EXPECT_NE(output(run("7")), output(run("8")));
}

TEST_F(Cli, DynamicInputsTakeSmallerShapesAndNoLargerOnes) {
  save_program("dynamic.pte", program_bytes(true));
  save_npy<float>(folder / "small.npy", DType::kF32, {1, 3}, {1, 2, 3});
  save_npy<float>(folder / "large.npy", DType::kF32, {3, 3}, std::vector<float>(9));
  const Outcome small = smelt({"run", folder / "dynamic.pte", "--input", folder / "small.npy"});
  EXPECT_EQ(small.exit, kOk) << small.err;
  EXPECT_THAT(small.out, AllOf(HasSubstr("float32 [1, 3]"), HasSubstr("first 11 22 33")));
  const Outcome large = smelt({"run", folder / "dynamic.pte", "--input", folder / "large.npy"});
  EXPECT_EQ(large.exit, kUsage);
  EXPECT_THAT(large.err, HasSubstr("expected float32 [2, 3] or smaller, got float32 [3, 3]"));
}

// ---- info, bench

TEST_F(Cli, InfoShowsTheProgram) {
  const Outcome o = smelt({"info", folder / "add.pte", "--json", folder / "info.json"});
  ASSERT_EQ(o.exit, kOk) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("method forward"), HasSubstr("input 0: float32 [2, 3]"),
                           HasSubstr("XnnpackBackend"), HasSubstr("Add")));
  const auto j = nlohmann::json::parse(read_file(folder / "info.json"));
  const auto& method = j.at("methods").at(0);
  EXPECT_EQ(method.at("name"), "forward");
  EXPECT_EQ(method.at("inputs").at(0).at("shape"), nlohmann::json({2, 3}));
  EXPECT_EQ(method.at("outputs").at(0).at("dtype"), "float32");
  EXPECT_EQ(method.at("delegates").at(0).at("nodes").size(), 1u);
}

TEST_F(Cli, BenchMeasuresTheRunsAskedFor) {
  const Outcome o = smelt({"bench", folder / "add.pte", "--runs", "20", "--warmup", "0", "--json",
                           folder / "bench.json"});
  ASSERT_EQ(o.exit, kOk) << o.err;
  EXPECT_EQ(o.err, "");  // no progress bar where there is no terminal
  const auto j = nlohmann::json::parse(read_file(folder / "bench.json"));
  EXPECT_EQ(j.at("runs"), 20);
  EXPECT_GT(j.at("min_us").get<double>(), 0);
  EXPECT_LE(j.at("min_us"), j.at("p50_us"));
  EXPECT_LE(j.at("p50_us"), j.at("p90_us"));
  EXPECT_GT(j.at("load_us").get<double>(), 0);
  EXPECT_GT(j.at("peak_rss_kb").get<int64_t>(), 100);
}

// ---- check

TEST_F(Cli, CheckComparesWithinTheTolerance) {
  // x + c is 11 22 33 14 25 36; |error| may be 0.125 + 0.125 x |expected|.
  Outcome o = smelt({"check", manifest({11, 22, 33, 14, 25, 36})});
  EXPECT_EQ(o.exit, kOk) << o.out << o.err;
  EXPECT_THAT(o.out, EndsWith("1 passed, 0 failed, 0 skipped\n"));

  o = smelt(
      {"check", manifest({12, 24, 30, 13, 23, 40})});  // off by up to 4 where 5.125 is allowed
  EXPECT_EQ(o.exit, kOk) << o.out << o.err;

  o = smelt({"check", manifest({12, 24, 33, 14, 0, 36})});
  EXPECT_EQ(o.exit, kWrongResult);
  EXPECT_THAT(
      o.out,
      HasSubstr(
          "FAIL add: step 0: output 0: at [1, 1]: ours 25, expected 0, error 25 > 0.125 allowed "
          "(1 of 6 elements are wrong)\n"));
  EXPECT_THAT(o.out, EndsWith("\n0 passed, 1 failed, 0 skipped\n"));
}

TEST_F(Cli, CheckTreatsNanAndInfinityAsEqualToThemselvesOnly) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInf = std::numeric_limits<float>::infinity();
  save_npy<float>(folder / "x.npy", DType::kF32, kShape, {kNan, kInf, -kInf, 4, 5, 6});
  EXPECT_EQ(smelt({"check", manifest({kNan, kInf, -kInf, 14, 25, 36})}).exit, kOk);
  EXPECT_EQ(smelt({"check", manifest({11, kInf, -kInf, 14, 25, 36})}).exit, kWrongResult);
  EXPECT_EQ(smelt({"check", manifest({kNan, -kInf, -kInf, 14, 25, 36})}).exit, kWrongResult);
  EXPECT_EQ(smelt({"check", manifest({kNan, kInf, -kInf, kInf, 25, 36})}).exit, kWrongResult);
  EXPECT_EQ(smelt({"check", manifest({kNan, kInf, -kInf, 14, 25, kNan})}).exit, kWrongResult);
}

TEST_F(Cli, CheckRequiresTheShape) {
  const Outcome o = smelt({"check", manifest({11, 22, 33, 14, 25, 36}, {3, 2})});
  EXPECT_EQ(o.exit, kWrongResult);
  EXPECT_THAT(o.out, HasSubstr("expected float32 [3, 2], got float32 [2, 3]"));
}

TEST_F(Cli, CheckCountsAndNamesWhatItSkips) {
  const std::string path = manifest({11, 22, 33, 14, 25, 36});
  auto j = manifest_json();
  auto kept = j["entries"][0];
  kept["name"] = "kept", kept["group"] = "other", kept["program"] = "kept.pte";
  j["entries"].push_back(kept);
  write_file(path, j.dump());
  const std::string bytes = read_file(folder / "add.pte");
  write_file(folder / "kept.pte", bytes);
  write_file(folder / "add.pte", bytes + std::string(64, '\0'));
  for (const auto& filter :
       std::vector<std::vector<std::string>>{{"--group", "other"},
                                             {"--filter", "^k"},
                                             {"--exclude", "dd$"},
                                             {"--max-bytes", std::to_string(bytes.size())}}) {
    const Outcome o = smelt({"check", path, filter[0], filter[1]});
    EXPECT_EQ(o.exit, kOk) << o.out << o.err;
    EXPECT_THAT(o.out, AllOf(HasSubstr(filter[0] + " " + filter[1]),
                             EndsWith("\n1 passed, 0 failed, 1 skipped\n")));
  }
}

TEST_F(Cli, CheckRunsTheMethodThatAStepNames) {
  const std::string path = manifest({11, 22, 33, 14, 25, 36});
  auto j = manifest_json();
  auto& steps = j["entries"][0]["steps"];
  steps.push_back(steps[0]);
  steps[1]["method"] = "forward";
  write_file(path, j.dump());
  EXPECT_EQ(smelt({"check", path}).exit, kOk);
  steps[1]["method"] = "decode";
  write_file(path, j.dump());
  const Outcome o = smelt({"check", path});
  EXPECT_EQ(o.exit, kWrongResult);
  EXPECT_THAT(o.out, HasSubstr("no method \"decode\""));
}

TEST_F(Cli, CheckRunsManyProgramsAtOnceAndReportsInOrder) {
  const std::string path = manifest({11, 22, 33, 14, 25, 36});
  auto j = manifest_json();
  const auto entry = j["entries"][0];
  j["entries"].clear();
  for (int i = 0; i < 40; ++i) {
    j["entries"].push_back(entry);
    j["entries"].back()["name"] = "add" + std::to_string(i);
    if (i % 10 == 3) j["entries"].back()["steps"][0]["outputs"][0]["file"] = "x.npy";
  }
  write_file(path, j.dump());
  const Outcome o = smelt({"check", path, "--jobs", "4", "--json", folder / "check.json"});
  EXPECT_EQ(o.exit, kWrongResult);
  EXPECT_THAT(
      o.out,
      MatchesRegex("FAIL add3: [^\n]*\nFAIL add13: [^\n]*\nFAIL add23: [^\n]*\nFAIL add33: [^\n]*\n"
                   "36 passed, 4 failed, 0 skipped\n"));
  const auto report = nlohmann::json::parse(read_file(folder / "check.json"));
  EXPECT_EQ(report.at("passed"), 36);
  EXPECT_EQ(report.at("failed"), 4);
  EXPECT_EQ(report.at("entries").at(3).at("passed"), false);
  EXPECT_EQ(report.at("entries").at(4).at("max_error"), 0.0);
}

TEST_F(Cli, CheckNamesTheFieldThatIsWrong) {
  const std::string path = manifest(kAdded);
  const auto expect = [&](const std::string& contents, const std::string& field) {
    write_file(path, contents);
    const Outcome o = smelt({"check", path});
    EXPECT_EQ(o.exit, kBadFile) << field;
    EXPECT_THAT(o.err, AllOf(HasSubstr(path), HasSubstr(field)));
    EXPECT_THAT(o.out, Not(HasSubstr("passed")));
  };
  const auto changed = [&](const char* pointer, const nlohmann::json& value) {
    auto j = manifest_json();
    j[nlohmann::json::json_pointer(pointer)] = value;
    return j.dump();
  };
  expect("{\"format\": 1, ", "parse error");
  expect("[]", "object");
  expect(changed("/format", 2), "format: 2");
  expect(changed("/entries", 1), "entries: expected a list");
  expect(changed("/entries/0/atol", "small"), "entries[0].atol: expected a number");
  expect(changed("/entries/0/program", "none.pte"), "entries[0].program");
  expect(changed("/entries/0/steps/0/inputs/0/file", "none.npy"),
         "entries[0].steps[0].inputs[0].file");
  expect(changed("/entries/0/steps/0/outputs/0/shape/1", -3),
         "entries[0].steps[0].outputs[0].shape");
  auto j = manifest_json();
  j["entries"][0].erase("rtol");
  expect(j.dump(), "entries[0].rtol: missing");
}

// ---- make, examples

TEST_F(Cli, WhatMakeWritesRunsAndIsTheSameOnAllInstructionSets) {
  const std::string program = folder / "linear.pte";
  Outcome o = smelt({"make", "linear", "--variant", "pf32", "--m", "3", "--n", "19", "--k", "33",
                     "--seed", "1", "-o", program});
  ASSERT_EQ(o.exit, kOk) << o.err;
  std::vector<float> x(3 * 33);
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(i % 11) / 8 - 0.5f;
  save_npy(folder / "x.npy", DType::kF32, {3, 33}, x);

  // The portable kernels say what the best ones should give.
  setenv("SMELT_ISA", "scalar", 1);
  o = smelt({"run", program, "--input", folder / "x.npy", "--output-dir", folder / "out"});
  unsetenv("SMELT_ISA");
  ASSERT_EQ(o.exit, kOk) << o.err;
  EXPECT_THAT(o.out, HasSubstr("float32 [3, 19]"));

  auto j = manifest_json();
  auto& entry = j["entries"][0];
  entry["program"] = "linear.pte";
  entry["atol"] = entry["rtol"] = 1e-5;
  entry["steps"][0]["inputs"][0]["shape"] = {3, 33};
  entry["steps"][0]["outputs"][0] = {
      {"file", "out/out0.npy"}, {"dtype", "float32"}, {"shape", {3, 19}}};
  write_file(folder / "manifest.json", j.dump());
  o = smelt({"check", folder / "manifest.json"});
  EXPECT_EQ(o.exit, kOk) << o.out << o.err;
}

TEST_F(Cli, TheExampleOfTheReadmeRuns) {
  const Outcome o = run(SMELT_HELLO, {folder / "add.pte"});
  EXPECT_EQ(o.exit, 0);
  EXPECT_EQ(o.out, "11\n");
  const std::string source = read_file(source_folder() / "examples/hello.cc");
  const size_t begin = source.find("#include");
  ASSERT_NE(begin, source.npos);
  EXPECT_THAT(read_file(source_folder() / "README.md"), HasSubstr(source.substr(begin)));
}

}  // namespace
}  // namespace smelt::test
