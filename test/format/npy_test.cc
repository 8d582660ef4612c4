#include "format/npy/npy.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>

#include <gtest/gtest.h>

#include "tensor_file_builder.h"

namespace smelt {
namespace {

using testing::npy_file;

template <class T>
std::vector<T> elements(const NpyArray& a) {
  std::vector<T> v(a.bytes().size() / sizeof(T));
  std::memcpy(v.data(), a.bytes().data(), a.bytes().size());
  return v;
}

template <class T>
std::vector<std::byte> file_of(std::string_view header, const std::vector<T>& v,
                               uint8_t version = 1) {
  return npy_file(header, std::as_bytes(std::span(v)), version);
}

/// A folder of its own, gone when the test is over.
class NpyFolder : public ::testing::Test {
 protected:
  NpyFolder()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                fmt::format("smelt_npy_{}", ::getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~NpyFolder() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST(Npy, ReadsEachType) {
  const std::pair<const char*, DType> cases[] = {
      {"|b1", DType::kBool}, {"|i1", DType::kS8},   {"|u1", DType::kU8},  {"<i2", DType::kS16},
      {"<u2", DType::kU16},  {"<i4", DType::kS32},  {"<u4", DType::kU32}, {"<i8", DType::kS64},
      {"<u8", DType::kU64},  {"<f2", DType::kF16},  {"<f4", DType::kF32}, {"<f8", DType::kF64},
      {"<c8", DType::kC64},  {"<c16", DType::kC128}};
  for (const auto& [descr, dtype] : cases) {
    const std::string header =
        fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': (3,), }}", descr);
    std::vector<uint8_t> bytes(3 * bits(dtype) / 8);
    std::iota(bytes.begin(), bytes.end(), uint8_t(1));
    const auto a = parse_npy(file_of(header, bytes), "a.npy");
    ASSERT_TRUE(a) << a.error().message;
    EXPECT_EQ(a->dtype, dtype);
    EXPECT_EQ(a->shape, Shape{3});
    EXPECT_EQ(elements<uint8_t>(*a), dtype == DType::kBool ? std::vector<uint8_t>(3, 1) : bytes);
  }
}

TEST(Npy, ReadsEachVersionOrderAndSpacing) {
  const std::vector<int32_t> v = {1, 2, 3, 4, 5, 6};
  const std::string_view headers[] = {
      "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }          \n",
      "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<i4\"}",
      "  {  'shape' : ( 2 , 3 , ) , 'descr' : '<i4' , 'fortran_order' : False }\n"};
  for (std::string_view header : headers) {
    for (uint8_t version : {1, 2, 3}) {
      const auto a = parse_npy(file_of(header, v, version), "a.npy");
      ASSERT_TRUE(a) << a.error().message;
      EXPECT_EQ(a->shape, (Shape{2, 3}));
      EXPECT_EQ(elements<int32_t>(*a), v);
    }
  }
}

TEST(Npy, TurnsFortranOrderAround) {
  // Element (i, j, k) is 100 i + 10 j + k; in the file, i runs fastest.
  std::vector<int16_t> stored, expected;
  for (int k = 0; k < 4; ++k) {
    for (int j = 0; j < 3; ++j) {
      for (int i = 0; i < 2; ++i) stored.push_back(int16_t(100 * i + 10 * j + k));
    }
  }
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 4; ++k) expected.push_back(int16_t(100 * i + 10 * j + k));
    }
  }
  const auto a = parse_npy(
      file_of("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3, 4), }", stored), "a.npy");
  ASSERT_TRUE(a) << a.error().message;
  EXPECT_EQ(elements<int16_t>(*a), expected);
}

TEST(Npy, TurnsBigEndianAround) {
  const std::vector<uint8_t> stored = {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0};
  const auto a = parse_npy(
      file_of("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", stored), "a.npy");
  ASSERT_TRUE(a) << a.error().message;
  EXPECT_EQ(elements<float>(*a), (std::vector<float>{1.f, -2.f}));
}

TEST(Npy, TurnsThePartsOfComplexNumbersAround) {
  const std::vector<uint8_t> stored = {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0};
  const auto a = parse_npy(
      file_of("{'descr': '>c8', 'fortran_order': False, 'shape': (1,), }", stored), "a.npy");
  ASSERT_TRUE(a) << a.error().message;
  EXPECT_EQ(elements<float>(*a), (std::vector<float>{1.f, -2.f}));
}

TEST(Npy, ReadsScalarsAndEmptyArrays) {
  const auto scalar = parse_npy(
      file_of("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", std::vector<int64_t>{-5}),
      "a.npy");
  ASSERT_TRUE(scalar) << scalar.error().message;
  EXPECT_EQ(scalar->shape.rank(), 0u);
  EXPECT_EQ(elements<int64_t>(*scalar), std::vector<int64_t>{-5});
  const auto empty =
      parse_npy(file_of("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 0, 2), }",
                        std::vector<float>()),
                "a.npy");
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_EQ(empty->shape, (Shape{3, 0, 2}));
  EXPECT_TRUE(empty->bytes().empty());
}

TEST(Npy, RejectsWhatItCannotRead) {
  const std::vector<float> v(6);
  const auto error = [&](std::string_view header) {
    const auto a = parse_npy(file_of(header, v), "a.npy");
    return a ? Error{ErrorCode::kInvalidArgument, "accepted"} : a.error();
  };
  const auto expect = [](const Error& e, ErrorCode code, std::string_view message) {
    EXPECT_EQ(e.code, code) << e.message;
    EXPECT_EQ(e.message, message);
  };
  constexpr ErrorCode kInvalid = ErrorCode::kInvalidFile, kUnsupported = ErrorCode::kUnsupported;
  expect(error("{'descr': '|O', 'fortran_order': False, 'shape': (6,), }"), kUnsupported,
         "a.npy: descr is \"|O\"; supported are bool, integers, floats and complex "
         "numbers, up to 8 bytes per part");
  expect(error("{'descr': '<c32', 'fortran_order': False, 'shape': (3,), }"), kUnsupported,
         "a.npy: descr is \"<c32\"; supported are bool, integers, floats and complex "
         "numbers, up to 8 bytes per part");
  expect(error("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (6,), }"), kUnsupported,
         "a.npy: descr is a list: records are not supported");
  expect(error("{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }"), kInvalid,
         "a.npy: 24 bytes of elements, but float32 [7] has 28");
  expect(error("{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }"), kInvalid,
         "a.npy: 24 bytes of elements, but float32 [5] has 20");
  expect(error("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }"),
         kInvalid, "a.npy: shape is [4611686018427387904, 4], more than can be addressed");
  expect(error("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,), }"), kInvalid,
         "a.npy: expected an extent in the header before \"-6,), }\"");
  expect(error("{'descr': '<f4', 'fortran_order': 0, 'shape': (6,), }"), kInvalid,
         "a.npy: expected True or False in the header before \"0, 'shape': (6,), }\"");
  expect(error("{'descr': '<f4', 'shape': (6,), }"), kInvalid,
         "a.npy: the header has no fortran_order");
  expect(error("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}"), kInvalid,
         "a.npy: unknown or repeated key \"x\" in the header");
  expect(error("{'descr': '<f4', 'descr': '<f4', 'shape': (6,), }"), kInvalid,
         "a.npy: unknown or repeated key \"descr\" in the header");
  expect(error("{'descr': '<f4"), kInvalid, "a.npy: a string in the header has no end");
  expect(error("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), } x"), kInvalid,
         "a.npy: expected the end of the header in the header before \"x\"");
  expect(error("{'descr': '<f4', 'fortran_order': False, 'shape': "
               "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,6), }"),
         kUnsupported, "a.npy: shape has more than 16 dimensions");
  expect(parse_npy(file_of("{}", v, 4), "a.npy").error(), kUnsupported,
         "a.npy: version 4 of .npy; supported are 1 to 3");
  expect(parse_npy(std::as_bytes(std::span(v)), "a.npy").error(), kInvalid,
         "a.npy: not a .npy file: it does not begin with \\x93NUMPY");
}

TEST_F(NpyFolder, ReadsWhatItWrote) {
  for (DType dtype :
       {DType::kF32, DType::kF16, DType::kF64, DType::kS8, DType::kU8, DType::kS16, DType::kU16,
        DType::kS32, DType::kU32, DType::kS64, DType::kU64, DType::kBool}) {
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{2, 0, 3}, Shape{2, 3, 4}}) {
      std::vector<std::byte> bytes(shape.numel() * bits(dtype) / 8);
      for (size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = std::byte(dtype == DType::kBool ? i % 2 : i * 7);
      const auto path = folder_ / "a.npy";
      const Status written = write_npy(path, dtype, shape, bytes);
      ASSERT_TRUE(written) << written.error().message;
      const auto a = read_npy(path);
      ASSERT_TRUE(a) << a.error().message;
      EXPECT_EQ(a->dtype, dtype);
      EXPECT_EQ(a->shape, shape);
      EXPECT_TRUE(std::ranges::equal(a->bytes(), bytes));
    }
  }
}

// The bytes that numpy.save writes for numpy.arange(3, dtype='<f4').
TEST_F(NpyFolder, WritesWhatNumPyWrites) {
  const float v[] = {0, 1, 2};
  ASSERT_TRUE(write_npy(folder_ / "a.npy", DType::kF32, {3}, std::as_bytes(std::span(v))));
  std::ifstream in(folder_ / "a.npy", std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(in)), {});
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
  expected.append(127 - expected.size(), ' ');
  expected += '\n';
  expected.append(reinterpret_cast<const char*>(v), sizeof v);
  EXPECT_EQ(file, expected);
}

TEST_F(NpyFolder, LeavesNothingBehindWhenItFails) {
  const std::vector<std::byte> four(4);
  EXPECT_EQ(write_npy(folder_ / "a.npy", DType::kF32, {2}, four).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(write_npy(folder_ / "a.npy", DType::kU4, {8}, four).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(write_npy(folder_ / "missing" / "a.npy", DType::kF32, {1}, four).error().code,
            ErrorCode::kIo);
  std::filesystem::create_directory(folder_ / "folder.npy");
  EXPECT_EQ(write_npy(folder_ / "folder.npy", DType::kF32, {1}, four).error().code, ErrorCode::kIo);
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) ++entries;
  EXPECT_EQ(entries, 1u) << "only the folder that was in the way";
  EXPECT_EQ(read_npy(folder_ / "a.npy").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace smelt
