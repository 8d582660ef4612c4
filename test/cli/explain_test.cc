// explain, profile, cpu and kernels from outside.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "process.h"

namespace smelt::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Explain : public testing::Test {
 protected:
  Explain() {
    const Outcome made = smelt({"make", "linear", "--variant", "qp8_f32_qc8w", "--m", "4", "--n", "64", "--k", "64",
                                "--seed", "1", "-o", model});
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
  const auto product =
      std::find_if(j["nodes"].begin(), j["nodes"].end(), [](const json& n) { return n["type"] == "FullyConnected"; });
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
  const Outcome o = smelt({"profile", model, "--runs", "3", "--threads", "1", "--json", folder / "o.json", "--trace",
                           folder / "t.json", "--etdump", folder / "e.etdp", "--html", folder / "r.html"});
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

TEST(Cpus, AreListed) {
  const Outcome o = smelt({"cpu", "--list"});
  EXPECT_EQ(o.exit, 0);
  for (const char* name : {"apple-m4", "arm-c1", "snapdragon-x2", "neoverse-n1", "neoverse-v2", "cortex-a55",
                           "cortex-a76", "x86-64-v3", "x86-64-v4-vnni"})
    EXPECT_THAT(o.out, HasSubstr(name));
}

TEST(Kernels, OfOtherArchitecturesAreListedForTheirCpus) {
  const Outcome o = smelt({"kernels", "--cpu", "apple-m4"});
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.out, HasSubstr("gemm_pf32_sme2_1vlx4vl"));
  EXPECT_THAT(o.out, HasSubstr("avx2 is not available"));
}

}  // namespace
}  // namespace smelt::test
