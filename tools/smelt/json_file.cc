#include "json_file.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <system_error>

#include "base/status.h"
#include "format/recognise.h"
#include "platform/file.h"

namespace smelt::cli {

Result<nlohmann::json> read_json(const std::filesystem::path& path) {
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::not_found) {
    return fail(ErrorCode::kNotFound, "{}: no such file", path.string());
  }
  std::ifstream file(path, std::ios::binary);
  if (type == std::filesystem::file_type::directory || !file) {
    return fail(ErrorCode::kIo, "{}: cannot be read", path.string());
  }
  try {
    return nlohmann::json::parse(file);
  } catch (const nlohmann::json::exception& e) {
    file.clear();
    file.seekg(0);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (const std::string what = recognise(std::as_bytes(std::span(text)));
        !what.empty() && !what.starts_with("JSON"))
      return fail(ErrorCode::kInvalidFile, "{}: not JSON but {}", path.string(), what);
    return fail(ErrorCode::kInvalidFile, "{}: {}", path.string(), e.what());
  }
}

Status write_json(const std::filesystem::path& path, const nlohmann::ordered_json& json) {
  // Names come from files: bytes that are no UTF-8 are replaced, not an exception.
  const std::string text = json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  return write_file(path, {part(text), part("\n")}, IfExists::kReplace);
}

}  // namespace smelt::cli
