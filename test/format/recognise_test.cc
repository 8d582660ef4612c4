// Files that are given by mistake: the message says what they are, and what to do.
#include "format/recognise.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/ptd/external_data.h"
#include "format/pte/program_file.h"
#include "support/program_builder.h"

namespace smelt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::string_view_literals;

std::string of(std::string_view text) {
  return recognise(std::as_bytes(std::span(text.data(), text.size())));
}

TEST(Recognise, SaysWhatAFileIs) {
  const std::string zip = "PK\x03\x04" + std::string(60, 'x');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "an empty file"},
      {"version https://example/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS pointer"},
      {zip, "a zip archive"},
      {zip + "archive/data.pkl" + std::string(100'000, 'z') + "archive/data.pkl", "torch.save"},
      {zip + "m/data.pkl m/constants.pkl", "TorchScript"},
      {zip + "m/archive_format m/data.pkl", "torch.export (.pt2)"},
      {zip + "x.npy", ".npz"},
      {"GGUF" + std::string(32, '\0'), "GGUF"},
      {"\x93NUMPY\x01" + std::string(32, '\0'), "a tensor (.npy)"},
      {"\x1f\x8b\x08" + std::string(32, '\0'), "compressed"},
      {std::string("\x1c\0\0\0TFL3\0\0\0\0"sv), "TensorFlow Lite"},
      {std::string("\x08\0\0\0FT01FH01"sv), "--data"},
      {std::string("\x10\0\0\0\x08\0\0\0ED00"sv), "ETDump"},
      {std::string("\x10\0\0\0ED00\0\0\0\0"sv), "ETDump"},
      {std::string("\x10\0\0\0ET13\0\0\0\0"sv), "another version of ExecuTorch's format (ET13"},
      {std::string("\x0a\0\0\0\0\0\0\0{\"a\":{}}  12"sv), ".safetensors"},
      {std::string("\x80\x02}q\0X"sv), "pickle"},
      {std::string("\x08\x07\x12\x07pytorch\x1a\x03"
                   "2.0:\0"sv) +
           std::string(20, 'x'),
       "ONNX"},
      {"\n <!DOCTYPE HTML>\n<html>", "a web page"},
      {" {\"format\": 1}", "JSON"},
      {"\x89HDF\r\n\x1a\n", "HDF5"},
  };
  for (const auto& [bytes, what] : cases) EXPECT_THAT(of(bytes), HasSubstr(what));
}

TEST(Recognise, SaysNothingOfWhatItDoesNotKnow) {
  for (const std::string_view text : {"\x7f"
                                      "ELF"sv,
                                      "hello, world, this is text"sv, "\0\0\0\0\0\0\0\0\0\0\0\0"sv,
                                      "\xff\xff\xff\xff\xff\xff\xff\x7f{\""sv})
    EXPECT_EQ(of(text), "");
}

TEST(Recognise, IsWhatReadersSay) {
  alignas(16) static constexpr char kTflite[] = "\x1c\0\0\0TFL3\0\0\0\0";
  const auto bytes = std::as_bytes(std::span(kTflite));
  for (const auto& error :
       {ProgramFile::parse(bytes, "m.pte").error(), ExternalData::parse(bytes, "m.pte").error()}) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidFile);
    EXPECT_THAT(error.message, AllOf(HasSubstr("m.pte: not "), HasSubstr("TensorFlow Lite")));
  }
}

}  // namespace
}  // namespace smelt
