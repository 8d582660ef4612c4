#include "platform/file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

namespace smelt {
namespace {

namespace fs = std::filesystem;

class WriteFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / "smelt_write_file_test";
    fs::remove_all(folder_);
    fs::create_directory(folder_);
    path_ = folder_ / "file";
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string contents() const {
    std::ifstream in(path_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  size_t files() const {
    return size_t(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  fs::path folder_, path_;
};

TEST_F(WriteFile, NeverOverwritesUnasked) {
  EXPECT_TRUE(write_file(path_, {part("one "), part("two")}, IfExists::kKeep));
  EXPECT_EQ(contents(), "one two");
  const Status refused = write_file(path_, {part("three")}, IfExists::kKeep);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().message, path_.string() + " exists and stays as it is");
  EXPECT_EQ(contents(), "one two");
  EXPECT_TRUE(write_file(path_, {part("three")}, IfExists::kReplace));
  EXPECT_EQ(contents(), "three");
  EXPECT_EQ(files(), 1u);
}

TEST_F(WriteFile, LeavesNothingWhereItFails) {
  for (const IfExists how : {IfExists::kKeep, IfExists::kReplace}) {
    const Status nowhere = write_file(folder_ / "missing" / "file", {part("x")}, how);
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().code, ErrorCode::kIo);
    EXPECT_NE(nowhere.error().message.find("missing/file: cannot create"), std::string::npos);
  }
  // A folder cannot be replaced by a file, which shows only when all has been written.
  fs::create_directory(path_);
  const Status folder = write_file(path_, {part("x")}, IfExists::kReplace);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kIo);
  EXPECT_EQ(files(), 1u);
  EXPECT_TRUE(fs::is_directory(path_));
}

TEST_F(WriteFile, CanBeAskedBeforehand) {
  EXPECT_TRUE(check_writable(path_, IfExists::kKeep));
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_TRUE(write_file(path_, {part("old")}, IfExists::kKeep));
  EXPECT_EQ(check_writable(path_, IfExists::kKeep).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(check_writable(path_, IfExists::kReplace));
  EXPECT_EQ(std::filesystem::file_size(path_), 3u);
  for (const IfExists how : {IfExists::kKeep, IfExists::kReplace}) {
    EXPECT_EQ(check_writable(path_.parent_path(), how).error().code, ErrorCode::kIo);
    EXPECT_EQ(check_writable(path_ / "none", how).error().code, ErrorCode::kIo);
    EXPECT_TRUE(check_writable("/dev/null", how));
  }
}

TEST_F(WriteFile, WritesThroughLinksAndToDevices) {
  std::ofstream(path_) << "old";
  const fs::path link = folder_ / "link", device = folder_ / "device";
  fs::create_symlink(path_, link);
  EXPECT_TRUE(write_file(link, {part("new")}, IfExists::kReplace));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(contents(), "new");
  fs::create_symlink("/dev/null", device);
  EXPECT_TRUE(write_file(device, {part("nowhere")}, IfExists::kReplace));
  EXPECT_TRUE(fs::is_symlink(device));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(WriteFile, LeavesTheFilesOfOthers) {
  // Names as an interrupted run of a process with this number would have left them.
  const fs::path other = path_.string() + "." + std::to_string(::getpid()) + ".0.part";
  std::ofstream(other) << "theirs";
  EXPECT_TRUE(write_file(path_, {part("mine")}, IfExists::kReplace));
  EXPECT_EQ(contents(), "mine");
  std::ifstream in(other);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "theirs");
}

}  // namespace
}  // namespace smelt
