#include "format/recognise.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "format/bytes.h"

namespace smelt {
namespace {

constexpr std::string_view kExport =
    "export the PyTorch model with ExecuTorch, which gives a .pte file";

/// Archives are told by the names in them, which are in clear text at their end.
std::string zip(std::string_view text) {
  const std::string_view names = text.substr(text.size() - std::min<size_t>(text.size(), 1 << 16));
  const auto holds = [&](std::string_view name) { return names.find(name) != names.npos; };
  if (holds("serialized_exported_program") || holds("archive_format") || holds("models/model.json"))
    return fmt::format("a program of torch.export (.pt2): lower it and {}", kExport);
  if (holds("constants.pkl") || holds("bytecode.pkl"))
    return fmt::format("a TorchScript program (.pt, .ptl): {}", kExport);
  if (holds("data.pkl")) return fmt::format("what torch.save writes (.pt, .pth): {}", kExport);
  if (holds(".npy"))
    return "a .npz archive of tensors: unpack it, and give its .npy files as inputs";
  return "a zip archive: unpack it, if the program is inside";
}

/// A protocol buffer whose first field is a small version and whose next is one of a ModelProto's.
bool is_onnx(std::string_view text) {
  constexpr std::string_view kNext = "\x12\x1a\x22\x28\x32\x3a\x42";
  return text.size() > 16 && text[0] == '\x08' && text[1] > 0 && text[1] < 32 &&
         kNext.find(text[2]) != kNext.npos;
}

/// The length of a JSON header, then the header.
bool is_safetensors(std::span<const std::byte> file, std::string_view text) {
  return file.size() > 10 && text[8] == '{' && (text[9] == '"' || text[9] == '}') &&
         load<uint64_t>(file, 0) <= file.size() - 8;
}

bool is_web_page(std::string_view text) {
  std::string head(text.substr(0, 64));
  std::ranges::transform(head, head.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  const size_t first = head.find_first_not_of(" \t\r\n");
  const std::string_view at =
      first == head.npos ? std::string_view() : std::string_view(head).substr(first);
  return at.starts_with("<!doctype html") || at.starts_with("<html");
}

}  // namespace

std::string recognise(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.empty()) return "an empty file";
  if (text.starts_with("version ") && text.substr(0, 512).find("\noid sha256:") != text.npos) {
    return "a Git LFS pointer, which stands for a file that was not fetched: \"git lfs pull\" "
           "fetches it";
  }
  if (text.starts_with("PK\x03\x04")) return zip(text);
  if (text.starts_with("GGUF"))
    return "a GGUF model, for llama.cpp: export the model's PyTorch form";
  if (text.starts_with("\x93NUMPY"))
    return "a tensor (.npy): tensors are inputs of a program, for --input";
  if (text.starts_with("\x89HDF")) return fmt::format("an HDF5 file: {}", kExport);
  if (text.starts_with("\x1f\x8b") || text.starts_with("\x28\xb5\x2f\xfd") ||
      text.starts_with("BZh") ||
      text.starts_with("\xfd"
                       "7zXZ"))
    return "a compressed file: uncompress it first";
  const std::string_view at4 = text.size() < 8 ? std::string_view() : text.substr(4, 4);
  const std::string_view at8 = text.size() < 12 ? std::string_view() : text.substr(8, 4);
  if (at4 == "ET12") return "an ExecuTorch program (.pte)";
  if (at4 == "BP08") return "a bundled program (.bpte)";
  if (at4 == "FT01") return "external data (.ptd), which belongs to a program: give it with --data";
  if (at4 == "ED00" || at8 == "ED00") return "an ETDump: smelt compare reads it";
  if (at4 == "TFL3") return fmt::format("a TensorFlow Lite model (.tflite): {}", kExport);
  if (at4.starts_with("ET") && at4[2] >= '0' && at4[2] <= '9') {
    return fmt::format("one of another version of ExecuTorch's format ({}; ET12 is known here)",
                       at4);
  }
  if (is_safetensors(file, text))
    return fmt::format("weights without a program (.safetensors): {}", kExport);
  if (text.size() > 2 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5)
    return fmt::format("a Python pickle, such as older torch.save wrote: {}", kExport);
  if (is_onnx(text)) return fmt::format("an ONNX model (.onnx): {}", kExport);
  if (is_web_page(text)) return "a web page: the download of the file went wrong";
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && (text[first] == '{' || text[first] == '['))
    return "JSON: lists of programs to check are for smelt check, reports for smelt compare";
  return {};
}

}  // namespace smelt
