// The constants that delegates of a program find by name.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace smelt {

/// Names bytes by their content, as the exporter does: a prefix and the SHA-256 in hexadecimal.
/// Equal bytes are stored once, however many names they have. Refers to the bytes; the caller keeps
/// them alive.
class NamedData {
 public:
  struct Entry {
    std::string key;
    size_t buffer;  ///< index in buffers()
  };

  /// Returns the key. Adding the same again gives the same key and no new entry.
  std::string add(std::span<const std::byte> bytes, std::string_view prefix = {});

  /// In the order in which they were first added.
  std::span<const Entry> entries() const { return entries_; }
  std::span<const std::span<const std::byte>> buffers() const { return buffers_; }

 private:
  std::vector<Entry> entries_;
  std::vector<std::span<const std::byte>> buffers_;
  std::map<std::string, size_t> buffer_of_hash_;
};

}  // namespace smelt
