#include "platform/memory.h"

#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>

#include "support/resident.h"

namespace smelt {
namespace {

TEST(AlignedBuffer, IsAlignedAndZeroedOnRequest) {
  auto buffer = AlignedBuffer::allocate(1000, true);
  ASSERT_TRUE(buffer);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % kAlignment, 0u);
  EXPECT_EQ(buffer->size(), 1000u);
  for (std::byte b : buffer->bytes()) EXPECT_EQ(b, std::byte{0});
}

constexpr size_t kLarge = size_t(256) << 20, kLittle = size_t(16) << 20;

TEST(AlignedBuffer, ZerosTakeMemoryOnlyWhereTheyAreUsed) {
  const size_t before = resident_bytes();
  auto buffer = AlignedBuffer::allocate_sparse(kLarge);
  ASSERT_TRUE(buffer);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % kAlignment, 0u);
  EXPECT_EQ(buffer->size(), kLarge);
  for (size_t i = 0; i < kLarge; i += kLarge / 16) EXPECT_EQ(buffer->data()[i], std::byte{0});
  EXPECT_LT(resident_bytes(), before + kLittle);
}

TEST(AlignedBuffer, ClearingGivesMemoryBack) {
  for (const size_t bytes : {size_t(1000), size_t(64) << 20}) {
    for (const bool sparse : {false, true}) {
      auto buffer =
          sparse ? AlignedBuffer::allocate_sparse(bytes) : AlignedBuffer::allocate(bytes, true);
      ASSERT_TRUE(buffer);
      std::ranges::fill(buffer->bytes(), std::byte{7});
      const size_t full = resident_bytes();
      buffer->clear();
      if (bytes > kLittle) EXPECT_LT(resident_bytes() + bytes - kLittle, full);
      const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
      EXPECT_TRUE(std::ranges::all_of(buffer->bytes(), is_zero));
    }
  }
  auto any = AlignedBuffer::allocate(size_t(4) << 20);
  ASSERT_TRUE(any);
  any->data()[5] = std::byte{1};
  any->clear();
  EXPECT_EQ(any->data()[5], std::byte{0});
  AlignedBuffer().clear();
}

TEST(AlignedBuffer, RefusesWhatCannotBe) {
  const auto buffer = AlignedBuffer::allocate(~size_t(0) - 10);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code, ErrorCode::kOutOfMemory);
  EXPECT_FALSE(AlignedBuffer::allocate_sparse(~size_t(0) / 2 - 200));
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
