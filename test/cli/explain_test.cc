// explain, profile, cpu and kernels from outside.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "platform/cpu.h"
#include "process.h"
#include "support/program_builder.h"

namespace smelt::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Explain : public ::testing::Test {
 protected:
  Explain() {
    const Outcome made = smelt({"make", "linear", "--variant", "qp8_f32_qc8w", "--m", "4", "--n",
                                "64", "--k", "64", "--seed", "1", "-o", model});
    EXPECT_EQ(made.exit, 0) << made.err;
  }
  json report() const { return json::parse(read_file(folder / "o.json")); }

  TemporaryFolder folder;
  std::string model = folder / "m.pte";
};

TEST_F(Explain, NamesKernelUnitAndReason) {
  const Outcome o = smelt({"explain", model, "--cpu", "apple-m4", "--json", folder / "o.json"});
  ASSERT_EQ(o.exit, 0) << o.err;
  const json j = report();
  const auto product = std::find_if(j["nodes"].begin(), j["nodes"].end(),
                                    [](const json& n) { return n["type"] == "FullyConnected"; });
  ASSERT_NE(product, j["nodes"].end());
  EXPECT_EQ((*product)["name"], "Fully Connected (NC, QP8, F32, QC8W) GEMM #1");
  EXPECT_EQ((*product)["variant"], "qp8_f32_qc8w");
  EXPECT_EQ((*product)["unit"], "matrix");
  EXPECT_EQ((*product)["isa"], "sme2");
  EXPECT_EQ((*product)["macs"], 4 * 64 * 64);
  EXPECT_THAT((*product)["reason"].get<std::string>(), StartsWith("matrix unit"));
  EXPECT_EQ(j["summary"]["matrix_share"], 1.0);
  EXPECT_THAT(o.out, HasSubstr("100.0 % on the matrix unit"));

  ASSERT_EQ(smelt({"explain", model, "--cpu", "x86-64-v3", "--json", folder / "o.json"}).exit, 0);
  EXPECT_EQ(report()["summary"]["simd_share"], 1.0);
  EXPECT_THAT(report()["nodes"].dump(), HasSubstr("not on the matrix unit"));
}

TEST_F(Explain, UnknownCpusAreUsageErrors) {
  const Outcome o = smelt({"explain", model, "--cpu", "z80"});
  EXPECT_EQ(o.exit, 2);
  EXPECT_THAT(o.err, HasSubstr("apple-m4"));
}

TEST_F(Explain, ProfilesAreWrittenInEveryForm) {
  const Outcome o = smelt({"profile", model, "--runs", "3", "--threads", "1", "--json",
                           folder / "o.json", "--trace", folder / "t.json", "--etdump",
                           folder / "e.etdp", "--html", folder / "r.html"});
  ASSERT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("Fully Connected (NC, QP8, F32, QC8W) GEMM #1"));
  double share = 0;
  const json times = report(), trace = json::parse(read_file(folder / "t.json"));
  for (const json& n : times["nodes"]) share += n.value("share", 0.0);
  EXPECT_NEAR(share, 1, 1e-9);
  size_t runs = 0;
  for (const json& e : trace["traceEvents"]) runs += e["name"] == "run";
  EXPECT_EQ(runs, 3u);
  EXPECT_EQ(read_file(folder / "e.etdp").substr(8, 4), "ED00");
  const std::string page = read_file(folder / "r.html");
  EXPECT_THAT(page, StartsWith("<!doctype html>"));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, HasSubstr("m.pte: forward"));
}

TEST_F(Explain, ProfilesSayHowCloseToTheMachinesRoofsNodesAre) {
  ASSERT_EQ(
      smelt({"profile", model, "--runs", "5", "--threads", "2", "--json", folder / "o.json"}).exit,
      0);
  const json j = report();
  EXPECT_EQ(j["threads"], 2);
  EXPECT_GT(j["roofs"]["int8_gops"].get<double>(), 0);
  EXPECT_EQ(j["roofs"]["levels"].size(), 3u);
  for (const json& l : j["roofs"]["levels"]) EXPECT_GT(l["gbytes_per_s"].get<double>(), 0);
  for (const json& n : j["nodes"]) {
    if (!n.contains("median_us")) continue;
    EXPECT_GT(n["roof_share"].get<double>(), 0) << n["name"];
    EXPECT_LE(n["roof_share"].get<double>(), 1.001) << n["name"];
    EXPECT_GE(n["utilization"].get<double>(), 0);
    EXPECT_LE(n["utilization"].get<double>(), 1.001);
  }
}

// A cache update and the attention of a decoder, outside delegates: y = attention(x, cache, cache).
std::string decoder() {
  using namespace smelt::testing;
  const auto cache = [](int32_t room, uint64_t offset) {
    return tensor({.sizes = std::vector<int32_t>{1, room, 2, 16},
                   .dim_order = {0, 1, 2, 3},
                   .allocation = AllocationSpec{1, offset}});
  };
  ProgramSpec p;
  p.values = {cache(1, 0), cache(4096, 128), cache(1, 640000), integer(100),    null(),
              real(0),     boolean(false),   null(),           cache(1, 640128)};
  p.inputs = {0};
  p.outputs = {2};
  p.operators = {{"llama::update_cache", "out"}, {"llama::custom_sdpa", "out"}};
  p.instructions = {kernel_call(0, {0, 1, 3, 8}), kernel_call(1, {0, 1, 1, 3, 4, 5, 6, 7, 2})};
  p.buffers = {0, 1 << 20};
  const auto bytes = p.build();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST_F(Explain, AttentionOutsideDelegatesCounts) {
  write_file(model, decoder());
  const Outcome o =
      smelt({"profile", model, "--runs", "5", "--threads", "1", "--json", folder / "o.json"});
  ASSERT_EQ(o.exit, 0) << o.err;
  const json j = report();
  const json &update = j["nodes"][0], &attention = j["nodes"][1];
  EXPECT_EQ(attention["macs"], 2 * 2 * 16 * 101);
  EXPECT_EQ(attention["category"], "matrix product");
  EXPECT_EQ(update["bytes"], 2 * 2 * 16 * 4) << "not the cache: what is written of it";
  EXPECT_EQ(j["summary"]["macs"], attention["macs"]);
  EXPECT_EQ(j["summary"]["plain_share"], attention["unit"] == "plain" ? 1.0 : 0.0);
  for (const json& n : j["nodes"]) EXPECT_LE(n["roof_share"].get<double>(), 1.001) << n["name"];
}

TEST_F(Explain, SharesAreOfTheTimeAsWell) {
  write_file(model, decoder());
  const Outcome o =
      smelt({"profile", model, "--runs", "5", "--threads", "1", "--json", folder / "o.json"});
  ASSERT_EQ(o.exit, 0) << o.err;
  const json time = report()["summary"]["time"];
  EXPECT_NEAR(time["plain_share"].get<double>() + time["simd_share"].get<double>() +
                  time["matrix_share"].get<double>(),
              1, 1e-9);
  EXPECT_THAT(o.out, HasSubstr("time: "));
  EXPECT_THAT(o.out, HasSubstr("the median run"));
  EXPECT_GT(report()["median_run_us"].get<double>(), 0);
}

TEST_F(Explain, AdvisesNothingThatNobodyCanDo) {
  write_file(model, decoder());
  EXPECT_EQ(smelt({"run", model, "--threads", "1"}).err, "");
  const Outcome o = smelt({"explain", model});
  EXPECT_THAT(o.out, HasSubstr("XNNPACK's partitioner takes no llama::custom_sdpa"));
}

TEST_F(Explain, WarnsOnceOfWhatIsSlowForNoReason) {
  setenv("SMELT_ISA", "scalar", 1);
  const Outcome loud = smelt({"run", model}), quiet = smelt({"run", model, "--no-warnings"});
  unsetenv("SMELT_ISA");
  EXPECT_EQ(loud.exit, 0);
  const auto machine = Cpu::detect();
  ASSERT_TRUE(machine);
  if (machine->isa == IsaSet()) {
    EXPECT_EQ(loud.err, "");  // portable code is all that there is
  } else {
    EXPECT_THAT(loud.err, HasSubstr("smelt: warning: SMELT_ISA=scalar leaves out"));
    EXPECT_THAT(
        loud.err,
        HasSubstr("1 node (Fully Connected (NC, QP8, F32, QC8W) GEMM #1, 100 % of the MACs)"));
  }
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(smelt({"run", model, "--threads", "1"}).err, "");
}

// ---- compare ------------------------------------------------------------------------------------------

std::string profile_of(std::vector<std::pair<std::string, double>> nodes) {
  json j{{"program", "p.pte"}, {"nodes", json::array()}};
  for (const auto& [name, us] : nodes) {
    j["nodes"].push_back(
        {{"name", name},
         {"kernel", "k"},
         {"unit", "simd"},
         {"median_us", us},
         {"executorch", {{"v1.0", name}, {"current", name + " + Clamp (NC) #1"}}}});
  }
  return j.dump();
}

TEST_F(Explain, ComparesRunsNodeByNode) {
  // Of two nodes that are alike the first goes with the first.
  write_file(folder / "a.json", profile_of({{"x", 10}, {"y", 100}, {"y", 1}, {"gone", 5}}));
  write_file(folder / "b.json", profile_of({{"x", 20}, {"y", 50}, {"y", 4}}));
  const Outcome o =
      smelt({"compare", folder / "a.json", folder / "b.json", "--json", folder / "o.json"});
  ASSERT_EQ(o.exit, 0) << o.err;
  const json j = report();
  EXPECT_EQ(j["kind"], "times");
  EXPECT_DOUBLE_EQ(j["total_ratio"], 74.0 / 116);
  ASSERT_EQ(j["nodes"].size(), 4u);
  const std::vector<std::string> order = {"y", "x", "gone", "y"};  // by |B - A|: 50, 10, 5, 3
  for (size_t i = 0; i < order.size(); ++i) EXPECT_EQ(j["nodes"][i]["name"], order[i]);
  EXPECT_DOUBLE_EQ(j["nodes"][0]["ratio"], 0.5);
  EXPECT_DOUBLE_EQ(j["nodes"][1]["ratio"], 2);
  EXPECT_TRUE(j["nodes"][2]["b"].is_null());
  EXPECT_DOUBLE_EQ(j["nodes"][3]["ratio"], 4);
}

TEST_F(Explain, ComparesWithADump) {
  ASSERT_EQ(smelt({"profile", model, "--runs", "3", "--json", folder / "a.json", "--etdump",
                   folder / "b.etdp"})
                .exit,
            0);
  const Outcome o =
      smelt({"compare", folder / "a.json", folder / "b.etdp", "--json", folder / "o.json"});
  ASSERT_EQ(o.exit, 0) << o.err;
  EXPECT_NEAR(report()["total_ratio"].get<double>(), 1, 1e-6);
}

TEST_F(Explain, ComparesCpus) {
  ASSERT_EQ(smelt({"explain", model, "--cpu", "apple-m4", "--json", folder / "a.json"}).exit, 0);
  ASSERT_EQ(smelt({"explain", model, "--cpu", "neoverse-n1", "--json", folder / "b.json"}).exit, 0);
  ASSERT_EQ(
      smelt({"compare", folder / "a.json", folder / "b.json", "--json", folder / "o.json"}).exit,
      0);
  const json j = report();
  EXPECT_EQ(j["kind"], "plans");
  EXPECT_EQ(j["a"]["matrix_share"], 1.0);
  EXPECT_EQ(j["b"]["matrix_share"], 0.0);
  EXPECT_EQ(j["nodes"][0]["kernel_differs"], true);
}

TEST_F(Explain, ComparesOnlyWhatIsOfOneKind) {
  write_file(folder / "a.json", profile_of({{"x", 10}}));
  write_file(folder / "other.json", profile_of({{"z", 10}}));
  write_file(folder / "bad.json", R"({"nodes": [{"name": "x", "median_us": "fast"}]})");
  write_file(folder / "cut.etdp", std::string("\0\0\0\0\0\0\0\0ED00", 12));
  ASSERT_EQ(smelt({"explain", model, "--json", folder / "plan.json"}).exit, 0);
  ASSERT_EQ(smelt({"bench", model, "--runs", "3", "--json", folder / "bench.json"}).exit, 0);
  const auto expect = [&](const std::string& b, int exit, const std::string& says) {
    const Outcome o = smelt({"compare", folder / "a.json", folder / b});
    EXPECT_EQ(o.exit, exit) << b;
    EXPECT_THAT(o.err, HasSubstr(says)) << b;
  };
  expect("plan.json", 2, "one kind");
  expect("bench.json", 2, "one kind");
  expect("other.json", 2, "no node in common");
  expect("bad.json", 3, "nodes[0].median_us");
  expect("cut.etdp", 3, "not an ETDump");
  expect("none.json", 3, "none.json");
}

TEST(Cpus, AreListed) {
  const Outcome o = smelt({"cpu", "--list"});
  EXPECT_EQ(o.exit, 0);
  for (const char* name : {"apple-m4", "arm-c1", "snapdragon-x2", "neoverse-n1", "neoverse-v2",
                           "cortex-a55", "cortex-a76", "x86-64-v3", "x86-64-v4-vnni"})
    EXPECT_THAT(o.out, HasSubstr(name));
}

TEST(Kernels, OfOtherArchitecturesAreListedForTheirCpus) {
  const Outcome o = smelt({"kernels", "--cpu", "apple-m4"});
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.out, HasSubstr("gemm_pf32_sme2_1vlx4vl"));
  EXPECT_THAT(o.out, HasSubstr("avx2 is not available"));
}

TEST(Kernels, OperatorsAreListedByTheNamesThatFilesHave) {
  const Outcome o = smelt({"kernels", "--operators"});
  EXPECT_EQ(o.exit, 0);
  for (const char* name : {"aten::add.out\n", "aten::sort.values\n", "aten::_fft_r2c.out\n"})
    EXPECT_THAT(o.out, HasSubstr(name));
  EXPECT_THAT(o.out, HasSubstr(" operators\n"));
}

}  // namespace
}  // namespace smelt::test
