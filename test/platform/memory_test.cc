#include "platform/memory.h"

#include <gtest/gtest.h>

#include <fstream>

namespace smelt {
namespace {

TEST(AlignedBuffer, IsAlignedAndZeroedOnRequest) {
  auto buffer = AlignedBuffer::allocate(1000, true);
  ASSERT_TRUE(buffer);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % kAlignment, 0u);
  EXPECT_EQ(buffer->size(), 1000u);
  for (std::byte b : buffer->bytes()) EXPECT_EQ(b, std::byte{0});
}

TEST(AlignedBuffer, RefusesWhatCannotBe) {
  const auto buffer = AlignedBuffer::allocate(~size_t(0) - 10);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code, ErrorCode::kOutOfMemory);
}

TEST(MappedFile, MapsAndMoves) {
  const std::filesystem::path path =
      std::filesystem::path(::testing::TempDir()) / "smelt_mapped_file_test";
  std::ofstream(path) << "hello";
  auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  const std::byte* data = file->bytes().data();
  MappedFile moved = std::move(*file);
  EXPECT_EQ(moved.bytes().data(), data);
  EXPECT_EQ(moved.bytes().size(), 5u);
  EXPECT_EQ(char(moved.bytes()[4]), 'o');
  std::ofstream(path, std::ios::trunc);
  const auto empty = MappedFile::open(path);
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->bytes().empty());
  std::filesystem::remove(path);
}

TEST(MappedFile, SaysWhatIsWrong) {
  const auto missing = MappedFile::open("/nonexistent/model.pte");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("/nonexistent/model.pte"), std::string::npos);
  const auto directory = MappedFile::open(::testing::TempDir());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace smelt
