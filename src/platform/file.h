// Files written whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string_view>

#include "base/status.h"

namespace smelt {

/// What write_file does where there is already a file.
enum class IfExists {
  kKeep,     ///< it stays as it is, and the error is kInvalidArgument
  /// it is replaced in one step: readers see the old file or the new one. Devices and pipes are
  /// written to; of a link, what it points to is replaced
  kReplace,
};

/// Writes the parts one after the other into a new file. A failure (kIo, naming the path) leaves no
/// part of a file, and an old one as it was. Safe from several threads and processes.
Status write_file(const std::filesystem::path&,
                  std::initializer_list<std::span<const std::byte>> parts, IfExists);

/// Whether write_file could begin, for callers whose work before it is long: the same errors. What
/// is at the path stays as it is.
Status check_writable(const std::filesystem::path&, IfExists);

/// The bytes of a text, as a part of a file.
inline std::span<const std::byte> part(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace smelt
