#include "json_file.h"

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

#include "base/status.h"
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
    return fail(ErrorCode::kInvalidFile, "{}: {}", path.string(), e.what());
  }
}

Status write_json(const std::filesystem::path& path, const nlohmann::ordered_json& json) {
  // Names come from files: bytes that are no UTF-8 are replaced, not an exception.
  const std::string text = json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  return write_file(path, {part(text), part("\n")}, IfExists::kReplace);
}

}  // namespace smelt::cli
