// smelt make: what it refuses, and how it says so. What it writes is tested in test/author.
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "process.h"

namespace smelt::test {
namespace {

TEST(Make, RefusesBadOptionsByNameAndValue) {
  const TemporaryFolder folder;
  const std::string file = folder / "x.pte";
  struct Case {
    std::vector<std::string> args;
    std::vector<std::string> says;
  };
  const std::vector<Case> cases = {
      {{"linear", "--m", "0"}, {"m is 0"}},
      {{"linear", "--k", "-3"}, {"k is -3"}},
      {{"linear", "--n", "many"}, {"--n", "many"}},
      {{"linear", "--seed", "-1"}, {"--seed", "-1"}},
      {{"linear", "--variant", "pf64"}, {"--variant", "pf64", "qp8_f32_qb4w"}},
      {{"linear", "--variant", "qp8_f32_qb4w", "--k", "48"}, {"k is 48", "block, which is 32"}},
      {{"conv2d", "--groups", "2"}, {"in-channels is 3", "groups, which is 2"}},
      {{"conv2d", "--kernel", "3,5", "--height", "2"}, {"height is 2", "kernel of 3"}},
      {{"conv2d", "--stride", "1", "2", "3"}, {"--stride"}},
      {{"depthwise", "--channels", "0"}, {"channels 0"}},
      {{"depthwise", "--variant", "qp8_f32_qc8w"}, {"--variant", "qp8_f32_qc8w"}},
      {{"matmul", "--segment-alignment", "100"}, {"segment alignment 100"}},
  };
  for (const Case& c : cases) {
    std::vector<std::string> args = {"make"};
    args.insert(args.end(), c.args.begin(), c.args.end());
    args.insert(args.end(), {"-o", file});
    const Outcome o = smelt(args);
    SCOPED_TRACE(o.err);
    EXPECT_EQ(o.exit, 2);
    for (const std::string& part : c.says) EXPECT_NE(o.err.find(part), std::string::npos) << part;
    EXPECT_FALSE(std::filesystem::exists(file));
  }
}

TEST(Make, NamesAKindThatDoesNotExist) {
  for (const auto& args :
       std::vector<std::vector<std::string>>{{"make", "cube"}, {"make", "cube", "-o", "x.pte"}}) {
    const Outcome o = smelt(args);
    EXPECT_EQ(o.exit, 2);
    EXPECT_NE(o.err.find("\"cube\""), std::string::npos) << o.err;
    EXPECT_NE(o.err.find("depthwise"), std::string::npos) << o.err;
  }
  const Outcome none = smelt({"make"});
  EXPECT_EQ(none.exit, 2);
  EXPECT_NE(none.err.find("linear"), std::string::npos) << none.err;
}

TEST(Make, ReplacesFilesOnlyWhenAsked) {
  const TemporaryFolder folder;
  const std::string file = folder / "x.pte";
  EXPECT_EQ(smelt({"make", "matmul", "--m", "2", "-o", file}).exit, 0);
  const std::string before = read_file(file);

  const Outcome refused = smelt({"make", "linear", "-o", file});
  EXPECT_EQ(refused.exit, 2);
  EXPECT_NE(refused.err.find(file), std::string::npos) << refused.err;
  EXPECT_EQ(read_file(file), before);

  EXPECT_EQ(smelt({"make", "linear", "-o", file, "--force"}).exit, 0);
  EXPECT_NE(read_file(file), before);
}

}  // namespace
}  // namespace smelt::test
